"""First and second moments of features and targets: what linear measures need, joined from shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    Classes are matched by ``names``, so that a shard may lack some of them.

    Fails when real targets sit far from zero, whose sums have no origin of their own: subtract one number from
    the targets of all shards first.
    """

    n: int
    origin: Array  # (d,)
    sum_x: Array  # (d,)   of x - origin
    sum_xx: Array  # (d, d) of (x - origin)(x - origin)'
    sum_y: Array  # (K,)
    sum_xy: Array  # (d, K)
    sum_yy: Array  # (K, K)
    names: tuple[str, ...] = ()  # of the columns of a one-hot y; empty where nobody named them

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        y: ArrayLike | None = None,
        *,
        names: Sequence[str] = (),
        origin: ArrayLike | None = None,
    ) -> Moments:
        """Moments of features ``x`` (n, d) and targets ``y`` (n, K); cost O(n d (d + K)).

        Raises
        ------
        InputError
            For wrong shapes, and for NaN or infinite values.
        """
        x64 = np.asarray(x, dtype=np.float64)
        y64 = np.empty((len(x64), 0)) if y is None else np.asarray(y, dtype=np.float64)
        _check(x64, y64, names)
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
            tuple(names),
        )

    def about(self, origin: Array) -> Moments:
        """Return the same moments about another origin; cost O(d (d + K))."""
        move = self.origin - origin
        sum_x = self.sum_x + self.n * move
        cross = np.outer(move, self.sum_x)
        sum_xx = self.sum_xx + cross + cross.T + self.n * np.outer(move, move)
        sum_xy = self.sum_xy + np.outer(move, self.sum_y)
        return replace(self, origin=origin, sum_x=sum_x, sum_xx=sum_xx, sum_xy=sum_xy)

    def __add__(self, other: Moments) -> Moments:
        if len(self.origin) != len(other.origin):
            raise InputError(
                f"Moments of {len(self.origin)} and of {len(other.origin)} features cannot be added: extract all "
                "shards with one backbone."
            )
        if bool(self.names) != bool(other.names) or not (self.names or len(self.sum_y) == len(other.sum_y)):
            raise InputError(
                f"Moments with {_columns(self)} and with {_columns(other)} cannot be added: label all shards alike."
            )
        names = (*self.names, *(name for name in other.names if name not in self.names))
        a, b = self._with_names(names), other.about(self.origin)._with_names(names)
        return Moments(
            a.n + b.n,
            a.origin,
            a.sum_x + b.sum_x,
            a.sum_xx + b.sum_xx,
            a.sum_y + b.sum_y,
            a.sum_xy + b.sum_xy,
            a.sum_yy + b.sum_yy,
            names,
        )

    def _with_names(self, names: tuple[str, ...]) -> Moments:
        """Return the same moments with the target columns ``names``; those of new classes hold zeros."""
        if names == self.names:
            return self
        place = np.zeros((len(self.names), len(names)))
        place[np.arange(len(place)), [names.index(name) for name in self.names]] = 1.0
        sum_yy = place.T @ self.sum_yy @ place
        return replace(self, names=names, sum_y=self.sum_y @ place, sum_xy=self.sum_xy @ place, sum_yy=sum_yy)

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


def _check(x: Array, y: Array, names: Sequence[str]) -> None:
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
        raise InputError(
            f"Moments of features {x.shape} and targets {y.shape}: give (n, d) and (n, K) with one row per sample."
        )
    if names and len(set(names)) != y.shape[1]:
        raise InputError(f"Moments of {y.shape[1]} target columns with {len(set(names))} names: give one name each.")
    bad = int((~np.isfinite(x).all(axis=1) | ~np.isfinite(y).all(axis=1)).sum())
    if bad:
        raise InputError(f"Moments: {bad} of {len(x)} rows hold NaN or infinite values: drop these samples.")


def _columns(moments: Moments) -> str:
    n_columns = len(moments.sum_y)
    return f"{n_columns} {'named classes' if moments.names else 'target columns without names'}"
