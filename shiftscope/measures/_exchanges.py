"""Which samples change sides in a permutation test: every sample on its own, or whole bins of them."""

from __future__ import annotations

from math import ceil, comb
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Details
from shiftscope.core.seeds import stream
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._permutation import permuted_members, smallest_pvalue
from shiftscope.measures._sides import Floats, Rows, units

__all__ = ["Exchanges", "bin_by_bin", "one_by_one"]

# Rows of members that are widened to float64 at a time.
BLOCK = 4096


class Exchanges(NamedTuple):
    """Who plays the source: column 0 of ``members`` (U, B+1) the source itself, then random exchanges.

    Attributes
    ----------
    members : (U, B+1) uint8
    smallest_pvalue : float
        What these exchanges can give at least.
    rows : (n + m,) intp or None
        The order in which rows of ``Pair.pooled`` are taken, source first; None for the order they have.
    bins : (n + m,) int64 or None
        Which row of ``members`` each of them follows; None where each has its own.
    details : Details
    """

    members: NDArray[np.uint8]
    smallest_pvalue: float
    rows: Rows | None
    bins: NDArray[np.int64] | None
    details: Details

    def ordered(self, values: NDArray[Any]) -> NDArray[Any]:
        """Rows of the pooled sample, or what belongs to them, in the order of ``rows``."""
        return values if self.rows is None else values[self.rows]

    def sums_of(self, values: Floats) -> Floats:
        """Sum ``values`` (n + m,), ordered, over the samples that play the source, for every exchange (B+1,)."""
        each = values if self.bins is None else np.bincount(self.bins, values, len(self.members))
        sums = np.zeros(self.members.shape[1])
        for start in range(0, len(each), BLOCK):  # a product of float64 with uint8 copies its second factor
            sums += each[start : start + BLOCK] @ self.members[start : start + BLOCK]
        return sums


def one_by_one(pair: Pair, seed: int, n_permutations: int, kernels: Kernels) -> Exchanges:
    """Exchange samples, or whole groups where a side has groups."""
    members = permuted_members(pair, seed, n_permutations, kernels)
    return Exchanges(members, smallest_pvalue(pair, n_permutations), rows=None, bins=None, details={})


def bin_by_bin(pair: Pair, seed: int, n_permutations: int, n_bins: int, kernels: Kernels) -> Exchanges:
    """Exchange bins of ceil((n + m) / ``n_bins``) samples, or of as many groups.

    Each side is shuffled before it is cut, since copies stand together in the order of hashes. What is left over at
    the end of a side always stays there: then the exchanges are a subgroup of all permutations of the pooled sample,
    which is all that exactness takes, and the observed statistic is that of all samples.

    Raises
    ------
    NotApplicableError
        If a side has fewer than two bins.
    """
    rng, unit = stream(seed, "bins"), (units(pair.source), units(pair.target))
    counts = [int(u.max()) + 1 for u in unit]
    size = ceil(sum(counts) / n_bins)
    n, m = (count // size for count in counts)
    if min(n, m) < 2:
        short = (pair.source if n < m else pair.target).name
        raise NotApplicableError(
            f"{short} fills {min(n, m)} of {n_bins} bins, and a test takes 2: give mmd.n_bins "
            f"{ceil(sum(counts) / (min(counts) // 2))} or more, or mmd.variant 'full'."
        )
    first, second = (rng.permutation(count)[u] // size for count, u in zip(counts, unit, strict=True))
    # The last two rows of members are what is left over of either side.
    bins = np.concatenate([np.where(first < n, first, n + m), np.where(second < m, n + second, n + m + 1)])
    # Source rows stay on top, and the rows of a bin come together.
    rows = np.lexsort((bins, ~pair.is_source))
    seeds = stream(seed, "permutations").integers(2**64, size=n_permutations, dtype=np.uint64)
    members = np.concatenate(
        [
            kernels.permutation_members(n, m, seeds),
            np.repeat(np.array([[1], [0]], np.uint8), n_permutations + 1, axis=1),
        ]
    )
    left_over = counts[0] - n * size, counts[1] - m * size
    # With as many bins on both sides and nothing left over, to exchange all of them leaves the statistic as it is.
    ties = 1 + (n == m and not any(left_over))
    return Exchanges(
        members,
        max(1 / (n_permutations + 1), ties / comb(n + m, n)),
        rows,
        bins[rows],
        {"bin_size": size, "bins": [n, m], "left_over": [*left_over]},
    )
