"""How well the order a predictor gave agrees with the order that fine-tuning found.

One place (target, regime, seed) at a time: ``score`` (n,) is what the predictor said about n candidates, larger
meaning better, and ``accuracy`` (n,) what they reached. Where all scores are equal a predictor said nothing: its
correlations are 0 and its choices are random ones. Where the truth has no order, or everything would be taken, there
is nothing to foresee and a statistic is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import comb, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftscope.core.seeds import RngLike
from shiftscope.errors import InputError

__all__ = [
    "MIN_GROUPS",
    "STATISTICS",
    "Statistic",
    "cluster_bootstrap",
    "finite_row",
    "random_choice",
    "regret",
    "spearman",
    "tau_b",
    "top1",
    "weighted_tau",
    "weighted_tau_by_accuracy",
]

Array = NDArray[np.float64]

MIN_GROUPS = 5  # resampled means never leave the range of the group means, which covers too little for fewer


def finite_row(values: ArrayLike, what: str) -> Array:
    """Values (n,) as float64, or an error that calls them ``what``.

    Raises
    ------
    InputError
        If they are not one row of finite numbers.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(f"{what} of shape {array.shape}: must be one row of finite numbers; leave out the others.")
    return array


def weighted_tau(score: ArrayLike, accuracy: ArrayLike) -> float | None:
    """Weighted tau, -1 to 1, as SFDA, tllib and ETran compute it.

    Kendall's tau in which a pair weighs 1/(r+1) + 1/(s+1) for members of rank r and s from 0 (Vigna, WWW 2015);
    mean of the value with ranks by accuracy and the value with ranks by score. O(n log n).

    Raises
    ------
    InputError
        If the two differ in length or hold NaN or infinity (likewise for all statistics of this file).
    """
    from scipy.stats import weightedtau

    return _correlation(score, accuracy, lambda s, a: weightedtau(s, a, rank=True).statistic)


def weighted_tau_by_accuracy(score: ArrayLike, accuracy: ArrayLike) -> float | None:
    """Weighted tau, -1 to 1, as Model-Spider computes it: pairs weigh by rank of the true accuracy only.

    Equal accuracies are ranked by score. O(n log n).
    """
    from scipy.stats import weightedtau

    return _correlation(score, accuracy, lambda s, a: weightedtau(a, s, rank=None).statistic)


def tau_b(score: ArrayLike, accuracy: ArrayLike) -> float | None:
    """Kendall's tau-b, -1 to 1: pairs in order minus pairs out of order, corrected for ties. O(n log n)."""
    from scipy.stats import kendalltau

    return _correlation(score, accuracy, lambda s, a: kendalltau(s, a, variant="b").statistic)


def spearman(score: ArrayLike, gap: ArrayLike) -> float | None:
    """Correlation of ranks, -1 to 1; ties share their mean rank. O(n log n)."""
    from scipy.stats import spearmanr

    return _correlation(score, gap, lambda s, g: spearmanr(s, g).statistic)


def regret(score: ArrayLike, accuracy: ArrayLike, k: int) -> float | None:
    """What is lost by trying only the k candidates with the highest score, in the unit of ``accuracy``.

    Best accuracy of all minus the expected best accuracy among the k. Candidates that tie for the last places are
    equally likely to get them: of m tied ones in falling order of accuracy, r of which are taken, the j-th
    (from 1) is the best one taken with probability C(m-j, r-1) / C(m, r). None where there are no more than k
    candidates: taking everything is no choice. O(n log n).
    """
    s, a = _pair(score, accuracy)
    if k < 1:
        raise InputError(f"regret at k={k}: a choice takes at least one candidate; give k of 1 or more.")
    if len(s) <= k:
        return None
    last = np.sort(s)[-k]
    sure, tied = a[s > last], np.sort(a[s == last])[::-1]
    m, r = len(tied), k - len(sure)
    chances = np.array([comb(m - j, r - 1) / comb(m, r) for j in range(1, m + 1)])
    found = np.maximum(tied, sure.max(initial=-np.inf))
    return float(chances @ (a.max() - found))


def random_choice(accuracy: ArrayLike, k: int) -> float | None:
    """Expected regret of trying k candidates drawn at random without replacement."""
    return regret(np.zeros(np.shape(accuracy)), accuracy, k)


def top1(score: ArrayLike, accuracy: ArrayLike) -> float | None:
    """Probability, 0 to 1, that the candidate with the highest score is a truly best one.

    Candidates that tie for the highest score share the choice; any of those that tie for the best accuracy will do.
    None for fewer than two candidates.
    """
    s, a = _pair(score, accuracy)
    if len(s) < 2:
        return None
    return float(np.mean(a[s == s.max()] == a.max()))


class Statistic(NamedTuple):
    """A way to hold scores against the truth."""

    function: Callable[[ArrayLike, ArrayLike], float | None]
    larger_is_better: bool


STATISTICS: Mapping[str, Statistic] = {
    "weighted_tau": Statistic(weighted_tau, larger_is_better=True),
    "weighted_tau_by_accuracy": Statistic(weighted_tau_by_accuracy, larger_is_better=True),
    "tau_b": Statistic(tau_b, larger_is_better=True),
    "spearman": Statistic(spearman, larger_is_better=True),
    "regret@1": Statistic(partial(regret, k=1), larger_is_better=False),
    "regret@2": Statistic(partial(regret, k=2), larger_is_better=False),
    "regret@3": Statistic(partial(regret, k=3), larger_is_better=False),
    "top1": Statistic(top1, larger_is_better=True),
}


def cluster_bootstrap(
    values: ArrayLike, groups: Sequence[str], *, rng: RngLike, n: int = 2000, level: float = 0.95
) -> tuple[float, float | None, float | None]:
    """Mean of a statistic over places, and the interval that other target groups would give.

    The mean is that of the group means: four targets that are variants of one another count once. Whole groups are
    resampled with replacement ``n`` times, and the quantiles are taken at Phi(sqrt(G/(G-1)) t) with t the
    (1 - level)/2 quantile of Student's distribution with G - 1 degrees of freedom, G the number of groups: the
    expanded percentile interval (Hesterberg, The American Statistician 2015), which makes up for the narrowness
    of resampling few groups and stays within the range of the group means.

    Measured coverage of 95 % intervals with 8 groups of unequal size (plain percentiles and mean +- t sd / sqrt(G) in
    brackets): .94 (.88, .95) for normal group means, .94 (.88, .93) for skewed ones like correlations, .81 (.75,
    .79) for very skewed ones like regrets of which half are zero.

    Parameters
    ----------
    values
        One per place (p,); leave out places where the statistic is None.
    groups
        Target group of each place (p,).
    rng
        Equal seeds give equal resamples to all predictors that have the same groups.
    n
        Number of resamples.
    level
        Share of intervals that should hold the mean over the population of groups.

    Returns
    -------
    tuple
        Mean, lower and upper end; no ends for fewer than 5 groups, where no interval inside the range of the
        group means can cover 95 %.

    Raises
    ------
    InputError
        If there are no values, some are not finite, or ``groups`` has another length.

    Notes
    -----
    Fails when groups are not independent of each other, and covers too little where one group in many is far off
    the others and none of it was seen. O(n G).
    """
    from scipy.stats import norm, t

    v = finite_row(values, "values")
    if len(groups) != len(v) or not len(v):
        raise InputError(f"{len(v)} values and {len(groups)} groups: give one group for each of at least one value.")
    _, codes = np.unique(groups, return_inverse=True)
    means = np.bincount(codes, weights=v) / np.bincount(codes)
    value, count = float(means.mean()), len(means)
    if count < MIN_GROUPS:
        return value, None, None
    drawn = np.random.default_rng(rng).multinomial(count, np.full(count, 1 / count), size=n) @ means / count
    tail = float(norm.cdf(sqrt(count / (count - 1)) * t.ppf((1 - level) / 2, count - 1)))
    low, high = np.quantile(drawn, [tail, 1 - tail]).tolist()
    # The mean of equal group means may differ from the resampled ones by rounding; an interval holds its point.
    return value, min(low, value), max(high, value)


def _correlation(score: ArrayLike, truth: ArrayLike, statistic: Callable[[Array, Array], float]) -> float | None:
    s, a = _pair(score, truth)
    if len(s) < 2 or np.ptp(a) == 0:
        return None
    return float(statistic(s, a)) if np.ptp(s) > 0 else 0.0


def _pair(score: ArrayLike, truth: ArrayLike) -> tuple[Array, Array]:
    s, a = finite_row(score, "scores"), finite_row(truth, "true values")
    if len(s) != len(a):
        raise InputError(f"{len(s)} scores and {len(a)} true values: give one of each for every candidate.")
    return s, a
