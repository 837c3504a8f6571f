"""From held-out predictions to an estimate: accuracy, recall, mean AUC or R2, whichever is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.measures._resampling import Z, from_draws, from_losses, half_samples

__all__ = [
    "aucs",
    "calibrated",
    "calibration_error",
    "from_shares",
    "judge_classes",
    "judge_values",
    "log_chances",
    "log_softmax",
    "share_moves",
    "sharpness",
]

Floats = NDArray[np.float64]

# Inverse temperatures tried for calibration; steps of 19 % cost less than 0.004 of the negative log-likelihood.
SHARPNESS = np.append(0.0, 2.0 ** np.arange(-1.0, 8.25, 0.25))


# Bins of the calibration error: with fewer samples each, its level would be their noise.
BINS = 15
SAMPLES_PER_BIN = 30


def judge_classes(
    features: FeatureSet,
    predicted: NDArray[np.int64],
    seed: int,
    details: Details,
    *,
    balanced: bool = False,
    intervals: bool = True,
    in_halves: NDArray[np.int64] | None = None,
) -> Estimate:
    """Accuracy of held-out class codes ``predicted`` (n,), or with ``balanced`` the mean recall of the classes.

    ``in_halves`` (R, n) are the codes that each half-sample alone predicts, where they are known. ``details`` gain
    ``accuracy``, ``balanced_accuracy`` (that mean recall), ``largest_class`` (its share), ``n`` and ``n_classes``.
    """
    target = features.target
    hits = (predicted == target.values).astype(np.float64)
    details = {
        **details,
        "accuracy": float(hits.mean()),
        "balanced_accuracy": float((hits @ target.matrix / target.counts).mean()),
        "largest_class": float(target.counts.max() / features.n),
        "n": features.n,
        "n_classes": target.n_classes,
    }
    again = None if in_halves is None else (in_halves == target.values).astype(np.float64)
    return from_shares(hits, features, seed, by_class=balanced, details=details, intervals=intervals, in_halves=again)


def from_shares(
    shares: Floats,
    features: FeatureSet,
    seed: int,
    *,
    by_class: bool = False,
    details: Details | None = None,
    intervals: bool = True,
    in_halves: Floats | None = None,
) -> Estimate:
    """Estimate of a mean of values in [0, 1], with a score interval (Wilson, JASA 1927) instead of a normal one.

    Unlike a normal interval it has a width where all answers are right, and stays within [0, 1]. The number of
    trials is what the half-samples say it is, and never more than independent answers would give: fewer than n
    where samples come in groups.

    Parameters
    ----------
    shares : (n,) float64
        1 for a right answer and 0 for a wrong one.
    by_class
        Take the mean over classes of their means. ``losses`` weigh samples accordingly and still average to
        1 - value.
    in_halves : (R, n) float64, optional
        The values once every half-sample is predicted from itself; read at its own samples only. Without them
        ``shares`` are averaged over the halves: that leaves out what samples do to each other's answers.
    """
    strata = features.target.matrix if by_class else np.ones((features.n, 1))
    halves = half_samples(features, seed, intervals=intervals).astype(np.float64)
    value = float(_mean_of_means(shares, strata, np.ones((1, features.n)))[0])
    draws = _mean_of_means(shares, strata, halves)
    if in_halves is not None:
        # What samples do to each other's answers is of second order in Hoeffding's decomposition: between halves
        # drawn from one sample its variance is 4 - 1 times that between samples.
        draws += (_mean_of_means(in_halves, strata, halves) - draws) / np.sqrt(3)
    made, sizes = from_draws(value, draws, details), strata.sum(axis=0)
    losses = (1.0 - shares) * (strata @ (features.n / len(sizes) / sizes))
    if made.draws is None:
        return made.model_copy(update={"losses": losses})
    spread, bernoulli = float(made.draws.var(ddof=1)), value * (1 - value)
    most = len(sizes) ** 2 / float((1 / sizes).sum())
    trials = bernoulli / max(spread, bernoulli / most) if bernoulli else _independent(features, strata)
    low, high = _wilson(value, trials)
    return made.model_copy(update={"low": low, "high": high, "losses": losses})


def _independent(features: FeatureSet, strata: Floats) -> float:
    """How many answers may be independent where all are alike: samples of one group may be answered as one."""
    groups = np.arange(features.n) if features.groups is None else features.groups
    counts = np.array([len(np.unique(groups[column > 0])) for column in strata.T])
    return min(len(counts) ** 2 / float((1 / counts).sum()), len(np.unique(groups)))


def _mean_of_means(values: Floats, strata: Floats, masks: Floats) -> Floats:
    """Mean over strata (n, S) of their means of ``values``, (n,) or (R, n), within masks (R, n), but for empty ones."""
    sizes = masks @ strata
    sums = (masks * values) @ strata
    means: Floats = (sums / np.maximum(sizes, 1.0)).sum(axis=1) / (sizes > 0).sum(axis=1)
    return means


def _wilson(share: float, trials: float) -> tuple[float, float]:
    weight = Z**2 / trials
    middle = (share + weight / 2) / (1 + weight)
    reach = float(np.sqrt(weight * (share * (1 - share) + weight / 4))) / (1 + weight)
    return max(min(middle - reach, share), 0.0), min(max(middle + reach, share), 1.0)


def judge_values(
    features: FeatureSet, targets: Floats, predicted: Floats, seed: int, details: Details, *, intervals: bool = True
) -> Estimate:
    """Mean AUC over labels, or mean R2 over real columns, of held-out ``predicted`` (n, K).

    ``losses`` are squared errors relative to the variance of their column, averaged over columns: they average
    to 1 - R2. ``details`` gain the R2 of labels too.
    """
    relative = (np.square(targets - predicted) / targets.var(axis=0)).mean(axis=1)
    if features.target.kind == "real":
        return from_losses(1.0 - relative, features, seed, details=details, bounds=(-np.inf, 1.0), intervals=intervals)
    masks = np.vstack([np.ones(features.n, dtype=np.bool_), half_samples(features, seed, intervals=intervals)])
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


def calibrated(scores: Floats, classes: NDArray[np.int64], folds: NDArray[np.int64]) -> Floats:
    """Log-probabilities (n, C) from held-out ``scores`` (n, C), made without looking at a fold's own labels."""
    share = np.bincount(classes, minlength=scores.shape[1]) / len(classes)
    return log_chances(scores, share, sharpness(scores, classes, folds)[folds, None])


def sharpness(scores: Floats, classes: NDArray[np.int64], folds: NDArray[np.int64]) -> Floats:
    """How sharply the ``scores`` (n, C) of each fold tell classes apart (F,), for :func:`log_chances`.

    It is the one of the grid that suits the held-out scores of all *other* folds best.
    """
    share, rows = np.bincount(classes, minlength=scores.shape[1]) / len(classes), np.arange(len(classes))
    losses = [-log_chances(scores, share, a)[rows, classes] for a in SHARPNESS]
    of_fold = np.array([np.bincount(folds, weights=row) for row in losses])
    best = np.argmin(of_fold.sum(axis=1, keepdims=True) - of_fold, axis=0)
    return np.asarray(SHARPNESS[best])


def log_chances(scores: Floats, share: Floats, sharpness: float | Floats) -> Floats:
    """Log-probabilities (n, C): p(c) is proportional to share_c exp(a (score_c - share_c)).

    A sharpness a of 0 gives the class shares.
    """
    return log_softmax(np.log(share) + sharpness * (scores - share))


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of probabilities (n, C) proportional to the exponentials of ``logits``."""
    above: Floats = logits - logits.max(axis=1, keepdims=True)
    above -= np.log(np.exp(above).sum(axis=1, keepdims=True))
    return above


def share_moves(targets: Floats, folds: NDArray[np.int64]) -> Floats:
    """What held-out predictions of each fold lack (F, K): the share of a class in all ``targets`` (n, K), less others'.

    The other folds lack just the classes that a fold has too many of, so without this a probe that has learnt nothing
    would always answer wrongly. A class that the others do not have at all is not moved: it cannot have been learnt.
    """
    held = np.array([targets[folds == f].sum(axis=0) for f in range(folds.max() + 1)])
    others = (held.sum(axis=0) - held) / (len(targets) - np.bincount(folds)[:, None])
    return np.where(others > 0, targets.mean(axis=0) - others, 0.0)


def calibration_error(chances: Floats, classes: NDArray[np.int64]) -> float:
    """Expected calibration error of held-out probabilities (n, C): mean gap of confidence and accuracy in bins.

    Samples are put by the confidence of their first choice into at most 15 bins of equal size, with at least 30
    samples each; equal confidences share a bin. Noise alone gives about 0.8 sqrt(a (1 - a)/m) at accuracy a with
    m samples in a bin, so small values need many samples.
    """
    confidence = chances.max(axis=1)
    right = (np.argmax(chances, axis=1) == classes).astype(np.float64)
    n_bins = int(np.clip(len(classes) // SAMPLES_PER_BIN, 1, BINS))
    inner = np.quantile(confidence, np.arange(1, n_bins) / n_bins)
    gaps = np.bincount(np.searchsorted(inner, confidence, side="right"), weights=confidence - right)
    return float(np.abs(gaps).sum() / len(classes))
