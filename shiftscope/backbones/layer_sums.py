"""Mean and variance per channel over samples that arrive in pieces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LayerSums"]


@dataclass(frozen=True, eq=False)
class LayerSums:
    """Mean and variance (c,) of what entered one layer, over ``count`` samples and positions."""

    count: int
    mean: NDArray[np.float64]
    var: NDArray[np.float64]

    def __add__(self, other: LayerSums) -> LayerSums:
        """Join two disjoint sets of samples (Chan, Golub and LeVeque 1983, eq. 2.1)."""
        count = self.count + other.count
        share = other.count / count
        move = other.mean - self.mean
        between = move**2 * (share * (1.0 - share))
        return LayerSums(count, self.mean + move * share, self.var + (other.var - self.var) * share + between)
