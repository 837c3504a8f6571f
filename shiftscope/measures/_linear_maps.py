"""Linear maps that take one sample to another: moved, stretched, turned, recoloured, or fitted to anchors of both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.measures._discriminant import shrunk

__all__ = ["LinearMap", "coral", "procrustes", "scaling", "through_anchors", "translation", "unchanged"]

Floats = NDArray[np.float64]
# What some things are on one side (c, r), and on the other.
Anchors = tuple[Floats, Floats]

PENALTIES = np.logspace(-4, 2, 7)
# Least variance of a direction in units of the largest one: nothing is divided by the spread of a constant.
FLOOR = 1e-10


class LinearMap(NamedTuple):
    """x -> arrival + (x - departure) turn, for rows x."""

    departure: Floats  # (r,)
    arrival: Floats  # (r,)
    turn: Floats  # (r, r)

    def __call__(self, rows: Floats) -> Floats:
        """Map ``rows`` (n, r)."""
        mapped: Floats = (rows - self.departure) @ self.turn + self.arrival
        return mapped


def unchanged(x: Floats, y: Floats) -> LinearMap:  # noqa: ARG001
    """Leave everything where it is: what other maps are compared with."""
    nowhere = np.zeros(x.shape[1])
    return LinearMap(nowhere, nowhere, np.eye(len(nowhere)))


def translation(x: Floats, y: Floats) -> LinearMap:
    """Move the mean of ``x`` (n, r) onto that of ``y`` (m, r), and nothing else."""
    return LinearMap(x.mean(axis=0), y.mean(axis=0), np.eye(x.shape[1]))


def scaling(x: Floats, y: Floats) -> LinearMap:
    """Give each coordinate of ``x`` the mean and standard deviation that it has in ``y``."""
    spreads = [rows.var(axis=0) for rows in (x, y)]
    least = max(FLOOR * float(max(spread.max() for spread in spreads)), np.finfo(np.float64).tiny)
    turn = np.diag(np.sqrt(np.maximum(spreads[1], least) / np.maximum(spreads[0], least)))
    return translation(x, y)._replace(turn=turn)


def coral(x: Floats, y: Floats) -> LinearMap:
    """Give ``x`` the mean and covariance of ``y``: C_x^-1/2 C_y^1/2 (Sun, Feng and Saenko, AAAI 2016).

    Covariances are shrunk as by Ledoit and Wolf (J. Multivariate Anal. 2004).
    """
    return translation(x, y)._replace(turn=_power(_covariance(x), -0.5) @ _power(_covariance(y), 0.5))


def procrustes(x: Floats, y: Floats) -> LinearMap:
    """Turn the principal axes of ``x`` into those of ``y``, in the order of their variances.

    Of all orthogonal T these minimise |T'C_x T - C_y|; they differ in the signs of the axes, which are chosen such
    that no axis turns by more than a right angle.
    """
    here, there = (np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))[1] for rows in (x, y))
    signs = np.where(np.sum(here * there, axis=0) < 0, -1.0, 1.0)
    return translation(x, y)._replace(turn=(here * signs) @ there.T)


def through_anchors(anchors: Anchors, halves: tuple[Anchors, Anchors]) -> LinearMap:
    """Ridge regression from ``anchors`` on one side (c, r) to what they are on the other (c, r).

    Minimises |(a - mean) T - (b - mean)|^2 + penalty |T - I|^2: where anchors say nothing, T leaves things as they
    are. The penalty is the one under which each of two ``halves``, anchors made of disjoint samples, predicts the
    other best.
    """
    ways = (halves, halves[::-1])
    errors = [[_error(_ridge(*fitted, penalty), *held) for fitted, held in ways] for penalty in PENALTIES]
    return _ridge(*anchors, PENALTIES[int(np.argmin(np.sum(errors, axis=1)))])


def _ridge(a: Floats, b: Floats, penalty: float) -> LinearMap:
    """The map of anchors ``a`` to ``b`` under a penalty in units of the largest eigenvalue."""
    start, end = a - a.mean(axis=0), b - b.mean(axis=0)
    left, spread, right = np.linalg.svd(start, full_matrices=False)
    shrink = spread / (np.square(spread) + penalty * max(spread[0] ** 2, np.finfo(np.float64).tiny))
    change = (right.T * shrink) @ left.T @ (end - start)
    return translation(a, b)._replace(turn=np.eye(a.shape[1]) + change)


def _error(found: LinearMap, a: Floats, b: Floats) -> float:
    return float(np.square(found(a) - b).sum())


def _covariance(rows: Floats) -> Floats:
    """Covariance (r, r), drawn towards its mean variance in the proportion that Ledoit and Wolf estimate."""
    n, r = rows.shape
    centred = rows - rows.mean(axis=0)
    plain = centred.T @ centred / n
    square = float(np.square(plain).sum())
    distance = square - np.trace(plain) ** 2 / r
    noise = (float(np.square(np.square(centred).sum(axis=1)).mean()) - square) / n
    return shrunk(plain, min(noise / distance, 1.0) if distance > 0 else 1.0)


def _power(covariance: Floats, exponent: float) -> Floats:
    """A symmetric matrix to a power, by its eigenvalues."""
    values, vectors = np.linalg.eigh(covariance)
    held = np.maximum(values, max(FLOOR * values[-1], np.finfo(np.float64).tiny))
    powered: Floats = (vectors * held**exponent) @ vectors.T
    return powered
