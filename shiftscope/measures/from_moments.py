"""Measures from sums alone: the exact values of streams and shards whose features nobody keeps.

>>> total = FeatureSet.of(x1, y1).moments + FeatureSet.of(x2, y2).moments
>>> from_moments.logme(total).value

They are points: intervals need the samples. So do accuracies and whatever is held out.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.moments import Moments
from shiftscope.core.records import Estimate
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures._penalty import PENALTIES, gcv
from shiftscope.measures._spectrum import Projection, projected
from shiftscope.measures.transfer import hscore as of_hscore
from shiftscope.measures.transfer import logme as of_logme

__all__ = ["frechet", "hscore", "logme", "ridge_r2"]

Floats = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)


def logme(moments: Moments, *, variant: Literal["gain", "evidence"] = "gain", centred: bool = True) -> Estimate:
    """Value and details of the measure ``logme``, without its interval.

    Parameters
    ----------
    moments
        Of features and targets of any kind: one-hot classes, 0/1 labels, real columns.
    variant, centred
        As in ``logme``.

    Raises
    ------
    NotApplicableError
        As ``logme``: nothing varies in the target or in the features, or a class has one sample.

    Notes
    -----
    O(d^3 + d^2 K), whatever n is.

    Fails when sums lose what they should hold: the difference to ``logme`` grows with the squared distance of
    features from the origin of the moments, and of real targets from 0, in units of their spread.
    """
    checked = of_logme.logme.check({"variant": variant, "centred": centred})
    _usable(moments)
    value, details = of_logme.point(_projection(moments, centred=checked["centred"]), checked["variant"])
    return Estimate(value=value, details=details)


def hscore(moments: Moments, *, variant: Literal["adjusted", "raw"] = "adjusted") -> Estimate:
    """Value and details of the measure ``hscore``, without its interval.

    Parameters
    ----------
    moments
        Of features and one-hot classes; classes without samples are left out.
    variant
        As in ``hscore``; not ``"shrinkage"``, whose intensity needs the length of every sample.

    Raises
    ------
    InputError
        For ``variant="shrinkage"``.
    NotApplicableError
        As ``hscore``, and for targets that are not one-hot.

    Notes
    -----
    O(d^3 + d^2 C), whatever n is. Fails as :func:`logme` does.
    """
    if of_hscore.hscore.check({"variant": variant})["variant"] == "shrinkage":
        raise InputError("hscore: 'shrinkage' needs the length of every sample: choose 'adjusted' or 'raw'.")
    if not _are_classes(moments):
        raise NotApplicableError("hscore needs classes: the targets of these moments are not one-hot.")
    _usable(moments)
    if moments.n < of_hscore.MIN_SAMPLES:
        raise NotApplicableError(f"hscore needs {of_hscore.MIN_SAMPLES} samples; these moments hold {moments.n}.")
    value, details = of_hscore.point(_projection(moments), variant)
    return Estimate(value=value, details=details)


def ridge_r2(moments: Moments) -> Estimate:
    """R2 of ridge regression with intercept, by generalised cross-validation: an estimate for unseen samples.

    With H the hat matrix at the penalty t, intercept included, and RSS = |(I - H) y|^2,

        R2 = 1 - [RSS / (n - tr H)^2] / [TSS / (n - 1)^2],

    one minus the ratio of GCV (Golub, Heath and Wahba, Technometrics 1979, eq. 1.4) with features to GCV with the
    intercept alone. t minimises GCV summed over all columns, on the grid of the measure ``ridge``; R2 is averaged
    over columns. It is not the R2 of ten folds that ``ridge`` gives for real targets: that takes a second pass over
    the samples.

    Parameters
    ----------
    moments
        Of features and targets of any kind; for classes it is the R2 of their indicators.

    Returns
    -------
    Estimate
        ``details``: ``in_sample``, 1 - RSS/TSS at the same penalty, averaged in the same way; ``penalty`` in units of
        the largest eigenvalue; ``freedom``, tr H; ``rank`` of the features.

    Raises
    ------
    NotApplicableError
        If nothing varies in the target or in the features, or a class has one sample.

    Notes
    -----
    O(d^3 + d^2 K), whatever n is. The penalty is chosen with the targets that are then judged, which lifts noise
    a little: to 0.005 on average at n = 200, d = 50.

    Fails when samples come in groups, or as near-copies: unseen samples are then worse predicted than it says.
    Otherwise as :func:`logme` does.
    """
    usable = _usable(moments)
    seen = _projection(moments)
    n, values, squares, lengths = seen.n, seen.values, np.square(seen.along[:, usable]), seen.norms[usable]
    penalty = float(PENALTIES[np.argmin(gcv(values, squares.sum(axis=1), float(lengths.sum()), n))])
    kept = penalty * values[0] / (values + penalty * values[0])
    outside = np.maximum(lengths - squares.sum(axis=0), 0.0)
    unexplained = (outside + np.square(kept) @ squares) / lengths
    freedom = 1 + len(values) - float(kept.sum())
    r2 = 1 - unexplained * ((n - 1) / (n - freedom)) ** 2
    details = {"in_sample": 1 - float(unexplained.mean()), "penalty": penalty, "freedom": freedom, "rank": len(values)}
    return Estimate(value=float(r2.mean()), details=details)


def frechet(source: Moments, target: Moments) -> Estimate:
    """Plain squared Frechet distance of two data sets, in squared feature units, as FID is reported.

        D = |mu_x - mu_y|^2 + tr(C_x) + tr(C_y) - 2 tr((C_x^1/2 C_y C_x^1/2)^1/2)

    It is ``details.raw`` of the measure ``frechet``, but on all samples of both sides. What that measure adds takes
    the samples: the unit that makes backbones comparable, and the halves by which it removes the bias. D between two
    samples of one distribution is about d (d + 5)/(2n) feature variances: compare sets of equal size only.

    Raises
    ------
    InputError
        If the two sides have different numbers of features.
    NotApplicableError
        If a side has one sample.

    Notes
    -----
    O(d^3), whatever n is. Fails as the measure does, and where D is below 1e-12 times the traces.
    """
    if len(source.origin) != len(target.origin):
        raise InputError(
            f"frechet: the source has {len(source.origin)} features and the target {len(target.origin)}: extract "
            "both with one backbone."
        )
    if min(source.n, target.n) < 2:
        raise NotApplicableError("frechet needs two samples on each side.")
    # The trace of the square root is the nuclear norm of A B' for any C_x = A'A and C_y = B'B.
    mean, a, b = source.mean - target.mean, _factor(source), _factor(target)
    fidelity = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return Estimate(value=max(float(mean @ mean + np.square(a).sum() + np.square(b).sum() - 2 * fidelity), 0.0))


def _factor(moments: Moments) -> Floats:
    """A (rank, d) with A'A the covariance; directions that are rounding would count by their square roots."""
    values, vectors = np.linalg.eigh(moments.covariance())
    kept = values > EPS * max(moments.n, len(values)) * values[-1]
    return np.asarray(np.sqrt(values[kept])[:, None] * vectors[:, kept].T)


def _projection(moments: Moments, *, centred: bool = True) -> Projection:
    """Project the target as ``_spectrum.projection`` does, from a decomposition of the d x d scatter matrix."""
    n, squares = moments.n, np.diag(moments.sum_yy)
    lengths = _lengths(squares, moments.sum_y, n)
    varies = _lengths(np.diag(moments.sum_xx), moments.sum_x, n) > 0
    if not varies.any():
        raise NotApplicableError(f"all {n} samples of these moments have equal features.")
    if not centred:
        raw = moments.about(np.zeros_like(moments.origin))
        return projected(n, n, raw.sum_xx, raw.sum_xy, (np.where(lengths > 0, squares, 0.0), moments.sum_y))
    scatter = moments.centred_xx * np.outer(varies, varies)
    return projected(n, n - 1, scatter, moments.centred_xy * varies[:, None], (lengths, moments.sum_y))


def _lengths(squares: Floats, sums: Floats, n: int) -> Floats:
    """Squared lengths of columns about their means: 0 where only the rounding of a constant column is left."""
    lengths = squares - np.square(sums) / n
    return np.where(lengths > EPS * max(n, 16) * squares, lengths, 0.0)


def _are_classes(moments: Moments) -> bool:
    """Whether the targets are one-hot: y^2 sums to y for whole numbers only if all are 0 or 1."""
    once = np.array_equal(moments.sum_yy, np.diag(moments.sum_y))
    return once and float(moments.sum_y.sum()) == moments.n


def _usable(moments: Moments) -> NDArray[np.bool_]:
    """Which columns of the target (K,) can be learnt: what ``_targets.usable_targets`` says of samples."""
    n, sums, squares = moments.n, moments.sum_y, np.diag(moments.sum_yy)
    if n < 4:
        raise NotApplicableError(f"these moments hold {n} samples: at least 4 are needed.")
    usable: NDArray[np.bool_] = _lengths(squares, sums, n) > 0
    if _are_classes(moments):
        present = sums[sums > 0]
        if len(present) < 2:
            raise NotApplicableError("these moments hold one class only: transfer measures compare at least 2.")
        if present.min() < 2:
            raise NotApplicableError("a class of these moments has one sample: at least 2 per class are needed.")
        return usable
    labels = squares == sums
    usable &= ~labels | (np.minimum(sums, n - sums) >= 2)
    if not usable.any():
        raise NotApplicableError("no target column of these moments varies: there is nothing to predict.")
    return usable
