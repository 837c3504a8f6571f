"""How good predictions are: accuracy and what it hides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.cells import Metrics

__all__ = ["score"]

BINS = 15  # of the calibration error
FLOOR = 1e-12  # a probability of 0 would make the loss infinite


def score(log_probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Metrics:
    """Score predictions (m, C) against class codes (m,).

    AUC is the mean over classes of one against the rest, over the classes that occur; with two classes the usual
    one. The calibration error is the mean gap between confidence and accuracy over 15 bins of equal width (Guo et
    al. 2017, eq. 5).
    """
    from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score

    p = np.exp(log_probabilities)
    n_classes = p.shape[1]
    named = p.argmax(axis=1)
    codes = np.arange(n_classes)
    one_hot = np.eye(n_classes)[labels]
    mixed = [c for c in codes if 0 < one_hot[:, c].sum() < len(labels)]
    own = np.clip(p[np.arange(len(labels)), labels], FLOOR, None)
    return Metrics(
        n=len(labels),
        accuracy=float((named == labels).mean()),
        macro_f1=float(f1_score(labels, named, average="macro", labels=codes, zero_division=0.0)),
        auc=float(np.mean([roc_auc_score(one_hot[:, c], p[:, c]) for c in mixed])) if mixed else None,
        nll=float(-np.log(own).mean()),
        brier=float(((p - one_hot) ** 2).sum(axis=1).mean()),
        calibration_error=_calibration_error(p.max(axis=1), named == labels),
        confusion=confusion_matrix(labels, named, labels=codes).tolist(),
    )


def _calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))
