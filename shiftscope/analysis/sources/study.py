"""Every way of weighing sources, scored on samples of the target that had no part in its choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.sources.data import Usable, demand, usable
from shiftscope.analysis.sources.probe import Floats, Pool, fit, held_out, pool
from shiftscope.analysis.sources.weights import Choice, Curve, best_penalty, curve, learn
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.sources import Scheme
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._noise_floor import noise_floor

__all__ = ["Scored", "Study", "score", "study"]


class Scored(NamedTuple):
    """Held-out losses of one scheme, sample by sample, and its choices."""

    errors: Floats  # (n,) 1 where wrong
    losses: Floats  # (n,) squared, summed over classes
    choices: list[Choice]  # made without each fold
    final: Choice  # made from all of the target


@dataclass(frozen=True, eq=False)
class Study:
    """A target and its sources under every weighting."""

    target: FeatureSet
    parts: dict[str, Usable]
    data: Pool
    distances: list[float | None]  # in noise floors; None where there is no floor
    schemes: dict[Scheme, Scored]
    alone: list[Scored]  # each source by itself at weight 1


def study(
    target: FeatureSet, sources: Mapping[str, FeatureSet], *, seed: int = 0, kernels: Kernels | None = None
) -> Study:
    """Fit and score all schemes; see :func:`shiftscope.analysis.sources.weigh.weigh_sources`."""
    demand(target.name, target.target, {name: source.target for name, source in sources.items()})
    parts = {name: usable(target, source, name) for name, source in sources.items()}
    data = pool(target, [part.features for part in parts.values()], seed=seed)
    distances = [_distance(part.features, target, seed, kernels) for part in parts.values()]
    curves: dict[Scheme, Curve] = {
        "target": curve(data, np.zeros(len(parts))),
        "equal": curve(data, np.ones(len(parts))),
        "similarity": curve(data, np.array([1.0 / (1.0 + (distance or 0.0)) for distance in distances])),
    }
    singles = [curves["equal"]] if len(parts) == 1 else [curve(data, row) for row in np.eye(len(parts))]
    starts = [*curves.values(), *singles]
    schemes: dict[Scheme, Scored] = {name: score(data, _fixed(made)) for name, made in curves.items()}
    schemes["learned"] = score(data, lambda fold: learn(data, starts, fold))
    return Study(target, parts, data, distances, schemes, [score(data, _fixed(made)) for made in singles])


def score(data: Pool, choose: Callable[[int | None], Choice]) -> Scored:
    """Predict every fold from the others, under what ``choose`` picks without looking at it.

    As in the ridge measure, a class has its share of *all* samples in the scores that are compared: the other folds
    lack exactly what this fold has too much of, and would vote against the truth. Squared losses keep the raw scores.
    """
    errors, losses = np.empty(len(data.rows)), np.empty(len(data.rows))
    choices = [choose(fold) for fold in range(len(data.members))]
    fits = {(*c.weights, c.penalty): fit(data, c.weights, c.penalty) for c in choices}
    for mine, choice in zip(data.members, choices, strict=True):
        residuals = held_out(fits[*choice.weights, choice.penalty], mine)
        scores = data.targets[mine] - residuals + _common_shares(data, choice.weights, mine)
        losses[mine] = np.square(residuals).sum(axis=1)
        errors[mine] = np.argmax(scores, axis=1) != np.argmax(data.targets[mine], axis=1)
    return Scored(errors, losses, choices, choose(None))


def _common_shares(data: Pool, weights: Floats, left_out: NDArray[np.intp]) -> Floats:
    """How far the share of every class (K,) in all samples lies above that without ``left_out``."""
    counts = data.targets.sum(axis=0) + weights @ data.sums[:, 0]
    others = counts - data.targets[left_out].sum(axis=0)
    move: Floats = np.where(others > 0, counts / counts.sum() - others / others.sum(), 0.0)
    return move


def _fixed(made: Curve) -> Callable[[int | None], Choice]:
    return lambda fold: best_penalty(made, fold)


def _distance(source: FeatureSet, target: FeatureSet, seed: int, kernels: Kernels | None) -> float | None:
    """MMD^2 between source and target in noise floors, None where halves are too small or all alike."""
    try:
        found = noise_floor("mmd", Pair(source, target), seed=seed, kernels=kernels)
    except NotApplicableError:
        return None
    return max(found.effect, 0.0) / found.floor if found.floor > 0 else None
