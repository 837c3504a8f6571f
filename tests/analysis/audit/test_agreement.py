from functools import partial
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import rankdata

from shiftscope.analysis.audit.agreement import (
    MIN_GROUPS,
    STATISTICS,
    cluster_bootstrap,
    random_choice,
    regret,
    spearman,
    tau_b,
    top1,
    weighted_tau,
    weighted_tau_by_accuracy,
)
from shiftscope.errors import InputError

CORRELATIONS = [weighted_tau, weighted_tau_by_accuracy, tau_b, spearman]


def places(n=6, *, count=20, seed=0):
    """Scores and accuracies, most with many ties."""
    rng = np.random.default_rng(seed)
    tied = [(rng.integers(3, size=n).astype(float), rng.integers(4, size=n) / 10) for _ in range(count)]
    return [*tied, (rng.normal(size=n), rng.random(n))]


def pairwise_tau(x, y, weight):
    """Vigna 2015, eq. 4: <x, y> = sum over pairs of sign times sign times weight; tau = <x, y> / |x| |y|."""

    def product(u, v):
        pairs = combinations(range(len(u)), 2)
        return sum(np.sign(u[i] - u[j]) * np.sign(v[i] - v[j]) * weight[i, j] for i, j in pairs)

    return product(x, y) / np.sqrt(product(x, x) * product(y, y))


def hyperbolic(first, second):
    """Weights 1/(r+1) + 1/(s+1) with rank 0 for the largest ``first``, ties by the larger ``second``."""
    rank = np.empty(len(first))
    rank[np.lexsort((-second, -first))] = np.arange(len(first))
    return 1 / (rank[:, None] + 1) + 1 / (rank + 1)


def orders(score):
    """All orders of trying that random tie breaking can give, each as often as the others."""
    for shuffled in permutations(range(len(score))):
        yield sorted(shuffled, key=lambda i: -score[i])


def varied(s, a):
    return np.ptp(s) > 0 and np.ptp(a) > 0


@pytest.mark.parametrize("place", [p for p in places(7) if varied(*p)])
def test_correlations_are_what_their_definitions_say(place):
    s, a = place
    by_accuracy, by_score = hyperbolic(a, s), hyperbolic(s, a)
    assert weighted_tau_by_accuracy(s, a) == pytest.approx(pairwise_tau(s, a, by_accuracy), abs=1e-12)
    both = (pairwise_tau(s, a, by_accuracy) + pairwise_tau(s, a, by_score)) / 2
    assert weighted_tau(s, a) == pytest.approx(both, abs=1e-12)
    assert tau_b(s, a) == pytest.approx(pairwise_tau(s, a, np.ones((7, 7))), abs=1e-12)
    assert spearman(s, a) == pytest.approx(np.corrcoef(rankdata(s), rankdata(a))[0, 1], abs=1e-12)


@pytest.mark.parametrize("place", places(5))
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_choices_are_averages_over_all_orders_of_equal_scores(place, k):
    s, a = place
    lost = [a.max() - a[order[:k]].max() for order in orders(s)]
    assert regret(s, a, k) == pytest.approx(np.mean(lost), abs=1e-12)
    assert top1(s, a) == pytest.approx(np.mean([a[order[0]] == a.max() for order in orders(s)]), abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_random_choice_is_the_average_over_all_subsets(k):
    a = np.array([0.9, 0.5, 0.5, 0.7, 0.1, 0.9])
    lost = [0.9 - max(chosen) for chosen in combinations(a, k)]
    assert random_choice(a, k) == pytest.approx(np.mean(lost), abs=1e-12)


def test_a_perfect_and_a_reversed_order():
    a = np.array([0.3, 0.9, 0.5, 0.1])
    assert [function(np.exp(a), a) for function in CORRELATIONS] == pytest.approx([1.0] * 4)
    assert [function(-a, a) for function in CORRELATIONS] == pytest.approx([-1.0] * 4)
    assert (regret(a, a, 1), top1(a, a)) == (0.0, 1.0)
    assert (regret(-a, a, 1), top1(-a, a)) == (pytest.approx(0.8), 0.0)


@pytest.mark.parametrize("name", STATISTICS)
def test_only_the_order_of_scores_counts_and_not_that_of_candidates(name):
    function = STATISTICS[name].function
    mix = np.random.default_rng(0).permutation(6)
    for s, a in places(6):
        value = function(s, a)
        assert function(np.exp(s) - 7, a) == value
        assert function(s[mix], a[mix]) == (None if value is None else pytest.approx(value, abs=1e-12))


@pytest.mark.parametrize("name", STATISTICS)
def test_better_orders_have_better_values(name):
    function, larger_is_better = STATISTICS[name]
    rng = np.random.default_rng(1)
    a = rng.random((200, 8))
    noise = rng.normal(size=(200, 8))
    good, poor = (np.mean([function(*p) for p in zip(a + sd * noise, a, strict=True)]) for sd in (0.1, 1.0))
    assert (good > poor) == larger_is_better


def test_a_constant_predictor_says_nothing():
    a = np.array([0.3, 0.9, 0.5, 0.1])
    assert [function(np.full(4, 0.1), a) for function in CORRELATIONS] == [0.0] * 4
    assert regret(np.ones(4), a, 2) == random_choice(a, 2)
    assert top1(np.ones(4), a) == 0.25


def test_a_truth_without_order_cannot_be_foreseen_and_any_choice_is_right():
    s, a = np.arange(4), np.full(4, 0.7)
    assert [function(s, a) for function in CORRELATIONS] == [None] * 4
    assert (regret(s, a, 1), top1(s, a)) == (0.0, 1.0)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("name", STATISTICS)
def test_fewer_than_two_candidates_are_no_choice(name, n):
    assert STATISTICS[name].function([0.5] * n, [0.5] * n) is None


def test_taking_everything_is_no_choice():
    a = [0.1, 0.5, 0.3]
    assert regret(a, a, 3) is None
    assert random_choice(a, 3) is None
    assert regret(a, a, 2) == 0.0


@pytest.mark.parametrize("function", [*CORRELATIONS, partial(regret, k=1), top1])
@pytest.mark.parametrize(
    ("score", "message"), [([1, 2], "2 scores and 3 true"), ([1, np.nan, 2], "finite"), ([[1], [2], [3]], "one row")]
)
def test_scores_that_do_not_fit_are_refused(function, score, message):
    with pytest.raises(InputError, match=message):
        function(score, [0.1, 0.2, 0.3])


def test_a_choice_takes_at_least_one():
    with pytest.raises(InputError, match="k=0"):
        regret([1, 2], [0.1, 0.2], 0)


SIZES = np.array([8, 4, 2, 2, 2, 2, 2, 2])
GROUPS = np.repeat(list("abcdefgh"), SIZES)


def test_every_group_counts_once():
    value, low, high = cluster_bootstrap([1.0, 3.0, 10.0], ["a", "a", "b"], rng=0)
    assert (value, low, high) == (6.0, None, None)
    assert cluster_bootstrap([0.5], ["a"], rng=0) == (0.5, None, None)


def test_few_groups_have_no_interval():
    names = list("abcdefgh")
    for count in range(1, 8):
        _, low, high = cluster_bootstrap(np.arange(count), names[:count], rng=0)
        assert (low is None) == (high is None) == (count < MIN_GROUPS)


def test_intervals_hold_the_mean_and_stay_within_the_range_of_the_groups():
    values = np.random.default_rng(0).beta(4, 1, size=24)
    value, low, high = cluster_bootstrap(values, GROUPS, rng=0)
    means = [values[g == GROUPS].mean() for g in "abcdefgh"]
    assert value == pytest.approx(np.mean(means), abs=1e-12)
    assert min(means) <= low < value < high <= max(means)


def test_an_interval_of_equal_groups_holds_the_mean_in_spite_of_rounding():
    # The mean of twelve times 0.3 and that of a resample of them differ in the last bit.
    value, low, high = cluster_bootstrap(np.full(12, 0.3), list("abcdefghijkl"), rng=0)
    assert low <= value <= high == pytest.approx(0.3)


def test_equal_seeds_give_equal_intervals_in_any_order_of_places():
    values = np.random.default_rng(0).integers(100, size=24)
    mix = np.random.default_rng(1).permutation(24)
    once = cluster_bootstrap(values, GROUPS, rng=3)
    assert cluster_bootstrap(values[mix], GROUPS[mix], rng=3) == once
    assert cluster_bootstrap(values, GROUPS, rng=4) != once


def test_resampling_many_groups_gives_the_normal_interval():
    values = np.random.default_rng(0).normal(size=400)
    value, low, high = cluster_bootstrap(values, np.arange(400).astype(str), rng=0, n=20000)
    reach = 1.96 * values.std(ddof=1) / 20
    # A quantile at .025 of 20000 draws is known to 0.02 standard deviations.
    assert [low, high] == pytest.approx([value - reach, value + reach], abs=0.08 * reach)


def normal(rng):
    return rng.normal(size=8).repeat(SIZES) + rng.normal(size=24), 0.0


def correlations(rng):
    share = rng.beta(4, 1.5, size=8).repeat(SIZES)
    return 2 * rng.beta(3 * share, 3 * (1 - share)) - 1, 2 * 4 / 5.5 - 1


def regrets(rng):
    return (rng.random(24) < 0.5) * rng.exponential(size=24) * rng.exponential(size=8).repeat(SIZES), 0.5


@pytest.mark.parametrize(("world", "stated"), [(normal, 0.94), (correlations, 0.94), (regrets, 0.81)])
def test_coverage_with_eight_groups_is_the_stated_one(world, stated):
    rng = np.random.default_rng(0)
    held = []
    for seed in range(1000):
        values, truth = world(rng)
        _, low, high = cluster_bootstrap(values, GROUPS, rng=seed)
        held.append(low <= truth <= high)
    assert np.mean(held) == pytest.approx(stated, abs=3 * np.sqrt(stated * (1 - stated) / 1000))


@pytest.mark.parametrize(("values", "groups"), [([], []), ([0.1], ["a", "b"]), ([0.1, np.nan], ["a", "b"])])
def test_values_that_do_not_fit_their_groups_are_refused(values, groups):
    with pytest.raises(InputError):
        cluster_bootstrap(values, groups, rng=0)
