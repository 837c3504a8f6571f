"""Nearest samples by Euclidean distance, without regard to sides: distances, neighbours, and balls around samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.measures._sides import Floats, Rows

__all__ = ["inside", "nearest_rows", "squares"]

# Squared distances, in units of the mean one from the centre, that differ by less are equal up to rounding.
DIGITS = 10
BLOCK = 512


def squares(z: NDArray[np.floating[Any]], unit: NDArray[np.int64]) -> Floats:
    """Squared distances (N, N), equal ones exactly so; infinite within one unit, thus from a sample to itself."""
    z = z.astype(np.float64)
    z -= z.mean(axis=0)
    norms = np.square(z).sum(axis=1)
    scale = norms.mean() or 1.0
    square: Floats = z @ z.T
    square *= -2 / scale
    square += norms / scale
    square += norms[:, None] / scale
    np.round(square, DIGITS, out=square)
    square[unit[:, None] == unit] = np.inf
    return square


def nearest_rows(square: Floats, k: int, rng: np.random.Generator) -> Rows:
    """The k nearest rows of every row (N, k), nearest first, ties in random order."""
    nearest = np.empty((len(square), k), dtype=np.intp)
    for start in range(0, len(square), BLOCK):
        rows = square[start : start + BLOCK]
        rows = rows + 10.0**-DIGITS * rng.random(rows.shape)
        some = np.argpartition(rows, k - 1, axis=1)[:, :k]
        order = np.take_along_axis(rows, some, axis=1).argsort(axis=1)
        nearest[start : start + BLOCK] = np.take_along_axis(some, order, axis=1)
    return nearest


def inside(square: Floats, a: Rows, b: Rows, c: Rows, k: int) -> tuple[float, float, float]:
    """Share of rows ``b`` in the ball of some row of ``a``, mean number of such balls over k; the share of ``c``."""
    rows = square[a]
    radius = np.partition(rows[:, a], k - 1, axis=1)[:, k - 1 : k]
    # A sample with fewer than k fellows outside its group has no ball.
    radius[np.isinf(radius)] = -1.0
    within_b, within_c = rows[:, b] <= radius, rows[:, c] <= radius
    return float(within_b.any(axis=0).mean()), float(within_b.mean() * len(a) / k), float(within_c.any(axis=0).mean())
