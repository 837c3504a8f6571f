import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.special import softmax
from sklearn.covariance import shrunk_covariance

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._resampling import half_samples
from shiftscope.measures.transfer.sfda import sfda


def published(x, y):
    """The paper's two discriminants, by generalised eigenvectors of the scatter matrices."""
    sizes = np.bincount(y)
    shares, shrinkage = sizes / len(y), None
    for _ in range(2):
        means = np.array([x[y == c].mean(axis=0) for c in range(len(sizes))])
        within = sum(p * np.cov(x[y == c], rowvar=False, bias=True) for c, p in enumerate(shares))
        if shrinkage is None:
            shrinkage = max(np.exp(-5 * np.linalg.eigvalsh(within)[-1]), 1e-10)
        total = shrunk_covariance(np.cov(x, rowvar=False, bias=True), shrinkage)
        within = shrunk_covariance(within, shrinkage)
        vectors = eigh(total - within, within)[1]
        weights = means @ vectors @ vectors.T
        chances = softmax(x @ weights.T - (weights * means).sum(axis=1) / 2 + np.log(shares), axis=1)
        trust = softmax(chances, axis=1)[np.arange(len(y)), y][:, None]
        others = np.array([np.delete(means, c, axis=0).mean(axis=0) for c in range(len(sizes))])
        x = trust * x + (1 - trust) * others[y]
    return chances[np.arange(len(y)), y], shrinkage


@pytest.mark.parametrize(("n", "d", "n_classes", "apart"), [(150, 10, 4, 1.0), (200, 30, 2, 0.5), (90, 12, 5, 3.0)])
def test_value_is_the_published_formula_on_scaled_features(clusters, n, d, n_classes, apart):
    f = clusters(n, d, n_classes, apart=apart)
    x = f.features.astype(float)
    chances, shrinkage = published((x - x.mean(axis=0)) / np.sqrt(x.var(axis=0).mean()), f.target.values)
    made = sfda(f, rng=0)
    assert made.value == pytest.approx(chances.mean(), abs=1e-7)
    np.testing.assert_allclose(made.losses, 1 - chances, atol=1e-6)
    assert made.details["shrinkage"] == pytest.approx(shrinkage, rel=1e-6)


def test_the_interval_comes_from_discriminants_of_halves(clusters):
    f = clusters(150, 10, 4)
    x, y = f.features.astype(float), f.target.values
    x = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0).mean())
    made = sfda(f, rng=5)
    halves = np.array([published(x[half], y[half])[0].mean() for half in half_samples(f, 5)])
    np.testing.assert_allclose(made.draws - made.value, halves - halves.mean(), atol=1e-6)
    assert made.value - made.low == pytest.approx(1.96 * halves.std(ddof=1), rel=1e-3)


def test_the_shrinkage_is_that_of_no_scale(clusters):
    f = clusters(90, 12, 3, apart=3.0)
    made = [sfda(FeatureSet.of(f.features * s, f.target, keys=list(f.keys)), rng=0) for s in (1e-3, 1.0, 1e3)]
    shrinkage = [m.details["shrinkage"] for m in made]
    assert 1e-6 < shrinkage[0] < 1
    np.testing.assert_allclose(shrinkage, shrinkage[0], rtol=1e-4)
    np.testing.assert_allclose([m.value for m in made], made[0].value, rtol=1e-6)


def test_few_samples_score_one_on_any_labels_and_details_and_card_say_so(clusters):
    noise = sfda(clusters(60, 100, 5, apart=0.0), rng=0)
    assert noise.value > 0.999
    assert noise.details["null"] > 0.999
    assert "permuted labels" in MEASURES["sfda"].warning


def test_the_null_is_the_value_for_permuted_labels(clusters, relabelled):
    f = clusters(200, 60, 4)
    permuted = np.array([sfda(relabelled(f, s), rng=0).value for s in range(20)])
    assert abs(sfda(f, rng=0).details["null"] - permuted.mean()) < 3 * permuted.std(ddof=1)
    assert permuted.mean() > 1 / 4 + 3 * permuted.std(ddof=1) / np.sqrt(20)
    assert sfda(f, rng=0).low > permuted.max()


def test_classes_without_spread_score_one():
    y = np.arange(30) % 3
    made = sfda(FeatureSet.of(np.eye(3)[y], y), rng=0)
    assert made.value == pytest.approx(1.0)
    assert made.low < made.value <= made.high


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.eye(6), np.zeros(6, int), "one class only"),
        (np.eye(6), [0, 0, 0, 1, 1, 2], "'2' of data has one sample"),
        (np.full((6, 3), 0.1), [0, 0, 0, 1, 1, 1], "equal features"),
        (np.eye(6), np.linspace(0, 1, 6), "sfda needs classes"),
    ],
)
def test_says_why_it_does_not_apply(x, y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        sfda(FeatureSet.of(x, y))
