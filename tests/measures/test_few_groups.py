"""Whole groups are exchanged, so few groups allow few exchanges: then there is no test, and a word on why."""

from math import comb

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import NotApplicableError
from shiftscope.measures import MEASURES

TESTED = [name for name in MEASURES if MEASURES[name].pvalue != "none"]
every_tested = pytest.mark.parametrize("name", TESTED)


def pair_of(n, m, *, each=8, grouped=(True, True)):
    """``n`` groups of ``each`` samples against ``m`` of them; three classes within every group."""
    rng = np.random.default_rng(0)
    sides = []
    for size, with_groups in zip((n, m), grouped, strict=True):
        groups = np.repeat(np.arange(size), each)
        rows = rng.standard_normal((len(groups), 4))
        sides.append(FeatureSet.of(rows, np.arange(len(rows)) % 3, groups=groups if with_groups else None))
    return Pair(*sides)


def result(name, pair, **options):
    return MEASURES[name].run(pair, target="t", backbone="b", rng=0, **options)


def test_measures_with_a_test_are_known():
    assert set(TESTED) == {"mmd", "energy", "kid", "c2st", "ks", "coverage", "label_shift", "conditional"}


@every_tested
def test_too_few_groups_for_a_test_say_which_pvalue_they_allow(name):
    # Exchanging both sides leaves all statistics as they are but that of coverage.
    n_groups = 2 if name == "coverage" else 3
    refused = result(name, pair_of(n_groups, n_groups))
    assert refused.status == "not_applicable"
    # Classes within groups are tested one by one: of three p-values the least counts threefold.
    least = {"conditional": 0.3, "coverage": 0.17}.get(name, 0.1)
    assert f"no p-value below {least}." in refused.reason
    assert f"{n_groups} groups" in refused.reason
    assert "set n_permutations to 0" in refused.reason


@every_tested
def test_without_a_test_few_groups_have_a_value(name):
    made = result(name, pair_of(3, 3), n_permutations=0)
    assert made.status == "ok"
    assert made.estimate.pvalue is None


@pytest.mark.parametrize(
    ("n", "m", "allowed"), [(2, 5, True), (2, 4, False), (3, 4, True), (4, 4, True), (3, 3, False)]
)
def test_least_number_of_groups_is_that_which_reaches_the_level(n, m, allowed):
    least = (1 + (n == m)) / comb(n + m, n)
    assert (least <= 0.05) == allowed
    made = result("mmd", pair_of(n, m))
    assert made.status == ("ok" if allowed else "not_applicable")
    if allowed:
        assert made.estimate.details["smallest_pvalue"] == pytest.approx(least)
        assert made.estimate.pvalue >= least


@pytest.mark.parametrize(
    ("variant", "groups", "allowed"),
    [("binned", 4, True), ("binned", 3, False), ("linear", 8, False), ("linear", 10, True)],
)
def test_variants_count_their_own_exchanges(variant, groups, allowed):
    made = result("mmd", pair_of(groups, groups), variant=variant)
    assert made.status == ("ok" if allowed else "not_applicable")


def test_few_permutations_or_few_single_samples_are_no_reason_to_refuse():
    # 1/(B + 1) is above 0.05, but more permutations would help.
    assert MEASURES["mmd"](pair_of(6, 6), rng=0, n_permutations=9).details["smallest_pvalue"] == 0.1
    assert MEASURES["mmd"](pair_of(3, 3), rng=0, n_permutations=9).details["smallest_pvalue"] == 0.1
    made = MEASURES["mmd"](pair_of(3, 3, each=1, grouped=(False, False)), rng=0)
    assert made.details["smallest_pvalue"] == 0.1
    assert made.pvalue >= 0.1


def test_one_side_with_groups_is_enough_to_refuse():
    with pytest.raises(NotApplicableError, match="has 2 groups and data 4 samples"):
        MEASURES["mmd"](pair_of(2, 4, each=1, grouped=(True, False)))


@every_tested
@pytest.mark.parametrize("n_permutations", [1, 9, 99])
def test_pvalues_are_never_below_one_of_all_draws(name, n_permutations):
    rng = np.random.default_rng(1)
    classes = np.arange(60) % 3
    near = FeatureSet.of(rng.standard_normal((60, 3)) + classes[:, None], classes)
    far = FeatureSet.of(rng.standard_normal((60, 3)) + classes[:, None] + 9, np.arange(60) // 50)
    for pair in (Pair(near, far), Pair(near, near)):
        p = MEASURES[name](pair, rng=0, n_permutations=n_permutations).pvalue
        # Holm would multiply; within single classes exchanges are drawn together.
        assert 1 / (n_permutations + 1) <= p * (1 + 1e-12)
        assert p <= 1
    shifted = MEASURES[name](Pair(near, far), rng=0, n_permutations=99).pvalue
    assert shifted == pytest.approx(0.01)
