"""MMD: do source and target differ at all, in any way that a smooth function can see?"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import InputError
from shiftscope.kernels import Kernels, MmdSums, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._permutation import null_details, permuted_members, pvalue, smallest_pvalue
from shiftscope.measures._resampling import LEVEL, Z
from shiftscope.measures._sides import Floats, Options, Split, at_least, demand_units, rows_of, units, variance_of_mean

__all__ = ["between_halves", "mmd", "witness"]

Variant = Literal["unbiased", "biased"]
BLOCK = 4096


@measure(
    asks="Do source and target differ at all, in any way that a smooth function of the features can see?",
    kind="shift",
    better="lower",
    unit="squared kernel distance",
    bounds=(None, 2.0),
    null="0, values below 0 included",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    pvalue="exact",
    reference="Gretton et al., JMLR 2012, eq. 3 (unbiased) and eq. 5 (biased)",
)
def mmd(
    pair: Pair,
    *,
    variant: Variant = "unbiased",
    bandwidth: float | None = None,
    n_permutations: int = 999,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Squared maximum mean discrepancy with a Gaussian kernel, and an exact permutation test.

    With k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2)),

        MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j).

    The p-value is (1 + #{T_b >= T})/(B + 1) over B random exchanges of samples, or of whole groups where a side
    has groups. The kernel matrix is computed once, in tiles, for all permutations.

    Parameters
    ----------
    pair
        At least two samples (two groups) on each side; the sides may differ in size.
    variant
        ``"unbiased"`` may be negative and is the one to compare at different sizes. ``"biased"`` keeps the
        diagonal, k(x, x) = 1, in both means: never negative, but too high by about 1/n + 1/m times one minus
        the mean kernel.
    bandwidth
        In units of the features. By default the median distance between pooled samples: a rule that does not
        know the sides, as an exact test demands.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        The interval is ``value`` +- 1.96 standard deviations of its asymptotic distribution under a shift,
        Var = 4 Var_x(w)/n + 4 Var_y(w)/m with w the witness function (Sutherland et al., ICLR 2017), summed over
        groups. Without a shift it is wider than need be, by about sqrt(2).
        ``details``: ``bandwidth``; with permutations ``smallest_pvalue``, quantiles and histogram of the null.

    Raises
    ------
    InputError
        For a bandwidth that is not positive, or a negative number of permutations.
    NotApplicableError
        If a side has fewer than two samples or groups.

    Notes
    -----
    O(N^2 (d + B)) for N = n + m, memory O(N (d + B)).

    Fails when samples depend on each other and ``groups`` does not say so: p-values are then too small. With
    groups the p-value is exact all the same, but pairs within one group count, which lifts the value above 0 even
    without a shift: compare it with its noise floor. The median bandwidth misses differences at a much finer scale.
    """
    at_least("mmd.n_permutations", n_permutations, 0)
    if bandwidth is not None and not bandwidth > 0:
        raise InputError(f"mmd.bandwidth is {bandwidth}: give a positive number, or leave it out.")
    demand_units(pair, "mmd")
    kernels = kernels or choose()
    scale = pair.bandwidth if bandwidth is None else bandwidth
    members = permuted_members(pair, seed_of(rng), n_permutations, kernels)
    sums = kernels.mmd_sums(pair.pooled, scale, members, n=pair.source.n)
    statistics = _statistics(sums, members, variant)
    details: Details = {"bandwidth": scale}
    if n_permutations:
        details |= {"smallest_pvalue": smallest_pvalue(pair, n_permutations), **null_details(statistics)}
    value, reach = float(statistics[0]), Z * _standard_error(pair, sums)
    return Estimate(
        value=value,
        low=value - reach,
        high=value + reach,
        level=LEVEL,
        pvalue=pvalue(statistics) if n_permutations else None,
        details=details,
    )


def _statistics(sums: MmdSums, members: NDArray[np.uint8], variant: Variant) -> Floats:
    """MMD^2 of every column of ``members`` (N, B+1), whose sizes may differ: with r = K1, Sxy = v'r - v'Kv."""
    n = members.sum(axis=0, dtype=np.float64)
    linear = np.zeros(len(n))
    for start in range(0, len(members), BLOCK):  # a product of float64 with uint8 copies its second factor
        linear += sums.row_sums[start : start + BLOCK] @ members[start : start + BLOCK]
    m = len(members) - n
    xx, xy = sums.quadratic, linear - sums.quadratic
    yy = sums.total - linear - xy
    within = xx / (n * (n - 1)) + yy / (m * (m - 1))
    if variant == "biased":
        within = (xx + n) / n**2 + (yy + m) / m**2
    return np.asarray(within - 2 * xy / (n * m))


def witness(sums: MmdSums, n: int) -> Floats:
    """Where the sides differ (N,): mean kernel to the source minus mean kernel to the target, itself left out.

    Its mean over the source rows minus its mean over the target rows is the unbiased MMD^2.
    """
    total = len(sums.row_sums)
    first = np.arange(total) < n
    to_second = sums.row_sums - sums.to_first
    return sums.to_first / np.where(first, n - 1, n) - to_second / np.where(first, total - n, total - n - 1)


def _standard_error(pair: Pair, sums: MmdSums) -> float:
    n = pair.source.n
    w = witness(sums, n)
    return 2 * float(np.sqrt(variance_of_mean(w[:n], units(pair.source)) + variance_of_mean(w[n:], units(pair.target))))


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:
    """Unbiased MMD^2 as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), in one pass over the kernel.

    The kernel between two parts is half of what their union adds to the parts themselves, so seven sums v'Kv
    give the three terms of a split.
    """
    rows = rows_of(halves)
    members = np.zeros((len(rows), 7 * len(halves)), dtype=np.uint8)
    for s, split in enumerate(halves):
        x1, x2, y1, y2 = (np.searchsorted(rows, part) for part in split)
        for column, part in enumerate(([x1], [x2], [y1], [y2], [x1, y1], [x1, x2], [y1, y2])):
            members[np.concatenate(part), 7 * s + column] = 1
    n = int(np.sum(rows < pair.source.n))
    sums = (kernels or choose()).mmd_sums(pair.pooled[rows], options["bandwidth"] or pair.bandwidth, members, n=n)
    parts = sums.quadratic.reshape(-1, 7)
    left, right, union = parts[:, [0, 0, 2]], parts[:, [2, 1, 3]], parts[:, 4:]
    k = len(halves[0].x1)
    return (left + right) / (k * (k - 1)) - (union - left - right) / k**2
