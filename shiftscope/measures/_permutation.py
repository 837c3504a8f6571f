"""Permutation tests: which samples change sides, the p-value, and the null in a form that can be drawn."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Details
from shiftscope.core.seeds import stream
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._sides import units

__all__ = ["demand_reachable", "null_details", "null_of", "permuted_members", "pvalue", "smallest_pvalue"]

N_BINS = 41
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# A test of groups that cannot reach this level for want of groups is none.
LEAST_LEVEL = 0.05
# Statistics this close are equal up to rounding: absolute, for statistics of order 1, and in null deviations. Kernels
# of float32 features leave up to 2.5e-5 of these between exchanges that are each other's complement.
DUST, DUST_IN_SD = 1e-12, 1e-4


def permuted_members(pair: Pair, seed: int, n_permutations: int, kernels: Kernels) -> NDArray[np.uint8]:
    """Draw which pooled rows play the source (N, B+1): column 0 the source itself, then random permutations.

    Whole groups change sides, so a permuted side may have another number of samples. Groups of the two sides
    are different groups, whatever their numbers; samples of a side without groups move singly.
    """
    source, target = units(pair.source), units(pair.target)
    n, m = int(source.max()) + 1, int(target.max()) + 1
    seeds = stream(seed, "permutations").integers(2**64, size=n_permutations, dtype=np.uint64)
    members: NDArray[np.uint8] = kernels.permutation_members(n, m, seeds)
    grouped = pair.source.groups is not None or pair.target.groups is not None
    return members[np.concatenate([source, n + target])] if grouped else members


def pvalue(statistics: NDArray[np.float64]) -> float:
    """Share of ``statistics`` (B+1,) that reach the first one, which is the observed one and counts.

    p = (1 + #{b >= 1: T_b >= T_0})/(B + 1) is exact for any B: never 0, and at most alpha with probability at
    most alpha when nothing has shifted (Phipson and Smyth, SAGMB 2010). Equal statistics count whatever their
    rounding.
    """
    dust = DUST + DUST_IN_SD * float(statistics.std())
    return float(np.mean(statistics >= statistics[0] - dust))


def smallest_pvalue(pair: Pair, n_permutations: int, *, symmetric: bool = True) -> float:
    """Least p-value of the test that goes through all exchanges, or 1/(B + 1) where that is more.

    There are C(n + m, n) ways to choose the source; with as many units on both sides, exchanging the sides
    leaves a ``symmetric`` statistic as it is, so two of them always tie. Random exchanges may by chance miss a tie.
    """
    n, m = (int(units(side).max()) + 1 for side in (pair.source, pair.target))
    ties = 1 + (symmetric and n == m)
    return max(1 / (n_permutations + 1), ties / comb(n + m, n))


def demand_reachable(pair: Pair, least: float, n_permutations: int) -> None:
    """Demand as many groups as it takes for a p-value of 0.05, of which ``least`` is the smallest that can be.

    Too few permutations are no reason to refuse: more of them help, while more groups must be found first.

    Raises
    ------
    NotApplicableError
        If there are groups, and all ways to exchange them leave the p-value above 0.05.
    """
    sides = (pair.source, pair.target)
    if all(side.groups is None for side in sides) or least <= max(LEAST_LEVEL, 1 / (n_permutations + 1)):
        return
    (n, of), (m, to) = (
        (int(units(side).max()) + 1, "groups" if side.groups is not None else "samples") for side in sides
    )
    raise NotApplicableError(
        f"{pair.source.name} has {n} {of} and {pair.target.name} {m} {to}: exchanged as a whole they allow no p-value "
        f"below {least:.2g}. Compare more groups, or set n_permutations to 0 for the value without a test."
    )


def null_of(pair: Pair, statistics: NDArray[np.float64], *, symmetric: bool = True) -> Details:
    """Smallest p-value that exchanges of samples or groups can give, and the permuted ``statistics`` (B+1,) to draw.

    Raises
    ------
    NotApplicableError
        If groups are too few for a test: see :func:`demand_reachable`.
    """
    n_permutations = len(statistics) - 1
    least = smallest_pvalue(pair, n_permutations, symmetric=symmetric)
    demand_reachable(pair, least, n_permutations)
    return {"smallest_pvalue": least, **null_details(statistics)}


def null_details(statistics: NDArray[np.float64]) -> Details:
    """Quantiles and a histogram of the permuted statistics, so that a report can draw the null."""
    null = statistics[1:]
    # Equal statistics would leave the histogram without a width.
    reach = (float(null.min()) - DUST, float(null.max()) + DUST)
    counts, edges = np.histogram(null, bins=N_BINS, range=(reach[0], max(reach[1], reach[0] + 1e-9)))
    return {
        "null_quantiles": {f"{q:g}": float(np.quantile(null, q)) for q in QUANTILES},
        "null_edges": [float(e) for e in edges],
        "null_counts": [int(c) for c in counts],
    }
