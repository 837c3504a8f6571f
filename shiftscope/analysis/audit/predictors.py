"""What could have foretold which backbone is best: the measures, what is made of them, and two cheap rivals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from shiftscope.analysis.rank import AGGREGATE, GAIN_MEASURE, voting
from shiftscope.core.advice import Advice
from shiftscope.measures import MEASURES

__all__ = ["Ranked", "advised", "static_prior"]

PIXELS = "pixels"

Array: TypeAlias = NDArray[np.float64]
Ranked: TypeAlias = Mapping[str, float]  # backbone -> true accuracy at one place


def advised(advice: Advice, backbones: Sequence[str]) -> dict[str, Array]:
    """Return what each predictor says of ``backbones``: higher is better, in their order.

    A measure that lacks one of them is left out. ``aggregate`` is the mean rank of the product's ranking taken
    over these backbones, with its sign turned; ``gain_over_random`` and ``gain_over_pixels`` are the held-out
    accuracy of the linear probe minus that of the baseline.
    """
    estimates = {(r.backbone, r.measure): r.estimate for r in advice.results if r.estimate is not None}
    found = {of: estimate.value for of, estimate in estimates.items()}
    measures = sorted({measure for _, measure in found})
    scores = {
        m: np.array([found[b, m] for b in backbones]) * (1.0 if MEASURES[m].better == "higher" else -1.0)
        for m in measures
        if all((b, m) in found for b in backbones)
    }
    votes = {m: [e for b in backbones if (e := estimates.get((b, m)))] for m in AGGREGATE}
    used = [scores[m] for m in voting(votes, len(backbones))]
    # Rounded: mean ranks that are equal must tie, whatever the order in which they were added up.
    made = {"aggregate": -np.mean([rankdata(-s) for s in used], axis=0).round(9)} if used else {}
    if GAIN_MEASURE in scores:
        for name, others in (
            ("gain_over_random", [advice.random_copies[b] for b in backbones]),
            ("gain_over_pixels", [PIXELS] * len(backbones)),
        ):
            if all((other, GAIN_MEASURE) in found for other in others):
                made[name] = scores[GAIN_MEASURE] - np.array([found[other, GAIN_MEASURE] for other in others])
    return {**scores, **made}


def static_prior(elsewhere: Iterable[Ranked], backbones: Sequence[str]) -> Array | None:
    """Return the mean rank of ``backbones`` at other places, with its sign turned: knowing nothing of the target.

    Ranks run from 0 for the best to 1 for the worst of a place, so that places with different candidates agree.
    None if one of the backbones was seen nowhere else.
    """
    seen: dict[str, list[float]] = {b: [] for b in backbones}
    for place in elsewhere:
        names = list(place)
        if len(names) < 2:
            continue
        for name, rank in zip(names, rankdata([-place[n] for n in names]), strict=True):
            if name in seen:
                seen[name].append((rank - 1) / (len(names) - 1))
    if not all(seen.values()):
        return None
    return -np.array([np.mean(ranks) for ranks in seen.values()]).round(9)
