import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures.transfer.lda import lda


def by_densities(f, seed, *, equal=False):
    """Held-out codes by the densities of Gaussians in the space of the features themselves."""
    x, y, parts = f.features.astype(float), f.target.values, folds(f, seed)
    penalties = fold_penalties(f, seed) * spectrum(f).values[0]
    sizes, centre = f.target.counts, x.mean(axis=0)
    prior = np.log(np.full(len(sizes), 1 / len(sizes)) if equal else sizes / f.n)
    predicted = np.empty(f.n, int)
    for fold, penalty in enumerate(penalties):
        rest = parts != fold
        present = [c for c in range(len(sizes)) if (y[rest] == c).any()]
        means = {c: x[rest & (y == c)].mean(axis=0) for c in present}
        away = x[rest] - np.array([means[c] for c in y[rest]])
        covariance = (away.T @ away + penalty * np.eye(f.d)) / (rest.sum() - len(present))
        scores = np.full(((~rest).sum(), len(sizes)), -np.inf)
        for c in present:
            expected = sizes[c] * rest.mean()
            mean = centre + (means[c] - centre) * np.sqrt((rest & (y == c)).sum() / expected)
            scores[:, c] = multivariate_normal(mean, covariance).logpdf(x[~rest]) + prior[c]
        predicted[~rest] = np.argmax(scores, axis=1)
    return predicted


@pytest.mark.parametrize(("n", "d", "n_classes"), [(150, 10, 4), (60, 90, 5), (83, 20, 2)])
@pytest.mark.parametrize("priors", ["shares", "equal"])
def test_the_largest_density_wins(clusters, n, d, n_classes, priors):
    f = clusters(n, d, n_classes, apart=0.5)
    made = lda(f, priors=priors, rng=5)
    right = by_densities(f, 5, equal=priors == "equal") == f.target.values
    assert 0.3 < made.value < 0.95
    np.testing.assert_array_equal(made.losses, 1.0 - right)


def test_without_a_penalty_it_is_that_of_sklearn(clusters, monkeypatch):
    monkeypatch.setattr("shiftscope.measures.transfer.lda.fold_penalties", lambda *_: np.full(10, 1e-12))
    # 20 samples a class leave 18 in the other folds of each.
    f = clusters(80, 6, 4, apart=0.6)
    x, parts, predicted = f.features.astype(float), folds(f, 2), np.empty(80, int)
    for fold in range(10):
        rest = parts != fold
        model = LinearDiscriminantAnalysis(solver="svd").fit(x[rest], f.target.values[rest])
        predicted[~rest] = model.predict(x[~rest])
    np.testing.assert_array_equal(lda(f, rng=2).losses, predicted != f.target.values)


def test_balanced_is_the_mean_recall():
    rng = np.random.default_rng(0)
    y = np.repeat(["big", "mid", "rare"], [100, 40, 12])
    f = FeatureSet.of(
        rng.normal(size=(3, 20))[np.repeat([0, 1, 2], [100, 40, 12])] * 0.5 + rng.normal(size=(152, 20)), y
    )
    for priors in ("shares", "equal"):
        made = lda(f, priors=priors, balanced=True, rng=1)
        expected = balanced_accuracy_score(f.target.values, by_densities(f, 1, equal=priors == "equal"))
        assert made.value == pytest.approx(expected)
    assert lda(f, priors="equal", balanced=True, rng=1).value > lda(f, balanced=True, rng=1).value
    assert lda(f, priors="equal", rng=1).value < lda(f, rng=1).value


@pytest.mark.parametrize(("n", "d", "n_classes"), [(60, 100, 10), (60, 20, 10), (61, 100, 2), (120, 30, 6)])
def test_noise_lies_at_chance_even_in_small_classes(clusters, n, d, n_classes):
    made = [lda(clusters(n, d, n_classes, apart=0.0, seed=s), priors="equal", rng=s).value for s in range(100)]
    assert abs(np.mean(made) - 1 / n_classes) < 3 * np.std(made, ddof=1) / 10


def test_permuted_labels_score_as_the_largest_class_and_balanced_as_one_of_all(clusters, relabelled):
    y = np.repeat([0, 1, 2], [70, 20, 10])
    f = clusters(100, 15, 2)
    f = FeatureSet.of(f.features, y, keys=list(f.keys))
    permuted = [relabelled(f, s) for s in range(40)]
    plain = np.array([lda(p, rng=0).value for p in permuted])
    balanced = np.array([lda(p, priors="equal", balanced=True, rng=0).value for p in permuted])
    assert 0.66 < plain.mean() <= 0.7
    assert abs(balanced.mean() - 1 / 3) < 3 * balanced.std(ddof=1) / np.sqrt(40)


def test_classes_without_spread_are_told_apart():
    y = np.arange(30) % 3
    made = lda(FeatureSet.of(np.eye(3)[y], y), rng=0)
    assert made.value == 1.0
    assert made.low < 1.0


def test_a_class_of_one_group_is_never_predicted_and_does_no_harm():
    groups = np.append(np.zeros(10, int), 1 + np.arange(60) // 3)
    y = np.append(np.zeros(10, int), 1 + np.arange(60) % 2)
    x = np.random.default_rng(0).normal(size=(70, 5)) + 4 * np.eye(5)[y]
    made = lda(FeatureSet.of(x, y, keys=[b"%02d" % i for i in range(70)], groups=groups), rng=0)
    np.testing.assert_array_equal(made.losses[:10], 1.0)
    assert made.losses[10:].mean() < 0.1


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.eye(6), np.zeros(6, int), "one class only"),
        (np.eye(6), [0, 0, 0, 1, 1, 2], "'2' of data has one sample"),
        (np.full((6, 3), 0.1), [0, 0, 0, 1, 1, 1], "equal features"),
        (np.eye(6), np.linspace(0, 1, 6), "lda needs classes"),
    ],
)
def test_says_why_it_does_not_apply(x, y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        lda(FeatureSet.of(x, y))
