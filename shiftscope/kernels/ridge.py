"""Ridge regression in closed form, around one eigendecomposition of the features (NumPy, float64).

``eigh_gram`` is computed once for each feature matrix; held-out predictions and generalised cross-validation
read it. These are LAPACK and BLAS calls, so the CPU has no faster version; ``tensor`` has the one for devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["eigh_gram", "ridge_gcv", "ridge_held_out"]

Floats = NDArray[np.float64]


def tiles(total: int, tile: int) -> Iterator[slice]:
    """Cut ``range(total)`` into slices of ``tile``; the last one may be shorter."""
    return (slice(start, min(start + tile, total)) for start in range(0, total, tile))


def eigh_gram(x: NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
    """The thin SVD of the centred rows, by one eigendecomposition of the smaller Gram matrix.

    F = x - mean = U diag(sqrt s) V'. Directions with s <= eps * max(n, d) * s_max are rounding and dropped.

    Parameters
    ----------
    x : (n, d) float

    Returns
    -------
    eigenvalues : (k,) float64
        s, descending, k <= min(n - 1, d).
    left : (n, k) float64
        U, orthonormal columns that sum to zero.

    Notes
    -----
    O(n d min(n, d) + min(n, d)^3). Memory is the result plus about 4 min(n, d)^2 numbers for the
    eigendecomposition: below 3 times the float64 features unless n and d are within a third of each other.
    Fails when eigenvalues near the cut matter: a Gram matrix keeps half the digits of an SVD.
    """
    n, d = x.shape
    centre = column_centre(x)
    if n >= d:
        gram = np.zeros((d, d))
        for rows in tiles(n, 1024):
            block = x[rows] - centre
            gram += block.T @ block
    else:
        block = x - centre
        gram = block @ block.T
        del block
    values, vectors = np.linalg.eigh(gram)
    del gram
    kept = np.flatnonzero(values > np.finfo(np.float64).eps * max(n, d) * values[-1])[::-1]
    eigenvalues = values[kept]
    if n < d:
        return eigenvalues, vectors[:, kept]
    basis = vectors[:, kept] / np.sqrt(eigenvalues)
    left = np.empty((n, len(kept)))
    for rows in tiles(n, 1024):
        np.matmul(x[rows] - centre, basis, out=left[rows])
    return eigenvalues, left


def column_centre(x: NDArray[np.floating[Any]]) -> Floats:
    """Column means in float64, exact for constant columns.

    The mean of equal numbers may differ from them in the last digit; without care a constant column would
    become a direction made of rounding.
    """
    constant = x.min(axis=0) == x.max(axis=0)
    centre: Floats = np.where(constant, x[0], x.mean(axis=0, dtype=np.float64))
    return centre


def ridge_held_out(
    left: Floats, eigenvalues: Floats, targets: Floats, folds: NDArray[np.int64], penalty: float
) -> Floats:
    """Held-out predictions of ridge regression with a free intercept, without refitting.

    With H = 11'/n + U diag(s / (s + penalty)) U' the residuals of fold I, had I been left out of the fit, are
    e_I = (I - H_II)^-1 (y_I - (Hy)_I). The identity is exact: the refit minimises the same criterion with
    y_I replaced by its own prediction.

    Parameters
    ----------
    left : (n, k) float64
        U of :func:`eigh_gram`.
    eigenvalues : (k,) float64
        s of :func:`eigh_gram`.
    targets : (n, K) float64
    folds : (n,) int
        Rows of one fold are predicted from all others.
    penalty : float
        Positive, in units of s: the criterion is |y - b0 - Fb|^2 + penalty |b|^2.

    Returns
    -------
    (n, K) float64
        Predictions y_I - e_I.

    Raises
    ------
    ValueError
        When there is only one fold or ``penalty`` is not positive: nothing is left to predict from.

    Notes
    -----
    O(n k K) plus, for each fold of n_I rows, one system of min(n_I, k + 1) unknowns.
    """
    order, starts = fold_starts(folds, penalty)
    shrink, mean = np.sqrt(eigenvalues / (eigenvalues + penalty)), targets.mean(axis=0)
    fitted = shrink[:, None] * (left.T @ targets)
    predictions = np.empty_like(targets)
    for rows in np.split(order, starts[1:]):
        # W with H = WW', intercept included, of this fold only: a whole one would be a second copy of U.
        basis = np.empty((len(rows), len(shrink) + 1))
        basis[:, 0] = len(left) ** -0.5
        np.multiply(left[rows], shrink, out=basis[:, 1:])
        residuals = targets[rows] - mean - basis[:, 1:] @ fitted
        predictions[rows] = targets[rows] - _unseen(basis, residuals)
    return predictions


def fold_starts(folds: NDArray[np.int64], penalty: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows sorted by fold, and where each fold starts; refuses what cannot be held out."""
    if not penalty > 0:
        raise ValueError(f"penalty is {penalty}; give a positive number.")
    order = np.argsort(folds, kind="stable")
    starts = np.unique(folds[order], return_index=True)[1]
    if len(starts) < 2:
        raise ValueError("all rows are in one fold; give at least 2 folds.")
    return order, starts


def _unseen(basis: Floats, residuals: Floats) -> NDArray[np.floating[Any]]:
    """(I - WW')^-1 r, through whichever of WW' and W'W is smaller (Woodbury)."""
    rows, columns = basis.shape
    if rows <= columns:
        return np.linalg.solve(np.eye(rows) - basis @ basis.T, residuals)
    inner = np.linalg.solve(np.eye(columns) - basis.T @ basis, basis.T @ residuals)
    return residuals + basis @ inner


def ridge_gcv(left: Floats, eigenvalues: Floats, targets: Floats, penalties: Floats) -> Floats:
    """Generalised cross-validation of ridge regression with a free intercept, for many penalties at once.

    GCV = n |(I - H) Y|^2 / tr(I - H)^2 (Golub, Heath and Wahba, Technometrics 1979), summed over the columns
    of Y; H as in :func:`ridge_held_out`.

    Parameters
    ----------
    left : (n, k) float64
        U of :func:`eigh_gram`.
    eigenvalues : (k,) float64
        s of :func:`eigh_gram`.
    targets : (n, K) float64
    penalties : (P,) float64
        Positive, in units of s.

    Returns
    -------
    (P,) float64
        The penalty with the lowest value is the choice.

    Notes
    -----
    O(n k K + P k). Fails when k is close to n - 1 and the penalty close to 0: both sums go to 0.
    """
    n, rank = left.shape
    centred = targets - targets.mean(axis=0)
    along = left.T @ centred
    outside = float(np.square(centred - left @ along).sum())
    kept = penalties[:, None] / (eigenvalues + penalties[:, None])
    rss = outside + np.square(kept) @ np.square(along).sum(axis=1)
    freedom = (n - 1 - rank) + kept.sum(axis=1)
    scores: Floats = n * rss / np.square(freedom)
    return scores
