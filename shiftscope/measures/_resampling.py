"""Folds, half-samples and intervals: drawn once per seed, the same for every measure and every backbone."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import stream
from shiftscope.errors import NotApplicableError

__all__ = [
    "LEVEL",
    "N_FOLDS",
    "N_HALVES",
    "Z",
    "folds",
    "from_draws",
    "from_losses",
    "half_samples",
]

LEVEL = 0.95
N_FOLDS = 10
N_HALVES = 100
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def folds(features: FeatureSet, seed: int, *, n_folds: int = N_FOLDS) -> NDArray[np.int64]:
    """Assign samples to folds (n,): stratified by class, or whole groups where there are groups.

    A class with fewer samples than folds is spread over as many folds as it has samples. The folds depend on
    labels, groups and the seed only, so backbones that saw the same samples share them.

    Raises
    ------
    NotApplicableError
        If a class has a single sample (it could never be predicted held out), or there are fewer than two groups.
    """
    rng = stream(seed, "folds", str(n_folds))
    if features.groups is not None:
        return _group_folds(_group_codes(features.groups), n_folds, rng)
    counts = features.target.counts
    if len(counts) and counts.min() < 2:
        name = features.target.class_names[int(np.argmin(counts))]
        raise NotApplicableError(f"class {name!r} has one sample: held-out prediction needs at least 2 per class.")
    fold = np.empty(features.n, dtype=np.int64)
    start = 0
    for stratum in np.unique(features.target.strata):
        members = rng.permutation(np.flatnonzero(features.target.strata == stratum))
        # Going on where the last class stopped keeps the folds of equal size overall.
        fold[members] = (start + np.arange(len(members))) % n_folds
        start = (start + len(members)) % n_folds
    return fold


def _group_folds(groups: NDArray[np.int64], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    sizes = np.bincount(groups)
    fold_of = np.empty(len(sizes), dtype=np.int64)
    load = np.zeros(min(n_folds, len(sizes)))
    shuffled = rng.permutation(len(sizes))
    # Largest groups first, each into the emptiest fold: sizes stay as even as groups allow.
    for g in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[g] = int(np.argmin(load))
        load[fold_of[g]] += sizes[g]
    return fold_of[groups]


def _group_codes(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups as 0, 1, … without gaps: a subset of samples may have lost some."""
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise NotApplicableError("all samples belong to one group: held-out prediction needs at least 2 groups.")
    return codes.astype(np.int64)


def half_samples(
    features: FeatureSet, seed: int, *, n_halves: int = N_HALVES, intervals: bool = True
) -> NDArray[np.bool_]:
    """Draw stratified halves without replacement (n_halves, n); of groups, where there are groups.

    The standard deviation of a statistic over such halves estimates its standard error on all n samples
    (delete-half jackknife); unlike bootstrap samples, halves never hold two copies of a sample. Later calls on
    the same features return the same array. Where no ``intervals`` are asked for there are no halves (0, n), and
    from no draws :func:`from_draws` makes no interval.
    """

    def make() -> NDArray[np.bool_]:
        rng = stream(seed, "halves")
        if features.groups is None:
            chosen = _halves(features.target.strata, n_halves, rng)
        else:
            codes = _group_codes(features.groups)
            chosen = _halves(np.zeros(int(codes.max()) + 1, dtype=np.int64), n_halves, rng)[:, codes]
        chosen.setflags(write=False)
        return chosen

    if not intervals:
        return np.zeros((0, features.n), dtype=np.bool_)
    return features.memo(("half samples", seed, n_halves), make)


def _halves(strata: NDArray[np.int64], n_halves: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    chosen = np.zeros((n_halves, len(strata)), dtype=np.bool_)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        odd = len(members) % 2
        for row in chosen:
            # An odd one out goes to either side by a coin, so that halves have n/2 samples on average.
            size = len(members) // 2 + (odd and int(rng.integers(2)))
            row[rng.permutation(members)[:size]] = True
    return chosen


def from_draws(
    value: float,
    draws: NDArray[np.float64],
    details: Details | None = None,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Estimate with a normal interval from the spread of half-sample ``draws``, which are centred on ``value``.

    Scores of half the samples differ in level from those of all of them; only their spread is used. The ends of
    the interval are cut at ``bounds``. Without draws (0,) there is no interval.
    """
    if not len(draws):
        return Estimate(value=value, details=details or {})
    centred = value + draws - draws.mean()
    reach = Z * float(draws.std(ddof=1))
    low, high = np.clip([value - reach, value + reach], *bounds).tolist()
    return Estimate(value=value, low=low, high=high, level=LEVEL, draws=centred, details=details or {})


def from_losses(
    correct: NDArray[np.float64],
    features: FeatureSet,
    seed: int,
    *,
    losses: NDArray[np.float64] | None = None,
    details: Details | None = None,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    intervals: bool = True,
) -> Estimate:
    """Estimate of a mean of held-out per-sample values, with an interval from half-samples of these values.

    Nothing is refitted: the values are averaged over the same halves that refitted measures use, which keeps
    measures and backbones paired. ``losses`` (per sample) default to 1 - ``correct``.
    """
    halves = half_samples(features, seed, intervals=intervals).astype(np.float64)
    draws = halves @ correct / halves.sum(axis=1)
    made = from_draws(float(correct.mean()), draws, details, bounds=bounds)
    return made.model_copy(update={"losses": 1.0 - correct if losses is None else losses})
