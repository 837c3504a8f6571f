"""A linear probe of the source's classes: what it says of samples it has not seen, of the source and of another set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._held_out import log_chances, sharpness
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import demand_classes

__all__ = ["Probe", "held_out_scores", "probe"]

Floats = NDArray[np.float64]


class Probe(NamedTuple):
    """Ridge regression on the classes of one set, once without each fold.

    Attributes
    ----------
    folds : (n,) int64
    own : (n, C) float64
        Scores of the set's own samples by the probe that has not seen their fold.
    other : (F, m, C) float64
        Scores of another set's samples by every one of these probes.
    share : (C,) float64
        Shares of the classes in the set.
    sharpness : (F,) float64
        How sharply each probe tells classes apart, as its fellows' held-out scores say.
    """

    folds: NDArray[np.int64]
    own: Floats
    other: Floats
    share: Floats
    sharpness: Floats

    @property
    def own_chances(self) -> Floats:
        """Held-out probabilities of the classes (n, C) for the set's own samples."""
        return np.exp(log_chances(self.own, self.share, self.sharpness[self.folds, None]))

    @property
    def other_chances(self) -> Floats:
        """Probabilities of the classes (m, C) for the other set's samples, averaged over the probes."""
        each = zip(self.other, self.sharpness, strict=True)
        return np.asarray(np.mean([np.exp(log_chances(scores, self.share, a)) for scores, a in each], axis=0))


def held_out_scores(features: FeatureSet, seed: int, kernels: Kernels | None = None) -> Floats:
    """Scores of ridge regression on the classes (n, C) for samples of folds it was not fitted to.

    Folds are stratified or hold whole groups, and the penalty of a fold comes from the labels of all others. The
    shares of the classes are those of all samples: the other folds lack just the classes that a fold has too many of.

    Raises
    ------
    NotApplicableError
        If there is one class, a class with one sample, one group, or no feature varies.
    """
    return _fit(features, None, seed, kernels).own


def probe(features: FeatureSet, others: NDArray[np.float32], seed: int, kernels: Kernels | None = None) -> Probe:
    """Fit ridge regression to the classes of ``features`` without each fold; score that fold and all ``others`` (m, d).

    The probe without fold I is the one to all samples with the targets of I replaced by their held-out predictions,
    so that nothing is refitted: with e_I the held-out residuals its coefficients are those to y less
    (F'F + penalty)^-1 F_I' e_I. O(n k (d + C) + m k (d + F C)) after the shared decomposition.
    """
    return _fit(features, others, seed, kernels)


def _fit(features: FeatureSet, others: NDArray[np.float32] | None, seed: int, kernels: Kernels | None) -> Probe:
    demand_classes(features)
    numbers, targets, parts = kernels or choose(), features.target.matrix, folds(features, seed)
    values, left = spectrum(features, numbers)
    penalties = fold_penalties(features, seed, numbers) * values[0]
    coordinates = None if others is None else _coordinates(features, others, values, left)
    share, along = targets.mean(axis=0), left.T @ targets
    own = np.empty_like(targets)
    other = np.empty((len(penalties), 0 if coordinates is None else len(coordinates), targets.shape[1]))
    held = {p: numbers.ridge_held_out(left, values, targets, parts, p) for p in np.unique(penalties)}
    for fold, penalty in enumerate(penalties):
        rows = parts == fold
        predicted = held[penalty][rows]
        lost = targets[rows] - predicted
        missing = targets[~rows].mean(axis=0)
        move = np.where(missing > 0, share - missing, 0.0)
        own[rows] = predicted + move
        if coordinates is not None:
            slopes = (np.sqrt(values) / (values + penalty))[:, None] * (along - left[rows].T @ lost)
            other[fold] = share - lost.sum(axis=0) / features.n + coordinates @ slopes + move
    return Probe(parts, own, other, share, sharpness(own, features.target.values, parts))


def _coordinates(features: FeatureSet, others: NDArray[np.float32], values: Floats, left: Floats) -> Floats:
    """Rows of ``others`` along the principal directions of ``features`` (m, k), about the mean of the latter."""
    mean = features.features.mean(axis=0, dtype=np.float64)
    axes = (features.features - mean).T @ (left / np.sqrt(values))
    found: Floats = (others - mean) @ axes
    return found
