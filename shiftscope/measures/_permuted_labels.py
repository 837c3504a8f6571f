"""Labels at random: what a score without a known null is compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.seeds import stream

__all__ = ["permuted_classes"]


def permuted_classes(features: FeatureSet, seed: int, n_permutations: int) -> NDArray[np.int64]:
    """Class codes in random order (n_permutations, n), the same for every backbone that saw these samples.

    Samples of one group depend on each other, and so do their labels. The groups are therefore put in random
    order and the labels, in runs as long as the groups they come from, are laid along them: every class keeps its
    number of samples, and groups of equal size their labels together.
    """
    rng = stream(seed, "permuted labels")
    unit = np.arange(features.n) if features.groups is None else features.groups
    runs = features.target.values[np.argsort(unit, kind="stable")]
    permuted = np.empty((n_permutations, features.n), dtype=np.int64)
    for row in permuted:
        row[np.argsort(rng.permutation(int(unit.max()) + 1)[unit], kind="stable")] = runs
    return permuted
