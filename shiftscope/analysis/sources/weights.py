"""How much each source should count: weights and penalty that suit the target's own held-out samples best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.sources.probe import Floats, Pool, fit, held_out, slopes

__all__ = ["MOST", "PENALTIES", "Choice", "Curve", "best_penalty", "curve", "learn", "losses_of"]

# In units of the target's total variance; two to a decade.
PENALTIES = np.logspace(-2, 2, 9)
MOST = 1.0  # at best a source sample is as good as one of the target; without a bound, flat optima run away
FINE = 0.01  # weights are searched on a scale that is logarithmic above this one and linear below
STEPS = 40
WORTH = 5e-3  # share of the loss that a source must save to keep a weight


class Choice(NamedTuple):
    """Weights of the sources, and the penalty they go with."""

    weights: Floats
    penalty: float


class Curve(NamedTuple):
    """One weighting under every penalty: held-out sums of squares that penalties are chosen by.

    ``inner[p, o, i]`` is the loss on fold i with i and o left out, 0 where i = o; ``outer[p, i]`` with i alone.
    """

    weights: Floats
    inner: Floats  # (P, F, F)
    outer: Floats  # (P, F)


def curve(data: Pool, weights: Floats) -> Curve:
    """Held-out losses of ``weights`` for every penalty of the grid."""
    n_folds = len(data.members)
    inner, outer = np.zeros((len(PENALTIES), n_folds, n_folds)), np.zeros((len(PENALTIES), n_folds))
    for p, penalty in enumerate(PENALTIES):
        made = fit(data, weights, float(penalty))
        for o, mine in enumerate(data.members):
            outer[p, o] = np.square(held_out(made, mine)).sum()
            for i in range(o):
                # One system of both folds gives the loss of either.
                squares = np.square(held_out(made, np.concatenate([mine, data.members[i]]))).sum(axis=1)
                inner[p, i, o], inner[p, o, i] = squares[: len(mine)].sum(), squares[len(mine) :].sum()
    return Curve(weights, inner, outer)


def losses_of(found: Curve, fold: int | None) -> Floats:
    """Loss of every penalty (P,) as it is seen without ``fold``; with None from all of the target."""
    seen: Floats = found.outer.sum(axis=1) if fold is None else found.inner[:, fold].sum(axis=1)
    return seen


def best_penalty(found: Curve, fold: int | None) -> Choice:
    """The penalty for fixed weights that does best without ``fold``."""
    return Choice(found.weights, float(PENALTIES[np.argmin(losses_of(found, fold))]))


def learn(data: Pool, starts: Sequence[Curve], fold: int | None) -> Choice:
    """Weights and penalty with the least held-out squared loss, as it is seen without ``fold``.

    L-BFGS-B from the best of ``starts`` under its best penalty, with the exact gradient; the same every time. A
    source that is hardly worth anything gets weight 0.
    """
    from scipy.optimize import minimize

    begun = best_penalty(min(starts, key=lambda found: float(losses_of(found, fold).min())), fold)
    parts = _parts(data, fold)

    def loss(choice: Choice) -> tuple[float, Floats]:
        return slopes(data, fit(data, choice.weights, choice.penalty), choice.penalty, parts)

    scale = loss(begun)[0] or 1.0

    def objective(at: Floats) -> tuple[float, Floats]:
        choice = _choice(at)
        value, slope = loss(choice)
        return value / scale, slope * np.append(choice.weights + FINE, 1.0) / scale

    found = minimize(
        objective,
        np.append(np.log1p(begun.weights / FINE), np.log(begun.penalty)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, np.log1p(MOST / FINE))] * len(begun.weights) + [tuple(np.log(PENALTIES[[0, -1]]))],
        options={"maxiter": STEPS, "ftol": 1e-6, "gtol": 1e-5},
    )
    return _without_idle(_choice(found.x), lambda choice: loss(choice)[0])


def _without_idle(choice: Choice, loss: Callable[[Choice], float]) -> Choice:
    """Set weights to 0, the least first, while the loss hardly grows."""
    most = loss(choice) * (1.0 + WORTH)
    for s in np.argsort(choice.weights, kind="stable"):
        if choice.weights[s] == 0:
            continue
        fewer = choice._replace(weights=np.where(np.arange(len(choice.weights)) == s, 0.0, choice.weights))
        choice = fewer if loss(fewer) <= most else choice
    return choice


def _choice(at: Floats) -> Choice:
    # The way there and back through logarithms may end a rounding above the bound.
    return Choice(np.clip(FINE * np.expm1(at[:-1]), 0.0, MOST), float(np.exp(at[-1])))


def _parts(data: Pool, fold: int | None) -> list[tuple[NDArray[np.intp], int]]:
    """Every fold but ``fold``, each left out together with it."""
    if fold is None:
        return [(mine, len(mine)) for mine in data.members]
    others = [mine for i, mine in enumerate(data.members) if i != fold]
    return [(np.concatenate([mine, data.members[fold]]), len(mine)) for mine in others]
