"""The noise floor of a shift measure: what it says of halves of one and the same data set."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Estimate
from shiftscope.kernels import Kernels
from shiftscope.measures import MEASURES
from shiftscope.measures._sides import Floats, Options, Rows, Split, excess, over_splits, splits

__all__ = ["Floor", "floor_of", "noise_floor"]

MAX_POINTS = 1600
QUANTILE = 0.95
DUST = 1e-9
BetweenHalves = Callable[[Pair, list[Split], Options, Kernels | None], Floats]


class Floor(NamedTuple):
    """Effect and floor of one measure; ``size`` is the number of samples in each part, of the least of all splits."""

    effect: float
    effect_se: float
    floor: float
    n_splits: int
    size: int


def noise_floor(
    name: str,
    pair: Pair,
    *,
    seed: int,
    options: Options | None = None,
    n_splits: int = 20,
    max_points: int = MAX_POINTS,
    kernels: Kernels | None = None,
) -> Floor:
    """Compare source against target with each side against itself, all at one sample size.

    Every split halves both sides at random (whole groups together) and cuts the parts X1, X2, Y1, Y2 to equal
    size k. The effect is the mean of T(X1, Y1) - [T(X1, X2) + T(Y1, Y2)]/2, where T is the measure without what
    is not needed here (permutations, intervals, debiasing). The floor is the 95th percentile of the absolute
    T(X1, X2) and T(Y1, Y2), each side's mean over splits taken off: for an unbiased T that mean is 0, for a
    biased one (W2, Frechet) it is the bias, which the effect does not have either.

    Parameters
    ----------
    name
        A shift measure. A module that knows a cheaper way than calling its measure 3 ``n_splits`` times offers
        ``between_halves(pair, halves, options, kernels)`` beside it, which returns the three terms (S, 3).
    options
        Options of the measure, as it was called with.
    max_points
        Samples used at most, both sides together: effect and floor then belong to parts of a quarter of that.

    Returns
    -------
    Floor
        ``effect_se`` is the standard deviation over splits, not divided by their number, since they share the
        samples (delete-half jackknife). Where T of one distribution depends on norms (W2, Frechet) it is too
        large: the intervals of these measures know better.

    Raises
    ------
    NotApplicableError
        If a half would have fewer than two samples, or T has no meaning for the halves.

    Notes
    -----
    Fails when samples depend on each other and ``groups`` does not say so: halves then share near-copies, and
    the floor is too low.
    """
    halves = splits(pair, seed, n_splits, max_points)
    measure = MEASURES[name]
    own: BetweenHalves | None = getattr(sys.modules[measure.function.__module__], "between_halves", None)
    checked = measure.check(dict(options or {}))
    if own:
        terms = own(pair, halves, checked, kernels)
    else:
        terms = _by_calling(partial(measure, rng=seed, kernels=kernels, **checked), pair, halves)
    return floor_of(terms, size=min(len(split.x1) for split in halves))


def floor_of(terms: Floats, *, size: int) -> Floor:
    """Effect and floor from T(X1, Y1), T(X1, X2), T(Y1, Y2) of each split (S, 3)."""
    effects, within = excess(terms), terms[:, 1:]
    floor = float(np.quantile(np.abs(within - within.mean(axis=0)), QUANTILE))
    # Halves that are all alike differ by rounding, which is no floor to measure an effect by.
    floor = floor if floor > DUST * float(np.abs(terms).max()) else 0.0
    return Floor(float(effects.mean()), float(effects.std(ddof=1)), floor, len(terms), size)


def _by_calling(measure: Callable[[Pair], Estimate], pair: Pair, halves: list[Split]) -> Floats:
    def part(rows: Rows) -> FeatureSet:
        n = pair.source.n
        return pair.source.take(rows) if rows[0] < n else pair.target.take(rows - n)

    return over_splits(lambda a, b: measure(Pair(part(a), part(b))).value, halves)
