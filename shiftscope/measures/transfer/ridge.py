"""Ridge probe: what a linear head on frozen features predicts for samples it has not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._held_out import calibrated, calibration_error, judge_classes, judge_values, share_moves
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import singular_entropy, spectrum
from shiftscope.measures._targets import usable_targets

__all__ = ["ridge"]

Floats = NDArray[np.float64]


@measure(
    asks="How well does a linear head on the frozen features predict samples it has not seen?",
    kind="transfer",
    better="higher",
    unit="accuracy, mean recall if balanced; mean AUC for several labels; R2 for real targets",
    needs=("labels",),
    bounds=(None, 1.0),
    null="share of the largest class, 1/C if balanced; 0.5 for AUC; 0 or just below for R2",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Hoerl and Kennard, Technometrics 1970; penalty: Golub, Heath and Wahba, Technometrics 1979 (GCV)",
)
def ridge(
    features: FeatureSet,
    *,
    balanced: bool = False,
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Held-out accuracy of ridge regression on one-hot classes in ten folds, without refitting.

    The residuals of a fold I that was left out follow from the fit to all samples,
    e_I = (I - H_II)^-1 (y - Hy)_I, with H the hat matrix, intercept included. The largest score wins. Folds are
    stratified by class, or hold whole groups. The penalty of a fold is chosen by generalised cross-validation
    from the labels of all other folds.

    A score is regression on the other folds, with one exception: the share of a class is that of all samples.
    The other folds lack exactly the classes that this fold has too many of, and their shares would vote
    against the truth: with few samples per class, accuracy on noise would fall below chance.

    Parameters
    ----------
    features
        Classes give accuracy, several labels the mean area under the ROC curve, real targets the mean R2.
    balanced
        Give the mean recall of the classes instead of the accuracy, which classes of many samples dominate. It
        changes nothing for labels and real targets.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        ``losses``: 1 - correct per sample (balanced: times n/(C n_c)); for labels and real targets squared errors
        relative to the variance. ``details``: ``penalty`` in units of the largest eigenvalue (geometric mean over
        folds), ``dim``, how many features there are, their ``rank`` and ``effective_rank``, the exponential of the
        entropy of their singular values (below 2 nearly everything lies along one direction), and for classes
        ``accuracy``, ``balanced_accuracy``, ``largest_class``, ``nll``, the negative log-likelihood in nats (the
        sharpness of a fold's softmax is fitted on the held-out scores of all other folds), ``nll_null``, the entropy
        of the class shares, and ``calibration_error`` of the same probabilities: the mean gap between confidence and
        accuracy, in at most 15 bins.

    Raises
    ------
    NotApplicableError
        If nothing varies in the target or in the features, a class has one sample, or there is one group only.

    Notes
    -----
    O(n k K) and one system of n/10 unknowns for each fold after the shared decomposition. The interval is
    about these samples and folds; it leaves out that other training samples would have given other heads.

    Fails when the classes differ in spread and not in mean, and when near-copies stand in different folds: give
    groups then.
    """
    targets = usable_targets(features)
    seed, numbers = seed_of(rng), kernels or choose()
    values, left = spectrum(features, numbers)
    parts = folds(features, seed)
    penalties = fold_penalties(features, seed, numbers)
    predicted = np.empty_like(targets)
    for penalty in np.unique(penalties):
        rows = penalties[parts] == penalty
        predicted[rows] = numbers.ridge_held_out(left, values, targets, parts, penalty * values[0])[rows]
    details: Details = {
        "penalty": float(np.exp(np.log(penalties).mean())),
        "dim": features.d,
        "rank": len(values),
        "effective_rank": float(np.exp(singular_entropy(values)[1])),
    }
    if features.target.kind == "real":
        return judge_values(features, targets, predicted, seed, details, intervals=intervals)
    scores = predicted + share_moves(targets, parts)[parts]
    if features.target.kind == "multilabel":
        return judge_values(features, targets, scores, seed, details, intervals=intervals)
    share, classes = targets.mean(axis=0), features.target.values
    log_chances = calibrated(scores, classes, parts)
    details["nll"] = -float(log_chances[np.arange(features.n), classes].mean())
    details["nll_null"] = -float(share @ np.log(share))
    details["calibration_error"] = calibration_error(np.exp(log_chances), classes)
    predictions = np.argmax(scores, axis=1)
    return judge_classes(features, predictions, seed, details, balanced=balanced, intervals=intervals)
