"""MMD with any kernel, from sums over a kernel matrix that is never held: statistic, permutations, interval.

In NumPy and float64, for kernels that ``shiftscope.kernels`` has no faster code for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._permutation import null_of, permuted_members, pvalue
from shiftscope.measures._resampling import LEVEL, Z
from shiftscope.measures._sides import Floats, Rows, Split, over_splits, units, variance_of_mean

__all__ = ["Kernel", "discrepancy", "discrepancy_of_halves", "exchanged"]

# Kernel values between two sets of rows, (a, d) and (b, d) to (a, b).
Kernel = Callable[[Floats, Floats], Floats]
TILE = 512


class Sums(NamedTuple):
    """Sums over a kernel matrix K with zero diagonal: v'Kv (B+1,), K1 (N,) and those of the first n columns (N,)."""

    quadratic: Floats
    row_sums: Floats
    to_first: Floats


def discrepancy(
    pair: Pair, z: Floats, kernel: Kernel, *, n_permutations: int, seed: int, kernels: Kernels | None
) -> Estimate:
    """Unbiased squared MMD of the rows ``z`` (N, d) of a pair, its permutation p-value and its interval.

    The interval is that of the asymptotic distribution under a shift, Var = 4 Var_x(w)/n + 4 Var_y(w)/m with w the
    witness function (Sutherland et al., ICLR 2017), summed over groups. O(N^2 (d + B)) time, O(N (d + B)) memory.
    """
    members = permuted_members(pair, seed, n_permutations, kernels or choose())
    statistics, witness = exchanged(z, kernel, members)
    details: Details = null_of(pair, statistics) if n_permutations else {}
    value, reach = float(statistics[0]), Z * _standard_error(pair, witness)
    return Estimate(
        value=value,
        low=value - reach,
        high=value + reach,
        level=LEVEL,
        pvalue=pvalue(statistics) if n_permutations else None,
        exchanged=statistics if n_permutations else None,
        details=details,
    )


def exchanged(z: Floats, kernel: Kernel, members: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Unbiased squared MMD of ``z`` (N, d) for every column of ``members`` (B+1,), and the witness function (N,).

    The witness of the first column is the mean kernel to the source minus the mean kernel to the target, each row
    itself left out; the source stands first.
    """
    own = members[:, 0].astype(bool)
    n = int(own.sum())
    sums = _sums(z, kernel, members, n)
    witness = sums.to_first / (n - own) - (sums.row_sums - sums.to_first) / (len(z) - n - ~own)
    return _unbiased(sums, members), witness


def _sums(z: Floats, kernel: Kernel, members: NDArray[np.uint8], n: int) -> Sums:
    """The tiles on and above the diagonal count for those below it."""
    found = Sums(np.zeros(members.shape[1]), np.zeros(len(z)), np.zeros(len(z)))
    first = np.arange(len(z)) < n
    for J in _tiles(len(z)):
        marks = members[J].astype(np.float64)
        for I in _tiles(J.stop):
            values = kernel(z[I], z[J])
            if I == J:
                np.fill_diagonal(values, 0.0)
            else:
                found.row_sums[J] += values.sum(axis=0)
                found.to_first[J] += first[I] @ values
            found.row_sums[I] += values.sum(axis=1)
            found.to_first[I] += values @ first[J]
            weight = 1.0 if I == J else 2.0
            found.quadratic[:] += weight * np.einsum("ib,ib->b", members[I], values @ marks)
    return found


def _tiles(total: int) -> Iterator[slice]:
    return (slice(start, min(start + TILE, total)) for start in range(0, total, TILE))


def _unbiased(sums: Sums, members: NDArray[np.uint8]) -> Floats:
    """Squared MMD of every column of ``members``, whose sizes may differ: with r = K1, Sxy = v'r - v'Kv."""
    n = members.sum(axis=0, dtype=np.float64)
    m = len(members) - n
    linear = np.zeros(len(n))
    for rows in _tiles(len(members)):  # a product of float64 with uint8 copies its second factor
        linear += sums.row_sums[rows] @ members[rows]
    xx, xy = sums.quadratic, linear - sums.quadratic
    yy = sums.row_sums.sum() - linear - xy
    return np.asarray(xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m))


def _standard_error(pair: Pair, witness: Floats) -> float:
    sides = zip(np.split(witness, [pair.source.n]), (pair.source, pair.target), strict=True)
    return 2 * float(np.sqrt(sum(variance_of_mean(part, units(side)) for part, side in sides)))


def discrepancy_of_halves(z: Floats, kernel: Kernel, rows: Rows, halves: list[Split]) -> Floats:
    """Unbiased squared MMD of ``z``, the pooled ``rows``: [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3)."""
    values = kernel(z, z)
    np.fill_diagonal(values, 0.0)

    def distance(a: Rows, b: Rows) -> float:
        a, b = np.searchsorted(rows, a), np.searchsorted(rows, b)
        within = [values[np.ix_(part, part)].sum() / (len(part) * (len(part) - 1)) for part in (a, b)]
        return float(sum(within) - 2 * values[np.ix_(a, b)].mean())

    return over_splits(distance, halves)
