import numpy as np
import pytest
from scipy.stats import chi2_contingency, hypergeom

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._bootstrap import bootstrap_weights_by_class
from shiftscope.measures._noise_floor import noise_floor
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.label_shift import between_halves

label_shift = MEASURES["label_shift"]
MEANS = np.random.default_rng(99).normal(size=(4, 6))


def labelled(y, z, *, source=None, target=None):
    """A pair with these labels, and perhaps groups; the features do not matter."""
    rng = np.random.default_rng(0)
    return Pair(
        FeatureSet.of(rng.normal(size=(len(y), 2)), y, name="photo", groups=source),
        FeatureSet.of(rng.normal(size=(len(z), 2)), z, name="sketch", groups=target),
    )


def drawn(n, m, p, q, *, seed=0, apart=1.5):
    """Samples of Gaussian classes in shares ``p`` and ``q``; the target's labels are kept back."""
    rng = np.random.default_rng(seed)
    y, z = rng.choice(len(p), n, p=p), rng.choice(len(q), m, p=q)
    x, other = (apart * MEANS[codes] + rng.normal(size=(len(codes), 6)) for codes in (y, z))
    return Pair(FeatureSet.of(x, y, name="photo"), FeatureSet.of(other, name="sketch")), z


@pytest.mark.parametrize(("a", "b"), [([5, 9, 3], [8, 2, 2]), ([20, 0, 10, 3], [5, 5, 0, 30]), ([6, 6], [1, 30])])
def test_statistic_is_that_of_scipy_and_value_the_total_variation(a, b):
    names = np.array(["ant", "bee", "cat", "dog"])
    found = label_shift(labelled(np.repeat(names[: len(a)], a), np.repeat(names[: len(b)], b)), rng=0)
    table = np.array([a, b])
    statistic, _, dof, _ = chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    assert found.details["chi2"] == pytest.approx(statistic)
    assert found.details["dof"] == dof
    assert found.details["cramers_v"] == pytest.approx(np.sqrt(statistic / table.sum()))
    assert found.value == pytest.approx(np.abs(table[0] / sum(a) - table[1] / sum(b)).sum() / 2)
    assert found.details["source"] == pytest.approx(dict(zip(names, table[0] / sum(a), strict=False)))


def test_pvalue_is_that_of_scipy_where_counts_are_large():
    a, b = [300, 200, 100], [260, 230, 110]
    found = label_shift(labelled(np.repeat([1, 2, 3], a), np.repeat([1, 2, 3], b)), n_permutations=4999, rng=0)
    assert found.pvalue == pytest.approx(chi2_contingency([a, b], correction=False).pvalue, abs=0.02)


@pytest.mark.parametrize(("a", "b"), [((7, 1), (2, 6)), ((3, 3), (1, 8)), ((1, 9), (4, 6))])
def test_pvalue_is_exact_where_counts_are_small(a, b):
    n, total, ones = sum(a), sum(a) + sum(b), a[0] + b[0]
    tables = np.arange(max(0, ones - sum(b)), min(n, ones) + 1)

    def statistic(k):
        return chi2_contingency([[k, n - k], [ones - k, sum(b) - ones + k]], correction=False).statistic

    reach = np.array([statistic(k) >= statistic(a[0]) - 1e-9 for k in tables])
    exact = hypergeom(total, ones, n).pmf(tables)[reach].sum()
    found = label_shift(labelled(np.repeat([0, 1], a), np.repeat([0, 1], b)), n_permutations=4999, rng=0)
    assert abs(found.pvalue - exact) < 4 * np.sqrt(exact * (1 - exact) / 4999)


def test_without_a_shift_pvalues_keep_their_level_and_intervals_begin_at_zero():
    rng, pvalues, lows = np.random.default_rng(0), [], []
    for seed in range(600):
        source, target = (rng.choice(4, size, p=[0.6, 0.25, 0.1, 0.05]) for size in (30, 21))
        found = label_shift(labelled(source, target), n_permutations=39, rng=seed)
        pvalues.append(found.pvalue)
        lows.append(found.low)
    # Tables of few samples tie, so that the level may be undercut; it is never exceeded.
    for level in (0.05, 0.25, 0.5):
        assert np.mean(np.array(pvalues) <= level) < level + 3 * np.sqrt(level * (1 - level) / 600)
    assert np.mean(np.array(pvalues) <= 0.25) > 0.18
    assert np.mean(np.array(lows) > 0) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


def test_groups_keep_the_level_where_labels_go_by_group():
    grouped, single = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        sizes = [rng.integers(2, 6, 14) for _ in range(2)]
        codes = [np.repeat(rng.integers(0, 3, 14), size) for size in sizes]
        groups = dict(zip(("source", "target"), (np.repeat(np.arange(14), size) for size in sizes), strict=True))
        grouped.append(label_shift(labelled(*codes, **groups), n_permutations=39, rng=seed).pvalue)
        single.append(label_shift(labelled(*codes), n_permutations=39, rng=seed).pvalue)
    assert np.mean(np.array(grouped) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(np.array(single) <= 0.05) > 0.2


def test_power():
    rng = np.random.default_rng(0)
    found = [
        label_shift(
            labelled(rng.choice(3, 200), rng.choice(3, 200, p=[0.5, 0.3, 0.2])), n_permutations=99, rng=s
        ).pvalue
        for s in range(60)
    ]
    assert np.mean(np.array(found) <= 0.05) > 0.85


def test_value_without_a_shift_is_what_details_say():
    rng = np.random.default_rng(0)
    found = [label_shift(labelled(rng.choice(5, 60), rng.choice(5, 60)), n_permutations=99, rng=s) for s in range(80)]
    values = np.array([e.value for e in found])
    expected = np.mean([e.details["null"] for e in found])
    assert abs(values.mean() - expected) < 3 * values.std() / np.sqrt(80)


def test_classes_are_matched_by_name_and_may_be_missing():
    found = label_shift(labelled([3, 3, 7, 7], ["cat", "cat", "cat"]), rng=0)
    assert found.value == found.high == 1.0
    assert found.details["target"] == {"3": 0.0, "7": 0.0, "cat": 1.0}
    some = label_shift(labelled(["b", "b", "c", "c"], ["a", "b", "b", "b"]), rng=0)
    assert some.value == pytest.approx(0.5)


@pytest.mark.parametrize(("p", "q"), [([0.25] * 4, [0.25] * 4), ([0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4])])
def test_shares_of_an_unlabelled_target_are_found(p, q):
    truth, held, values, errors = np.abs(np.array(p) - q).sum() / 2, [], [], []
    for seed in range(40):
        pair, codes = drawn(400, 300, p, q, seed=seed, apart=2.0)
        found = label_shift(pair, rng=seed)
        held.append(found.low <= truth <= found.high)
        values.append(found.value)
        assert found.details["known"] is False
        assert found.pvalue is None
        assert sum(found.details["target"].values()) == pytest.approx(1.0)
        counts = np.bincount(codes, minlength=4) / 300
        errors.append([np.array([*found.details[way].values()]) - counts for way in ("target", "em")])
    assert np.mean(held) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 40)
    # BBSE is unbiased but for the cut at 0; the likelihood leans on calibrated probabilities.
    assert np.abs(np.mean(errors, axis=0)[0]).max() < 0.01
    assert np.abs(np.mean(errors, axis=0)[1]).max() < 0.05
    assert np.std(errors, axis=0).max() < 0.04
    if truth:
        assert np.mean(values) == pytest.approx(truth, abs=0.03)


def test_intervals_of_shares_hold_them():
    q, held = np.array([0.1, 0.2, 0.3, 0.4]), []
    for seed in range(40):
        details = label_shift(drawn(300, 200, [0.25] * 4, q, seed=seed, apart=0.9)[0], rng=seed).details
        ends = [np.array([*details[end].values()]) for end in ("target_low", "target", "target_high")]
        assert (ends[0] <= ends[1]).all()
        assert (ends[1] <= ends[2]).all()
        held.append((ends[0] <= q) & (q <= ends[2]))
    assert np.mean(held) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 160)


def test_classes_that_are_never_confused_are_counted():
    pair, codes = drawn(200, 150, [0.25] * 4, [0.1, 0.5, 0.0, 0.4], apart=20.0)
    found = label_shift(pair, rng=0)
    np.testing.assert_allclose([*found.details["target"].values()], np.bincount(codes, minlength=4) / 150, atol=1e-9)
    assert found.details["sigma_min"] == pytest.approx(1.0)


@pytest.mark.parametrize("counts", [[6] * 60, [200, 200, 2]])
def test_classes_that_are_small_and_never_confused_are_counted_too(counts):
    # A small class is absent from many a sample that is drawn without regard to classes.
    rng, y = np.random.default_rng(0), np.repeat(np.arange(len(counts)), counts)
    z = np.repeat(np.arange(len(counts)), np.array(counts)[::-1])
    x, other = (40 * np.eye(len(counts))[codes] + rng.normal(size=(len(codes), len(counts))) for codes in (y, z))
    found = label_shift(Pair(FeatureSet.of(x, y, name="photo"), FeatureSet.of(other, name="sketch")), rng=0)
    np.testing.assert_allclose([*found.details["target"].values()], np.array(counts[::-1]) / len(z), atol=1e-9)


def test_groups_of_a_class_are_drawn_whole():
    y = np.repeat([0, 1], [30, 20])
    side = labelled(y, y, source=np.r_[np.arange(30) // 3, 10 + np.arange(20) // 10]).source
    weights = bootstrap_weights_by_class(side, 0, "source")
    assert (weights[:, side.target.values == 0].sum(axis=1) == 30).all()
    assert (weights[:, side.target.values == 1].sum(axis=1) == 20).all()
    for group in np.unique(side.groups):
        assert (np.ptp(weights[:, side.groups == group], axis=1) == 0).all()
    # Two groups: each is drawn twice in a quarter of the draws.
    assert np.mean(weights[:, side.groups == 10] == 2) == pytest.approx(0.25, abs=0.1)


def test_a_probe_that_knows_nothing_counts_nothing():
    refused = 0
    for seed in range(10):
        pair, _ = drawn(200, 150, [0.25] * 4, [0.1, 0.2, 0.3, 0.4], seed=seed, apart=0.0)
        result = label_shift.run(pair, target="sketch", backbone="b", rng=seed)
        refused += result.status == "not_applicable"
        if result.status == "not_applicable":
            assert "singular value of its confusion matrix is 0.0" in result.reason
    assert refused >= 9


def test_labels_of_another_kind_are_as_good_as_none():
    pair, _ = drawn(200, 150, [0.25] * 4, [0.1, 0.2, 0.3, 0.4])
    real = Pair(pair.source, FeatureSet.of(pair.target.features, np.linspace(0, 1, 150)))
    assert label_shift(real, rng=0).details["known"] is False


def test_noise_floor_is_that_of_labels():
    rng = np.random.default_rng(0)
    pair = labelled(rng.choice(3, 80), rng.choice(3, 60))
    halves = splits(pair, 0, 3)
    codes = np.concatenate([pair.source.target.values, pair.target.target.values])
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            counts = [np.bincount(codes[r], minlength=3) / len(r) for r in (a, b)]
            assert value == pytest.approx(np.abs(counts[0] - counts[1]).sum() / 2)
    assert noise_floor("label_shift", pair, seed=0).floor > 0
    with pytest.raises(NotApplicableError, match="no noise floor"):
        noise_floor("label_shift", drawn(60, 60, [0.25] * 4, [0.25] * 4)[0], seed=0)


def test_without_permutations_there_is_no_pvalue():
    found = label_shift(labelled([0, 0, 1, 1], [0, 1, 1, 1]), n_permutations=0)
    assert found.pvalue is None
    assert "null" not in found.details
    with pytest.raises(InputError, match=r"label_shift.n_permutations: -1 cannot be used"):
        label_shift(labelled([0, 0, 1, 1], [0, 1, 1, 1]), n_permutations=-1)


def test_too_little_has_no_answer():
    with pytest.raises(NotApplicableError, match="one class only, 'a'"):
        label_shift(labelled(["a", "a", "a"], ["a", "a"]))
    with pytest.raises(NotApplicableError, match="sketch has one sample"):
        label_shift(labelled(["a", "b", "a"], ["a"]))
    with pytest.raises(NotApplicableError, match="one group"):
        label_shift(labelled(["a", "b", "a"], ["a", "b"], source=[1, 1, 1]))
    with pytest.raises(NotApplicableError, match="label_shift needs classes, which photo does not have"):
        label_shift(Pair(FeatureSet.of(np.ones((3, 1)), name="photo"), FeatureSet.of(np.ones((3, 1)), [0, 1, 1])))
    lonely = Pair(FeatureSet.of(np.arange(4.0)[:, None], ["a", "a", "a", "b"]), FeatureSet.of(np.ones((3, 1))))
    with pytest.raises(NotApplicableError, match="class 'b'"):
        label_shift(lonely)
