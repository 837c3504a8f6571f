"""Nearest neighbours: whether samples that look alike to the backbone have the same label."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.core.target import Target
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._held_out import judge_classes, judge_values
from shiftscope.measures._resampling import folds, half_samples
from shiftscope.measures._targets import usable_targets

__all__ = ["knn"]

Floats = NDArray[np.float64]

# Votes that differ by less count as equal: similarities carry the rounding of float32.
TIE = 1e-6
# Neighbours that are looked up for each that votes: k of them lie in nearly every half of the samples.
WITHIN = 4


@measure(
    asks="Do samples that look alike to the backbone have the same label?",
    kind="transfer",
    better="higher",
    unit="accuracy, mean recall if balanced; mean AUC for several labels; R2 for real targets",
    needs=("labels",),
    bounds=(None, 1.0),
    null="chance: 1/C for equal classes and if balanced; 0.5 for AUC; below 0 for R2, by about 1/k",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Cover and Hart, IEEE Trans. Inf. Theory 1967; as a transfer score: Sorkhei et al., TMLR 2025",
)
def knn(
    features: FeatureSet,
    *,
    k: Annotated[int, Field(ge=1)] = 5,
    variant: Literal["folds", "loo"] = "folds",
    balanced: bool = False,
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Held-out accuracy of a vote of the ``k`` nearest neighbours by cosine, in ten folds.

    A neighbour's vote weighs 1 + cosine. Among classes with equal votes the one with the nearest member wins.
    Features are not centred: the cosine is about the origin, as in the reference.

    Parameters
    ----------
    features
        Classes give accuracy; several labels the mean area under the ROC curve, and real targets the mean R2, of
        the weighted mean of the neighbours' labels.
    k
        Number of neighbours.
    variant
        ``"folds"``: neighbours come from other folds (stratified by class, or whole groups). ``"loo"``: from all
        other samples, or all other groups; it uses more samples, but on noise it lies below chance, because a
        sample lowers the share of its own class.
    balanced
        Give the mean recall of the classes instead of the accuracy, which classes of many samples dominate. It
        changes nothing for labels and real targets.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        ``losses``: 1 - correct per sample (balanced: times n/(C n_c)); for labels and real targets squared errors
        relative to the variance. ``details``: ``k``, and for classes ``accuracy``, ``balanced_accuracy``,
        ``largest_class``. Samples share neighbours and so their mistakes: the interval of an accuracy comes from
        half-samples in which every sample has its neighbours in its own half.

    Raises
    ------
    NotApplicableError
        If nothing varies in the target, a class has one sample, or there is one group only.

    Notes
    -----
    O(n^2 d) time in tiles; no n x n matrix is kept.

    Fails when angles say nothing (one-dimensional features, or a mean far longer than the spread: all cosines
    are then close to 1), and with 2 or 3 samples per class, where noise lies below chance as in ``"loo"``.
    """
    targets = usable_targets(features)
    seed, numbers = seed_of(rng), kernels or choose()
    by_halves = intervals and features.target.kind == "class"
    parts = _parts(features, variant, seed)
    neighbours, cosine = numbers.nearest(features.features, WITHIN * k if by_halves else k, parts)
    weights = np.where(neighbours >= 0, np.maximum(1.0 + cosine.astype(np.float64), TIE), 0.0)
    details: Details = {"k": k}
    if features.target.kind == "class":
        predicted = _vote(neighbours[:, :k], weights[:, :k], features.target)
        halves = half_samples(features, seed, intervals=intervals)
        again = np.full(halves.shape, -1)
        for row, half in zip(again, halves, strict=True):
            row[half] = _vote_within(half, neighbours[half], weights[half], k, features.target)
        return judge_classes(
            features, predicted, seed, details, balanced=balanced, intervals=intervals, in_halves=again
        )
    mean = np.einsum("nk,nkc->nc", weights, targets[neighbours]) / weights.sum(axis=1, keepdims=True)
    return judge_values(features, targets, mean, seed, details, intervals=intervals)


def _parts(features: FeatureSet, variant: str, seed: int) -> NDArray[np.int64]:
    parts = folds(features, seed)  # raises where nothing can be held out
    if variant == "folds":
        return parts
    return np.arange(features.n) if features.groups is None else features.groups


def _vote(neighbours: NDArray[np.int64], weights: Floats, target: Target) -> NDArray[np.int64]:
    """Class codes (n,) by the weights of neighbours (n, k); of equal classes the one with the nearest neighbour."""
    codes = target.values[neighbours]
    votes = np.zeros((len(codes), target.n_classes))
    for place in range(codes.shape[1]):
        votes[np.arange(len(codes)), codes[:, place]] += weights[:, place]
    leads = np.take_along_axis(votes, codes, axis=1) >= votes.max(axis=1, keepdims=True) * (1 - TIE)
    winner: NDArray[np.int64] = np.take_along_axis(codes, np.argmax(leads, axis=1)[:, None], axis=1)[:, 0]
    return winner


def _vote_within(
    half: NDArray[np.bool_], neighbours: NDArray[np.int64], weights: Floats, k: int, target: Target
) -> NDArray[np.int64]:
    """Class codes (m,) by the first k of all neighbours (m, K) that lie in ``half``."""
    inside = half[neighbours] & (neighbours >= 0)
    nearest = inside & (np.cumsum(inside, axis=1) <= k)
    return _vote(neighbours, weights * nearest, target)
