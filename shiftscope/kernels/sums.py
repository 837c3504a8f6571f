"""The sums over a kernel matrix that MMD needs, and those of inner products, which need no matrix (NumPy, float64)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.kernels.ridge import Floats, tiles

__all__ = ["MmdSums", "inner_sums"]

TILE = 2048


class MmdSums(NamedTuple):
    """The sums over a kernel matrix K with zero diagonal from which every MMD statistic follows.

    Attributes
    ----------
    quadratic : (B+1,) float64
        v'Kv for every column v of ``members``.
    row_sums : (N,) float64
        K1.
    to_first : (N,) float64
        The sum of each row over the first n columns: the witness function needs it.
    diagonal : (N,) float64
        k(zi, zi), which is not in K.
    squares : float
        The sum of all squares; NaN from :func:`inner_sums`, which does not form them.
    """

    quadratic: Floats
    row_sums: Floats
    to_first: Floats
    diagonal: Floats
    squares: float


def inner_sums(
    z: NDArray[np.floating[Any]],
    members: NDArray[np.uint8],
    *,
    n: int,
    bins: NDArray[np.int64] | None = None,
) -> MmdSums:
    """As :func:`shiftscope.kernels.reference.mmd_sums`, for the kernel zi.zj: K_ij = zi.zj off the diagonal.

    v'Kv is |Z'v|^2 less the sum of v_i |zi|^2, so that no entry of K is computed.

    Parameters
    ----------
    z : (N, d) float
        Rows as they enter the inner product, the n rows of the first sample on top.
    members : (U, B+1) uint8
        0/1 columns, one row for each row of z (U = N) or for each bin.
    n : int
        Size of the first sample.
    bins : (N,) int64, optional
        Which row of ``members`` each row of z follows.

    Returns
    -------
    MmdSums

    Notes
    -----
    2 N d B floating point operations. Memory: d B numbers and a tile of z and of ``members``.

    Fails when the rows are far from the origin compared with their spread: the statistics lose digits.
    """
    own, is_first = np.arange(len(z)) if bins is None else bins, np.arange(len(z)) < n
    sums, among = np.zeros((members.shape[1], z.shape[1])), np.zeros(members.shape[1])
    diagonal, row_sums, to_first = (np.empty(len(z)) for _ in range(3))
    every, first = z.sum(axis=0, dtype=np.float64), z[:n].sum(axis=0, dtype=np.float64)
    for rows in tiles(len(z), TILE):
        block, marks = z[rows].astype(np.float64), members[own[rows]].astype(np.float64)
        diagonal[rows] = np.einsum("ij,ij->i", block, block)
        row_sums[rows] = block @ every - diagonal[rows]
        to_first[rows] = block @ first - diagonal[rows] * is_first[rows]
        sums += marks.T @ block
        among += diagonal[rows] @ marks
    return MmdSums(np.square(sums).sum(axis=1) - among, row_sums, to_first, diagonal, float("nan"))
