from itertools import combinations

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES
from shiftscope.measures._permutation import null_details, permuted_members, pvalue, smallest_pvalue


def pair_of(n, m, *, source=None, target=None):
    rng = np.random.default_rng(0)
    return Pair(
        FeatureSet.of(rng.standard_normal((n, 2)), groups=source),
        FeatureSet.of(rng.standard_normal((m, 2)), groups=target),
    )


@pytest.mark.parametrize(
    ("statistics", "expected"),
    [
        ([2.0, 1.0, 1.5, 0.0], 1 / 4),
        ([1.0, 1.0, 1.5, 0.0], 3 / 4),
        ([0.0, 1.0, 1.5, 0.0], 1.0),
        ([1.0, 1.0 - 1e-14, 1.0 + 1e-14, 0.0, 0.0], 3 / 5),
        ([-3.0, -3.0, -3.0], 1.0),
    ],
)
def test_pvalue_counts_the_observed_and_ties(statistics, expected):
    assert pvalue(np.array(statistics)) == expected


def test_pvalue_over_all_choices_is_that_of_the_enumeration():
    rng = np.random.default_rng(1)
    z = rng.standard_normal(8)
    z[:4] += 1.0
    statistics = np.array([abs(z[list(c)].sum() - z.sum() / 2) for c in combinations(range(8), 4)])
    assert pvalue(statistics) == np.mean(statistics >= statistics[0] - 1e-9)


@pytest.mark.parametrize(
    ("pair", "n_permutations", "expected"),
    [
        (pair_of(30, 30), 999, 1 / 1000),
        (pair_of(3, 3), 999, 2 / 20),
        (pair_of(2, 3), 999, 1 / 10),
        (pair_of(2, 3), 4, 1 / 5),
        (pair_of(4, 9, source=[1, 1, 2, 2], target=[0, 0, 0, 1, 1, 1, 2, 2, 2]), 999, 1 / 10),
        (pair_of(2000, 1500), 99, 1 / 100),
    ],
)
def test_smallest_pvalue(pair, n_permutations, expected):
    assert smallest_pvalue(pair, n_permutations) == pytest.approx(expected)


@pytest.mark.parametrize("kernel", ["gaussian", "laplace", "rational_quadratic"])
def test_a_set_and_its_complement_tie(kernel):
    # Rounding of float32 kernels may not break what is equal: both sides exchanged are the same comparison.
    rng, missed = np.random.default_rng(0), 0
    for _ in range(20):
        pair = Pair(*(FeatureSet.of(rng.normal(size=(5, 3))) for _ in range(2)))
        statistics = MEASURES["mmd"](pair, kernel=kernel, n_permutations=199, rng=0).exchanged
        members = permuted_members(pair, 0, 199, choose())
        same = (members == members[:, :1]).all(axis=0) | (members != members[:, :1]).all(axis=0)
        missed += pvalue(statistics) < same.mean()
    assert missed == 0


def test_members_depend_on_seed_and_sizes_only():
    kernels = choose("cpu", "reference")
    members = permuted_members(pair_of(5, 7), 3, 20, kernels)
    assert members.shape == (12, 21)
    assert (members.sum(axis=0) == 5).all()
    assert (members == permuted_members(pair_of(5, 7), 3, 20, choose())).all()
    assert (members != permuted_members(pair_of(5, 7), 4, 20, kernels)).any()


def test_null_of_equal_statistics_can_be_drawn():
    details = null_details(np.full(20, 0.25))
    assert sum(details["null_counts"]) == 19
    assert set(details["null_quantiles"].values()) == {0.25}
