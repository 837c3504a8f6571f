"""A linear probe of the source's classes: what it says of samples it has not seen, of the source and of another set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._held_out import log_chances, share_moves, sharpness
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import demand_classes

__all__ = ["Probe", "probe"]

Floats = NDArray[np.float64]


class Probe(NamedTuple):
    """Ridge regression on the classes of one set, once without each fold.

    Attributes
    ----------
    own : (n, C) float64
        Scores of the set's own samples by the probe that has not seen their fold.
    share : (C,) float64
        Shares of the classes in the set.
    sharpness : (F,) float64
        How sharply each probe tells classes apart, as its fellows' held-out scores say.
    folds : (n,) int64
    coordinates : (m, k) float64
        Another set along the principal directions of this one.
    intercepts, slopes : (F, C) and (F, k, C) float64
        Of each probe.
    """

    own: Floats
    share: Floats
    sharpness: Floats
    folds: NDArray[np.int64]
    coordinates: Floats
    intercepts: Floats
    slopes: Floats

    def other(self) -> Iterator[Floats]:
        """Scores of the other set's samples (m, C), by one probe after another."""
        return (start + self.coordinates @ slope for start, slope in zip(self.intercepts, self.slopes, strict=True))

    def other_chances(self) -> Floats:
        """Probabilities of the classes (m, C) for the other set's samples, averaged over the probes."""
        each = zip(self.other(), self.sharpness, strict=True)
        summed = sum(np.exp(log_chances(scores, self.share, a)) for scores, a in each)
        return np.asarray(summed / len(self.sharpness))


def probe(features: FeatureSet, others: NDArray[np.float32], seed: int, kernels: Kernels | None = None) -> Probe:
    """Fit ridge regression to the classes of ``features`` without each fold; score that fold and all ``others`` (m, d).

    Folds are stratified or hold whole groups, and the penalty of a fold comes from the labels of all others. The probe
    without fold I is the one to all samples with the targets of I replaced by their held-out predictions, so that
    nothing is refitted: with e_I the held-out residuals its coefficients are those to y less
    (F'F + penalty)^-1 F_I' e_I. O(n k (d + C) + m k (d + F C)) after the shared decomposition.

    Raises
    ------
    NotApplicableError
        If there is one class, a class with one sample, one group, or no feature varies.
    """
    demand_classes(features)
    numbers, targets, parts = kernels or choose(), features.target.matrix, folds(features, seed)
    values, left = spectrum(features, numbers)
    penalties = fold_penalties(features, seed, numbers) * values[0]
    share, along, moves = targets.mean(axis=0), left.T @ targets, share_moves(targets, parts)
    own, intercepts = np.empty_like(targets), np.empty_like(moves)
    slopes = np.empty((len(moves), len(values), len(share)))
    held = {p: numbers.ridge_held_out(left, values, targets, parts, p) for p in np.unique(penalties)}
    for fold, penalty in enumerate(penalties):
        rows = parts == fold
        lost = targets[rows] - held[penalty][rows]
        own[rows] = held[penalty][rows] + moves[fold]
        slopes[fold] = (np.sqrt(values) / (values + penalty))[:, None] * (along - left[rows].T @ lost)
        intercepts[fold] = share - lost.sum(axis=0) / features.n + moves[fold]
    sharp = sharpness(own, features.target.values, parts)
    return Probe(own, share, sharp, parts, _coordinates(features, others, values, left), intercepts, slopes)


def _coordinates(features: FeatureSet, others: NDArray[np.float32], values: Floats, left: Floats) -> Floats:
    """Rows of ``others`` along the principal directions of ``features`` (m, k), about the mean of the latter."""
    mean = features.features.mean(axis=0, dtype=np.float64)
    axes = (features.features - mean).T @ (left / np.sqrt(values))
    found: Floats = (others - mean) @ axes
    return found
