"""Class shares of an unlabelled set, from what a probe of labelled samples says of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["bbse", "confusion", "saerens", "total_variation"]

Floats = NDArray[np.float64]

# The likelihood of the shares is concave: what is left after this many steps is far below the noise.
STEPS, TOLERANCE = 500, 1e-7
# Differences of this many standard errors have a sign that is taken to be known.
CLEAR = 2.0


def confusion(predicted: NDArray[np.int64], classes: NDArray[np.int64], weights: Floats, n_classes: int) -> Floats:
    """P(predicted i | class j) (C, C) of weighted samples; a class without weight has a column of zeros."""
    counts = np.bincount(predicted * n_classes + classes, weights, n_classes**2).reshape(n_classes, n_classes)
    shares: Floats = counts / np.maximum(counts.sum(axis=0), np.finfo(np.float64).tiny)
    return shares


def bbse(confused: Floats, predicted: Floats) -> Floats:
    """Class shares q (C,) with ``confused`` q = ``predicted`` (Lipton, Wang and Smola, ICML 2018, eq. 5).

    They are the least-squares solution, cut at 0 and scaled to sum to 1.
    """
    raw: Floats = np.maximum(np.linalg.lstsq(confused, predicted, rcond=None)[0], 0.0)
    shares: Floats = raw / raw.sum()
    return shares


def saerens(chances: Floats, prior: Floats) -> Floats:
    """Class shares (C,) of greatest likelihood for samples with source probabilities ``chances`` (m, C).

    Expectation maximisation (Saerens, Latinne and Decaestecker, Neural Computation 2002, eq. 2.2) from ``prior``
    (C,), the shares under which the probabilities were made.
    """
    ratios, share = chances / prior, prior
    for _ in range(STEPS):
        joint = ratios * share
        updated = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(updated - share).max() < TOLERANCE:
            break
        share = updated
    return np.asarray(updated)


def total_variation(difference: Floats, noise: Floats, level: float) -> tuple[float, float, float]:
    """Half the sum of |``difference``| (C,) and an interval, from replicates of its error, ``noise`` (R, C).

    The sum of absolute values has kinks. Differences of clear sign contribute their error with that sign; the others,
    by the triangle inequality, up to their absolute error, upwards or downwards. The interval is therefore too wide
    rather than too narrow, and begins at 0 where no difference is clear.
    """
    value = float(np.abs(difference).sum() / 2)
    clear = np.abs(difference) > CLEAR * noise.std(axis=0)
    signed, loose = noise[:, clear] @ np.sign(difference[clear]) / 2, np.abs(noise[:, ~clear]).sum(axis=1) / 2
    low = value - float(np.quantile(signed + loose, (1 + level) / 2))
    high = value - float(np.quantile(signed - loose, (1 - level) / 2))
    return value, min(max(low, 0.0), value), max(min(high, 1.0), value)
