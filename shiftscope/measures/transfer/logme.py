"""LogME: how much more likely the target becomes when the features may explain it linearly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._resampling import from_draws
from shiftscope.measures._spectrum import Projection, halves, projection
from shiftscope.measures._targets import usable_targets

__all__ = ["logme", "point"]

Floats = NDArray[np.float64]

GRID = 64
# The bracket is two grid steps wide, at most 2 units of ln t; 0.618^30 of it leaves 1e-6.
GOLDEN_STEPS = 30
INVERSE_PHI = (5**0.5 - 1) / 2
# How far ln t reaches past the eigenvalues: at e^14 = 1e6 times the largest, the gain differs from 0 by 1e-6.
MARGIN = 14.0


@measure(
    asks="How much evidence do the features give for a linear explanation of the target?",
    kind="transfer",
    better="higher",
    unit="nats/sample",
    needs=("labels",),
    null="0, reached from above: the features explain nothing",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="You et al., ICML 2021 (LogME); profile likelihood over t = alpha/beta, exact for n < d",
)
def logme(
    features: FeatureSet,
    *,
    variant: Literal["gain", "evidence"] = "gain",
    centred: bool = True,
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Maximum evidence of Bayesian linear regression, per sample, averaged over the columns of the target.

    With F = U diag(sqrt s) V', x = U'y and t = alpha/beta, the evidence of ``y`` has for every t the maximum

        L(t)/n = -ln(2 pi r(t))/2 - 1/2 - sum_i ln(1 + s_i/t)/(2n),
        r(t) = [sum_i x_i^2 t/(t + s_i) + |y|^2 - |x|^2]/n

    over beta. It is maximised over ln t by a grid and golden section, all columns at once. Its limit for
    t -> infinity is the null, in which features explain nothing; the gain over it is never negative.

    Parameters
    ----------
    features
        Labels of any kind: classes (one-hot), several labels, or real values.
    variant
        ``"gain"``: evidence minus null. ``"evidence"``: the evidence itself, as LogME was published.
    centred
        Integrate an intercept out, which leaves n - 1 dimensions in place of n. False is the published form
        without intercept: there the gain includes whatever the mean of the features explains.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        In nats per sample. ``details``: ``evidence``, ``null``, ``gain`` and ``rank`` of the features. The
        interval comes from half-samples within the 256 leading principal components; the value is exact.

    Raises
    ------
    NotApplicableError
        If nothing varies in the target or in the features, or a class has one sample.

    Notes
    -----
    O(n d min(n, d)) for the shared decomposition, then O(k K) for each of 94 values of t. n < d needs no special case:
    d never enters. Published code that iterates alpha and beta is wrong there.

    Fails when the relation is not linear, and when classes are so few and small (2 or 3 samples) that their
    halves say little about the spread. Values of different targets are not comparable.
    """
    usable_targets(features)
    value, details = point(projection(features, kernels, centred=centred), variant)
    parts = halves(features, seed_of(rng), kernels, centred=centred, intervals=intervals)
    draws = np.array([point(half, variant)[0] for half in parts])
    return from_draws(value, draws, details, bounds=(0.0 if variant == "gain" else -np.inf, np.inf))


def point(seen: Projection, variant: Literal["gain", "evidence"]) -> tuple[float, Details]:
    """Return value and details of the samples that ``seen`` projects."""
    null, gain = _evidence(seen)
    details: Details = {"evidence": null + gain, "null": null, "gain": gain, "rank": len(seen.values)}
    return gain if variant == "gain" else null + gain, details


def _evidence(seen: Projection) -> tuple[float, float]:
    """Null evidence and gain, averaged over the columns that vary; 0 for a half in which nothing does."""
    varies = seen.norms > 0
    norms, along = seen.norms[varies], seen.along[:, varies]
    if not along.size:
        return 0.0, 0.0
    null = -0.5 * np.log(2 * np.pi * norms / seen.free) - 0.5
    share = np.square(along.T) / norms[:, None]
    # Features of full rank explain every target: what remains is rounding and would stop t from going to 0.
    rest = np.zeros(len(norms)) if len(seen.values) >= seen.free else np.maximum(1.0 - share.sum(axis=1), 0.0)
    gain = _best_gain(seen.values, share, rest, seen.free)
    return float(null.mean()), float(np.maximum(gain, 0.0).mean())


def _best_gain(values: Floats, share: Floats, rest: Floats, free: int) -> Floats:
    """Maximise the gain over ln t for every row of ``share`` (K, k); ``rest`` (K,) lies outside the features."""

    def gain(unexplained: Floats, t: Floats) -> Floats:
        value: Floats = -0.5 * np.log(unexplained) - 0.5 * np.log1p(values / t).sum(axis=1) / free
        return value

    def gain_at(log_t: Floats) -> Floats:
        t = np.exp(log_t)[:, None]
        return gain((share * (t / (t + values))).sum(axis=1) + rest, t)

    grid = np.linspace(np.log(values[-1]) - MARGIN, np.log(values[0]) + MARGIN, GRID)
    t = np.exp(grid)[:, None]
    on_grid = gain(share @ (t / (t + values)).T + rest[:, None], t)
    peak, step = grid[np.argmax(on_grid, axis=1)], grid[1] - grid[0]
    return _golden(gain_at, peak - step, peak + step)


def _golden(function: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Maximum of ``function`` between ``low`` and ``high`` by golden section, for all entries at once."""
    inner, outer = high - INVERSE_PHI * (high - low), low + INVERSE_PHI * (high - low)
    at_inner, at_outer = function(inner), function(outer)
    for _ in range(GOLDEN_STEPS):
        up = at_inner < at_outer
        low, high = np.where(up, inner, low), np.where(up, high, outer)
        point = np.where(up, low + INVERSE_PHI * (high - low), high - INVERSE_PHI * (high - low))
        at_point = function(point)
        inner, outer = np.where(up, outer, point), np.where(up, point, inner)
        at_inner, at_outer = np.where(up, at_outer, at_point), np.where(up, at_point, at_inner)
    best: Floats = np.maximum(at_inner, at_outer)
    return best
