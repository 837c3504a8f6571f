"""From covariates to a probability: logistic regression with a ridge penalty, fitted to chances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.forecast import QuestionModel

__all__ = ["Model", "fit"]

Array: TypeAlias = NDArray[np.float64]

# A covariate may leave the range it was fitted on by this share of its length.
SLACK = 0.25
MOST_STEPS = 100
TOLERANCE = 1e-9  # of coefficients
FLOOR = 0.001  # chances are kept this far from 0 and 1: a hundred cells know nothing finer


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted forecast of one question; all arrays are (k,), one entry per covariate."""

    mean: Array
    scale: Array
    weights: Array  # of standardised covariates
    intercept: float
    low: Array  # range of the cells it was fitted on
    high: Array
    penalty: float

    @classmethod
    def of(cls, kept: QuestionModel) -> Model:
        """Restore a model from a calibration."""
        mean, scale, weights, low, high = (
            np.array(a) for a in (kept.mean, kept.scale, kept.weights, kept.low, kept.high)
        )
        return cls(mean, scale, weights, kept.intercept, low, high, kept.penalty)

    def probability(self, x: Array) -> Array:
        """Probability (n,) for covariates (n, k)."""
        from scipy.special import expit

        found: Array = expit((x - self.mean) / self.scale @ self.weights + self.intercept)
        return found

    def inside(self, x: Array) -> NDArray[np.bool_]:
        """Whether each covariate (n, k) lies where the model was fitted, or next to it."""
        slack = SLACK * (self.high - self.low)
        within: NDArray[np.bool_] = (x >= self.low - slack) & (x <= self.high + slack)
        return within

    def covers(self, x: Array) -> NDArray[np.bool_]:
        """Whether all covariates of a row (n, k) do (n,)."""
        every: NDArray[np.bool_] = np.all(self.inside(x), axis=1)
        return every


def fit(x: Array, q: Array, *, penalty: float, weights: Array | None = None) -> Model:
    """Fit chances ``q`` (n,) by covariates ``x`` (n, k): sum of expected log losses + penalty |b|^2/2.

    b are the coefficients of standardised covariates; the intercept goes free. A cell that may have happened counts
    as one that did with weight q and as one that did not with weight 1 - q. Newton's method, O(n k^2) a step; written
    here because judging the forecast takes ten thousand fits, of 10 ms each with scikit-learn.

    Parameters
    ----------
    weights
        How much each row counts (n,); 1 where nothing is said.
    """
    counts = np.ones(len(x)) if weights is None else weights
    mean, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(x)), (x - mean) / scale])
    shrink = np.append(0.0, np.full(x.shape[1], penalty))
    b = _minimise(design, np.clip(q, FLOOR, 1 - FLOOR), counts, shrink)
    return Model(mean, scale, b[1:], float(b[0]), x.min(axis=0), x.max(axis=0), penalty)


def _minimise(design: Array, q: Array, counts: Array, shrink: Array) -> Array:
    """Coefficients (k + 1,) with the least penalised expected log loss; each Newton step is halved until it helps."""
    from scipy.special import expit

    def loss(b: Array) -> float:
        z = design @ b
        return float(counts @ (np.logaddexp(0.0, z) - q * z) + shrink @ np.square(b) / 2)

    b = np.zeros(design.shape[1])
    for _ in range(MOST_STEPS):
        p = expit(design @ b)
        slope = design.T @ (counts * (p - q)) + shrink * b
        step = np.linalg.solve((design.T * (counts * p * (1 - p))) @ design + np.diag(shrink), slope)
        while loss(b - step) > loss(b) and np.abs(step).max() > TOLERANCE:
            step /= 2
        b -= step
        if np.abs(step).max() <= TOLERANCE:
            break
    return b
