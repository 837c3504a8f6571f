from itertools import combinations

import numpy as np
import pytest
from scipy.stats import chisquare

from shiftscope.kernels import compiled, reference

WORD = 2**64


def seeds_of(count, rng=0):
    return np.random.default_rng(rng).integers(0, WORD, count, dtype=np.uint64)


def splitmix(seed, counter):
    """The generator in Python's own integers."""
    bits = (seed + counter * 0x9E3779B97F4A7C15) % WORD
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB % WORD
    return bits ^ (bits >> 31)


def test_generator_gives_its_published_stream():
    stream = [splitmix(1234567, counter) for counter in (1, 2, 3)]
    assert stream == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_columns_follow_selection_sampling(kernels):
    n, m, seeds = 7, 12, np.array([0, 1, WORD - 1, 1234567], dtype=np.uint64)
    members = kernels.permutation_members(n, m, seeds)
    for column, seed in enumerate(seeds.tolist(), start=1):
        needed = n
        for row in range(n + m):
            taken = splitmix(seed, row + 1) * (n + m - row) // WORD < needed
            assert members[row, column] == taken
            needed -= taken


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 6), (6, 1), (0, 3), (150, 51)])
def test_backends_agree_bit_for_bit(n, m):
    seeds = seeds_of(33)
    drawn = compiled.permutation_members(n, m, seeds)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, reference.permutation_members(n, m, seeds))


def test_first_column_is_the_identity_and_every_column_has_n_rows(kernels):
    members = kernels.permutation_members(40, 23, seeds_of(50))
    assert members.shape == (63, 51)
    np.testing.assert_array_equal(members[:, 0], np.arange(63) < 40)
    np.testing.assert_array_equal(members.sum(axis=0), 40)


def test_no_seeds_leave_the_identity(kernels):
    np.testing.assert_array_equal(kernels.permutation_members(1, 2, seeds_of(0)), [[1], [0], [0]])


def test_a_column_depends_on_its_own_seed_only(kernels):
    seeds = seeds_of(20)
    before = seeds.copy()
    together = kernels.permutation_members(30, 30, seeds)
    np.testing.assert_array_equal(seeds, before)
    alone = kernels.permutation_members(30, 30, seeds[7:8])
    np.testing.assert_array_equal(together[:, 8], alone[:, 1])


@pytest.mark.parametrize("draw_seeds", [seeds_of, lambda count: np.arange(count, dtype=np.uint64)])
def test_every_subset_is_equally_likely(draw_seeds):
    members = compiled.permutation_members(3, 4, draw_seeds(35_000))[:, 1:]
    codes = (1 << np.arange(7)) @ members.astype(np.int64)
    expected = sorted(sum(1 << row for row in rows) for rows in combinations(range(7), 3))
    values, counts = np.unique(codes, return_counts=True)
    assert values.tolist() == expected
    assert chisquare(counts).pvalue > 0.001
