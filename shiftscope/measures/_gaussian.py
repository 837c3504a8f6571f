"""What the Gaussian distances share: the covariance part, its unit, and how its small-sample bias is taken off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Estimate
from shiftscope.measures._resampling import from_draws
from shiftscope.measures._sides import Distance, debiased, demand_units, equal_size, first_rows

__all__ = ["Variant", "covariance_distance", "estimate", "in_unit"]

Floats = NDArray[np.float64]
Variant = Literal["debiased", "plain"]
# Squared distance of two samples, (n, d) and (m, d), in squared feature units.
OfSamples = Callable[[NDArray[np.float32], NDArray[np.float32]], float]


def covariance_distance(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> float:
    """Squared Bures-Wasserstein distance of the covariances of ``x`` (n, d) and ``y`` (m, d), n - 1 in both.

        tr(C_x) + tr(C_y) - 2 tr((C_x^1/2 C_y C_x^1/2)^1/2)

    In float64 and without square roots of d x d matrices: with factors C = F'F the last trace is the nuclear norm
    of F_x F_y', and F is the centred sample itself for n <= d. Exact for singular covariances, too.
    O(n^2 d + n^3) for n <= d, O(n d^2 + d^3) for n > d.
    """
    a, b = _factor(x), _factor(y)
    fidelity = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    # Equal covariances leave rounding of either sign.
    return max(float(np.square(a).sum() + np.square(b).sum() - 2 * fidelity), 0.0)


def _factor(x: NDArray[np.floating[Any]]) -> Floats:
    """F (min(n, d), d) with F'F the covariance of ``x`` (n, d)."""
    centred = x.astype(np.float64)
    centred -= centred.mean(axis=0)
    centred /= np.sqrt(len(x) - 1)
    return centred if len(x) <= x.shape[1] else np.asarray(np.linalg.qr(centred, mode="r"))


def estimate(name: str, distance: OfSamples, pair: Pair, *, variant: Variant, max_points: int, seed: int) -> Estimate:
    """The measure ``name``: ``distance`` of the two sides, debiased or plain, with its interval and details."""
    demand_units(pair, name)
    size = equal_size(pair, max_points)
    raw = distance(*(side.features[first_rows(side, size)] for side in (pair.source, pair.target)))
    plain = raw / pair.bandwidth**2
    value, draws = debiased(in_unit(distance, pair), pair, seed, max_points)
    return from_draws(plain if variant == "plain" else value, draws, {"plain": plain, "raw": raw, "size": size})


def in_unit(distance: OfSamples, pair: Pair) -> Distance:
    """``distance`` between two sets of pooled rows, in squared median distances of the pooled sample."""
    z, unit = pair.pooled, pair.bandwidth**2
    return lambda a, b: distance(z[a], z[b]) / unit
