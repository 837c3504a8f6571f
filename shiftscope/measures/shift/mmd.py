"""MMD: do source and target differ at all, in any way that a smooth function can see?"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import InputError
from shiftscope.kernels import Kernels, MmdSums, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._exchanges import Exchanges, bin_by_bin, one_by_one
from shiftscope.measures._fuse import FACTORS, fused
from shiftscope.measures._kernel import RADIAL, Kernel, kernel_sums
from shiftscope.measures._linear_time import flipped, quadruples
from shiftscope.measures._permutation import demand_reachable, null_details, pvalue
from shiftscope.measures._resampling import LEVEL, Z
from shiftscope.measures._sides import (
    Floats,
    Options,
    Permutations,
    Split,
    demand_units,
    rows_of,
    units,
    variance_of_mean,
)

__all__ = ["between_halves", "mmd", "witness"]

Estimator = Literal["unbiased", "biased"]
Variant = Literal["full", "binned", "linear"]


@measure(
    asks="Do source and target differ at all, in any way that a smooth function of the features can see?",
    kind="shift",
    better="lower",
    unit="squared kernel distance",
    null="0, values below 0 included",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    pvalue="exact",
    reference="Gretton et al., JMLR 2012, eq. 3 (unbiased) and eq. 5 (biased)",
)
def mmd(
    pair: Pair,
    *,
    kernel: Kernel = "gaussian",
    bandwidth: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None,
    aggregate: Literal["fuse"] | None = None,
    estimator: Estimator = "unbiased",
    variant: Variant = "full",
    n_bins: Annotated[int, Field(ge=4)] = 256,
    n_permutations: Permutations = 999,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Squared maximum mean discrepancy, and an exact permutation test.

        MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    The p-value is (1 + #{T_b >= T})/(B + 1) over B random exchanges of samples, or of whole groups where a side
    has groups. The kernel matrix is computed once, in tiles, for all permutations.

    Parameters
    ----------
    pair
        At least two samples (two groups) on each side; the sides may differ in size.
    kernel
        With r = |x - y|/bandwidth: ``"gaussian"``, exp(-r^2/2); ``"laplace"``, exp(-r), sharper at 0 and heavier in the
        tail; ``"rational_quadratic"``, 1/(1 + r^2/2), Gaussians of many bandwidths in one. These see any difference
        of distributions. ``"linear"``, x'y/bandwidth^2, sees the means alone: MMD^2 is their squared distance.
        ``"cosine"``, x'y/(|x| |y|), sees the mean direction alone, and has no bandwidth.
    bandwidth
        In units of the features. By default the median distance between pooled samples: a rule that does not
        know the sides, as an exact test demands.
    aggregate
        ``"fuse"`` tests seven bandwidths at once, a quarter to twice ``bandwidth``, with one p-value, in the manner of
        MMD-FUSE (Biggs, Schrab and Gretton, NeurIPS 2023). The value is then the soft maximum
        log(mean_k exp(l MMD_k^2/s_k))/l with s_k the root mean square of the centred kernel over pooled pairs and
        l = 4 sqrt(q (q - 1)), q = min(n, m): in units of a kernel's own spread, and slightly above 0 without a shift.
    estimator
        ``"unbiased"`` may be negative and is the one to compare at different sizes. ``"biased"`` keeps the
        diagonal, k(x, x), in both means: never negative, but too high by about 1/n + 1/m times the mean of k(x, x)
        minus the mean kernel.
    variant
        ``"full"`` exchanges samples. ``"binned"`` has the same value and exchanges bins of samples, in O(N^2 d):
        cheap permutation testing (Domingo-Enrich, Dwivedi and Mackey, 2025). ``"linear"`` compares each sample once, in
        random quadruples of two from either side, in O(N d) (Gretton et al., section 6): far less power at equal n,
        for more samples than the others can read; of each group it takes one sample.
    n_bins
        Bins of both sides together at most, for ``variant="binned"``: all of one size, so that they are in proportion
        to the sides. What is left over of a side stays there.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        The interval is ``value`` +- 1.96 standard deviations of its asymptotic distribution under a shift,
        Var = 4 Var_x(w)/n + 4 Var_y(w)/m with w the witness function (Sutherland et al., ICLR 2017), summed over
        groups; fused, with the s_k as given. Without a shift it is wider than need be, by about sqrt(2).
        ``details``: ``bandwidth``; ``mmd_similarity``, 2 (1 - MMD), for the kernels bounded by 1: 2 where nothing
        differs, and what some texts call an H-score between domains, though it has nothing to do with the H-score of
        Bao et al. (``hscore``); with permutations ``smallest_pvalue``, quantiles and histogram of the null. Fused:
        ``bandwidths``, what each of them counted for (``weights``, of sum 1), and the MMD^2 of each (``values``).
        Binned: ``bin_size`` in samples or groups, and for source and target ``bins`` and ``left_over``. In linear time:
        ``n_used``, the samples of each side.

    Raises
    ------
    InputError
        For a bandwidth that is not positive, fewer than 4 bins, a negative number of permutations, and options that
        exclude each other.
    NotApplicableError
        If a side has fewer than two samples or groups (four in linear time), or fills fewer than two bins; with a test,
        if groups are so few that no p-value could reach 0.05.

    Notes
    -----
    O(N^2 (d + B)) for N = n + m, O(N^2 (d + K) + B n_bins^2) binned, K bandwidths; O(N d B) for the linear and the
    cosine kernel, O(N (d + B)) in linear time. Memory O(N (d + B)), O(N d) binned. The binned test has nearly the
    power of the full one; in linear time signs of the quadruples are drawn, which are exchanges of single samples, so
    the p-value is exact there, too.

    Fails when samples depend on each other and ``groups`` does not say so: p-values are then too small. With
    groups the p-value is exact all the same, but pairs within one group count, which lifts the value above 0 even
    without a shift: compare it with its noise floor. The median bandwidth misses differences at a much finer scale,
    which ``aggregate="fuse"`` sees.
    """
    _demand_options(kernel, bandwidth, aggregate, estimator, variant)
    demand_units(pair, "mmd")
    kernels, seed = kernels or choose(), seed_of(rng)
    middle = pair.bandwidth if bandwidth is None else bandwidth
    if variant == "linear":
        return _in_linear_time(pair, kernel, middle, seed, n_permutations)
    if variant == "binned":
        exchanges = bin_by_bin(pair, seed, n_permutations, n_bins, kernels)
    else:
        exchanges = one_by_one(pair, seed, n_permutations, kernels)
    demand_reachable(pair, exchanges.smallest_pvalue, n_permutations)
    bandwidths = [middle * factor for factor in FACTORS] if aggregate else [middle]
    rows, n = exchanges.ordered(pair.pooled), pair.source.n
    sums = kernel_sums(rows, kernel, bandwidths, exchanges.members, n=n, bins=exchanges.bins, kernels=kernels)
    each = np.array([_statistics(part, exchanges, estimator) for part in sums])
    if aggregate:
        found = fused(each, sums, min(n, pair.target.n))
        statistics = found.statistics
        pull = (found.weights / found.spreads) @ [witness(part, n) for part in sums]
        details: Details = {"bandwidths": bandwidths, "weights": [*found.weights], "values": [*each[:, 0]]}
    else:
        statistics, pull = each[0], witness(sums[0], n)
        details = _plain_details(kernel, middle, float(each[0, 0]))
    made = _estimate(
        statistics,
        error=_standard_error(pair, exchanges, pull),
        smallest=exchanges.smallest_pvalue,
        details=details | exchanges.details,
    )
    # Other measures exchange samples, not bins of them.
    shared = n_permutations > 0 and exchanges.bins is None
    return made.model_copy(update={"exchanged": statistics}) if shared else made


def _in_linear_time(pair: Pair, kernel: Kernel, bandwidth: float, seed: int, n_permutations: int) -> Estimate:
    h = quadruples(pair, kernel, bandwidth, seed)
    smallest = max(1 / (n_permutations + 1), 2.0 ** -len(h))
    demand_reachable(pair, smallest, n_permutations)
    return _estimate(
        flipped(h, seed, n_permutations),
        error=float(h.std(ddof=1)) / np.sqrt(len(h)),
        smallest=smallest,
        details=_plain_details(kernel, bandwidth, float(h.mean())) | {"n_used": 2 * len(h)},
    )


def _demand_options(
    kernel: Kernel, bandwidth: float | None, aggregate: str | None, estimator: Estimator, variant: Variant
) -> None:
    if bandwidth is not None and kernel == "cosine":
        raise InputError(f"mmd.bandwidth is {bandwidth}, but the cosine kernel has none: leave it out.")
    if aggregate and kernel not in RADIAL:
        raise InputError(
            f"mmd.aggregate is {aggregate!r}, but the {kernel} kernel is the same at all bandwidths: leave it out, or "
            f"choose mmd.kernel from {', '.join(RADIAL)}."
        )
    if variant == "linear" and (aggregate or estimator == "biased"):
        what = f"aggregate {aggregate!r}" if aggregate else "estimator 'biased'"
        raise InputError(f"mmd.{what} cannot be had with mmd.variant 'linear': choose 'full' or 'binned'.")


def _plain_details(kernel: Kernel, bandwidth: float, value: float) -> Details:
    details: Details = {} if kernel == "cosine" else {"bandwidth": bandwidth}
    return details if kernel == "linear" else details | {"mmd_similarity": 2 * (1 - max(value, 0.0) ** 0.5)}


def _estimate(statistics: Floats, *, error: float, smallest: float, details: Details) -> Estimate:
    """The estimate from the statistics of all exchanges (B+1,), the observed one first."""
    value, reach, tested = float(statistics[0]), Z * error, len(statistics) > 1
    if tested:
        details = details | {"smallest_pvalue": smallest, **null_details(statistics)}
    return Estimate(
        value=value,
        low=value - reach,
        high=value + reach,
        level=LEVEL,
        pvalue=pvalue(statistics) if tested else None,
        details=details,
    )


def _statistics(sums: MmdSums, exchanges: Exchanges, estimator: Estimator) -> Floats:
    """MMD^2 of every exchange (B+1,), whose sides may differ in size: with r = K1, Sxy = v'r - v'Kv."""
    n = exchanges.sums_of(np.ones(len(sums.row_sums)))
    m = len(sums.row_sums) - n
    xx, xy = sums.quadratic, exchanges.sums_of(sums.row_sums) - sums.quadratic
    yy = float(sums.row_sums.sum()) - (xx + xy) - xy
    within = xx / (n * (n - 1)) + yy / (m * (m - 1))
    if estimator == "biased":
        own = exchanges.sums_of(sums.diagonal)
        within = (xx + own) / n**2 + (yy + sums.diagonal.sum() - own) / m**2
    return np.asarray(within - 2 * xy / (n * m))


def witness(sums: MmdSums, n: int) -> Floats:
    """Where the sides differ (N,): mean kernel to the source minus mean kernel to the target, itself left out.

    Its mean over the source rows minus its mean over the target rows is the unbiased MMD^2.
    """
    total = len(sums.row_sums)
    first = np.arange(total) < n
    to_second = sums.row_sums - sums.to_first
    return sums.to_first / np.where(first, n - 1, n) - to_second / np.where(first, total - n, total - n - 1)


def _standard_error(pair: Pair, exchanges: Exchanges, pull: Floats) -> float:
    n = pair.source.n
    source, target = units(pair.source), units(pair.target)
    unit = exchanges.ordered(np.concatenate([source, target]))
    return 2 * float(np.sqrt(variance_of_mean(pull[:n], unit[:n]) + variance_of_mean(pull[n:], unit[n:])))


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:
    """Unbiased MMD^2, or fused, as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), in one pass.

    The kernel between two parts is half of what their union adds to the parts themselves, so seven sums v'Kv
    give the three terms of a split.
    """
    rows = rows_of(halves)
    members = np.zeros((len(rows), 7 * len(halves)), dtype=np.uint8)
    for s, split in enumerate(halves):
        x1, x2, y1, y2 = (np.searchsorted(rows, part) for part in split)
        for column, part in enumerate(([x1], [x2], [y1], [y2], [x1, y1], [x1, x2], [y1, y2])):
            members[np.concatenate(part), 7 * s + column] = 1
    # Parts made of whole groups differ in size from split to split.
    n, sizes = int(np.sum(rows < pair.source.n)), np.array([len(split.x1) for split in halves])
    middle = options["bandwidth"] or pair.bandwidth
    bandwidths = [middle * factor for factor in FACTORS] if options["aggregate"] else [middle]
    sums = kernel_sums(
        pair.pooled[rows], options["kernel"], bandwidths, members, n=n, bins=None, kernels=kernels or choose()
    )
    each = np.array([_terms(part, sizes[:, None]) for part in sums])
    if not options["aggregate"]:
        return np.asarray(each[0])
    return np.asarray(fused(each.reshape(len(each), -1), sums, int(sizes.min())).statistics.reshape(-1, 3))


def _terms(sums: MmdSums, k: NDArray[np.int64]) -> Floats:
    """MMD^2 between parts of sizes k (S, 1) as [x1 y1, x1 x2, y1 y2] (S, 3)."""
    parts = sums.quadratic.reshape(-1, 7)
    left, right, union = parts[:, [0, 0, 2]], parts[:, [2, 1, 3]], parts[:, 4:]
    return (left + right) / (k * (k - 1)) - (union - left - right) / k**2
