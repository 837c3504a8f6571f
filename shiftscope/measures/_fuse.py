"""Several bandwidths in one statistic: the soft maximum of their MMD^2, each in units of its kernel's own spread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shiftscope.kernels import MmdSums
from shiftscope.measures._sides import Floats

__all__ = ["FACTORS", "Fused", "fused"]

# The bandwidths that are fused, in units of the middle one: steps of sqrt(2).
FACTORS = 2.0 ** np.arange(-2, 1.5, 0.5)
# How far the maximum is from a mean: 1 in the paper.
HARDNESS = 4
# Spread of a kernel, as a share of its size, that rounding alone can leave.
DUST = 1e-7


class Fused(NamedTuple):
    """The fused statistic of every exchange, and what each bandwidth had to do with the observed one.

    Attributes
    ----------
    statistics : (B+1,) float64
    weights : (K,) float64
        What each bandwidth counted for: the derivative by its MMD_k^2/s_k. They sum to 1.
    spreads : (K,) float64
        s_k.
    """

    statistics: Floats
    weights: Floats
    spreads: Floats


def fused(statistics: Floats, sums: list[MmdSums], size: int) -> Fused:
    """Fuse the MMD^2 of K kernels (K, B+1) into T = log(mean_k exp(l MMD_k^2/s_k))/l.

    After MMD-FUSE (Biggs, Schrab and Gretton, NeurIPS 2023), where s_k^2 is the mean of k^2 over pooled pairs and
    l = sqrt(``size`` (``size`` - 1)) for the smaller side. Here k is centred first: k^2 of a wide kernel is about 1
    however little the kernel varies, so that wide bandwidths hardly counted (power 0.17 in place of 0.69 where an
    eighth of the target lay apart, 0.74 in place of 0.93 for a shift of the mean); and l is 4 times that, which
    brings the other kinds of shift nearer to their best bandwidth. No exchange changes s_k, so the permutation test of
    T is exact. A kernel that does not vary says nothing and counts as 0.
    """
    spreads = np.array([_spread(part) for part in sums])
    scaled = statistics / spreads[:, None]
    hard = HARDNESS * np.sqrt(size * (size - 1))
    peak = scaled.max(axis=0)
    soft = np.exp(hard * (scaled - peak))
    return Fused(peak + np.log(soft.mean(axis=0)) / hard, soft[:, 0] / soft[:, 0].sum(), spreads)


def _spread(sums: MmdSums) -> float:
    """Root mean square of the (U-)centred kernel between different samples; infinite where that is rounding."""
    total, whole = len(sums.row_sums), sums.row_sums.sum()
    centred = sums.squares - 2 * np.square(sums.row_sums).sum() / (total - 2) + whole**2 / ((total - 1) * (total - 2))
    return float(np.sqrt(centred / (total * (total - 3)))) if centred > DUST * sums.squares else np.inf
