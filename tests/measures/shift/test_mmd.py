import numpy as np
import pytest
from oracles import gaussian_mmd2, mmd2

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.kernels import LAYERS, choose
from shiftscope.measures import MEASURES
from shiftscope.measures._exchanges import Exchanges
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.mmd import _statistics, between_halves, witness

mmd = MEASURES["mmd"]


def pair_of(x, y, **groups):
    return Pair(
        FeatureSet.of(x, name="photo", groups=groups.get("source")),
        FeatureSet.of(y, name="sketch", groups=groups.get("target")),
    )


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize("backend", LAYERS)
@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 4), (40, 13, 5), (7, 25, 60), (2, 2, 1)])
def test_equals_brute_force(n, m, d, estimator, backend):
    x, y = normal(n, m, d, shift=0.7)
    pair = pair_of(x, y)
    found = mmd(pair, estimator=estimator, n_permutations=0, kernels=choose("cpu", backend))
    assert found.value == pytest.approx(mmd2(x, y, pair.bandwidth, biased=estimator == "biased"), abs=1e-6)
    assert found.pvalue is None


def test_bandwidth_is_in_feature_units():
    x, y = normal(20, 25, 3, shift=1.0)
    found = mmd(pair_of(x, y), bandwidth=0.8, n_permutations=0)
    assert found.value == pytest.approx(mmd2(x, y, 0.8), abs=1e-6)
    assert found.details["bandwidth"] == 0.8


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_is_unbiased_for_the_population_value(shift):
    values = [
        mmd(pair_of(*normal(20, 35, 3, shift=shift, seed=s)), bandwidth=2.0, n_permutations=0).value for s in range(300)
    ]
    truth = gaussian_mmd2(shift, 1.0, 1.0, 2.0, 3)
    assert abs(np.mean(values) - truth) < 3 * np.std(values) / np.sqrt(len(values))
    assert (shift == 0.0) == (min(values) < 0)


def test_intervals_cover_the_population_value():
    truth = gaussian_mmd2(1.0, 1.0, 1.0, 2.0, 3)
    found = [mmd(pair_of(*normal(90, 60, 3, shift=1.0, seed=s)), bandwidth=2.0, n_permutations=0) for s in range(300)]
    covered = np.mean([e.low <= truth <= e.high for e in found])
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)
    assert np.std([e.value for e in found]) == pytest.approx(np.mean([(e.high - e.low) / 3.92 for e in found]), rel=0.2)


def test_pvalue_is_exact_without_a_shift():
    pvalues = np.array([mmd(pair_of(*normal(15, 15, 3, seed=s)), n_permutations=39, rng=s).pvalue for s in range(1000)])
    assert pvalues.min() >= 1 / 40
    assert np.allclose(pvalues * 40, np.round(pvalues * 40))
    for level in (0.025, 0.05, 0.25, 0.5):
        assert abs(np.mean(pvalues <= level) - level) < 3 * np.sqrt(level * (1 - level) / 1000)


def test_pvalue_sees_a_shift_and_is_never_zero():
    found = mmd(pair_of(*normal(60, 40, 10, shift=2.0)), n_permutations=199, rng=0)
    assert found.pvalue == found.details["smallest_pvalue"] == 1 / 200
    assert found.low > 0


def test_few_samples_say_which_pvalue_they_can_reach():
    found = mmd(pair_of([[0.0], [0.1]], [[9.0], [9.2]]), rng=0)
    assert found.details["smallest_pvalue"] == pytest.approx(2 / 6)
    # Two of the six choices of a source, itself and its complement, reach the observed value.
    assert abs(found.pvalue - 2 / 6) < 3 * np.sqrt(2 / 9 / 999)


def test_null_can_be_drawn():
    details = mmd(pair_of(*normal(30, 20, 3)), n_permutations=99, rng=0).details
    assert len(details["null_edges"]) == len(details["null_counts"]) + 1 == 42
    assert sum(details["null_counts"]) == 99
    quantiles = list(details["null_quantiles"].values())
    assert quantiles == sorted(quantiles)
    assert len(quantiles) == 5


def clustered(rng, n_groups, sizes):
    """Samples that are near-copies of their group's centre."""
    group = np.repeat(np.arange(n_groups), rng.choice(sizes, n_groups))
    return rng.standard_normal((n_groups, 3))[group] + 0.1 * rng.standard_normal((len(group), 3)), group


def test_groups_keep_the_level_where_samples_are_near_copies():
    with_groups, without = [], []
    for s in range(300):
        rng = np.random.default_rng(s)
        (x, source), (y, target) = (clustered(rng, k, [1, 4, 7]) for k in (12, 9))
        with_groups.append(mmd(pair_of(x, y, source=source, target=target), n_permutations=39, rng=s).pvalue)
        without.append(mmd(pair_of(x, y), n_permutations=39, rng=s).pvalue)
    assert abs(np.mean(np.array(with_groups) <= 0.05) - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(np.array(without) <= 0.05) > 0.5


def test_copies_within_groups_do_not_narrow_the_interval():
    x, y = normal(40, 30, 3, shift=1.0)
    found = []
    for copies in (1, 6):
        (xs, source), (ys, target) = (
            (np.repeat(z, copies, axis=0), np.repeat(np.arange(len(z)), copies)) for z in (x, y)
        )
        pair = pair_of(xs, ys, source=source, target=target)
        found.append(mmd(pair, estimator="biased", bandwidth=2.0, n_permutations=0))
    assert found[1].value == pytest.approx(found[0].value, abs=1e-6)
    # The witness leaves each sample itself out, but not its copies: the widths differ by order 1/n.
    assert found[1].high - found[1].low == pytest.approx(found[0].high - found[0].low, rel=0.1)


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_permuted_sides_may_differ_in_size(estimator):
    x, y = normal(14, 9, 4, shift=1.0)
    z = np.concatenate([x, y])
    members = (np.random.default_rng(0).random((23, 6)) < [0.2, 0.4, 0.5, 0.6, 0.8, 0.7]).astype(np.uint8)
    (sums,) = choose("cpu", "reference").mmd_sums(z, [1.5], members, n=14)
    exchanges = Exchanges(members, smallest_pvalue=0.1, rows=None, bins=None, details={})
    expected = [mmd2(z[v == 1], z[v == 0], 1.5, biased=estimator == "biased") for v in members.T]
    np.testing.assert_allclose(_statistics(sums, exchanges, estimator), expected, rtol=1e-9, atol=1e-12)


def test_groups_change_sides_whole():
    x, y = normal(6, 8, 2)
    source, target = [0, 0, 1, 1, 1, 2], [5, 5, 7, 7, 7, 8, 9, 9]
    pair = pair_of(x, y, source=source, target=target)
    seen = []

    class Spy:
        permutation_members = staticmethod(choose().permutation_members)

        @staticmethod
        def mmd_sums(z, bandwidths, members, **options):
            seen.append(members)
            return choose().mmd_sums(z, bandwidths, members, **options)

    mmd(pair, n_permutations=50, rng=0, kernels=Spy)
    (members,) = seen
    for group in np.unique(np.concatenate([pair.source.groups, 10 + pair.target.groups])):
        rows = members[np.concatenate([pair.source.groups, 10 + pair.target.groups]) == group]
        assert (rows == rows[0]).all()
    assert len(np.unique(members.sum(axis=0))) > 1
    assert (members[:, 0] == pair.is_source).all()


def test_witness_adds_up_to_the_value():
    x, y = normal(12, 20, 3, shift=1.0)
    (sums,) = choose("cpu", "reference").mmd_sums(np.concatenate([x, y]), [2.0], np.ones((32, 1), np.uint8), n=12)
    w = witness(sums, 12)
    assert w[:12].mean() - w[12:].mean() == pytest.approx(mmd2(x, y, 2.0), abs=1e-9)


def test_halves_equal_brute_force():
    pair = pair_of(*normal(21, 30, 4, shift=1.0))
    halves = splits(pair, 3, 4)
    found = between_halves(pair, halves, mmd.check({}), None)
    z = pair.pooled
    for row, s in zip(found, halves, strict=True):
        expected = [mmd2(z[a], z[b], pair.bandwidth) for a, b in ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2))]
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-6)


def test_constant_features_are_no_shift():
    found = mmd(pair_of(np.ones((8, 3)), np.ones((6, 3))), rng=0, n_permutations=99)
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert found.pvalue == 1.0
    assert sum(found.details["null_counts"]) == 99


def test_the_same_samples_on_both_sides_are_no_shift():
    x, _ = normal(40, 1, 5)
    found = mmd(pair_of(x, x), rng=0, n_permutations=99)
    assert found.value < 0
    assert found.pvalue > 0.9


def test_neither_order_nor_scale_matter():
    x, y = normal(25, 30, 4, shift=0.5)
    mixed = np.random.default_rng(1).permutation(25)
    first = mmd(pair_of(x, y), rng=7)
    assert mmd(pair_of(x[mixed], y), rng=7) == first
    # Other contents have other hashes, hence another order and another draw: the value alone must agree.
    assert mmd(pair_of(4 * x, 4 * y), rng=7).value == pytest.approx(first.value, abs=1e-6)
    assert mmd(pair_of(x, y), rng=8).pvalue != first.pvalue


@pytest.mark.parametrize(
    ("x", "y", "groups", "says"),
    [
        (np.ones((1, 2)), np.ones((5, 2)), {}, "photo has one sample: mmd needs at least 2 on each side"),
        (np.ones((5, 2)), np.ones((1, 2)), {}, "sketch has one sample"),
        (np.ones((5, 2)), np.ones((3, 2)), {"target": [4, 4, 4]}, "all samples of sketch belong to one group"),
    ],
)
def test_too_few_samples_have_no_answer(x, y, groups, says):
    with pytest.raises(NotApplicableError, match=says):
        mmd(pair_of(x, y, **groups))


@pytest.mark.parametrize("options", [{"n_permutations": -1}, {"bandwidth": 0.0}, {"bandwidth": -2.0}])
def test_options_without_meaning_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        mmd(pair_of(*normal(5, 5, 2)), **options)
