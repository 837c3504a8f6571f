"""How strongly linear probes are held back: one penalty a fold, chosen without the labels of that fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import usable_targets

__all__ = ["PENALTIES", "fold_penalties"]

Floats = NDArray[np.float64]

# Penalties tried, in units of the largest eigenvalue; four to a decade.
PENALTIES = np.logspace(-7, 2, 37)


def fold_penalties(features: FeatureSet, seed: int, kernels: Kernels | None = None) -> Floats:
    """Penalty of ridge regression for every fold (F,), in units of the largest eigenvalue.

    It minimises generalised cross-validation of the targets with those of the fold set to the mean of the others:
    chosen with all labels, it would lift accuracy on noise by half a standard error. Later calls on the same
    features return the same array. O(F n k K) after the spectrum.
    """

    def make() -> Floats:
        numbers = kernels or choose()
        values, left = spectrum(features, numbers)
        targets, parts = usable_targets(features), folds(features, seed)
        chosen = np.empty(int(parts.max()) + 1)
        for fold in range(len(chosen)):
            own = parts == fold
            seen = targets - targets[~own].mean(axis=0)
            seen[own] = 0.0
            chosen[fold] = PENALTIES[np.argmin(numbers.ridge_gcv(left, values, seen, PENALTIES * values[0]))]
        return chosen

    return features.memo(("penalties", seed), make)
