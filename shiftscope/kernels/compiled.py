"""numba where it beats the reference by 2x: loops fused around BLAS tiles.

Matrix products stay with BLAS (``np.dot`` into buffers allocated once); numba does what surrounds them in one
pass over a tile that is still in cache. Everything runs in one thread of its own, in a fixed order: with a
fixed number of BLAS threads two runs agree to the last bit. Functions without a 2x gain are not here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.kernels.compiled_mmd import mmd_sums
from shiftscope.kernels.jit import SUMS, compiled
from shiftscope.kernels.reference import MIX_1, MIX_2, STEP, nearest_of, unit_rows
from shiftscope.kernels.ridge import Floats, tiles

__all__ = ["mmd_sums", "nearest", "permutation_members"]

# Rows and columns of a tile of similarities: 512 was faster than 128 and 256 at n = 3000, d = 512.
TILE = 512
# Candidates beyond the nearest rows that are asked for: the last must lie below them by more than float32 errs.
SPARE = 11


def permutation_members(n: int, m: int, seeds: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """As :func:`shiftscope.kernels.reference.permutation_members`, bit for bit."""
    members = np.empty((n + m, seeds.size + 1), dtype=np.uint8)
    members[:, 0] = np.arange(n + m) < n
    needed = np.full(seeds.size, n, dtype=np.uint64)
    _draw(np.array(seeds, dtype=np.uint64), needed, members)
    return members


# numba turns uint64 mixed with Python's int into float64, so every constant is a uint64.
_STEP, _MIX_1, _MIX_2 = np.uint64(STEP), np.uint64(MIX_1), np.uint64(MIX_2)
_U27, _U30, _U31, _U32 = (np.uint64(shift) for shift in (27, 30, 31, 32))
_LOW = np.uint64(0xFFFFFFFF)


@compiled()
def _draw(seeds: NDArray[np.uint64], needed: NDArray[np.uint64], members: NDArray[np.uint8]) -> None:
    """Selection sampling, the columns of one row side by side so that they vectorise."""
    state = np.uint64(0)
    for row in range(len(members)):
        state += _STEP
        bound = np.uint64(len(members) - row)
        marks = members[row, 1:]
        for b in range(len(seeds)):
            bits = seeds[b] + state
            bits = (bits ^ (bits >> _U30)) * _MIX_1
            bits = (bits ^ (bits >> _U27)) * _MIX_2
            bits ^= bits >> _U31
            scaled = ((bits >> _U32) * bound + (((bits & _LOW) * bound) >> _U32)) >> _U32
            taken = np.uint64(scaled < needed[b])
            marks[b] = taken
            needed[b] -= taken


def nearest(
    x: NDArray[np.floating[Any]], k: int, folds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """As :func:`shiftscope.kernels.reference.nearest`, from float32 tiles above the diagonal, with no sort.

    Products in float32 name some more candidates than asked for, and products in float64 choose among them: rounded
    to float32 afterwards, equal rows tie wherever they stand. A row that others might be as near to, by the largest
    error float32 can make, is searched in float64 (many copies, angles that hardly differ).
    """
    indices = np.full((len(x), k), -1, dtype=np.int64)
    similarity = np.full((len(x), k), -np.inf, dtype=np.float32)
    if k == 0:
        return indices, similarity
    # A copy, like that of the seeds above: numba compiles once more for read-only arrays.
    groups = np.array(folds, dtype=np.int64)
    length = np.array([np.sqrt(np.square(row, dtype=np.float64).sum()) for row in x])
    length[length == 0] = 1.0
    candidates, least = _candidates(x, length, groups, k + SPARE)
    _choose_among(x, length, candidates, indices, similarity)
    margin = 2.0**-24 * (x.shape[1] + 8)
    doubtful = np.flatnonzero((least > -np.inf) & (similarity[:, -1] <= least + margin))
    unit = unit_rows(x) if len(doubtful) else np.empty((0, 0))
    for some in tiles(len(doubtful), TILE):
        rows = doubtful[some]
        indices[rows], similarity[rows] = nearest_of(rows, unit, k, groups)
    similarity[indices < 0] = 0.0
    return indices, similarity


def _candidates(
    x: NDArray[np.floating[Any]], length: Floats, groups: NDArray[np.int64], kept: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``kept`` nearest rows by float32 products, in ascending order, and the similarity of the last of them.

    That is -inf where all rows of other folds are candidates.
    """
    indices = np.full((len(x), kept), -1, dtype=np.int64)
    similarity = np.full((len(x), kept), -np.inf, dtype=np.float32)
    unit = np.empty(x.shape, dtype=np.float32)
    np.divide(x, length[:, None], out=unit, casting="same_kind")
    products = np.empty(TILE * TILE, dtype=np.float32)
    for J in tiles(len(x), TILE):
        for I in tiles(J.stop, TILE):
            cosine = products[: (I.stop - I.start) * (J.stop - J.start)].reshape(-1, J.stop - J.start)
            np.dot(unit[I], unit[J].T, out=cosine)
            _keep_best(cosine, groups, indices, similarity, (I.start, J.start))
    return np.sort(indices, axis=1), similarity[:, -1]


@compiled(fastmath=SUMS)
def _choose_among(
    x: NDArray[Any],
    length: Floats,
    candidates: NDArray[np.int64],
    indices: NDArray[np.int64],
    similarity: NDArray[np.float32],
) -> None:
    """Offer each row its candidates, which ascend, by their products in float64."""
    last = similarity.shape[1] - 1
    for i in range(len(x)):
        for j in candidates[i]:
            if j >= 0:
                product = 0.0
                for c in range(x.shape[1]):
                    product += np.float64(x[i, c]) * np.float64(x[j, c])
                value = np.float32(product / length[i] / length[j])
                if value > similarity[i, last]:
                    _insert(indices[i], similarity[i], j, value)


@compiled()
def _keep_best(
    cosine: NDArray[Any],
    folds: NDArray[np.int64],
    indices: NDArray[np.int64],
    similarity: NDArray[np.float32],
    starts: tuple[int, int],
) -> None:
    """Offer each pair of a tile to both its rows.

    Tiles and pairs are visited so that every row meets its candidates in ascending order: a later candidate
    with the same similarity goes behind, so ties keep the lower index.
    """
    start_i, start_j = starts
    height, width = cosine.shape
    last = similarity.shape[1] - 1
    for a in range(height):
        i = start_i + a
        for b in range(a + 1 if start_i == start_j else 0, width):
            j = start_j + b
            if folds[i] != folds[j]:
                value = np.float32(cosine[a, b])
                if value > similarity[i, last]:
                    _insert(indices[i], similarity[i], j, value)
                if value > similarity[j, last]:
                    _insert(indices[j], similarity[j], i, value)


@compiled()
def _insert(indices: NDArray[np.int64], similarity: NDArray[np.float32], index: int, value: float) -> None:
    """Insert a candidate into a list sorted by similarity, behind its equals; the last entry drops out."""
    place = len(indices) - 1
    while place > 0 and value > similarity[place - 1]:
        indices[place], similarity[place] = indices[place - 1], similarity[place - 1]
        place -= 1
    indices[place], similarity[place] = index, value
