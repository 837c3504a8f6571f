import numpy as np
import pytest
from oracles import mmd2

from shiftscope.analysis.shift import diagnose_pair
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._noise_floor import noise_floor
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.conditional import _balances, between_halves

conditional = MEASURES["conditional"]
NAMES = np.array(["ant", "bee", "cat", "dog"])
MEANS = np.random.default_rng(99).normal(size=(4, 5)) * 2


def side(counts, seed=0, *, moved=None, groups=None, name="photo"):
    """Gaussian classes of these sizes; ``moved`` is how far each is moved along the first feature."""
    rng, codes = np.random.default_rng(seed), np.repeat(np.arange(len(counts)), counts)
    x = MEANS[codes] + rng.normal(size=(len(codes), 5))
    x[:, 0] += np.array(moved if moved is not None else [0.0] * len(counts))[codes]
    return FeatureSet.of(x, NAMES[codes], groups=groups, name=name)


def pair_of(a, b, seed=0, **more):
    return Pair(side(a, 2 * seed), side(b, 2 * seed + 1, name="sketch", **more))


def rows(fs, name):
    return fs.features[np.array(fs.target.names()) == name].astype(float)


def test_equals_brute_force_within_classes():
    pair = pair_of([12, 20, 7], [9, 30, 15], moved=[1.0, 0.0, 2.0])
    found = conditional(pair, n_permutations=0)
    expected = {
        name: mmd2(rows(pair.source, name), rows(pair.target, name), pair.of_class(name).bandwidth)
        for name in NAMES[:3]
    }
    assert found.details["values"] == pytest.approx(expected, abs=1e-7)
    assert found.value == pytest.approx(np.mean([*expected.values()]), abs=1e-7)
    assert found.pvalue is None


def test_shows_what_the_table_of_a_diagnosis_shows():
    pair = pair_of([12, 20, 7], [9, 30, 15], moved=[1.0, 0.0, 2.0])
    found = conditional(pair, n_permutations=99, rng=4).details
    _, diagnosis = diagnose_pair(pair, backbone="b", measures=["mmd"], options={"mmd": {"n_permutations": 99}}, seed=4)
    for row in diagnosis.per_class:
        assert found["values"][row.name] == pytest.approx(row.value, abs=1e-6)
        assert found["pvalues"][row.name] == pytest.approx(row.pvalue)
        assert found["pvalues_holm"][row.name] == pytest.approx(row.pvalue_holm)


def dense(pair, names, weights):
    """Weighted mean kernel between samples, none with itself, as a matrix formula."""
    z = pair.pooled.astype(float)
    square = ((z[:, None] - z) ** 2).sum(axis=2)
    kernel = np.exp(-square / (2 * pair.bandwidth**2))
    np.fill_diagonal(kernel, 0.0)
    of = np.array([*pair.source.target.names(), *pair.target.target.names()])
    total = 0.0
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            for s, here in ((1, pair.is_source), (-1, ~pair.is_source)):
                for t, there in ((1, pair.is_source), (-1, ~pair.is_source)):
                    p, q = np.flatnonzero((of == a) & here), np.flatnonzero((of == b) & there)
                    pairs = len(p) * len(q) - len(np.intersect1d(p, q))
                    total += s * t * weights[i] * weights[j] * kernel[np.ix_(p, q)].sum() / pairs
    return total


def test_balances_equal_brute_force():
    pair = pair_of([12, 20, 7], [9, 30, 15], moved=[1.0, 0.0, 2.0])
    marginal, reweighted = _balances(pair, ["ant", "bee", "cat"])
    assert marginal == pytest.approx(
        mmd2(*(s.features.astype(float) for s in (pair.source, pair.target)), pair.bandwidth)
    )
    assert reweighted == pytest.approx(dense(pair, ["ant", "bee", "cat"], [1 / 3] * 3))
    # Samples of other classes are left out of both.
    some = Pair(
        pair.source,
        FeatureSet.of(
            pair.target.features,
            np.where(np.array(pair.target.target.names()) == "cat", "cow", pair.target.target.names()),
        ),
    )
    assert _balances(some, ["ant", "bee"])[1] == pytest.approx(dense(some, ["ant", "bee"], [0.5, 0.5]))


def test_class_balance_is_no_conditional_shift():
    found = [conditional(pair_of([60, 10, 20], [10, 50, 30], seed=s), n_permutations=39, rng=s) for s in range(60)]
    values = np.array([e.value for e in found])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(60)
    details = found[0].details
    assert details["marginal"] > 0.05 > 10 * abs(np.mean([e.details["reweighted"] for e in found]))


def test_without_a_shift_pvalues_are_uniform_whatever_the_balance():
    found = [conditional(pair_of([12, 5, 20], [7, 15, 4], seed=s), n_permutations=39, rng=s) for s in range(500)]
    pvalues = np.array([e.pvalue for e in found])
    assert {e.details["test"] for e in found} == {"exchanges"}
    assert pvalues.min() >= 1 / 40
    for level in (0.05, 0.25, 0.5):
        assert abs(np.mean(pvalues <= level) - level) < 3 * np.sqrt(level * (1 - level) / 500)


def test_holm_keeps_the_level_over_classes():
    found = [conditional(pair_of([12, 12, 12, 12], [9, 9, 9, 9], seed=s), n_permutations=99, rng=s) for s in range(200)]
    least = np.array([min(e.details["pvalues_holm"].values()) for e in found])
    assert np.mean(least <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_one_class_that_moved_is_found_and_named():
    found = conditional(pair_of([40, 40, 40], [40, 40, 40], moved=[0.0, 1.5, 0.0]), rng=0)
    assert found.pvalue == 1 / 1000
    assert found.low > 0
    holm = found.details["pvalues_holm"]
    assert holm["bee"] < 0.01
    assert min(holm["ant"], holm["cat"]) > 0.05


def test_a_small_move_of_all_classes_is_seen_by_their_mean():
    power = []
    for s in range(40):
        found = conditional(pair_of([40] * 4, [40] * 4, seed=s, moved=[0.55] * 4), n_permutations=99, rng=s)
        power.append([found.pvalue <= 0.05, min(found.details["pvalues_holm"].values()) <= 0.05])
    together, one_by_one = np.mean(power, axis=0)
    assert together > 0.7
    assert together > one_by_one


def test_intervals_cover_the_mean_of_other_samples():
    found = [conditional(pair_of([40, 60], [50, 30], seed=s, moved=[1.0, 0.7]), n_permutations=0) for s in range(150)]
    values = np.array([e.value for e in found])
    assert np.mean([e.low <= values.mean() <= e.high for e in found]) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 150)
    assert np.mean([e.high - e.low for e in found]) / 3.92 == pytest.approx(values.std(), rel=0.25)


def test_intervals_are_wide_enough_where_classes_have_two_samples():
    means = np.random.default_rng(99).normal(size=(40, 5)) * 2

    def drawn(seed, moved):
        x = np.repeat(means, 2, axis=0) + np.random.default_rng(seed).normal(size=(80, 5))
        return FeatureSet.of(x + moved * np.eye(5)[0], np.repeat(np.arange(40), 2))

    found = [conditional(Pair(drawn(2 * s, 0.0), drawn(2 * s + 1, 1.5)), n_permutations=0) for s in range(60)]
    # 60 draws know a standard deviation to 9 %; were the mean of two samples taken for known, it would be 29 % small.
    assert np.mean([e.high - e.low for e in found]) / 3.92 > 0.85 * np.std([e.value for e in found])


def test_classes_are_independent_of_each_other():
    pair = pair_of([80, 40], [50, 90], moved=[2.0, 0.0])
    each = [MEASURES["mmd"](pair.of_class(name), n_permutations=0) for name in ("ant", "bee")]
    found = conditional(pair, n_permutations=0)
    expected = np.sqrt(sum((e.high - e.low) ** 2 for e in each)) / 2
    assert found.high - found.low == pytest.approx(expected, rel=0.02)


def clustered(seed, n_groups, *, mixed):
    """Near-copies of a group's centre; groups of one class, or with two samples of each class."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), 4)
    codes = np.arange(4 * n_groups) % 4 // 2 if mixed else np.repeat(np.arange(n_groups) % 2, 4)
    effect = rng.normal(size=(n_groups, 5))
    return FeatureSet.of(MEANS[codes] + effect[group] + 0.1 * rng.normal(size=(len(group), 5)), codes, groups=group)


@pytest.mark.parametrize("mixed", [False, True])
def test_groups_keep_the_level(mixed):
    grouped, single = [], []
    for s in range(150):
        one, other = (clustered([s, i], n, mixed=mixed) for i, n in enumerate((12, 10)))
        found = conditional(Pair(one, other), n_permutations=39, rng=s)
        assert found.details["test"] == ("holm" if mixed else "exchanges")
        assert not mixed or found.pvalue == min(found.details["pvalues_holm"].values())
        grouped.append(found.pvalue)
        plain = [FeatureSet.of(fs.features, fs.target) for fs in (one, other)]
        single.append(conditional(Pair(*plain), n_permutations=39, rng=s).pvalue)
    assert np.mean(np.array(grouped) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    assert np.mean(np.array(single) <= 0.05) > 0.4


def test_copies_within_groups_do_not_narrow_the_interval():
    one, other = side([30, 20]), side([25, 25], 1, moved=[1.0, 1.0])
    widths = []
    for copies in (1, 5):
        sides = [
            FeatureSet.of(
                np.repeat(fs.features, copies, axis=0),
                np.repeat(fs.target.names(), copies),
                groups=np.repeat(np.arange(fs.n), copies),
            )
            for fs in (one, other)
        ]
        found = conditional(Pair(*sides), n_permutations=0)
        widths.append(found.high - found.low)
    # The witness leaves each sample itself out, but not its copies.
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_classes_are_matched_by_name_and_small_ones_left_out():
    one, other = side([20, 20, 1]), side([20, 20, 20, 20], 1, name="sketch")
    found = conditional(Pair(one, other), n_permutations=19, rng=0).details
    assert list(found["values"]) == ["ant", "bee"]
    assert found["left_out"] == ["cat"]
    renamed = FeatureSet.of(
        other.features, np.where(np.array(other.target.names()) == "ant", "zebra", other.target.names())
    )
    assert list(conditional(Pair(one, renamed), n_permutations=0).details["values"]) == ["bee"]


def test_few_samples_say_which_pvalue_they_can_reach():
    x = FeatureSet.of([[0.0], [0.1], [5.0], [5.1]], ["a", "a", "b", "b"])
    y = FeatureSet.of([[9.0], [9.2], [1.0], [1.3]], ["a", "a", "b", "b"])
    found = conditional(Pair(x, y), rng=0)
    assert found.details["smallest_pvalue"] == pytest.approx((2 / 6) ** 2)
    assert abs(found.pvalue - 1 / 9) < 4 * np.sqrt(8 / 81 / 999)


def test_halves_equal_brute_force():
    pair = pair_of([20, 24], [30, 22], moved=[1.0, 0.0])
    halves = splits(pair, 0, 3)
    names = np.array([*pair.source.target.names(), *pair.target.target.names()])
    z = pair.pooled.astype(float)
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            each = [mmd2(z[a[names[a] == c]], z[b[names[b] == c]], pair.of_class(c).bandwidth) for c in ("ant", "bee")]
            assert value == pytest.approx(np.mean(each), abs=1e-9)
    floor = noise_floor("conditional", pair_of([40, 40], [40, 40], moved=[1.5, 1.5]), seed=0)
    assert floor.effect > floor.floor


def test_neither_order_nor_scale_matter():
    x, y = side([15, 15]), side([10, 20], 1, moved=[0.5, 0.0])
    order = np.random.default_rng(0).permutation(30)
    mixed = FeatureSet.of(x.features[order], np.array(x.target.names())[order])
    assert conditional(Pair(mixed, y), n_permutations=19, rng=1) == conditional(Pair(x, y), n_permutations=19, rng=1)
    scaled = [FeatureSet.of(4 * fs.features, fs.target) for fs in (x, y)]
    assert conditional(Pair(*scaled), n_permutations=0).value == pytest.approx(
        conditional(Pair(x, y), n_permutations=0).value, abs=1e-6
    )


def test_too_little_has_no_answer():
    with pytest.raises(NotApplicableError, match="none of the 0 classes that photo and sketch have in common"):
        conditional(Pair(side([9, 9]), FeatureSet.of(np.zeros((4, 5)), [1, 1, 2, 2], name="sketch")))
    with pytest.raises(NotApplicableError, match="none of the 2 classes"):
        conditional(pair_of([1, 9], [9, 1]))
    with pytest.raises(NotApplicableError, match="of 2 groups, on each side"):
        conditional(Pair(side([9, 9], groups=np.repeat([0, 1], 9)), side([9, 9], 1)))
    with pytest.raises(NotApplicableError, match="conditional needs classes"):
        conditional(Pair(side([9, 9]), FeatureSet.of(np.zeros((4, 5)))))
    with pytest.raises(InputError, match=r"conditional.n_permutations: -1 cannot be used"):
        conditional(pair_of([9, 9], [9, 9]), n_permutations=-1)
