import numpy as np
import pytest
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._sides import first_rows
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures.shift.joint_error import _equal_sides

joint_error = MEASURES["joint_error"]
# Two normal classes that are two standard deviations apart.
BAYES = norm.cdf(-1)


def side(seed, n, d=5, *, opposite=False, share=0.5, name="photo", groups=None):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(int)
    x = rng.standard_normal((n, d))
    x[:, 0] += 2 * y - 1
    return FeatureSet.of(x, 1 - y if opposite else y, name=name, groups=groups)


def pair_of(seed, n, m, d=5, **target):
    return Pair(side(seed, n, d), side(seed + 10_000, m, d, name="sketch", **target))


def refitted(features, seed):
    """Errors of one scikit-learn probe a fold, held out."""
    fold, penalties = folds(features, seed), fold_penalties(features, seed) * spectrum(features).values[0]
    x, marks, errors = features.features.astype(float), features.target.matrix, np.empty(features.n)
    for i, penalty in enumerate(penalties):
        own = fold == i
        scores = Ridge(alpha=penalty, solver="svd").fit(x[~own], marks[~own]).predict(x[own])
        scores += marks.mean(axis=0) - marks[~own].mean(axis=0)
        errors[own] = scores.argmax(axis=1) != features.target.values[own]
    return errors


@pytest.mark.parametrize(("n", "m", "d"), [(60, 60, 4), (50, 90, 70)])
def test_errors_equal_those_of_refitted_probes(n, m, d):
    pair = pair_of(1, n, m, d, opposite=True)
    found = joint_error(pair, rng=3).details
    sides = [s.take(first_rows(s, min(n, m))) for s in (pair.source, pair.target)]
    both = FeatureSet.of(
        np.concatenate([s.features for s in sides]),
        np.concatenate([s.target.values for s in sides]),
        keys=[b"%d%04d" % (i, j) for i, s in enumerate(sides) for j in range(s.n)],
    )
    together = refitted(both, 3).reshape(2, -1).mean(axis=1)
    own = [refitted(s, 3).mean() for s in sides]
    assert (found["source_error"], found["target_error"]) == pytest.approx(tuple(together))
    assert (found["source_own"], found["target_own"]) == pytest.approx(tuple(own))
    assert found["excess"] == pytest.approx(together.sum() - sum(own))
    assert found["own"] == pytest.approx(sum(own))
    assert found["size"] == min(n, m)


def test_one_relation_costs_the_two_bayes_errors_and_no_more():
    found = [joint_error(pair_of(s, 400, 400), rng=s) for s in range(30)]
    values = np.array([e.value for e in found])
    assert values.mean() == pytest.approx(2 * BAYES, abs=0.01)
    assert np.mean([e.details["excess"] for e in found]) == pytest.approx(0.0, abs=0.01)
    assert np.mean([e.low <= 2 * BAYES <= e.high for e in found]) > 0.9
    assert np.mean([e.details["excess_low"] > 0 for e in found]) <= 0.11  # 0.025 + 3 standard errors of the share


def test_opposite_labels_cost_one_whatever_the_classes():
    found = [joint_error(pair_of(s, 300, 300, opposite=True), rng=s) for s in range(20)]
    assert np.mean([e.value for e in found]) == pytest.approx(1.0, abs=0.05)
    assert all(e.details["excess_low"] > 0.4 for e in found)
    assert np.mean([e.details["own"] for e in found]) == pytest.approx(2 * BAYES, abs=0.02)


def test_the_spread_of_the_excess_is_known():
    found = [joint_error(pair_of(s, 150, 150, d=10), rng=s) for s in range(80)]
    excess = np.array([e.details["excess"] for e in found])
    claimed = np.mean([e.details["excess_high"] - e.details["excess_low"] for e in found]) / 3.92
    assert claimed == pytest.approx(excess.std(ddof=1), rel=0.25)
    # The interval of the value is too wide rather than too narrow.
    values = np.array([e.value for e in found])
    assert 1.0 < np.mean([e.high - e.low for e in found]) / 3.92 / values.std(ddof=1) < 1.8


def test_agrees_with_discriminant_analysis_of_both_sides():
    pair = pair_of(0, 1500, 1500, opposite=False)
    y = np.concatenate([pair.source.target.values, pair.target.target.values])
    wrong = LinearDiscriminantAnalysis().fit(pair.pooled, y).predict(pair.pooled) != y
    assert joint_error(pair, rng=0).value == pytest.approx(wrong.reshape(2, -1).mean(axis=1).sum(), abs=0.01)


def test_the_larger_side_does_not_outvote_the_smaller():
    found = joint_error(pair_of(0, 2000, 100, opposite=True), rng=0)
    assert found.details["size"] == 100
    assert found.value > 0.8
    assert found.details["target_error"] < 0.7


def test_classes_are_matched_by_name_and_others_left_out():
    rng = np.random.default_rng(0)

    def named(name, names, codes):
        y = np.repeat(codes, 30)
        return FeatureSet.of(5 * np.eye(5)[y] + rng.standard_normal((len(y), 5)), np.array(names)[y], name=name)

    source = named("photo", ["ant", "bee", "cat", "dog", "elk"], [0, 1, 2])
    target = named("sketch", ["", "bee", "cat", "dog", "elk"], [1, 2, 3, 4])
    found = joint_error(Pair(source, target), rng=0)
    assert found.details["n_classes"] == 2
    assert found.value < 0.1
    # The same things under each other's names.
    crossed = named("sketch", ["", "cat", "bee", "dog", "elk"], [1, 2, 3, 4])
    assert joint_error(Pair(source, crossed), rng=0).value > 0.7
    with pytest.raises(
        NotApplicableError, match="photo and sketch have 2 samples each, of 90 and 90 compared, is 1: joint_error"
    ):
        joint_error(Pair(source, named("sketch", ["ant", "", "", "fox", "owl"], [0, 3, 4])), rng=0)


def shares_of(name, counts, *, seed=0, groups=None):
    """One normal class beside the other, ``counts`` samples of each."""
    y = np.repeat(np.arange(len(counts)), counts)
    x = 2 * np.eye(len(counts))[y] + np.random.default_rng(seed).standard_normal((len(y), len(counts)))
    return FeatureSet.of(x, y, name=name, groups=groups)


@pytest.mark.parametrize("seed", range(4))
def test_sides_stay_equal_where_a_class_is_lost_by_the_cut(seed):
    cut = _equal_sides(Pair(shares_of("photo", [8, 600, 392], seed=seed), shares_of("sketch", [60, 20, 20])))
    assert cut.source.n == cut.target.n
    assert min(cut.source.target.counts) >= 2
    assert cut.source.target.class_names == cut.target.target.class_names


def test_the_reason_counts_what_was_compared():
    pair = Pair(shares_of("photo", [1997, 3]), shares_of("sketch", [3, 97], seed=1))
    size = r"of \d+ and \d+ compared, is [01]"
    with pytest.raises(NotApplicableError, match=f"photo and sketch have 2 samples each, {size}: joint_error"):
        joint_error(pair, rng=0)


def test_a_class_within_one_group_is_not_held_to_be_predicted():
    groups = np.r_[np.zeros(60), 1 + np.arange(40)]
    pair = Pair(*(shares_of(name, [60, 20, 20], seed=i, groups=groups) for i, name in enumerate(["photo", "sketch"])))
    assert joint_error(pair, rng=0).details["source_own"] >= 0.6


def test_numbers_and_their_names_are_the_same_classes_in_another_order():
    rng = np.random.default_rng(1)
    y = np.repeat([2, 10, 9], 30)
    x = 5 * np.eye(11)[y][:, [2, 9, 10]] + rng.standard_normal((90, 3))
    numbers, words = FeatureSet.of(x, y), FeatureSet.of(x, y.astype(str))
    assert numbers.target.class_names != words.target.class_names
    assert joint_error(Pair(numbers, words), rng=0).value < 0.1


def test_groups_are_never_in_two_folds():
    # Every group has labels of its own that only its near-copies could tell.
    rng = np.random.default_rng(0)
    sides = []
    for name in ("photo", "sketch"):
        group = np.repeat(np.arange(40), 6)
        x = rng.standard_normal((40, 60))[group] + 0.01 * rng.standard_normal((240, 60))
        sides.append((x, rng.integers(2, size=40)[group], group, name))
    plain = joint_error(Pair(*(FeatureSet.of(x, y, name=name) for x, y, _, name in sides)), rng=0)
    grouped = joint_error(Pair(*(FeatureSet.of(x, y, name=name, groups=g) for x, y, g, name in sides)), rng=0)
    assert plain.value < 0.6
    assert grouped.value == pytest.approx(1.0, abs=0.3)
    assert grouped.high - grouped.low > 1.5 * (plain.high - plain.low)


def test_single_samples_have_no_answer():
    with pytest.raises(NotApplicableError, match="photo has one sample: joint_error"):
        joint_error(pair_of(0, 1, 30))
    with pytest.raises(NotApplicableError, match="one group"):
        joint_error(pair_of(0, 30, 30, groups=[0] * 30))
