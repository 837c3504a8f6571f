import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from shiftscope.core.features import FeatureSet
from shiftscope.errors import InputError
from shiftscope.measures._resampling import folds
from shiftscope.measures.transfer.knn import knn


def similarity(distance):
    return 2.0 - distance


def by_sklearn(model, f, targets, parts, k):
    predicted = np.empty(targets.shape)
    x = f.features.astype(float)
    for part in np.unique(parts):
        rest = parts != part
        fitted = model(k, weights=similarity, metric="cosine", algorithm="brute").fit(x[rest], targets[rest])
        predicted[~rest] = fitted.predict(x[~rest])
    return predicted


@pytest.mark.parametrize("variant", ["folds", "loo"])
@pytest.mark.parametrize("k", [1, 5, 12])
def test_accuracy_is_that_of_sklearn_fold_by_fold(clusters, k, variant):
    f = clusters(150, 12, 4, apart=0.8)
    parts = folds(f, 3) if variant == "folds" else np.arange(150)
    expected = by_sklearn(KNeighborsClassifier, f, f.target.values, parts, k)
    made = knn(f, k=k, variant=variant, rng=3)
    np.testing.assert_array_equal(made.losses, expected != f.target.values)


def test_balanced_is_the_mean_recall_of_the_same_votes():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [100, 40, 10])
    f = FeatureSet.of(rng.normal(size=(3, 8))[y] + rng.normal(size=(150, 8)), y)
    plain, balanced = knn(f, rng=0), knn(f, balanced=True, rng=0)
    recall = [1 - plain.losses[f.target.values == c].mean() for c in range(3)]
    assert balanced.value == pytest.approx(np.mean(recall))
    assert balanced.value == plain.details["balanced_accuracy"]
    assert plain.value == balanced.details["accuracy"]


def test_real_targets_and_labels_are_the_weighted_mean_of_neighbours():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 4)).astype(np.float32)
    y = x[:, :2] + 0.3 * rng.normal(size=(100, 2))
    keys = [b"%03d" % i for i in range(100)]
    real = FeatureSet.of(x, y, keys=keys)
    labels = FeatureSet.of(x, (y > 0).astype(float), keys=keys)
    r2 = r2_score(y, by_sklearn(KNeighborsRegressor, real, y, folds(real, 0), 5))
    assert knn(real, rng=0).value == pytest.approx(r2, abs=1e-6)
    scores = by_sklearn(KNeighborsRegressor, labels, labels.target.values, folds(labels, 0), 5)
    assert knn(labels, rng=0).value == pytest.approx(roc_auc_score(labels.target.values, scores), abs=1e-9)


@pytest.mark.parametrize("n_classes", [2, 7, 10])
def test_noise_lies_at_chance(clusters, n_classes):
    values = [knn(clusters(300, 600, n_classes, apart=0.0, seed=s), rng=s).value for s in range(5)]
    standard_error = np.sqrt((1 - 1 / n_classes) / n_classes / 300)
    assert np.abs(np.array(values) - 1 / n_classes).max() < 3 * standard_error


def test_equal_votes_go_to_the_nearest():
    # Two classes with one neighbour each at the same angle to a third sample: the first in order is nearest.
    x = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [1, 1]], float)
    y = np.array(["b", "b", "a", "a", "b", "a"])
    f = FeatureSet.of(x, y, keys=[b"0", b"1", b"2", b"3", b"4", b"5"])
    made = knn(f, k=5, variant="loo")
    # Rows 4 and 5 see votes of equal weight, but for each other: 4 sees b b a a a, 5 sees b b a a b.
    np.testing.assert_array_equal(made.losses[4:], [1, 1])
    two = knn(f, k=2, variant="loo")
    np.testing.assert_array_equal(two.losses[:4], [0, 0, 0, 0])


def test_neighbours_may_be_fewer_than_k(clusters):
    assert 0 <= knn(clusters(8, 3, 2), k=50, rng=0).value <= 1


def test_leave_one_out_leaves_out_whole_groups():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 4)
    x = rng.normal(size=(30, 50))[groups] + 0.1 * rng.normal(size=(120, 50))
    y = groups % 2
    assert knn(FeatureSet.of(x, y), variant="loo").value == 1.0
    assert knn(FeatureSet.of(x, y, groups=groups), variant="loo").value < 0.75


def test_no_neighbours_is_not_an_option(clusters):
    with pytest.raises(InputError, match=r"measures.knn.k: 0 cannot be used"):
        knn(clusters(20, 3, 2), k=0)
