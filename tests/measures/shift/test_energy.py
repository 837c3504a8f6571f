import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance, ncx2

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES, _discrepancy
from shiftscope.measures._permutation import permuted_members
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.energy import between_halves

energy = MEASURES["energy"]


def pair_of(x, y, *, source=None, target=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch", groups=target))


def normal(n, m, d, *, shift=0.0, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), scale * rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def brute(x, y):
    """Unbiased energy distance from all pairs."""
    n, m = len(x), len(y)
    within = cdist(x, x).sum() / (n * (n - 1)) + cdist(y, y).sum() / (m * (m - 1))
    return 2 * cdist(x, y).mean() - within


def gaussian(shift, scale, d):
    """Population value for N(0, I) and N(shift e, scale^2 I): a distance of two samples is a noncentral chi."""

    def mean_distance(apart, variance):
        return np.sqrt(variance) * ncx2(d, apart**2 / variance).expect(np.sqrt)

    return 2 * mean_distance(shift, 1 + scale**2) - mean_distance(1e-9, 2) - mean_distance(1e-9, 2 * scale**2)


@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 4), (40, 13, 5), (7, 25, 60), (2, 2, 1)])
def test_equals_brute_force(n, m, d, monkeypatch):
    monkeypatch.setattr(_discrepancy, "TILE", 8)
    x, y = normal(n, m, d, shift=0.7)
    pair = pair_of(x, y)
    found = energy(pair, n_permutations=0)
    assert found.details == {"raw": pytest.approx(brute(x, y), rel=1e-9, abs=1e-12)}
    assert found.value == pytest.approx(found.details["raw"] / pair.bandwidth)
    assert found.pvalue is None


def test_equals_scipy_in_one_dimension_but_for_the_bias():
    x, y = normal(60, 45, 1, shift=0.5)
    # SciPy's means of |x - x'| count each sample with itself.
    own = [(z.size / (z.size - 1) - 1) * cdist(z, z).mean() for z in (x, y)]
    expected = energy_distance(x[:, 0], y[:, 0]) ** 2 - sum(own)
    assert energy(pair_of(x, y), n_permutations=0).details["raw"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.5, 1.0), (0.5, 2.0)])
def test_is_unbiased_for_the_population_value(shift, scale):
    found = [
        energy(pair_of(*normal(20, 35, 3, shift=shift, scale=scale, seed=s)), n_permutations=0).details["raw"]
        for s in range(300)
    ]
    assert abs(np.mean(found) - gaussian(shift, scale, 3)) < 3 * np.std(found) / np.sqrt(300)
    assert (shift == 0.0) == (min(found) < 0)


def test_intervals_cover_the_population_value():
    pairs = [pair_of(*normal(90, 60, 3, shift=1.0, seed=s)) for s in range(300)]
    found, truth = [energy(pair, n_permutations=0) for pair in pairs], gaussian(1.0, 1.0, 3)
    covered = np.mean([e.low <= truth / p.bandwidth <= e.high for e, p in zip(found, pairs, strict=True)])
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)
    assert np.std([e.value for e in found]) == pytest.approx(np.mean([(e.high - e.low) / 3.92 for e in found]), rel=0.2)


@pytest.mark.parametrize("grouped", [False, True])
def test_interval_is_that_of_the_witness(grouped, monkeypatch):
    monkeypatch.setattr(_discrepancy, "TILE", 8)
    x, y = normal(21, 14, 3, shift=0.7)
    pair = pair_of(x, y, source=np.arange(21) // 3 if grouped else None)
    z, variance = pair.pooled.astype(float), 0.0
    k = -cdist(z, z) / pair.bandwidth
    for side, other, unit in (
        (np.arange(21), np.arange(21, 35), pair.source.groups),
        (np.arange(21, 35), np.arange(21), pair.target.groups),
    ):
        w = np.array([k[i, side[side != i]].mean() - k[i, other].mean() for i in side])
        if unit is None:
            variance += w.var(ddof=1) / len(w)
        else:
            sums = np.array([(w - w.mean())[unit == u].sum() for u in range(7)])
            variance += 7 / 6 * np.square(sums).sum() / len(w) ** 2
    found = energy(pair, n_permutations=0)
    assert found.high - found.value == pytest.approx(1.959964 * 2 * np.sqrt(variance), rel=1e-6)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_pvalue_counts_permutations_that_reach_the_value(monkeypatch):
    monkeypatch.setattr(_discrepancy, "TILE", 16)
    pair = pair_of(*normal(25, 18, 4, shift=0.6, seed=3))
    found = energy(pair, n_permutations=79, rng=1)
    z, members = pair.pooled.astype(float), permuted_members(pair, 1, 79, choose()).T == 1
    null = np.array([brute(z[v], z[~v]) for v in members])
    assert found.pvalue == np.mean(null >= null[0] - 1e-12)
    assert 1 / 80 < found.pvalue < 0.5
    assert sum(found.details["null_counts"]) == 79
    assert found.details["null_edges"][-1] == pytest.approx(null[1:].max() / pair.bandwidth)


@pytest.mark.parametrize(("n", "m", "d"), [(15, 15, 3), (8, 30, 40)])
def test_pvalue_is_exact_without_a_shift(n, m, d):
    pvalues = np.array([energy(pair_of(*normal(n, m, d, seed=s)), n_permutations=39, rng=s).pvalue for s in range(600)])
    assert np.allclose(pvalues * 40, np.round(pvalues * 40))
    for level in (0.025, 0.05, 0.25, 0.5):
        assert abs(np.mean(pvalues <= level + 1e-9) - level) < 3 * np.sqrt(level * (1 - level) / 600)


def test_pvalue_is_valid_with_ties_and_heavy_tails():
    ties, tails = [], []
    for s in range(300):
        rng = np.random.default_rng(s)
        x, y = ((rng.random((k, 2)) < 0.3).astype(float) for k in (15, 40))
        ties.append(energy(pair_of(x, y), n_permutations=19, rng=s).pvalue)
        tails.append(energy(pair_of(*(rng.standard_cauchy((k, 3)) for k in (15, 25))), n_permutations=19, rng=s).pvalue)
    for pvalues in (ties, tails):
        assert np.mean(np.array(pvalues) <= 0.05 + 1e-9) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def clustered(rng, n_groups, sizes):
    """Samples that are near-copies of their group's centre."""
    group = np.repeat(np.arange(n_groups), rng.choice(sizes, n_groups))
    return rng.standard_normal((n_groups, 3))[group] + 0.1 * rng.standard_normal((len(group), 3)), group


def test_groups_keep_the_level_where_samples_are_near_copies():
    with_groups, without = [], []
    for s in range(300):
        rng = np.random.default_rng(s)
        (x, source), (y, target) = (clustered(rng, k, [1, 4, 7]) for k in (12, 9))
        with_groups.append(energy(pair_of(x, y, source=source, target=target), n_permutations=39, rng=s).pvalue)
        without.append(energy(pair_of(x, y), n_permutations=39, rng=s).pvalue)
    assert abs(np.mean(np.array(with_groups) <= 0.05) - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(np.array(without) <= 0.05) > 0.5


@pytest.mark.parametrize(("shift", "scale"), [(1.5, 1.0), (0.0, 2.0)])
def test_a_shift_of_mean_or_spread_is_found(shift, scale):
    found = [
        energy(pair_of(*normal(60, 40, 8, shift=shift, scale=scale, seed=s)), n_permutations=99, rng=s)
        for s in range(20)
    ]
    assert np.mean([e.pvalue == 0.01 for e in found]) >= 0.9


def test_halves_equal_brute_force():
    pair = pair_of(*normal(21, 30, 4, shift=1.0))
    halves = splits(pair, 3, 4)
    z = pair.pooled
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        expected = [brute(z[a], z[b]) for a, b in ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2))]
        np.testing.assert_allclose(row * pair.bandwidth, expected, rtol=0, atol=1e-9)


def test_constant_features_and_the_same_samples_are_no_shift():
    still = energy(pair_of(np.ones((8, 3)), np.ones((6, 3))), rng=0, n_permutations=99)
    assert (still.value, still.low, still.high, still.pvalue) == (0.0, 0.0, 0.0, 1.0)
    x, _ = normal(40, 1, 5)
    same = energy(pair_of(x, x), rng=0, n_permutations=99)
    assert same.value < 0
    assert same.pvalue > 0.9


def test_what_has_no_answer():
    with pytest.raises(NotApplicableError, match="photo has one sample: energy needs at least 2 on each side"):
        energy(pair_of(*normal(1, 9, 2)))
    with pytest.raises(NotApplicableError, match="all samples of sketch belong to one group"):
        energy(pair_of(*normal(9, 9, 2), target=[1] * 9))
    with pytest.raises(InputError, match=r"energy.n_permutations: -1 cannot be used"):
        energy(pair_of(*normal(9, 9, 2)), n_permutations=-1)
