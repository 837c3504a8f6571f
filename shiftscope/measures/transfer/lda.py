"""Linear discriminant: what Gaussian classes of one shape predict for samples they have not seen."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._discriminant import class_means, discriminants, whitening, within_classes
from shiftscope.measures._held_out import judge_classes
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import usable_targets

__all__ = ["lda"]

Floats = NDArray[np.float64]


@measure(
    asks="How well do class means and one covariance for all classes predict samples they have not seen?",
    kind="transfer",
    better="higher",
    unit="accuracy, mean recall if balanced",
    needs=("classes",),
    bounds=(0.0, 1.0),
    null="share of the largest class; 1/C if balanced or with equal priors",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Fisher, Annals of Eugenics 1936; penalised: Hastie, Buja and Tibshirani, Annals of Statistics 1995",
)
def lda(
    features: FeatureSet,
    *,
    priors: Literal["shares", "equal"] = "shares",
    balanced: bool = False,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Held-out accuracy of a linear discriminant with a ridge on the covariance, in ten folds.

    The largest of x'S^-1 m_c - m_c'S^-1 m_c/2 + ln pi_c wins, with m_c the class means of the other folds and
    S = (W + penalty I)/(n - C) from their scatter W within classes. The penalty of a fold is the one that
    generalised cross-validation of ridge regression chooses from the labels of the other folds: discriminants lie
    in the directions of that regression, whatever the penalty.

    The other folds lack just the samples that this one has of a class. With few samples its mean is noisier and
    longer than in other folds, which would predict noise below chance: for 10 classes of 6 samples at 0.084 in
    place of 0.1. Hence m_c, about the mean of all, is multiplied by sqrt(n_c/expected n_c), n_c in the other
    folds: under noise all means then have the length they have on average. The factor is 1 where folds hold
    equal shares of all classes.

    Parameters
    ----------
    features
        Labelled with classes.
    priors
        pi_c is the ``"shares"`` of classes among all samples, or ``"equal"``.
    balanced
        Give the mean recall of the classes instead of the accuracy, which classes of many samples dominate.

    Returns
    -------
    Estimate
        ``losses``: 1 - correct per sample (balanced: times n/(C n_c)). ``details``: ``penalty`` in units of
        the largest eigenvalue (geometric mean over folds), ``rank`` of the features, ``accuracy``,
        ``balanced_accuracy``, ``largest_class``.

    Raises
    ------
    NotApplicableError
        If there is one class only, a class with one sample, fewer than 4 samples, one group only, or features do
        not vary.

    Notes
    -----
    Works on the shared decomposition: on rows U diag(sqrt s), a rotation of the features about their mean, the
    scatter of the other folds is diag(s) less n/10 outer products. All directions in which samples differ are
    kept (n - 1 of them when n < d), so a fold's labels are never used, and of its features only the axes, their
    origin and the unit of the penalty. O(n_I k^2 + k^3) for each fold. The interval leaves out that other
    training samples would give other means.

    Fails when classes differ in shape, and when they have few samples of very different number: the mean of a
    small class is noisier and longer, which speaks against it even with equal priors.
    """
    targets = usable_targets(features)
    seed = seed_of(rng)
    values, left = spectrum(features, kernels)
    rows, parts = left * np.sqrt(values), folds(features, seed)
    shares = targets.mean(axis=0)
    prior = np.log(shares if priors == "shares" else np.ones_like(shares))
    penalties = fold_penalties(features, seed, kernels)
    predicted = np.empty(features.n, dtype=np.int64)
    for fold, penalty in enumerate(penalties):
        own = parts == fold
        scores = _scores(rows, values, targets, own, penalty * values[0])
        predicted[own] = np.argmax(scores + prior, axis=1)
    details: Details = {"penalty": float(np.exp(np.log(penalties).mean())), "rank": len(values)}
    return judge_classes(features, predicted, seed, details, balanced=balanced)


def _scores(rows: Floats, values: Floats, targets: Floats, own: NDArray[np.bool_], penalty: float) -> Floats:
    """Discriminants (n_own, C) of the rows in ``own`` by all others; -inf for a class that has no others."""
    counts = targets[~own].sum(axis=0)
    means = class_means(rows[~own], targets[~own])
    within = within_classes(np.diag(values) - rows[own].T @ rows[own], means, counts)
    freedom = max(float(counts.sum() - (counts > 0).sum()), 1.0)
    root = whitening((within + penalty * np.eye(len(values))) / freedom, float(values.mean()) / len(rows))
    expected = targets.mean(axis=0) * counts.sum()
    scores = discriminants(rows[own], means * np.sqrt(counts / expected)[:, None], root)
    return np.where(counts > 0, scores, -np.inf)
