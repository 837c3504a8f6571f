"""Kernel Inception distance: do source and target differ in means, spreads or skewness of their features?"""

from __future__ import annotations

import numpy as np

from shiftscope.core.features import Pair
from shiftscope.core.records import Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._discrepancy import discrepancy, discrepancy_of_halves
from shiftscope.measures._sides import Floats, Options, Permutations, Split, demand_units, rows_of

__all__ = ["between_halves", "kid"]


@measure(
    asks="Do source and target differ in the means, covariances or third moments of their features?",
    kind="shift",
    better="lower",
    unit="squared kernel distance",
    null="0, values below 0 included",
    invariant=("order", "rotation", "duplicate"),
    pvalue="exact",
    reference="Binkowski, Sutherland, Arbel and Gretton, ICLR 2018",
)
def kid(
    pair: Pair, *, n_permutations: Permutations = 999, rng: RngLike = None, kernels: Kernels | None = None
) -> Estimate:
    """Kernel Inception distance: unbiased squared MMD with k(x, y) = (x'y/d + 1)^3, and an exact permutation test.

        KID = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    It compares what the Frechet distance compares, and third moments, but is 0 in expectation without a shift at
    any sample size. All pairs of all samples count; the usual mean over 100 subsets of 1 000 has the same
    expectation and more noise. The p-value is (1 + #{KID_b >= KID})/(B + 1) over B random exchanges of samples, or
    of whole groups where a side has groups.

    Parameters
    ----------
    pair
        At least two samples (two groups) on each side; the sides may differ in size.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        The interval is ``value`` +- 1.96 standard deviations of its asymptotic distribution under a shift; without
        one it is wider than need be, by about sqrt(2). ``details``: with permutations ``smallest_pvalue``,
        quantiles and histogram of the null.

    Raises
    ------
    InputError
        For a negative number of permutations.
    NotApplicableError
        If a side has fewer than two samples or groups; with a test, if groups are so few that no p-value could reach
        0.05.

    Notes
    -----
    O(N^2 (d + B)) for N = n + m in float64, memory O(N (d + B)).

    Fails when backbones are compared: the features enter as they are, so their scale and their origin decide the
    value. Loud features outweigh all others, and distributions that agree in three moments are equal to it. With
    groups, pairs within one group count, which lifts the value above 0 even without a shift.
    """
    demand_units(pair, "kid")
    z = pair.pooled.astype(np.float64)
    return discrepancy(pair, z, _cubic, n_permutations=n_permutations, seed=seed_of(rng), kernels=kernels)


def _cubic(x: Floats, y: Floats) -> Floats:
    """(x'y/d + 1)^3 between rows (a, d) and (b, d)."""
    base: Floats = x @ y.T / x.shape[1] + 1
    return base * base * base


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """KID as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3)."""
    rows = rows_of(halves)
    return discrepancy_of_halves(pair.pooled[rows].astype(np.float64), _cubic, rows, halves)
