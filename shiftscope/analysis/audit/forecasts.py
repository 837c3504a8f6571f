"""How good forecasts of negative transfer are, where the truth itself is known with noise.

``p`` (n,) is the probability that was forecast for each of n cells, and ``q`` (n,) the probability, given what
fine-tuning measured, that it happened. A cell counts as one where it happened with weight q and as one where it
did not with weight 1 - q, so cells whose truth is in doubt decide little.

Nobody can do better than ``brier(q, q)``, ``log_loss(q, q)`` and ``auroc(q, q)``: show them beside the scores. q
takes each measurement at its word (a flat prior), so it strays further than the true gap does; scores compare
predictors on the same cells, and are not those that an exact truth would give.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftscope.analysis.audit.agreement import MIN_GROUPS, finite_row
from shiftscope.core.audit import MARGIN, Reliability
from shiftscope.core.seeds import stream
from shiftscope.errors import InputError

__all__ = [
    "FLOOR",
    "auroc",
    "brier",
    "chance_of_negative",
    "log_loss",
    "reliability",
]

Array = NDArray[np.float64]

DRAWS = 2_000  # resamples of target groups
FLOOR = 0.001  # fewer than a thousand cells cannot tell one in a thousand from never


def chance_of_negative(gap: ArrayLike, se: ArrayLike, margin: float = MARGIN, *, dof: ArrayLike | None = None) -> Array:
    """Probability (n,) that the true gap lies below ``-margin``: Phi((-margin - gap) / se).

    For gaps (n,) that were measured with normal noise of standard error ``se`` (n,), under a flat prior; 0 or 1
    where ``se`` is 0. With ``dof`` (n,), degrees of freedom of the standard errors, Student's distribution takes
    the place of the normal one.

    Raises
    ------
    InputError
        If the lengths differ, values are NaN or infinite, or a standard error is negative.
    """
    measured, noise = _measured(gap, se)
    return _below(-margin, measured, noise, None if dof is None else np.asarray(dof, dtype=np.float64))


def brier(p: ArrayLike, q: ArrayLike) -> float:
    """Mean expected squared error, 0 to 1: q (1 - p)^2 + (1 - q) p^2 (Brier 1950).

    The best possible is the mean of q (1 - q), reached by p = q.

    Raises
    ------
    InputError
        If p and q differ in length, are empty, or leave 0 to 1 (likewise for the other scores of p and q).
    """
    forecast, happened = _forecasts(p, q)
    return float(np.mean(happened * (1 - forecast) ** 2 + (1 - happened) * forecast**2))


def log_loss(p: ArrayLike, q: ArrayLike, *, floor: float = FLOOR) -> float:
    """Mean expected negative log likelihood in nats: -q ln p - (1 - q) ln(1 - p).

    Forecasts are first moved into [floor, 1 - floor], so that one sure and wrong forecast costs 6.9 nats and not
    everything.
    """
    forecast, happened = _forecasts(p, q)
    forecast = np.clip(forecast, floor, 1 - floor)
    return float(-np.mean(happened * np.log(forecast) + (1 - happened) * np.log1p(-forecast)))


def auroc(p: ArrayLike, q: ArrayLike) -> float | None:
    """Chance, 0 to 1, that a cell where it happened had a higher forecast than one where it did not.

    Sum over pairs i != j of q_i (1 - q_j) [p_i > p_j], ties half, divided by the same sum without the comparison:
    expected pairs in order over expected pairs, if cells happen independently. A cell is not compared with itself,
    because it cannot have happened and not happened; an AUROC with sample weights would count these pairs as ties
    and come out nearer to 1/2. None where fewer than one cell of either kind is expected. O(n log n).
    """
    forecast, happened = _forecasts(p, q)
    positive, negative = float(happened.sum()), float((1 - happened).sum())
    if positive < 1 or negative < 1:
        return None
    _, level = np.unique(forecast, return_inverse=True)
    above, here = np.bincount(level, weights=happened), np.bincount(level, weights=1 - happened)
    below = np.cumsum(here) - here
    itself = float(happened @ (1 - happened))
    in_order = float(above @ (below + here / 2)) - itself / 2
    return in_order / (positive * negative - itself)


def reliability(
    p: ArrayLike, q: ArrayLike, bins: int = 10, *, groups: Sequence[str] | None = None
) -> list[Reliability]:
    """Forecasts against what happened, in bins of equal count from the lowest forecast to the highest.

    Equal forecasts stay together, in the bin in which the middle one of them falls; bins that stay empty are
    left out. With ``groups`` (n,), the target group of each cell, a bin with cells of enough groups gets a 95 %
    interval: percentiles over resampled groups, with the bins held.
    """
    forecast, happened = _forecasts(p, q)
    if bins < 1:
        raise InputError(f"{bins} bins: a reliability table needs at least one.")
    _, level, count = np.unique(forecast, return_inverse=True, return_counts=True)
    end = np.cumsum(count)
    # Integers, so that no bin depends on rounding: the middle of a run of equal forecasts is (start + end) / 2.
    of_cell = (bins * (2 * end - count) // (2 * len(forecast)))[level]
    found = []
    for b in np.unique(of_cell):
        mine = of_cell == b
        low, high = (None, None) if groups is None else _resampled_ends(happened[mine], np.asarray(groups)[mine])
        seen = float(happened[mine].mean())
        found.append(
            Reliability(forecast=float(forecast[mine].mean()), happened=seen, low=low, high=high, n=int(mine.sum()))
        )
    return found


def _resampled_ends(values: Array, groups: NDArray[np.str_]) -> tuple[float | None, float | None]:
    """Ends of a 95 % interval of the mean over cells (n,) when whole groups are drawn anew; None for few groups."""
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < MIN_GROUPS:
        return None, None
    sums = np.bincount(codes, weights=values)
    share = np.full(len(sizes), 1 / len(sizes))
    times = stream(0, "audit", "reliability").multinomial(len(sizes), share, size=DRAWS)
    low, high = np.quantile(times @ sums / (times @ sizes), [0.025, 0.975]).tolist()
    # All cells of a bin may agree, and rounding may put their mean beside its own resamples.
    mean = float(values.mean())
    return min(low, mean), max(high, mean)


def _below(limit: float, measured: Array, noise: Array, dof: Array | None = None) -> Array:
    """P(true < limit) for true ~ N(measured, noise^2), or Student's t about ``measured``."""
    from scipy.special import ndtr, stdtr

    sure = (measured < limit).astype(np.float64)
    z = (limit - measured) / np.where(noise > 0, noise, 1.0)
    return np.where(noise > 0, ndtr(z) if dof is None else stdtr(dof, z), sure)


def _forecasts(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    forecast, happened = finite_row(p, "forecasts"), finite_row(q, "chances that it happened")
    if len(forecast) != len(happened) or not len(forecast):
        raise InputError(f"{len(forecast)} forecasts and {len(happened)} outcomes: give one of each for every cell.")
    if min(forecast.min(), happened.min()) < 0 or max(forecast.max(), happened.max()) > 1:
        raise InputError("forecasts or chances below 0 or above 1: give probabilities.")
    return forecast, happened


def _measured(gap: ArrayLike, se: ArrayLike) -> tuple[Array, Array]:
    measured, noise = finite_row(gap, "gaps"), finite_row(se, "standard errors")
    if len(measured) != len(noise):
        raise InputError(f"{len(measured)} gaps and {len(noise)} standard errors: give one of each for every cell.")
    if (noise < 0).any():
        raise InputError("negative standard errors: give standard deviations, which are at least 0.")
    return measured, noise
