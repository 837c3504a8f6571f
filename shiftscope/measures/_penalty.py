"""How strongly linear probes are held back: one penalty a fold, chosen without the labels of that fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.kernels import Kernels
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import usable_targets

__all__ = ["PENALTIES", "fold_penalties", "gcv"]

Floats = NDArray[np.float64]

# Penalties tried, in units of the largest eigenvalue; four to a decade.
PENALTIES = np.logspace(-7, 2, 37)


def fold_penalties(features: FeatureSet, seed: int, kernels: Kernels | None = None) -> Floats:
    """Penalty of ridge regression for every fold (F,), in units of the largest eigenvalue.

    It minimises generalised cross-validation of the targets with those of the fold set to the mean of the others:
    chosen with all labels, it would lift accuracy on noise by half a standard error. Later calls on the same
    features return the same array. O(n k K + F k P) for P penalties after the spectrum.
    """

    def make() -> Floats:
        values, left = spectrum(features, kernels)
        targets, parts = usable_targets(features), folds(features, seed)
        along = left.T @ targets
        chosen = np.empty(int(parts.max()) + 1)
        for fold in range(len(chosen)):
            own = parts == fold
            mean = targets[~own].mean(axis=0)
            # U'(y - mean) without the terms of this fold: U sums to zero.
            seen = along - left[own].T @ (targets[own] - mean)
            length = float(np.square(targets[~own] - mean).sum())
            chosen[fold] = PENALTIES[np.argmin(gcv(values, np.square(seen).sum(axis=1), length, features.n))]
        return chosen

    return features.memo(("penalties", seed), make)


def gcv(values: Floats, squares: Floats, length: float, n: int) -> Floats:
    """Generalised cross-validation of all penalties, as ``kernels.ridge_gcv``, from the targets along U alone.

    ``squares`` (k,) is the sum over targets of (U'y)^2, and ``length`` that of |y|^2, y without its mean.
    """
    kept = PENALTIES[:, None] * values[0] / (values + PENALTIES[:, None] * values[0])
    rank = len(values)
    # Features of full rank explain every target: what remains is rounding.
    outside = max(length - float(squares.sum()), 0.0) if rank < n - 1 else 0.0
    scores: Floats = n * (outside + np.square(kept) @ squares) / np.square((n - 1 - rank) + kept.sum(axis=1))
    return scores
