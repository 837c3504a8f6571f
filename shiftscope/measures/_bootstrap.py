"""Bootstrap samples as weights: for means over samples, where nothing is refitted that would see a sample twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.seeds import stream
from shiftscope.measures._sides import units

__all__ = ["bootstrap_weights", "bootstrap_weights_by_class"]

N_DRAWS = 200


def bootstrap_weights(side: FeatureSet, seed: int, name: str) -> NDArray[np.float64]:
    """How often each sample comes into each of 200 bootstrap samples (200, n); whole groups are drawn.

    ``name`` tells apart the sides of a pair, which are drawn independently.
    """
    unit = units(side)
    n_units = int(unit.max()) + 1
    drawn = stream(seed, "bootstrap", name).multinomial(n_units, np.full(n_units, 1 / n_units), size=N_DRAWS)
    return drawn[:, unit].astype(np.float64)


def bootstrap_weights_by_class(side: FeatureSet, seed: int, name: str) -> NDArray[np.float64]:
    """Bootstrap weights (200, n) that draw within each class: as many of its samples, or groups of them, as it has.

    For means over a class, whose number of samples is as given; no class is ever empty.
    """
    unit, weights = units(side), np.empty((N_DRAWS, side.n))
    for code, class_name in enumerate(side.target.class_names):
        members = np.flatnonzero(side.target.values == code)
        _, place = np.unique(unit[members], return_inverse=True)
        n_units = int(place.max()) + 1
        random = stream(seed, "bootstrap within a class", name, class_name)
        weights[:, members] = random.multinomial(n_units, np.full(n_units, 1 / n_units), size=N_DRAWS)[:, place]
    return weights
