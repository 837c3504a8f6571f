"""Step-down max-T: nothing is paid for tests that say the same, and the level is kept whatever they share."""

import numpy as np
import pytest
from scipy.stats import rankdata

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES
from shiftscope.measures._holm import holm
from shiftscope.measures._max_t import max_t
from shiftscope.measures._permutation import permuted_members, pvalue

SHARING = ("mmd", "energy", "kid", "c2st", "ks", "coverage", "label_shift")


def oracle(statistics):
    """Westfall and Young's procedure, step by step."""
    z = [(row - np.mean(row)) / np.std(row) for row in statistics]
    left, adjusted, least = list(range(len(z))), [0.0] * len(z), 0.0
    while left:
        first = max(left, key=lambda k: z[k][0])
        reached = sum(max(z[k][b] for k in left) >= z[first][0] - 1e-9 for b in range(len(z[0])))
        least = max(least, reached / len(z[0]))
        adjusted[first] = least
        left.remove(first)
    return adjusted


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_procedure_in_plain_words(seed):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=100)
    rows = [shared + rng.normal(size=100) * by for by in (0.1, 1.0, 3.0)] + [rng.exponential(size=100)]
    rows[1][0] += 4
    assert max_t(rows) == pytest.approx(oracle(rows))


def test_equal_tests_cost_nothing_and_units_do_not_matter():
    rng = np.random.default_rng(0)
    one = rng.normal(size=200)
    one[0] = 2.0
    assert max_t([one, 1000 * one + 7, one]) == [pvalue(one)] * 3
    assert holm([pvalue(one)] * 3)[0] == pytest.approx(3 * pvalue(one))


def test_a_test_that_never_varies_says_nothing():
    rng = np.random.default_rng(1)
    one = rng.normal(size=100)
    one[0] = 9.0
    assert max_t([np.zeros(100), one]) == [1.0, 0.01]


def test_it_keeps_the_level_over_all_tests_where_holm_is_too_careful():
    """Four correlated tests of a null: any false rejection at .05 in at most one of twenty draws."""
    rng, draws = np.random.default_rng(2), 4000
    fell = np.zeros(2)
    for _ in range(draws):
        rows = 0.9**0.5 * rng.normal(size=40) + 0.1**0.5 * rng.normal(size=(4, 40))
        alone = [float(p) for p in (41 - rankdata(rows, axis=1)[:, 0]) / 40]
        fell += [min(max_t(list(rows))) <= 0.05, min(holm(alone)) <= 0.05]
    # One-sided limit of a binomial of 4 000 at .05: 0.05 + 3.3 standard errors.
    assert fell[0] / draws <= 0.0614
    assert fell[0] / draws > 0.04
    assert fell[1] < 0.6 * fell[0]


@pytest.mark.parametrize("measure", SHARING)
def test_measures_hand_over_what_their_pvalue_came_from(measure):
    result = MEASURES[measure].run(pair(), target="t", backbone="b", rng=3, n_permutations=99)
    null = result.estimate.exchanged
    assert null.shape == (100,)
    assert pvalue(null) == result.estimate.pvalue
    assert "exchanged" not in result.model_dump()["estimate"]
    none = MEASURES[measure].run(pair(), target="t", backbone="b", rng=3, n_permutations=0)
    assert none.estimate.exchanged is None


# What the value has to do with the statistic, and how far float32, or ties that are broken, take the two apart.
STATISTIC = {
    "mmd": (lambda estimate: estimate.value, 1e-6),
    "energy": (lambda estimate: estimate.value, 1e-9),
    "kid": (lambda estimate: estimate.value, 1e-9),
    "ks": (lambda estimate: estimate.value, 1.1e-3),
    "coverage": (lambda estimate: -estimate.value, 1.1e-3),
    "label_shift": (lambda estimate: estimate.details["chi2"], 1e-9),
}


@pytest.mark.parametrize("measure", STATISTIC)
def test_all_of_them_exchange_the_same_samples(measure):
    """The statistic of an exchange is the value for the pair that it makes, the same one for every measure."""
    given, (statistic, apart) = pair(), STATISTIC[measure]
    members = permuted_members(given, 3, 5, choose())
    null = MEASURES[measure].run(given, target="t", backbone="b", rng=3, n_permutations=5).estimate.exchanged
    rows, names = given.pooled, np.array([*given.source.target.names(), *given.target.target.names()])
    for b in (1, 5):
        sides = (FeatureSet.of(rows[members[:, b] == side], names[members[:, b] == side]) for side in (1, 0))
        made = MEASURES[measure].run(Pair(*sides), target="t", backbone="b", rng=3, n_permutations=0).estimate
        assert null[b] == pytest.approx(statistic(made), abs=apart)


def test_coverage_of_a_part_of_the_samples_exchanges_others():
    unequal = Pair(pair().source, FeatureSet.of(np.random.default_rng(6).normal(size=(20, 4))))
    result = MEASURES["coverage"].run(unequal, target="t", backbone="b", rng=3, n_permutations=99)
    assert result.estimate.pvalue is not None
    assert result.estimate.exchanged is None


@pytest.mark.parametrize("variant", ["binned", "linear"])
def test_bins_and_signs_are_other_exchanges(variant):
    result = MEASURES["mmd"].run(pair(), target="t", backbone="b", rng=3, n_permutations=99, variant=variant, n_bins=10)
    assert result.estimate.pvalue is not None
    assert result.estimate.exchanged is None


def pair(d=4):
    rng = np.random.default_rng(5)
    sides = (rng.normal(size=(30, d)), rng.normal(size=(30, d)) + 0.3)
    return Pair(*(FeatureSet.of(x, np.array(list("abc") * 10)) for x in sides))
