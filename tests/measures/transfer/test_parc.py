import importlib

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures._resampling import half_samples
from shiftscope.measures.transfer.parc import parc

module = importlib.import_module("shiftscope.measures.transfer.parc")


def upper(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def published(x, y):
    """The formula of the paper: scipy's ranks of numpy's correlations."""
    return spearmanr(upper(1 - np.corrcoef(x)), upper(np.round(1 - np.corrcoef(y), 12)))[0]


@pytest.mark.parametrize(("n", "d", "n_classes"), [(120, 9, 4), (61, 200, 2), (90, 30, 17)])
@pytest.mark.parametrize("standardised", [False, True])
def test_value_is_the_published_formula(clusters, n, d, n_classes, standardised):
    f = clusters(n, d, n_classes)
    x = f.features.astype(float)
    if standardised:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    assert parc(f, standardised=standardised).value == pytest.approx(published(x, f.target.matrix), abs=1e-12)


def test_several_labels_are_compared_by_correlation_and_real_targets_by_distance():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 12)).astype(np.float32)
    keys = [b"%02d" % i for i in range(80)]
    labels = (x[:, :6] + rng.normal(size=(80, 6)) > 0).astype(float)
    labels[:, 0], labels[:, 1] = 0.0, 1.0  # no row is constant then
    made = parc(FeatureSet.of(x, labels, keys=keys), rng=0)
    assert made.value == pytest.approx(published(x.astype(float), labels), abs=1e-12)
    real = np.column_stack([x[:, 0], 1000 * (x[:, 1] + rng.normal(size=80))])
    made = parc(FeatureSet.of(x, real, keys=keys), rng=0)
    expected = spearmanr(upper(1 - np.corrcoef(x.astype(float))), pdist(real / real.std(axis=0)))[0]
    assert made.value == pytest.approx(expected, abs=1e-12)
    assert made.low < made.value < made.high


def test_rows_of_equal_columns_are_uncorrelated_with_all_others(clusters):
    f = clusters(40, 7, 2)
    x = f.features.copy()
    x[[3, 7, 11]] = np.float32([[0.1], [0.7], [1e4 / 3]])
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.corrcoef(x.astype(float))
    correlations[[3, 7, 11]], correlations[:, [3, 7, 11]] = 0.0, 0.0
    made = parc(FeatureSet.of(x, f.target, keys=list(f.keys)))
    apart = f.target.values[:, None] != f.target.values
    assert made.value == pytest.approx(spearmanr(upper(-np.round(correlations, 12)), upper(apart))[0], abs=1e-12)


def test_copies_of_samples_tie(clusters):
    f = clusters(30, 50, 3)
    twice = np.repeat(f.features, 2, axis=0)
    y = np.repeat(f.target.values, 2)
    correlations = np.corrcoef(twice.astype(float))
    expected = spearmanr(upper(-np.round(correlations, 12)), upper(y[:, None] != y))[0]
    assert parc(FeatureSet.of(twice, y, keys=[b"%02d" % i for i in range(60)])).value == pytest.approx(expected)


def test_many_samples_are_compared_in_disjoint_stratified_parts(clusters, monkeypatch):
    monkeypatch.setattr(module, "PART", 40)
    f = clusters(330, 10, 3)
    members = module._members(f, 7)
    assert len(members) == 5
    together = np.concatenate(members)
    assert len(np.unique(together)) == len(together)
    for part in members:
        assert 36 <= len(part) <= 37
        assert np.ptp(np.bincount(f.target.values[part])) <= 1
    expected = np.mean([published(f.features[part].astype(float), f.target.matrix[part]) for part in members])
    made = parc(f, rng=7)
    assert made.value == pytest.approx(expected, abs=1e-12)
    assert made.details["parts"] == 5
    assert made.details["pairs"] == sum(len(part) * (len(part) - 1) // 2 for part in members)
    assert made.value != parc(f, rng=8).value


def test_halves_are_ranked_anew(clusters):
    f = clusters(101, 10, 3)
    masks = half_samples(f, 0)[:10]
    part = module._part(f, f.features.astype(float), np.arange(101))
    expected = [published(f.features[h].astype(float), f.target.matrix[h]) for h in masks]
    np.testing.assert_allclose(module._of_halves(part, masks), expected, atol=1e-12)


def test_coarse_ranks_of_halves_change_nothing_that_matters(clusters, monkeypatch):
    f = clusters(300, 10, 3)
    exact = parc(f, rng=0).draws
    monkeypatch.setattr(module, "STEPS", 2**10)
    np.testing.assert_allclose(parc(f, rng=0).draws, exact, atol=1e-4)


@pytest.mark.parametrize(("n", "d", "apart", "n_classes"), [(120, 40, 0.0, 4), (90, 10, 2.0, 2)])
def test_spread_over_halves_is_that_of_fresh_samples(n, d, apart, n_classes):
    rng = np.random.default_rng(0)
    means = rng.normal(size=(n_classes, d)) * apart * (np.arange(d) < 8)
    y = np.arange(n) % n_classes
    made = [parc(FeatureSet.of(means[y] + rng.normal(size=(n, d)), y), rng=seed) for seed in range(60)]
    claimed = np.sqrt(np.mean([m.draws.var(ddof=1) for m in made]))
    # The standard deviation of 60 values is known to 9 %.
    assert 0.75 < claimed / np.std([m.value for m in made], ddof=1) < 1.35


def test_permuted_labels_score_zero(clusters, relabelled):
    f = clusters(120, 20, 4)
    values = np.array([parc(relabelled(f, s), rng=0).value for s in range(40)])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(40)
    assert parc(f, rng=0).low > values.max()


def test_classes_that_lie_apart_reach_the_ceiling():
    y = np.repeat(["a", "b", "c"], [50, 30, 20])
    x = np.eye(3)[np.repeat([0, 1, 2], [50, 30, 20])] + 1e-3 * np.random.default_rng(0).normal(size=(100, 3))
    made = parc(FeatureSet.of(x, y), rng=0)
    alike = (50 * 49 + 30 * 29 + 20 * 19) / (100 * 99)
    assert made.details["ceiling"] == pytest.approx(np.sqrt(3 * alike * (1 - alike)))
    assert made.value == pytest.approx(made.details["ceiling"], abs=1e-4)


def test_pairs_of_one_group_are_left_out():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 4)
    x = rng.normal(size=(30, 50))[groups] + 0.1 * rng.normal(size=(120, 50))
    y = groups % 2
    keys = [b"%03d" % i for i in range(120)]
    f = FeatureSet.of(x, y, keys=keys, groups=groups)
    kept = upper(groups[:, None] != groups)
    correlations = np.corrcoef(f.features.astype(float))
    expected = spearmanr(upper(-correlations)[kept], upper(y[:, None] != y)[kept])[0]
    made = parc(f, rng=0)
    assert made.value == pytest.approx(expected, abs=1e-12)
    assert made.details["pairs"] == kept.sum()
    assert made.low < 0 < made.high
    assert parc(FeatureSet.of(x, y, keys=keys), rng=0).low > 0


def test_standardised_does_not_see_dead_units_or_units_of_measure(clusters):
    f = clusters(60, 8, 3)
    changed = np.hstack([f.features * np.logspace(-3, 3, 8, dtype=np.float32), np.full((60, 5), 2.5)])
    other = FeatureSet.of(changed, f.target, keys=list(f.keys))
    assert parc(other, standardised=True).value == pytest.approx(parc(f, standardised=True).value, abs=1e-5)
    assert parc(other).value != pytest.approx(parc(f).value, abs=1e-2)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.eye(6), np.zeros(6, int), "one class only"),
        (np.eye(6), [0, 0, 0, 1, 1, 2], "'2' of data has one sample"),
        (np.arange(6.0)[:, None], [0, 0, 0, 1, 1, 1], "equally far"),
        (np.eye(6), np.tile([[0.0, 0.0], [1.0, 1.0]], (3, 1)), "equally far"),
    ],
)
def test_says_why_it_does_not_apply(x, y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        parc(FeatureSet.of(x, y))
