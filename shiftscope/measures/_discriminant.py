"""Linear discriminants: classes as Gaussians of one shape, whose covariance is held away from zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_means", "discriminants", "shrunk", "whitening", "within_classes"]

Floats = NDArray[np.float64]

# Least variance of any direction, in units of the mean one: samples that equal their class means have none.
FLOOR = 1e-10


def class_means(rows: Floats, onehot: Floats) -> Floats:
    """Means (C, k) of ``rows`` (n, k) over the classes of ``onehot`` (n, C); zero for a class without samples."""
    means: Floats = onehot.T @ rows / np.maximum(onehot.sum(axis=0), 1.0)[:, None]
    return means


def within_classes(scatter: Floats, means: Floats, counts: Floats) -> Floats:
    """Sum of squares and products about the class means (k, k), from that about the origin; O(C k^2)."""
    within: Floats = scatter - (means.T * counts) @ means
    return within


def shrunk(covariance: Floats, intensity: float) -> Floats:
    """Draw a covariance (k, k) towards the multiple of the identity that has its trace; ``intensity`` in [0, 1]."""
    k = len(covariance)
    drawn: Floats = (1 - intensity) * covariance + intensity * np.trace(covariance) / k * np.eye(k)
    return drawn


def whitening(covariance: Floats, spread: float) -> Floats:
    """Lower-triangular W (k, k) with W S W' = I for S = ``covariance`` (k, k); O(k^3).

    ``spread`` is the mean variance of the k features: its smallest part is added to S in all directions.
    """
    from scipy.linalg import solve_triangular

    held = covariance.copy()
    held[np.diag_indices(len(held))] += FLOOR * spread
    inverse: Floats = solve_triangular(np.linalg.cholesky(held), np.eye(len(held)), lower=True, check_finite=False)
    return inverse


def discriminants(rows: Floats, means: Floats, root: Floats) -> Floats:
    """-|W(x - m_c)|^2/2 of every row x and class mean m_c (n, C), less what the classes of a row share."""
    towards = means @ root.T
    scores: Floats = rows @ (towards @ root).T - np.square(towards).sum(axis=1) / 2
    return scores
