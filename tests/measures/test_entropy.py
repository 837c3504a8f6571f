from itertools import permutations

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import expected_mutual_information

from shiftscope.measures._entropy import (
    _chance_information,
    conditional_entropy,
    entropy,
    explained_share,
    joint_counts,
)


def codes(n, n_rows, n_columns, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.integers(n_rows, size=n)
    return rows, np.where(rng.random(n) < 0.4, rows % n_columns, rng.integers(n_columns, size=n))


def test_entropies_are_those_of_scipy_and_sklearn():
    rows, columns = codes(200, 12, 5)
    table = joint_counts(rows, columns)
    whole = scipy_entropy(np.bincount(columns))
    assert entropy(np.bincount(columns)) == pytest.approx(whole, rel=1e-12)
    assert conditional_entropy(table) == pytest.approx(whole - mutual_info_score(rows, columns), rel=1e-12)


def test_codes_may_have_gaps():
    rows, columns = codes(200, 12, 5)
    np.testing.assert_array_equal(joint_counts(7 * rows, 100 - columns), joint_counts(rows, columns)[:, ::-1])


@pytest.mark.parametrize(("rows", "columns"), [([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0]), ([0, 0, 0, 1], [0, 1, 0, 0])])
def test_chance_is_the_mean_over_all_permutations(rows, columns):
    every = [mutual_info_score(rows, p) for p in permutations(columns)]
    found = _chance_information(np.bincount(rows), np.bincount(columns), len(rows))
    assert found == pytest.approx(np.mean(every), rel=1e-12)


@pytest.mark.parametrize(("n", "n_rows", "n_columns"), [(30, 3, 2), (200, 100, 5), (2000, 1000, 40), (50, 2, 40)])
def test_chance_is_that_of_sklearn(n, n_rows, n_columns):
    table = joint_counts(*codes(n, n_rows, n_columns))
    found = _chance_information(table.sum(axis=1), table.sum(axis=0), n)
    assert found == pytest.approx(expected_mutual_information(table, n), rel=1e-9)


def test_the_share_is_0_by_chance_and_1_where_rows_decide():
    rows, columns = codes(300, 80, 6)
    rng = np.random.default_rng(1)
    shares = [explained_share(joint_counts(rows, rng.permutation(columns))) for _ in range(200)]
    assert abs(np.mean(shares)) < 3 * np.std(shares, ddof=1) / np.sqrt(200)
    assert explained_share(joint_counts(rows, rows % 6)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(np.arange(9), np.arange(9) % 3), (np.arange(9) % 3, np.zeros(9, int))])
def test_where_chance_explains_everything_nothing_is_left(rows, columns):
    assert explained_share(joint_counts(rows, columns)) == 0.0
