"""The nearest samples of both sides of a pair: of every sample across, and two of its fellows on its own side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.kernels import Kernels
from shiftscope.measures._sides import Floats, units

__all__ = ["Neighbours", "neighbours"]

BLOCK = 2048

Places = NDArray[np.int64]


class Neighbours(NamedTuple):
    """Rows of ``Pair.pooled`` and distances, 1 - cosine about the pooled mean; -1 and infinite where there is none.

    Attributes
    ----------
    across : (N,) int64
        The nearest sample of the other side.
    across_distance : (N,) float64
    fellows : (N, 2) int64
        The two nearest samples of the own side that belong to other groups, nearest first.
    fellow_distances : (N, 2) float64
    """

    across: Places
    across_distance: Floats
    fellows: Places
    fellow_distances: Floats


def neighbours(pair: Pair, kernels: Kernels) -> Neighbours:
    """Find the nearest samples of every sample; O(N^2 d) for N = n + m.

    The mean of both sides is taken off first: features that are never negative all point into one direction.
    """
    unit = pair.pooled.astype(np.float64)
    unit -= unit.mean(axis=0)
    length = np.sqrt(np.square(unit).sum(axis=1))
    unit /= np.where(length > 0, length, 1.0)[:, None]
    n, z = pair.source.n, unit.astype(np.float32)
    across = kernels.nearest(z, 1, pair.is_source.astype(np.int64))[0]
    fellows = np.concatenate(
        [
            kernels.nearest(z[:n], 2, units(pair.source))[0],
            _moved(kernels.nearest(z[n:], 2, units(pair.target))[0], n),
        ]
    )
    return Neighbours(across[:, 0], _distances(unit, across)[:, 0], fellows, _distances(unit, fellows))


def _moved(places: Places, by: int) -> Places:
    return np.where(places < 0, -1, places + by)


def _distances(unit: Floats, places: Places) -> Floats:
    """1 - cosine as |u - v|^2/2, which keeps the digits of small distances that the cosine has lost."""
    found = np.full(places.shape, np.inf)
    for column, near in enumerate(places.T):
        for start in range(0, len(unit), BLOCK):
            some = slice(start, start + BLOCK)
            found[some, column] = np.square(unit[some] - unit[near[some]]).sum(axis=1) / 2
    found[places < 0] = np.inf
    return found
