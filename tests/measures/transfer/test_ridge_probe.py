import numpy as np
import pytest
from oracles import held_out_ridge
from sklearn.metrics import roc_auc_score

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures import _penalty
from shiftscope.measures._penalty import PENALTIES, fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures.transfer.ridge import ridge


def chosen(f, seed):
    """Penalty of every fold in units of the eigenvalues."""
    return fold_penalties(f, seed) * spectrum(f).values[0]


def refit(f, seed):
    """Held-out predictions by explicit refits at the penalties that ridge chose, and shares of the other folds."""
    x, targets, parts = f.features.astype(float), f.target.matrix, folds(f, seed)
    predicted = np.empty_like(targets)
    for fold, penalty in enumerate(chosen(f, seed)):
        own = parts == fold
        predicted[own] = held_out_ridge(x, targets, own, penalty)[own]
    return predicted, np.array([targets[parts != p].mean(axis=0) for p in parts])


@pytest.mark.parametrize(("n", "d"), [(150, 10), (150, 200)])
def test_accuracy_is_that_of_explicit_refits(clusters, n, d):
    f = clusters(n, d, 4, apart=0.6)
    made = ridge(f, rng=5)
    targets = f.target.matrix
    predicted, others = refit(f, 5)
    hits = np.argmax(predicted - others + targets.mean(axis=0), axis=1) == f.target.values
    assert 0.4 < made.value < 0.95
    np.testing.assert_array_equal(made.losses, 1.0 - hits)
    assert made.value == hits.mean()


def test_the_penalty_of_a_fold_minimises_gcv_without_its_labels(clusters, monkeypatch):
    f = clusters(80, 30, 3, apart=0.4)
    x, y, own = f.features.astype(float), f.target.matrix, folds(f, 0) == 3
    a = x - x.mean(axis=0)
    seen = np.where(own[:, None], 0.0, y - y[~own].mean(axis=0))
    seen -= seen.mean(axis=0)
    scores = []
    for penalty in PENALTIES * spectrum(f).values[0]:
        hat = a @ np.linalg.solve(a.T @ a + penalty * np.eye(30), a.T)
        scores.append(np.square(seen - hat @ seen).sum() / (79 - np.trace(hat)) ** 2)
    assert chosen(f, 0)[3] == pytest.approx(PENALTIES[np.argmin(scores)] * spectrum(f).values[0])
    # Another order of the fold's labels changes the penalties of the others at most.
    swapped = f.target.values.copy()
    swapped[own] = np.roll(swapped[own], 1)
    other = FeatureSet.of(f.features, swapped, keys=list(f.keys))
    monkeypatch.setattr(_penalty, "folds", lambda *_: folds(f, 0))
    assert chosen(other, 0)[3] == chosen(f, 0)[3]


def test_real_targets_give_the_r2_of_explicit_refits():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 30)).astype(np.float32)
    y = np.column_stack([x[:, 0] + rng.normal(size=90), 100 * rng.normal(size=90)])
    f = FeatureSet.of(x, y, keys=[b"%03d" % i for i in range(90)])
    made = ridge(f, rng=0)
    predicted, _ = refit(f, 0)
    r2 = 1 - np.square(y - predicted).sum(axis=0) / np.square(y - y.mean(axis=0)).sum(axis=0)
    assert made.value == pytest.approx(r2.mean(), abs=1e-9)
    assert 1 - made.losses.mean() == pytest.approx(r2.mean(), abs=1e-9)


def test_several_labels_give_the_mean_auc():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(120, 15)).astype(np.float32)
    y = (x[:, :3] + rng.normal(size=(120, 3)) > [0, 0.5, 1]).astype(float)
    f = FeatureSet.of(x, y, keys=[b"%03d" % i for i in range(120)])
    made = ridge(f, rng=0)
    predicted, others = refit(f, 0)
    assert made.value == pytest.approx(roc_auc_score(y, predicted - others + y.mean(axis=0)), abs=1e-9)
    assert made.low < made.value < made.high


@pytest.mark.parametrize("n_classes", [2, 7, 10])
def test_noise_lies_at_chance(clusters, n_classes):
    values = [ridge(clusters(300, 600, n_classes, apart=0.0, seed=s), rng=s).value for s in range(5)]
    standard_error = np.sqrt((1 - 1 / n_classes) / n_classes / 300)
    assert np.abs(np.array(values) - 1 / n_classes).max() < 3 * standard_error


def test_the_choice_of_a_penalty_does_not_lift_noise(clusters):
    # One class is larger by one sample: a penalty chosen with all labels gains half a standard error here.
    values = [ridge(clusters(61, 100, 2, apart=0.0, decay=0.0, seed=s), rng=s).value for s in range(200)]
    standard_error = np.std(values, ddof=1) / np.sqrt(200)
    assert abs(np.mean(values) - 0.5) < 3 * standard_error + 0.5 / 61


def test_small_classes_do_not_push_noise_below_chance(clusters):
    values = [ridge(clusters(60, 100, 10, apart=0.0, seed=s), rng=s).value for s in range(40)]
    standard_error = np.std(values, ddof=1) / np.sqrt(40)
    assert abs(np.mean(values) - 0.1) < 3 * standard_error


def test_nll_is_the_entropy_of_classes_on_noise_and_small_on_signal(clusters):
    noise = ridge(clusters(300, 100, 4, apart=0.0), rng=0).details
    signal = ridge(clusters(300, 100, 4, apart=3.0), rng=0).details
    assert noise["nll_null"] == pytest.approx(np.log(4))
    assert noise["nll"] == pytest.approx(np.log(4), abs=0.02)
    assert signal["nll"] < 0.1


def test_balanced_is_the_mean_recall_of_the_same_predictions():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [160, 60, 20])
    x = rng.normal(size=(3, 30))[y] * 0.4 + rng.normal(size=(240, 30))
    f = FeatureSet.of(x, y)
    plain, balanced = ridge(f, rng=0), ridge(f, balanced=True, rng=0)
    wrong = plain.losses.astype(bool)
    assert balanced.value == pytest.approx(np.mean([1 - wrong[f.target.values == c].mean() for c in range(3)]))
    assert balanced.value == plain.details["balanced_accuracy"]
    assert balanced.low < balanced.value < min(balanced.high, plain.value)


def test_noise_has_balanced_accuracy_one_in_classes():
    y = np.repeat([0, 1, 2], [70, 20, 10])
    noise = np.random.default_rng(0).normal(size=(40, 100, 10))
    values = [ridge(FeatureSet.of(x, y), balanced=True, rng=0).value for x in noise]
    assert abs(np.mean(values) - 1 / 3) < 3 * np.std(values, ddof=1) / np.sqrt(40)


def test_calibration_error_is_small_on_signal_and_noise(clusters):
    for apart in (0.0, 0.5, 3.0):
        assert ridge(clusters(600, 30, 4, apart=apart), rng=0).details["calibration_error"] < 0.08


def test_samples_of_one_group_are_never_predicted_from_each_other():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    y = (groups + groups // 2) % 2
    x = rng.normal(size=(40, 100))[groups] + 0.1 * rng.normal(size=(200, 100))
    keys = [b"%03d" % i for i in range(200)]
    copies = ridge(FeatureSet.of(x, y, keys=keys), rng=0)
    honest = ridge(FeatureSet.of(x, y, keys=keys, groups=groups), rng=0)
    assert copies.value > 0.95
    assert honest.value < 0.75


def test_one_group_does_not_apply(clusters):
    f = clusters(20, 5, 2)
    one = FeatureSet.of(f.features, f.target, groups=np.zeros(20, int))
    with pytest.raises(NotApplicableError, match="one group"):
        ridge(one)
