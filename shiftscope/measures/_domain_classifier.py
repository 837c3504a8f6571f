"""A linear classifier of source against target in closed form: what the measures that train one share."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Details
from shiftscope.core.target import Target
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._resampling import N_FOLDS, folds
from shiftscope.measures._sides import Floats, Rows, Split, over_splits, rows_of, variance_of_mean

__all__ = [
    "SHARED_TRAINING",
    "centred",
    "error_variance",
    "gcv_penalty",
    "outranked",
    "over_halves",
    "roc",
    "side_folds",
    "standardised",
]

Folds = NDArray[np.int64]
# What to make of held-out scores (N,), domains +1 and -1 (N,), source first.
Judge = Callable[[Floats, Floats], float]

# Penalties tried, as multiples of the mean eigenvalue.
PENALTIES = np.logspace(-4, 4, 33)
# Held-out errors of different folds share training data. Nadeau and Bengio (Machine Learning 2003) widen their
# variance by 1 + n_folds * n_test / n_train.
SHARED_TRAINING = 1 + N_FOLDS / (N_FOLDS - 1)
# Corners that are kept of an ROC curve, and how far what is left out may lie from them.
CORNERS, NEAR = 40, 0.002


def standardised(z: NDArray[np.float32]) -> Floats:
    """Columns of ``z`` that vary, at mean 0 and standard deviation 1.

    Raises
    ------
    NotApplicableError
        If none does.
    """
    varying: Floats = z[:, z.min(axis=0) < z.max(axis=0)].astype(np.float64)
    if not varying.shape[1]:
        raise NotApplicableError("no feature varies over source and target: there is nothing to classify by.")
    varying -= varying.mean(axis=0)
    varying /= varying.std(axis=0)
    return varying


def gcv_penalty(eigenvalues: Floats, left: Floats, y: Floats, kernels: Kernels) -> float:
    """The ridge penalty with the least generalised cross-validation error."""
    grid = PENALTIES * eigenvalues.mean()
    return float(grid[np.argmin(kernels.ridge_gcv(left, eigenvalues, y[:, None], grid))])


def side_folds(sides: list[FeatureSet], seed: int) -> Folds:
    """Folds of both sides (N,); without labels, so that the domains alone decide."""
    unlabelled = [replace(side, target=Target.of(None, n=side.n)) for side in sides]
    return np.concatenate([folds(side, seed) for side in unlabelled])


def centred(predictions: Floats, y: Floats, fold: Folds) -> Floats:
    """Predictions minus the mean of ``y`` over the samples that the fold's classifier was trained on.

    Both are (N,) or (N, K). That mean is 0 unless folds are uneven; then it would answer for a classifier that has
    learnt nothing, and always wrongly, since the side that is held out is the one that training has too little of.
    """
    member = (np.unique(fold)[:, None] == fold).astype(np.float64)
    held, size = member @ y, member.sum(axis=1)
    mean = (y.sum(axis=0) - held).T / (len(y) - size)
    return np.asarray(predictions - (mean @ member).T)


def error_variance(errors: Floats, unit: NDArray[np.int64]) -> float:
    """Variance of the mean of the held-out ``errors`` (n,) of one side, whose ``unit`` (n,) are independent."""
    spread, share, n = variance_of_mean(errors, unit), float(errors.mean()), len(errors)
    # How many independent answers would spread like that; all right or all wrong, groups may be answered as one.
    trials = share * (1 - share) / spread if spread > 0 else 0.0
    trials = min(max(trials, float(unit.max()) + 1), n)
    # Without a single error the variance is not 0: two of each kind are added (Agresti and Coull, 1998).
    share = (share * trials + 2) / (trials + 4)
    return SHARED_TRAINING * max(spread, share * (1 - share) / trials)


def outranked(scores: Floats, others: Floats) -> Floats:
    """Share of ``others`` (m,) below each of ``scores`` (n,), equals counted half; its mean is the AUC."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left") + np.searchsorted(ordered, scores, side="right")
    return np.asarray(below / (2 * len(others)))


def roc(source: Floats, target: Floats) -> Details:
    """ROC curve of held-out scores (n,) and (m,), higher for the source, as at most 40 of its corners.

    ``roc_false`` and ``roc_true`` are the shares of the source and of the target that lie at or below a threshold:
    what is taken for target wrongly, and rightly. Corners are added where the curve is furthest from those there are,
    until it lies within 0.002 of them.
    """
    thresholds = np.unique(np.concatenate([source, target]))
    shares = [np.searchsorted(np.sort(s), thresholds, side="right") / len(s) for s in (source, target)]
    wrong, right = (np.concatenate([[0.0], share]) for share in shares)
    # Seen along the diagonal the curve is a function, which its upright pieces keep it from being otherwise.
    along, above = wrong + right, right - wrong
    kept = [0, len(along) - 1]
    while len(kept) < CORNERS:
        gap = np.abs(above - np.interp(along, along[kept], above[kept]))
        if gap.max() <= NEAR:
            break
        insort(kept, int(gap.argmax()))
    return {"roc_false": wrong[kept].round(4).tolist(), "roc_true": right[kept].round(4).tolist()}


def over_halves(pair: Pair, halves: list[Split], kernels: Kernels | None, judge: Judge) -> Floats:
    """What ``judge`` makes of X1 against Y1, X1 against X2, Y1 against Y2, for each split (S, 3).

    Standardised once, and penalised as suits the first X1 against Y1: then each of the 3 S classifiers costs one
    Cholesky inverse of a block of one Gram matrix, about a fifth of an eigendecomposition.
    """
    rows = rows_of(halves)
    z = standardised(pair.pooled[rows])
    gram = z @ z.T
    first = np.searchsorted(rows, np.concatenate([halves[0].x1, halves[0].y1]))
    kernels = kernels or choose()
    eigenvalues, left = kernels.eigh_gram(z[first])
    if not len(eigenvalues):
        raise NotApplicableError("features vary in too few samples: halves of the sides are all alike.")
    penalty = gcv_penalty(eigenvalues, left, np.repeat([1.0, -1.0], len(halves[0].x1)), kernels)

    def distance(a: Rows, b: Rows) -> float:
        sides = [pair.source.take(r) if r[0] < pair.source.n else pair.target.take(r - pair.source.n) for r in (a, b)]
        at = np.searchsorted(rows, np.concatenate([np.sort(a), np.sort(b)]))
        # Parts made of whole groups differ in size from split to split.
        y = np.repeat([1.0, -1.0], [len(a), len(b)])
        fold = side_folds(sides, 0)
        return judge(centred(_held_out(gram[np.ix_(at, at)], y, fold, penalty), y, fold), y)

    return over_splits(distance, halves)


def _held_out(gram: Floats, y: Floats, fold: Folds, penalty: float) -> Floats:
    """Held-out predictions (N,) as ``kernels.ridge_held_out`` makes them, from a Gram matrix (N, N).

    With G the centred Gram matrix, I - H = penalty (G + penalty I)^-1 - 11'/N; its block on a fold turns the
    fold's residuals into held-out ones.
    """
    from scipy.linalg.lapack import dpotrf, dpotri

    mean = gram.mean(axis=0)
    shifted = gram - mean - mean[:, None] + mean.mean()
    shifted[np.diag_indices_from(shifted)] += penalty
    # LAPACK fills the lower triangle. A general inverse would take four times as long.
    inverse = dpotri(dpotrf(shifted, lower=True)[0], lower=True)[0]
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    remainder = penalty * inverse - 1 / len(y)
    residuals = remainder @ y
    scores = y.copy()
    for i in np.unique(fold):
        held = fold == i
        scores[held] -= np.linalg.solve(remainder[np.ix_(held, held)], residuals[held])
    return scores
