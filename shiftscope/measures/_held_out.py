"""From held-out predictions to an estimate: accuracy, mean AUC or R2, whichever the target asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.measures._resampling import from_draws, from_hits, from_losses, half_samples

__all__ = ["aucs", "calibrated_nll", "judge_classes", "judge_values"]

Floats = NDArray[np.float64]

# Inverse temperatures tried for calibration; steps of 19 % cost less than 0.004 of the negative log-likelihood.
SHARPNESS = np.append(0.0, 2.0 ** np.arange(-1.0, 8.25, 0.25))


def judge_classes(features: FeatureSet, predicted: NDArray[np.int64], seed: int, details: Details) -> Estimate:
    """Accuracy of held-out class codes ``predicted`` (n,); ``details`` gain the share of the largest class."""
    hits = predicted == features.target.values
    largest = float(features.target.counts.max() / features.n)
    return from_hits(hits, features, seed, details={**details, "largest_class": largest})


def judge_values(features: FeatureSet, targets: Floats, predicted: Floats, seed: int, details: Details) -> Estimate:
    """Mean AUC over labels, or mean R2 over real columns, of held-out ``predicted`` (n, K).

    ``losses`` are squared errors relative to the variance of their column, averaged over columns: they average
    to 1 - R2. ``details`` gain the R2 of labels too.
    """
    relative = (np.square(targets - predicted) / targets.var(axis=0)).mean(axis=1)
    if features.target.kind == "real":
        return from_losses(1.0 - relative, features, seed, details=details, bounds=(-np.inf, 1.0))
    masks = np.vstack([np.ones(features.n, dtype=np.bool_), half_samples(features, seed)])
    columns = zip(targets.T, predicted.T, strict=True)
    value, *draws = np.mean([aucs(labels, scores, masks) for labels, scores in columns], axis=0).tolist()
    details = {**details, "n_labels": targets.shape[1], "r2": 1.0 - float(relative.mean())}
    made = from_draws(value, np.array(draws), details, bounds=(0.0, 1.0))
    return made.model_copy(update={"losses": relative})


def aucs(labels: Floats, scores: Floats, masks: NDArray[np.bool_]) -> Floats:
    """Area under the ROC curve within every row of ``masks`` (R, n): P(positive > negative) + P(equal)/2.

    0.5 where a mask holds positives only or negatives only. Cost O(n log n + R n).
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    first, last = np.searchsorted(ordered, ordered, "left"), np.searchsorted(ordered, ordered, "right")
    positive = masks[:, order] * labels[order]
    negative = masks[:, order] - positive
    below = np.pad(np.cumsum(negative, axis=1), ((0, 0), (1, 0)))
    wins = (positive * (below[:, first] + below[:, last]) / 2).sum(axis=1)
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    areas: Floats = np.where(pairs > 0, wins / np.maximum(pairs, 1.0), 0.5)
    return areas


def calibrated_nll(scores: Floats, classes: NDArray[np.int64], folds: NDArray[np.int64]) -> Floats:
    """Negative log-likelihood (n,) in nats of held-out ``scores`` (n, C), made probabilities without looking.

    p(c) is proportional to share_c exp(a (score_c - share_c)): a = 0 gives the class shares. The sharpness a of
    a fold is the one of the grid that suits the held-out scores of all *other* folds best.
    """
    share = np.bincount(classes, minlength=scores.shape[1]) / len(classes)
    evidence, prior = scores - share, np.log(share)
    tried = np.array([_nll(prior + a * evidence, classes) for a in SHARPNESS])
    of_fold = np.array([np.bincount(folds, weights=row) for row in tried])
    best = np.argmin(of_fold.sum(axis=1, keepdims=True) - of_fold, axis=0)
    chosen: Floats = tried[best[folds], np.arange(len(classes))]
    return chosen


def _nll(logits: Floats, classes: NDArray[np.int64]) -> Floats:
    logits -= logits.max(axis=1, keepdims=True)
    loss: Floats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), classes]
    return loss
