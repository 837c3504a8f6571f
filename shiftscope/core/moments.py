"""First and second moments of features and targets: what linear measures need, joined from shards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftscope.errors import InputError

__all__ = ["Moments"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of x, xx', y, xy' and yy' over n samples in float64, about a fixed origin.

    ``a + b`` equals the moments of the concatenated samples. The origin (often a feature mean) keeps sums of
    squares small when features sit far from zero; moments about different origins are moved before they join.
    """

    n: int
    origin: Array  # (d,)
    sum_x: Array  # (d,)   of x - origin
    sum_xx: Array  # (d, d) of (x - origin)(x - origin)'
    sum_y: Array  # (K,)
    sum_xy: Array  # (d, K)
    sum_yy: Array  # (K, K)

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike | None = None, *, origin: ArrayLike | None = None) -> Moments:
        """Moments of features ``x`` (n, d) and targets ``y`` (n, K); cost O(n d (d + K))."""
        x64 = np.asarray(x, dtype=np.float64)
        y64 = np.empty((len(x64), 0)) if y is None else np.asarray(y, dtype=np.float64)
        about = x64.mean(axis=0) if origin is None else np.asarray(origin, dtype=np.float64)
        centred = x64 - about
        return cls(
            len(x64),
            about,
            centred.sum(axis=0),
            centred.T @ centred,
            y64.sum(axis=0),
            centred.T @ y64,
            y64.T @ y64,
        )

    def about(self, origin: Array) -> Moments:
        """Return the same moments about another origin; cost O(d (d + K))."""
        move = self.origin - origin
        sum_x = self.sum_x + self.n * move
        cross = np.outer(move, self.sum_x)
        sum_xx = self.sum_xx + cross + cross.T + self.n * np.outer(move, move)
        return Moments(self.n, origin, sum_x, sum_xx, self.sum_y, self.sum_xy + np.outer(move, self.sum_y), self.sum_yy)

    def __add__(self, other: Moments) -> Moments:
        if self.sum_xy.shape != other.sum_xy.shape:
            raise InputError(
                f"Moments of shape {self.sum_xy.shape} and {other.sum_xy.shape} (features, targets) cannot be "
                "added: extract both with one backbone and one list of classes."
            )
        b = other.about(self.origin)
        return Moments(
            self.n + b.n,
            self.origin,
            self.sum_x + b.sum_x,
            self.sum_xx + b.sum_xx,
            self.sum_y + b.sum_y,
            self.sum_xy + b.sum_xy,
            self.sum_yy + b.sum_yy,
        )

    @property
    def mean(self) -> Array:
        """Feature mean (d,)."""
        return self.origin + self.sum_x / self.n

    @property
    def centred_xx(self) -> Array:
        """Sum of squares and products about the mean (d, d)."""
        return self.sum_xx - np.outer(self.sum_x, self.sum_x) / self.n

    @property
    def centred_xy(self) -> Array:
        """Sum of products of features and targets about both means (d, K)."""
        return self.sum_xy - np.outer(self.sum_x, self.sum_y) / self.n

    def covariance(self, *, ddof: int = 1) -> Array:
        """Feature covariance (d, d), divided by n - ddof."""
        return self.centred_xx / (self.n - ddof)
