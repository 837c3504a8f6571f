import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._resampling import half_samples
from shiftscope.measures.transfer.ncti import ncti


def nuclear(matrix):
    return np.linalg.norm(matrix, ord="nuc")


def published(x, y):
    """The three terms by scikit-learn: nuclear norm of Z, mean probability, log of nuclear norms of P_c."""
    rows = PCA(min(64, *x.shape)).fit_transform(x)
    rows /= np.sqrt(rows.var(axis=0).mean())
    shrinkage = max(np.exp(-rows[:, :32].var(axis=0).sum()), 1e-10)
    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage)
    z = model.fit_transform(rows, y)
    z -= z.mean(axis=0)
    p = model.predict_proba(rows)
    return z, p, np.log(sum(nuclear(p[y == c]) for c in np.unique(y)))


@pytest.mark.parametrize(("n", "d", "n_classes", "apart"), [(150, 40, 4, 0.5), (300, 90, 6, 1.0), (90, 12, 2, 0.5)])
def test_terms_are_the_published_ones_on_scaled_features(clusters, n, d, n_classes, apart):
    f = clusters(n, d, n_classes, apart=apart)
    y = f.target.values
    z, p, vc = published(f.features.astype(float), y)
    made = ncti(f, rng=0)
    assert made.details["seli"] == pytest.approx(nuclear(z), rel=1e-4)
    assert made.details["ncc"] == pytest.approx(p[np.arange(n), y].mean(), rel=1e-5)
    assert made.details["vc"] == pytest.approx(vc, rel=1e-5)
    sizes = np.bincount(y)
    low, high = np.log(np.sqrt(sizes / n_classes).sum()), np.log(np.sqrt(sizes * np.minimum(sizes, n_classes)).sum())
    seli = nuclear(z) / (np.sqrt(n_classes - 1) * np.linalg.norm(z))
    assert made.details["seli_bounded"] == pytest.approx(seli, rel=1e-5)
    assert made.value == pytest.approx(seli + made.details["ncc"] - (vc - low) / (high - low), rel=1e-5)


def test_collapsed_classes_at_the_corners_of_a_simplex_have_the_best_terms():
    y = np.arange(60) % 4
    x = np.eye(4)[y] + 1e-4 * np.random.default_rng(0).normal(size=(60, 4))
    made = ncti(FeatureSet.of(x, y), rng=0).details
    assert made["seli_bounded"] == pytest.approx(1.0, abs=1e-2)
    assert made["ncc"] == pytest.approx(1.0)
    # Sure and right everywhere: one row in every P_c, half of the way from 1/C everywhere to all classes alike.
    assert made["vc"] == pytest.approx(np.log(4 * np.sqrt(15)))
    assert made["vc_bounded"] == pytest.approx(0.5)


def test_the_interval_is_that_of_halves_within_the_same_components(clusters):
    f = clusters(120, 10, 3)
    x = f.features.astype(float)
    made = ncti(f, rng=0)
    rows = PCA(10).fit_transform(x)
    rows /= np.sqrt(rows.var(axis=0).mean())
    masks = half_samples(f, 0)[:15]
    parts = [FeatureSet.of(rows[half], f.target.values[half], keys=list(f.keys[half])) for half in masks]
    sums = np.array([ncti(part, rng=0).value for part in parts])
    # Draws are moved to the value: their differences are those of the halves.
    np.testing.assert_allclose(made.draws[:15] - made.draws[0], sums - sums[0], atol=1e-4)


def test_the_null_is_the_value_for_permuted_labels(clusters, relabelled):
    f = clusters(150, 20, 4)
    permuted = np.array([ncti(relabelled(f, s), rng=0).value for s in range(20)])
    assert abs(ncti(f, rng=0).details["null"] - permuted.mean()) < 3 * permuted.std(ddof=1)
    assert ncti(f, rng=0).low > permuted.max()
    assert "pool" in MEASURES["ncti"].warning


def test_halves_of_groups_may_hold_one_class():
    groups = np.repeat(np.arange(4), 10)
    x = np.random.default_rng(0).normal(size=(40, 5))
    made = ncti(FeatureSet.of(x, groups // 2, groups=groups), rng=0)
    assert made.low <= made.value <= made.high


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.eye(6), np.zeros(6, int), "one class only"),
        (np.eye(6), [0, 0, 0, 1, 1, 2], "'2' of data has one sample"),
        (np.full((6, 3), 0.1), [0, 0, 0, 1, 1, 1], "equal features"),
        (np.eye(6), np.linspace(0, 1, 6), "ncti needs classes"),
    ],
)
def test_says_why_it_does_not_apply(x, y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        ncti(FeatureSet.of(x, y))
