"""A race under a budget: which candidates stay, from what every stage says of those that are still in.

Pure: it knows neither images nor networks, and asks its caller for standings on a subsample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.rank import Standings
from shiftscope.core.race import Entrant, Race, Stage
from shiftscope.core.seeds import stream
from shiftscope.core.target import Target
from shiftscope.errors import InputError

__all__ = ["LEVEL", "Fall", "demand_budget", "falls", "nested_order", "race", "stage_sizes"]

LEVEL = 0.90
FIRST_PER_CLASS = 5
LEAST_FIRST = 40
# Where the budget does not pay for the next stage, a smaller one is held if it adds at least this share.
WORTH = 0.25

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.intp]
# Candidates, positions of a subsample, voting measures (None: those all candidates have) -> standings on it.
Judge: TypeAlias = Callable[[Sequence[str], Index, Sequence[str] | None], Standings | None]


@dataclass(frozen=True)
class Fall:
    """A candidate that cannot win any more, and the one it is furthest behind."""

    backbone: str
    behind: str
    difference: float
    z: float


def nested_order(target: Target, seed: int) -> Index:
    """Order all samples (n,) so that every beginning is a stratified subsample: subsamples of all sizes are nested.

    Two samples of every class stand first, which held-out prediction needs; then each class follows in proportion
    to its size. ``target`` stands in canonical order and every class has a random stream of its own.
    """
    place = np.empty(target.n)
    for code, name in enumerate(target.class_names or ("",)):
        members = stream(seed, "race", name).permutation(np.flatnonzero(target.strata == code))
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
        place[members[:2]] = 0.0
    return np.argsort(place, kind="stable")


def stage_sizes(target: Target) -> list[int]:
    """Images of every stage: five per class and at least 40, then twice as many each time, up to all."""
    sizes = [min(target.n, max(LEAST_FIRST, FIRST_PER_CLASS * target.n_classes))]
    while sizes[-1] < target.n:
        sizes.append(min(target.n, 2 * sizes[-1]))
    return sizes


def falls(stood: Standings, spent: float) -> tuple[float | None, list[Fall]]:
    """Return the limit in standard errors, and the candidates that are beyond it behind some other.

    Candidate c falls where, for some j, it is behind by more than the limit either in its mean rank or in every one
    of the voting measures. Standard errors are standard deviations of the difference between c and j over the paired
    half-sample draws. Mean ranks are averages over the draws: those of the points themselves are more extreme than
    they would be on other images, and of two equal candidates they dropped the better one in 18 % of races.

    The limit is the normal quantile at 1 - ``spent`` / (2 (m - 1)), with m candidates still in: by Bonferroni over
    both ways and the m - 1 comparisons that could throw it out, the best falls with probability at most ``spent``.
    (The best is truly behind j neither in its mean rank nor in every measure; to be seen behind in every measure it
    must be so in the one where it is not: an intersection-union test, which needs no further correction.) Comparing
    everyone with everyone, not with the observed leader, is multiple comparison with the best (Hsu 1981). Candidates
    with equal features never differ and never fall. Cost O(M m^2 R) for M measures and R draws.

    Fails when the order of candidates on few images is not that on many: the level covers sampling noise, not
    learning curves that cross.
    """
    others = len(stood.candidates) - 1
    if others < 1:
        return None, []
    limit = NormalDist().inv_cdf(1 - spent / (2 * others))
    drawn = stood.drawn_ranks.mean(axis=0)
    mean = drawn.mean(axis=1, keepdims=True)
    # Ranks are coarse and draws may all agree: never surer than had one draw moved by one rank in one measure.
    least = 1 / (len(stood.measures) * np.sqrt(drawn.shape[1]))
    in_rank = _behind(-mean, -drawn, least)
    everywhere = np.min([_behind(p, d, 0.0) for p, d in zip(stood.point, stood.drawn, strict=True)], axis=0)
    z = np.maximum(in_rank, everywhere)
    found = [
        Fall(stood.candidates[c], stood.candidates[j], float(mean[c, 0] - mean[j, 0]), float(z[c, j]))
        for c, j in enumerate(np.argmax(z, axis=1))
        if z[c, j] > limit
    ]
    return limit, sorted(found, key=lambda fall: (-fall.z, fall.backbone))


def _behind(point: Array, drawn: Array, least: float) -> Array:
    """Standard errors (m, m) by which each candidate (row) is behind each other (column); 0 where nothing varies.

    ``point`` is (m, 1) and ``drawn`` (m, R), more being better; no standard error is below ``least``.
    """
    difference = point[None, :, 0] - point[:, None, 0]
    spread = np.maximum((drawn[None, :, :] - drawn[:, None, :]).std(axis=2, ddof=1), least)
    z: Array = np.divide(difference, spread, out=np.zeros_like(spread), where=spread > 0)
    return z


def demand_budget(target: Target, budget: int, n_candidates: int, n_baselines: int) -> None:
    """Refuse a budget that does not pay for the first stage."""
    first = stage_sizes(target)[0]
    least = first * (n_candidates + n_baselines)
    if budget < least:
        beside = f" and {n_baselines} baseline{'s' if n_baselines > 1 else ''}" if n_baselines else ""
        raise InputError(
            f"A budget of {budget} images is too small: the first stage embeds {first} images under each of "
            f"{n_candidates} candidate{'s' if n_candidates > 1 else ''}{beside}: give at least {least}, or fewer "
            "backbones."
        )


def race(
    target: Target, names: Sequence[str], judge: Judge, *, budget: int, n_baselines: int = 0, seed: int = 0
) -> tuple[Race, Index]:
    """Compare candidates on growing subsamples that all of them share, dropping those that cannot win.

    The rule: the level 0.90 is for the whole race. The stages but the last planned one each may drop, and each
    spends an equal part of 0.10; see :func:`falls` for the test. The measures that have a vote in the first stage
    have it to the end. The race ends with the stage that leaves one candidate, with the full sample, or with the
    last stage that the budget pays for; where it does not pay for the next stage whole, a smaller one ends the
    race. The stage that ends a race drops nobody but those without a number: all
    who saw its subsample are ranked on it.

    Parameters
    ----------
    target
        The full sample, in canonical order.
    judge
        Called with the candidates still in, the positions of the subsample (ascending), and the measures that have
        a vote (None in the first stage). A candidate missing from what it returns has no number and falls; where
        it returns None, no one does.
    budget
        Images to embed in total. What a stage adds counts for every candidate still in; ``n_baselines`` see the
        last subsample only, and their share of it is always set aside.

    Returns
    -------
    tuple
        The race for the record, and the positions of the last subsample.

    Raises
    ------
    InputError
        If the budget does not pay for the first stage.
    """
    demand_budget(target, budget, len(names), n_baselines)
    order, sizes = nested_order(target, seed), stage_sizes(target)
    purse = _Purse(budget, n_baselines)
    spent = (1 - LEVEL) / max(1, len(sizes) - 1)
    staying, stages, dropped = sorted(names), list[Stage](), list[Entrant]()
    measures: Sequence[str] | None = None
    n, stopped = sizes[0], None
    while stopped is None:
        purse.pay(n, len(staying))
        index = np.sort(order[:n])
        stood = judge(staying, index, measures)
        measures = measures or (stood.measures if stood is not None else None)
        limit, out = _out(staying, stood, spent)
        following = purse.next_size(n, min(2 * n, target.n), len(staying) - len(out))
        stopped = _stopped(n, target.n, len(staying) - len(out), following)
        stages.append(Stage(n=n, n_candidates=len(staying), limit=None if n == target.n else limit))
        # The stage that ends a race drops nobody who has a number.
        leaving = out if stopped is None else [fall for fall in out if fall.behind is None]
        dropped += [fall.model_copy(update={"n": n, "stage": len(stages)}) for fall in leaving]
        staying = [b for b in staying if b not in {fall.backbone for fall in leaving}]
        n = following if stopped is None else n
    made = Race(
        budget=budget,
        level=LEVEL,
        stages=stages,
        entrants=[*(Entrant(backbone=b, n=n) for b in staying), *dropped],
        n_embedded=purse.embedded,
        n_full=(len(names) + n_baselines) * target.n,
        n_available=target.n,
        stopped=stopped,
    )
    return made, index


@dataclass
class _Purse:
    """What a race has embedded so far, on how many images, and what its budget still pays for."""

    budget: int
    n_baselines: int
    n: int = field(default=0)
    paid: int = field(default=0)

    def pay(self, n: int, n_candidates: int) -> None:
        self.paid += (n - self.n) * n_candidates
        self.n = n

    @property
    def embedded(self) -> int:
        """Images embedded in total if the race ended here and the baselines saw its subsample."""
        return self.paid + self.n_baselines * self.n

    def next_size(self, n: int, planned: int, n_candidates: int) -> int:
        """Return the size of the next stage, ``n`` where none is worth holding."""
        each = n_candidates + self.n_baselines
        affordable = min(planned, n + (self.budget - self.embedded) // max(1, each))
        return affordable if affordable == planned or affordable >= (1 + WORTH) * n else n


def _out(staying: Sequence[str], stood: Standings | None, spent: float) -> tuple[float | None, list[Entrant]]:
    """Return the limit and those who would be dropped now, the clearest first, those without a number last."""
    if stood is None:
        return None, []
    limit, found = falls(stood, spent)
    out = [Entrant(backbone=f.backbone, n=0, behind=f.behind, difference=f.difference, z=f.z) for f in found]
    return limit, out + [Entrant(backbone=b, n=0) for b in staying if b not in stood.candidates]


def _stopped(n: int, n_all: int, n_left: int, following: int) -> Literal["one left", "full sample", "budget"] | None:
    if n == n_all:
        return "full sample"
    if n_left <= 1:
        return "one left"
    return "budget" if following == n else None
