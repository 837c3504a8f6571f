"""A linear probe on a target and weighted sources: fits, held-out predictions and their slopes in closed form.

Sources enter through their normal equations alone, so that any weighting costs one system of d + 1 unknowns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.measures._resampling import folds

__all__ = ["Fit", "Floats", "Pool", "fit", "held_out", "pool", "slopes"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pool:
    """The target's samples, and the normal equations of every source about the same origin.

    The first column is 1, for the intercept. Penalties are in ``unit``, the target's total variance: scaling the
    features changes nothing, and the penalty that suits hardly depends on the number of samples.
    """

    origin: Floats  # (d,)
    rows: Floats  # (n, 1 + d)
    targets: Floats  # (n, K) one-hot
    folds: NDArray[np.int64]  # (n,)
    grams: Floats  # (S, 1 + d, 1 + d)
    sums: Floats  # (S, 1 + d, K)
    unit: float

    @cached_property
    def own_gram(self) -> Floats:
        """Normal equations of the target itself, left side (1 + d, 1 + d)."""
        gram: Floats = self.rows.T @ self.rows
        return gram

    @cached_property
    def own_sums(self) -> Floats:
        """Normal equations of the target itself, right side (1 + d, K)."""
        sums: Floats = self.rows.T @ self.targets
        return sums

    @cached_property
    def members(self) -> tuple[NDArray[np.intp], ...]:
        """Rows of every fold that has any."""
        return tuple(np.flatnonzero(self.folds == f) for f in np.unique(self.folds))

    def of(self, features: NDArray[np.float32]) -> Floats:
        """Rows (m, 1 + d) of other samples, as a fit takes them."""
        return np.column_stack([np.ones(len(features)), features - self.origin])


@dataclass(frozen=True, eq=False)
class Fit:
    """The probe fitted to all of the target and the sources under one weighting and penalty."""

    coefficients: Floats  # (1 + d, K)
    solved: Floats  # (1 + d, n) A^-1 Z'
    hat: Floats  # (n, n) Z A^-1 Z'
    residuals: Floats  # (n, K)


def pool(target: FeatureSet, sources: Sequence[FeatureSet], *, seed: int) -> Pool:
    """Put a target and its sources together; classes that sources alone have must have been left out before.

    Raises
    ------
    NotApplicableError
        If a class of the target has one sample, or all samples belong to one group.
    """
    moments = target.moments
    names = target.target.class_names
    equations = [_equations(source, names, moments.mean) for source in sources]
    d, k = target.d, len(names)
    return Pool(
        origin=moments.mean,
        rows=np.column_stack([np.ones(target.n), target.features - moments.mean]),
        targets=target.target.matrix,
        folds=folds(target, seed),
        grams=np.array([gram for gram, _ in equations]).reshape(-1, 1 + d, 1 + d),
        sums=np.array([sums for _, sums in equations]).reshape(-1, 1 + d, k),
        unit=float(np.trace(moments.centred_xx)) / target.n,
    )


def _equations(source: FeatureSet, names: Sequence[str], origin: Floats) -> tuple[Floats, Floats]:
    """Z'Z and Z'Y of one source about ``origin``, its classes in the target's order."""
    columns = np.zeros((source.target.n_classes, len(names)))
    columns[np.arange(len(columns)), [names.index(c) for c in source.target.class_names]] = 1.0
    moved = source.moments.about(origin)
    gram = np.block([[np.array([[float(moved.n)]]), moved.sum_x[None]], [moved.sum_x[:, None], moved.sum_xx]])
    return gram, np.vstack([moved.sum_y, moved.sum_xy]) @ columns


def fit(data: Pool, weights: Floats, penalty: float) -> Fit:
    """Fit |Y - ZB|^2 over the target + sum_s w_s |Y_s - Z_s B|^2 + penalty unit |B|^2, the intercept free.

    Parameters
    ----------
    weights : (S,) float64
        Weight of one sample of each source; one of the target has weight 1.
    penalty : float
        Positive, in units of ``data.unit``.

    Notes
    -----
    O(d^3 / 3 + d^2 (n + K) + d n^2).
    """
    from scipy.linalg import cho_factor, cho_solve

    gram = data.own_gram + np.tensordot(weights, data.grams, 1)
    gram[np.diag_indices_from(gram)] += np.append(0.0, np.full(len(gram) - 1, penalty * data.unit))
    factor = cho_factor(gram, overwrite_a=True, check_finite=False)
    solved = cho_solve(factor, data.rows.T, check_finite=False)
    coefficients = cho_solve(factor, data.own_sums + np.tensordot(weights, data.sums, 1), check_finite=False)
    return Fit(coefficients, solved, data.rows @ solved, data.targets - data.rows @ coefficients)


def held_out(made: Fit, left_out: NDArray[np.intp]) -> Floats:
    """Residuals (m, K) of the samples ``left_out``, had they been left out of the fit: (I - H)^-1 r, exactly."""
    inner = np.eye(len(left_out)) - made.hat[np.ix_(left_out, left_out)]
    return np.asarray(np.linalg.solve(inner, made.residuals[left_out]), dtype=np.float64)


def slopes(
    data: Pool, made: Fit, penalty: float, parts: Sequence[tuple[NDArray[np.intp], int]]
) -> tuple[float, Floats]:
    """Sum of squared held-out residuals over ``parts``, and its derivative by every weight and log penalty (S + 1,).

    Each part is the rows left out together, and how many of them, the first ones, count.

    Notes
    -----
    With the part I left out, e = (I - H)^-1 r and B the coefficients, dB = -A^-1 (dA B - dC) gives
    de = Z A^-1 (G_s B - c_s) dw_s, all without I. O(S d^2 K) for each part.
    """
    loss, behind, without = 0.0, [], []
    for left_out, counted in parts:
        inner = np.eye(len(left_out)) - made.hat[np.ix_(left_out, left_out)]
        residuals = np.linalg.solve(inner, made.residuals[left_out])
        seen = np.where(np.arange(len(left_out))[:, None] < counted, residuals, 0.0)
        loss += float(np.square(seen).sum())
        behind.append(made.solved[:, left_out] @ np.linalg.solve(inner, seen))
        without.append(made.coefficients - made.solved[:, left_out] @ residuals)
    adjoint, total = np.hstack(behind), np.sum(behind, axis=0)
    coefficients = np.hstack(without)
    by_weight = [
        float((adjoint * (gram @ coefficients)).sum() - (total * sums).sum())
        for gram, sums in zip(data.grams, data.sums, strict=True)
    ]
    by_penalty = penalty * data.unit * float((adjoint[1:] * coefficients[1:]).sum())
    return loss, 2.0 * np.array([*by_weight, by_penalty])
