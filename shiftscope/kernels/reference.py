"""The numbers in plain NumPy and float64: written to be read, and the oracle of the faster backends.

``compiled`` and ``tensor`` offer faster functions under the same names; :func:`shiftscope.kernels.choose`
lays them over these one by one. NumPy arrays come in and NumPy arrays go out, in every backend. The functions
around one eigendecomposition stand in ``ridge``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.kernels.ridge import Floats, eigh_gram, ridge_gcv, ridge_held_out, tiles

__all__ = [
    "MmdSums",
    "eigh_gram",
    "mmd_sums",
    "nearest",
    "permutation_members",
    "ridge_gcv",
    "ridge_held_out",
]

# splitmix64 (Steele, Lea and Flood, OOPSLA 2014): its step and its two mixing factors.
STEP = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB


class MmdSums(NamedTuple):
    """The sums over a kernel matrix K with zero diagonal from which every MMD statistic follows.

    Attributes
    ----------
    quadratic : (B+1,) float64
        v'Kv for every column v of ``members``.
    row_sums : (N,) float64
        K1.
    total : float
        1'K1.
    to_first : (N,) float64
        The sum of each row over the first n columns: the witness function needs it.
    """

    quadratic: Floats
    row_sums: Floats
    total: float
    to_first: Floats


def permutation_members(n: int, m: int, seeds: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Draw B uniformly random subsets of n out of n+m rows, one for each seed.

    Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S): a row is taken with probability
    (rows still needed) / (rows still to come). The random bits of row i in column b are splitmix64 of
    ``seeds[b]`` at counter i+1, in integers only: every backend and machine draws the same subsets.

    Parameters
    ----------
    n, m : int
        Sizes of the two samples.
    seeds : (B,) uint64
        One seed for each permutation.

    Returns
    -------
    (n+m, B+1) uint8
        Column 0 marks the first n rows (the identity); column b+1 marks the subset of ``seeds[b]``.

    Notes
    -----
    O((n+m) B) time, one byte for each entry. The probability of a row is off by less than (n+m) / 2**64.
    """
    total = n + m
    members = np.empty((total, seeds.size + 1), dtype=np.uint8)
    members[:, 0] = np.arange(total) < n
    needed = np.full(seeds.size, n, dtype=np.uint64)
    state = np.array(seeds, dtype=np.uint64)
    for row in range(total):
        state += np.uint64(STEP)
        taken = _scaled(_mixed(state), total - row) < needed
        members[row, 1:] = taken
        needed -= taken
    return members


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output function of splitmix64: 64 well mixed bits of a counter."""
    bits = (state ^ (state >> np.uint64(30))) * np.uint64(MIX_1)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(MIX_2)
    return bits ^ (bits >> np.uint64(31))


def _scaled(bits: NDArray[np.uint64], bound: int) -> NDArray[np.uint64]:
    """Map 64 random bits to 0 .. bound-1 (bound < 2**32): the upper half of the product ``bits * bound``."""
    low = (bits & np.uint64(0xFFFFFFFF)) * np.uint64(bound)
    high = (bits >> np.uint64(32)) * np.uint64(bound)
    return (high + (low >> np.uint64(32))) >> np.uint64(32)


def scaled_rows(z: NDArray[np.floating[Any]], bandwidth: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Centre z and divide by the bandwidth: then k(zi, zj) = exp(zi.zj - |zi|^2/2 - |zj|^2/2).

    Returns the rows and half their squared norms, in the type of z. Centring keeps the three terms small, so
    that their difference keeps its digits.
    """
    if not bandwidth > 0:
        raise ValueError(f"bandwidth is {bandwidth}; give a positive number.")
    centre = z.mean(axis=0, dtype=np.float64).astype(z.dtype)
    rows = np.ascontiguousarray((z - centre) * z.dtype.type(1.0 / bandwidth))
    return rows, np.einsum("ij,ij->i", rows, rows) / 2


def mmd_sums(
    z: NDArray[np.floating[Any]], bandwidth: float, members: NDArray[np.uint8], *, n: int, tile: int = 512
) -> MmdSums:
    """Sum a Gaussian kernel matrix over many subsets of its rows without ever holding the matrix.

    K_ij = exp(-|zi - zj|^2 / (2 bandwidth^2)) off the diagonal, K_ii = 0. For the sake of the reader every
    tile is computed here; the faster backends compute the tiles on and above the diagonal and count the
    latter twice, since K is symmetric.

    Parameters
    ----------
    z : (N, d) float
        The pooled sample, the n rows of the first sample on top.
    bandwidth : float
        Positive, in units of z.
    members : (N, B+1) uint8
        0/1 columns from :func:`permutation_members`.
    n : int
        Size of the first sample.
    tile : int
        Rows and columns of a tile.

    Returns
    -------
    MmdSums

    Raises
    ------
    ValueError
        When ``bandwidth`` is not positive.

    Notes
    -----
    2 N^2 (d + B) floating point operations and N^2 exponentials here, half of both in the faster backends.
    Memory: 2 copies of z and tile (tile + 2 B) numbers.

    Fails when the bandwidth is far below the spread of z in float32: the exponents lose their last digits.
    """
    rows, half = scaled_rows(z.astype(np.float64), bandwidth)
    total = len(rows)
    first = np.arange(total) < n
    quadratic, row_sums, to_first = np.zeros(members.shape[1]), np.zeros(total), np.zeros(total)
    for I in tiles(total, tile):
        for J in tiles(total, tile):
            kernel = np.exp(np.minimum(rows[I] @ rows[J].T - half[I, None] - half[J], 0.0))
            if I == J:
                np.fill_diagonal(kernel, 0.0)
            row_sums[I] += kernel.sum(axis=1)
            to_first[I] += kernel @ first[J]
            quadratic += np.einsum("ib,ib->b", members[I], kernel @ members[J])
    return MmdSums(quadratic, row_sums, float(row_sums.sum()), to_first)


def nearest(
    x: NDArray[np.floating[Any]], k: int, folds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each row, the k rows of other folds with the highest cosine similarity, best first.

    Similarities are compared after rounding to float32, so that equal rows tie; ties go to the lower index.

    Parameters
    ----------
    x : (n, d) float
    k : int
        Neighbours for each row.
    folds : (n,) int
        Rows of one fold never see each other; ``np.arange(n)`` leaves one out.

    Returns
    -------
    indices : (n, k) int64
        -1 where other folds hold fewer than k rows.
    similarity : (n, k) float32
        Cosine in [-1, 1]; 0 where either row is zero and where there is no neighbour.

    Notes
    -----
    O(n^2 d + n^2 log n) time, O(n d) memory plus one block of rows. Fails when features are not centred in a
    way that makes angles meaningful: all similarities are then close to 1.
    """
    unit, every = unit_rows(x), np.arange(len(x))
    indices = np.empty((len(x), k), dtype=np.int64)
    similarity = np.empty((len(x), k), dtype=np.float32)
    for block in tiles(len(x), 256):
        indices[block], similarity[block] = nearest_of(every[block], unit, k, folds)
    return indices, similarity


def nearest_of(
    rows: NDArray[np.intp], unit: Floats, k: int, folds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What :func:`nearest` gives for some ``rows`` of ``unit`` (n, d), all of length 1 or 0."""
    indices = np.full((len(rows), k), -1, dtype=np.int64)
    similarity = np.zeros((len(rows), k), dtype=np.float32)
    kept = min(k, len(unit))
    cosine = (unit[rows] @ unit.T).astype(np.float32)
    cosine[folds[rows, None] == folds] = -np.inf
    order = np.argsort(-cosine, axis=1, kind="stable")[:, :kept]
    best = np.take_along_axis(cosine, order, axis=1)
    indices[:, :kept] = np.where(np.isfinite(best), order, -1)
    similarity[:, :kept] = np.where(np.isfinite(best), best, 0.0)
    return indices, similarity


def unit_rows(x: NDArray[np.floating[Any]]) -> Floats:
    """The rows of x in float64 at length 1; zero rows stay zero."""
    rows = x.astype(np.float64)
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.where(length > 0, length, 1.0)[:, None]
    return rows
