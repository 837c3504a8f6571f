"""Bures-Wasserstein distance: how far apart are the covariances of source and target, wherever their means are?"""

from __future__ import annotations

from shiftscope.core.features import Pair
from shiftscope.core.records import Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._gaussian import Variant, covariance_distance, estimate, in_unit
from shiftscope.measures._sides import Floats, Options, Points, Split, over_splits

__all__ = ["between_halves", "bures"]


@measure(
    asks="How far apart are the covariances of source and target, wherever their means are?",
    kind="shift",
    better="lower",
    unit="squared pooled median distance",
    null="0 debiased, values below 0 included; plain about d^2/(2n) feature variances",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    reference="Bhatia, Jain and Lim, Expositiones Mathematicae 2019",
)
def bures(
    pair: Pair,
    *,
    variant: Variant = "debiased",
    max_points: Points = 2000,
    rng: RngLike = None,
    kernels: Kernels | None = None,  # noqa: ARG001
) -> Estimate:
    """Squared Bures-Wasserstein distance of the covariances of the two sides; their means are left out.

        D = tr(C_x) + tr(C_y) - 2 tr((C_x^1/2 C_y C_x^1/2)^1/2)

    It is the Frechet distance less the squared distance of the means: beside that one it says whether the samples
    have moved as a whole or are spread differently. Where the covariances commute, D is the sum of the squared
    differences of the standard deviations along their common axes.

    Plain D is a meter of sample size: between two samples of one isotropic Gaussian it is about d (d + 1)/(2n)
    times the variance of a feature for n >= d (131 at n = 1000, d = 512, variance 1), and less for n < d, where it
    nears its greatest value of 2d. The default therefore takes

        [D(X1, Y1) + D(X1, Y2) + D(X2, Y1) + D(X2, Y2)]/4 - [D(X1, X2) + D(Y1, Y2)]/2

    between random halves of the sides (whole groups together), averaged over 5 splits: most of the bias cancels.

    Parameters
    ----------
    pair
        At least 8 samples on each side, of 4 groups. The sides are used at equal size.
    variant
        ``"debiased"`` or ``"plain"``, with n - 1 in the covariances.
    max_points
        Samples used at most, both sides together; the larger side is cut by content hash.

    Returns
    -------
    Estimate
        D divided by the squared median distance between pooled samples, which makes backbones comparable. The
        interval is ``value`` +- 1.96 standard deviations of the debiased distance over 40 half-samples
        (delete-half jackknife); around a plain value it does not cover the bias. ``details``: ``plain`` (same
        unit), ``raw`` (plain D in squared feature units) and ``size``, the samples used per side.

    Raises
    ------
    InputError
        For fewer than 16 points.
    NotApplicableError
        If there are too few samples or groups.

    Notes
    -----
    O(n^2 d + n^3) for each of 271 distances between parts of n <= d samples, O(n d^2 + d^3) for n > d.

    Fails when the difference is one of means or of shapes that a covariance does not see. Where covariances differ
    and n is not well above d, debiasing takes off too much, since the bias of a part depends on its covariance:
    where the target's spread is 1.3 times the source's and d = 256, 88 % of D is left at 1000 samples a side and
    half of it at 200.
    """
    return estimate("bures", covariance_distance, pair, variant=variant, max_points=max_points, seed=seed_of(rng))


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """Plain distances as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), in the unit of the measure."""
    return over_splits(in_unit(covariance_distance, pair), halves)
