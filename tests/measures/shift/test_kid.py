import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES, _discrepancy
from shiftscope.measures._permutation import permuted_members
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.kid import between_halves

kid = MEASURES["kid"]


def pair_of(x, y, *, source=None, target=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch", groups=target))


def normal(n, m, d, *, shift=0.0, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), scale * rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def brute(x, y):
    """The unbiased squared MMD, by scikit-learn's kernel with its default gamma 1/d, degree 3 and constant 1."""
    n, m = len(x), len(y)
    xx, yy, xy = (polynomial_kernel(*two) for two in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return within - 2 * xy.mean()


def gaussian(shift, d):
    """Population value for N(0, I) and N(shift e, I), by the moments of x'y for independent x and y.

    E(x'y) = a, E(x'y)^2 = a^2 + |mu|^2 + |nu|^2 + d and E(x'y)^3 = a^3 + 3a (|mu|^2 + |nu|^2 + d + 2) with means mu,
    nu and a = mu'nu.
    """

    def mean_kernel(a, norms):
        first, second, third = a, a**2 + norms + d, a**3 + 3 * a * (norms + d + 2)
        return third / d**3 + 3 * second / d**2 + 3 * first / d + 1

    return mean_kernel(0, 0) + mean_kernel(shift**2, 2 * shift**2) - 2 * mean_kernel(0, shift**2)


@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 4), (40, 13, 5), (7, 25, 60), (2, 2, 1)])
def test_equals_sklearn(n, m, d, monkeypatch):
    monkeypatch.setattr(_discrepancy, "TILE", 8)
    x, y = normal(n, m, d, shift=0.7)
    found = kid(pair_of(x, y), n_permutations=0)
    assert found.value == pytest.approx(brute(x.astype(float), y.astype(float)), rel=1e-9)
    assert (found.pvalue, found.details) == (None, {})


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_is_unbiased_for_the_population_value(shift):
    found = [kid(pair_of(*normal(20, 35, 3, shift=shift, seed=s)), n_permutations=0).value for s in range(600)]
    assert abs(np.mean(found) - gaussian(shift, 3)) < 3 * np.std(found) / np.sqrt(600)


def test_intervals_cover_the_population_value():
    found, truth = [], gaussian(1.5, 10)
    found = [kid(pair_of(*normal(200, 150, 10, shift=1.5, seed=s)), n_permutations=0) for s in range(200)]
    covered = np.mean([e.low <= truth <= e.high for e in found])
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)
    assert np.std([e.value for e in found]) == pytest.approx(np.mean([(e.high - e.low) / 3.92 for e in found]), rel=0.2)


def test_pvalue_counts_permutations_that_reach_the_value():
    pair = pair_of(*normal(25, 18, 4, shift=0.8, seed=3))
    found = kid(pair, n_permutations=79, rng=1)
    z, members = pair.pooled.astype(float), permuted_members(pair, 1, 79, choose()).T == 1
    null = np.array([brute(z[v], z[~v]) for v in members])
    assert found.pvalue == np.mean(null >= null[0] - 1e-12)
    assert 1 / 80 < found.pvalue < 0.5
    assert sum(found.details["null_counts"]) == 79


@pytest.mark.parametrize(("n", "m", "d"), [(15, 15, 3), (8, 30, 40)])
def test_pvalue_is_exact_without_a_shift(n, m, d):
    pvalues = np.array([kid(pair_of(*normal(n, m, d, seed=s)), n_permutations=39, rng=s).pvalue for s in range(600)])
    for level in (0.025, 0.05, 0.25, 0.5):
        assert abs(np.mean(pvalues <= level + 1e-9) - level) < 3 * np.sqrt(level * (1 - level) / 600)


def test_groups_change_sides_whole():
    flagged = []
    for s in range(200):
        rng = np.random.default_rng(s)
        source, target = (np.repeat(np.arange(k), rng.choice([1, 4, 7], k)) for k in (12, 9))
        x, y = (rng.standard_normal((12, 3))[g] + 0.1 * rng.standard_normal((len(g), 3)) for g in (source, target))
        flagged.append(kid(pair_of(x, y, source=source, target=target), n_permutations=19, rng=s).pvalue <= 0.05)
    assert np.mean(flagged) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize(("shift", "scale"), [(1.5, 1.0), (0.0, 2.0)])
def test_a_shift_of_mean_or_spread_is_found(shift, scale):
    found = [
        kid(pair_of(*normal(60, 40, 4, shift=shift, scale=scale, seed=s)), n_permutations=99, rng=s) for s in range(20)
    ]
    assert np.mean([e.pvalue <= 0.05 for e in found]) >= 0.9


def test_third_moments_count_and_fourth_do_not():
    rng = np.random.default_rng(0)

    def standard(z):
        return (z - z.mean(axis=0)) / z.std(axis=0)

    skewed, heavy = (standard(z) for z in (rng.exponential(size=(400, 2)), rng.laplace(size=(400, 2))))
    even = standard(rng.standard_normal((400, 2)))
    assert kid(pair_of(even, skewed), n_permutations=99, rng=0).pvalue == 0.01
    assert kid(pair_of(even, heavy), n_permutations=99, rng=0).pvalue > 0.05


def test_halves_equal_sklearn():
    pair = pair_of(*normal(21, 30, 4, shift=1.0))
    halves = splits(pair, 3, 4)
    z = pair.pooled.astype(float)
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        expected = [brute(z[a], z[b]) for a, b in ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2))]
        np.testing.assert_allclose(row, expected, rtol=1e-9)


def test_constant_features_and_the_same_samples_are_no_shift():
    still = kid(pair_of(np.ones((8, 3)), np.ones((6, 3))), rng=0, n_permutations=99)
    assert still.value == pytest.approx(0.0, abs=1e-12)
    assert still.pvalue == 1.0
    x, _ = normal(40, 1, 5)
    assert kid(pair_of(x, x), rng=0, n_permutations=99).pvalue > 0.9


def test_what_has_no_answer():
    with pytest.raises(NotApplicableError, match="photo has one sample: kid"):
        kid(pair_of(*normal(1, 9, 2)))
    with pytest.raises(NotApplicableError, match="all samples of sketch belong to one group"):
        kid(pair_of(*normal(9, 9, 2), target=[1] * 9))
    with pytest.raises(InputError, match=r"kid.n_permutations: -1 cannot be used"):
        kid(pair_of(*normal(9, 9, 2)), n_permutations=-1)
