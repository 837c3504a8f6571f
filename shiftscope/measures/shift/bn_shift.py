"""Batch-norm shift: how far are the target's activations from what the backbone saw in training, layer by layer?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet, LayerStats
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._sides import units

__all__ = ["bn_shift"]

Floats = NDArray[np.float64]

# Layers add about this to a variance before they divide by it: what is smaller, the network does not see either.
EPSILON = 1e-5


@measure(
    asks="How far are the target's activations from the statistics that the backbone's batch-norm layers carry?",
    kind="shift",
    better="lower",
    unit="squared standard deviations per channel",
    needs=("layer_stats",),
    bounds=(0.0, None),
    null="about 2/n or less (details.noise), plus what other crops and augmentation in training have left",
    invariant=("order",),
    reference="Jeffreys, Proc. R. Soc. A 1946: symmetric divergence of Gaussians, to second order, per channel",
)
def bn_shift(features: FeatureSet, *, rng: RngLike = None, kernels: Kernels | None = None) -> Estimate:  # noqa: ARG001
    """Distance of the target's batch-norm inputs from the running statistics of the layers.

    The running mean mu and variance s of a batch-norm layer are moments of the data the backbone was trained on:
    no source data are needed. With the target's mean m and variance v of the same channel, over samples and
    positions, a layer's shift is the mean over its channels of

        (m - mu)^2 / ((v + s)/2) + log(v/s)^2 / 2,

    and the value is the mean over layers. For small shifts a term is the symmetric Kullback-Leibler divergence (in
    nats) of Gaussians with these moments; it grows with the square of the logarithm, not exponentially, where a
    channel is all but dead on one side. Means over channels and layers do not depend on width and depth.

    Parameters
    ----------
    features
        Features of the target, extracted by a backbone with batch norm. From a ``Pair`` the target is taken.

    Returns
    -------
    Estimate
        Without an interval: the layers keep sums over samples, not samples. ``details``: ``layers`` and their
        ``shifts``, in the backbone's order (shifts that begin in the first layers are of light, noise or sharpness,
        shifts that grow with depth of content); ``early`` and ``late``, means over the first and the last third
        of the layers; ``mean_part`` and ``variance_part``, which add up to the value; ``worst_layer``;
        ``n_channels``; and ``noise``, 2 divided by the number of samples (groups).

    Raises
    ------
    NotApplicableError
        If the backbone has no batch norm, or random weights: their statistics were taken from the target itself.

    Notes
    -----
    O(channels). ``noise`` is what n independent samples of Gaussian channels give without a shift if all positions
    of a sample agree: 1/n from the mean and 1/n from the variance. Positions that differ within a sample lower it,
    channels with heavy tails (kurtosis k > 3) raise its second part to (k - 1)/(2n).

    Fails when running statistics are not those of the training data: frozen, folded into the weights, or of crops
    at another scale than at test time, which leaves a shift even for data the backbone was trained on. Compare
    targets under one backbone, or with the value of the source's own held-out samples.
    """
    if features.card is not None and features.card.random:
        raise NotApplicableError(
            f"the batch-norm statistics of {features.card.name}, which has random weights, were taken from "
            f"{features.name} itself: there is nothing to compare with."
        )
    layers = features.layer_stats
    parts = np.array([_parts(stats) for stats in layers.values()])
    shifts = parts.sum(axis=1)
    third = -(-len(layers) // 3)
    details: Details = {
        "layers": list(layers),
        "shifts": shifts.tolist(),
        "early": float(shifts[:third].mean()),
        "late": float(shifts[-third:].mean()),
        "mean_part": float(parts[:, 0].mean()),
        "variance_part": float(parts[:, 1].mean()),
        "worst_layer": list(layers)[int(np.argmax(shifts))],
        "n_channels": sum(len(stats.mean) for stats in layers.values()),
        "noise": 2.0 / (int(units(features).max()) + 1),
    }
    return Estimate(value=float(shifts.mean()), details=details)


def _parts(stats: LayerStats) -> tuple[float, float]:
    """What means and what variances contribute, averaged over the channels of one layer."""
    seen, carried = stats.var + EPSILON, stats.running_var + EPSILON
    apart: Floats = np.square(stats.mean - stats.running_mean) / ((seen + carried) / 2)
    spread: Floats = np.square(np.log(seen / carried)) / 2
    return float(apart.mean()), float(spread.mean())
