"""The numbers in plain NumPy and float64: written to be read, and the oracle of the faster backends.

``compiled`` and ``tensor`` offer faster functions under the same names; :func:`shiftscope.kernels.choose`
lays them over these one by one. NumPy arrays come in and NumPy arrays go out, in every backend. The functions
around one eigendecomposition stand in ``ridge``, those of inner products in ``sums``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.kernels.ridge import Floats, eigh_gram, ridge_gcv, ridge_held_out, tiles
from shiftscope.kernels.sums import MmdSums, inner_sums

__all__ = [
    "eigh_gram",
    "inner_sums",
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
    """Centre z and divide by the bandwidth: then -|zi - zj|^2/(2 bandwidth^2) = zi.zj - |zi|^2/2 - |zj|^2/2.

    Returns the rows and half their squared norms, in the type of z. Centring keeps the three terms small, so
    that their difference keeps its digits.
    """
    centre = z.mean(axis=0, dtype=np.float64).astype(z.dtype)
    rows = np.subtract(z, centre, order="C")
    rows *= z.dtype.type(1.0 / bandwidth)
    return rows, np.einsum("ij,ij->i", rows, rows) / 2


def scales_of(bandwidths: Sequence[float]) -> list[float]:
    """Factors that turn exponents at the first bandwidth into those at each: the first is 1."""
    for bandwidth in bandwidths:
        if not bandwidth > 0:
            raise ValueError(f"bandwidth is {bandwidth}; give a positive number.")
    return [(bandwidths[0] / bandwidth) ** 2 for bandwidth in bandwidths]


SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "gaussian": np.exp,
    "laplace": lambda exponent: np.exp(-np.sqrt(-2 * exponent)),
    "rational_quadratic": lambda exponent: 1 / (1 - exponent),
}
# Where a root is taken, exponents within this many units in the last place of the squared norms are 0: copies have
# distance 0, and the root of what rounding leaves of it is not small.
LAST_PLACES = 32


def mmd_sums(
    z: NDArray[np.floating[Any]],
    bandwidths: Sequence[float],
    members: NDArray[np.uint8],
    *,
    n: int,
    kernel: str = "gaussian",
    bins: NDArray[np.int64] | None = None,
    tile: int = 512,
) -> list[MmdSums]:
    """Sum kernel matrices over many subsets of their rows without ever holding a matrix.

    With e = -|zi - zj|^2 / (2 bandwidth^2), and K_ii = 0, K_ij is exp(e) (``gaussian``), exp(-sqrt(-2e))
    (``laplace``: the Euclidean distance, not that of the sum of coordinates) or 1/(1 - e) (``rational_quadratic``).
    For the sake of the reader every tile is computed here; the faster backends compute the tiles on and above the
    diagonal and count the latter twice, since K is symmetric. Distances are computed once for all bandwidths.

    Parameters
    ----------
    z : (N, d) float
        The pooled sample, the n rows of the first sample on top.
    bandwidths : (K,) float
        Positive, in units of z.
    members : (U, B+1) uint8
        0/1 columns from :func:`permutation_members`, one row for each row of z (U = N) or for each bin.
    n : int
        Size of the first sample.
    kernel : str
    bins : (N,) int64, optional
        Which row of ``members`` each row of z follows. Faster where rows of one bin stand together.
    tile : int
        Rows and columns of a tile.

    Returns
    -------
    list of MmdSums
        One for each bandwidth.

    Raises
    ------
    ValueError
        When a bandwidth is not positive.

    Notes
    -----
    2 N^2 (d + B K) floating point operations and N^2 K exponentials here, half of both in the faster backends, which
    spend N^2 (d + K) + 2 U^2 B K with bins. Memory: 2 copies of z and tile (tile + 2 B) numbers, or U^2 K with bins.

    Fails when a bandwidth is far below the spread of z in float32: the exponents lose their last digits.
    """
    scales, shape = scales_of(bandwidths), SHAPES[kernel]
    rows, half = scaled_rows(z.astype(np.float64), bandwidths[0])
    total, dust = len(rows), LAST_PLACES * np.finfo(np.float64).eps
    first, own = np.arange(total) < n, np.arange(total) if bins is None else bins
    quadratics, sums = np.zeros((len(scales), members.shape[1])), np.zeros((len(scales), 2, total))
    squares = np.zeros(len(scales))
    for I in tiles(total, tile):
        for J in tiles(total, tile):
            exponent = np.minimum(rows[I] @ rows[J].T - half[I, None] - half[J], 0.0)
            if kernel == "laplace":
                exponent[exponent >= -dust * (half[I, None] + half[J])] = 0.0
            for k, (row_sums, to_first) in enumerate(sums):
                values = shape(exponent * scales[k])
                if I == J:
                    np.fill_diagonal(values, 0.0)
                row_sums[I] += values.sum(axis=1)
                to_first[I] += values @ first[J]
                squares[k] += np.square(values).sum()
                quadratics[k] += np.einsum("ib,ib->b", members[own[I]], values @ members[own[J]])
    parts = zip(quadratics, sums, squares, strict=True)
    return [MmdSums(q, rows_of, to_first, np.ones(total), float(square)) for q, (rows_of, to_first), square in parts]


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
