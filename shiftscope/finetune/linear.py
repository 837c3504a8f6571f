"""A head on frozen features: convex, so it is solved and not trained in steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.finetune.split import Split

__all__ = ["PENALTIES", "fit_head"]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # inverse strength of the L2 penalty, chosen on the validation images
MAX_ITER = 1000


def fit_head(
    features: NDArray[np.float32], labels: NDArray[np.int64], split: Split
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Fit multinomial logistic regression on the training rows; the penalty with the least validation loss wins.

    Parameters
    ----------
    features
        Frozen features (n, d); standardised by the training rows.
    labels
        Class codes (n,), every class among the training rows.

    Returns
    -------
    penalty
        The chosen inverse strength C.
    validation, test
        log P(class) of the validation and of the test rows.

    Notes
    -----
    Solved by L-BFGS to convergence or 1 000 iterations. Cost O(iterations n d C) per penalty.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features[split.train].astype(np.float64))
    x = {part: scaler.transform(features[getattr(split, part)]) for part in ("train", "validation", "test")}
    best: tuple[float, float, NDArray[np.float64], NDArray[np.float64]] | None = None
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=MAX_ITER).fit(x["train"], labels[split.train])
        # A weak penalty makes heads so sure that the smallest probabilities are 0, their logarithms minus infinity.
        with np.errstate(divide="ignore"):
            validation, test = (model.predict_log_proba(x[part]) for part in ("validation", "test"))
        loss = -float(np.take_along_axis(validation, labels[split.validation, None], axis=1).mean())
        if best is None or loss < best[0]:
            best = loss, penalty, validation, test
    assert best is not None
    return best[1:]
