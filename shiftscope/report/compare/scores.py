"""How far the scores of record B lie from those of A, with intervals that hold for all of them together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.artifacts import array_name
from shiftscope.core.records import InputCard, MeasureResult, RunRecord
from shiftscope.report.compare.records import How, ScoreChange, Uncompared

__all__ = ["LEVEL", "Arrays", "Reading", "compare_scores", "independent", "paired"]

# Of the intervals of all changes together.
LEVEL = 0.95
Arrays = Mapping[str, NDArray[np.float64]]
Key = tuple[str, str, str | None, str]


class Reading(NamedTuple):
    """A number with its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None
    level: float | None = None


class _Pair(NamedTuple):
    """The same score of both records; ``draws`` are those of either side where both saw the same samples."""

    key: Key
    kind: Literal["transfer", "shift", "forecast"]
    a: Reading
    b: Reading
    draws: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


def compare_scores(
    a: RunRecord, b: RunRecord, arrays: tuple[Arrays, Arrays] = ({}, {})
) -> tuple[list[ScoreChange], list[Uncompared]]:
    """Compare every number that both records have.

    Scores whose draws both records keep, made of the same samples in the same way, are compared draw by draw; others
    as independent, which is usually too wide where samples are shared: too narrow only where scores move against each
    other. The intervals of all scores that are not equal hold together with a probability of 95 % (Bonferroni), so that
    noise alone rarely shows a change anywhere, however many scores are compared.
    """
    pairs = [*_measured(a, b, arrays), *_forecast(a, b)]
    unequal = sum(pair.a.value != pair.b.value for pair in pairs)
    z = NormalDist().inv_cdf(1 - (1 - LEVEL) / (2 * max(1, unequal)))
    return [_judged(pair, z) for pair in pairs], list(_left_over(a, b))


def paired(draws: tuple[NDArray[np.float64], NDArray[np.float64]], change: float, z: float) -> tuple[float, float]:
    """Interval of a change from half-sample draws (R,) of both sides that saw the same halves."""
    reach = z * float((draws[1] - draws[0]).std(ddof=1))
    return change - reach, change + reach


def independent(a: Reading, b: Reading, z: float) -> tuple[float, float] | None:
    """Interval of ``b`` less ``a``, taken as independent; None where one of them has no interval.

    Each end is as far from the change as the square root of the summed squares of the two distances that make it
    (Zou and Donner 2008), after both are brought to the level that ``z`` belongs to.
    """
    if a.low is None or a.high is None or a.level is None or b.low is None or b.high is None or b.level is None:
        return None
    for_a, for_b = (z / NormalDist().inv_cdf((1 + level) / 2) for level in (a.level, b.level))
    change = b.value - a.value
    low = change - math.hypot((b.value - b.low) * for_b, (a.high - a.value) * for_a)
    high = change + math.hypot((b.high - b.value) * for_b, (a.value - a.low) * for_a)
    return low, high


def _judged(pair: _Pair, z: float) -> ScoreChange:
    how: How = "no interval"
    ends = None
    if pair.a.value == pair.b.value:
        how = "equal"
    elif pair.draws is not None:
        how, ends = "paired", paired(pair.draws, pair.b.value - pair.a.value, z)
    elif (ends := independent(pair.a, pair.b, z)) is not None:
        how = "independent"
    target, backbone, source, about = pair.key
    low, high = ends or (None, None)
    return ScoreChange(
        about=about,
        kind=pair.kind,
        target=target,
        backbone=backbone,
        source=source,
        a=pair.a.value,
        b=pair.b.value,
        low=low,
        high=high,
        how=how,
    )


def _measured(a: RunRecord, b: RunRecord, arrays: tuple[Arrays, Arrays]) -> Iterator[_Pair]:
    before = {_key(r): r for r in a.results}
    alike = _alike(a, b)
    for r in b.results:
        other = before.get(_key(r))
        if other is None or other.estimate is None or r.estimate is None or other.options != r.options:
            continue
        old, new = (Reading(e.value, e.low, e.high, e.level) for e in (other.estimate, r.estimate))
        shared = all(name in alike for name in (r.target, r.source) if name is not None)
        yield _Pair(_key(r), r.kind, old, new, _draws(r, arrays) if shared else None)


def _draws(
    result: MeasureResult, arrays: tuple[Arrays, Arrays]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    name = array_name(result, "draws")
    old, new = (made.get(name) for made in arrays)
    return None if old is None or new is None or old.shape != new.shape else (old, new)


def _alike(a: RunRecord, b: RunRecord) -> set[str]:
    """Data sets of which both records drew the same samples, and the same halves of them."""
    if a.spec.get("seed", 0) != b.spec.get("seed", 0):
        return set()
    before = {_of(card): card.fingerprint for card in a.inputs.values()}
    return {card.name for card in b.inputs.values() if before.get(_of(card)) == card.fingerprint}


def _of(card: InputCard) -> tuple[str, str]:
    return card.name, card.role


def _forecast(a: RunRecord, b: RunRecord) -> Iterator[_Pair]:
    before, after = (
        {
            (f.target, f.backbone, None, arm.arm): Reading(arm.probability, arm.low, arm.high, arm.level)
            for f in record.forecasts
            for arm in f.arms
            if arm.probability is not None
        }
        for record in (a, b)
    )
    for key, new in after.items():
        if key in before:
            yield _Pair(key, "forecast", before[key], new)


def _key(r: MeasureResult) -> Key:
    return r.target, r.backbone, r.source, r.measure


def _left_over(a: RunRecord, b: RunRecord) -> Iterator[Uncompared]:
    """Numbers of either record that have no counterpart, and why."""
    before, after = ({_key(r): r for r in record.results} for record in (a, b))
    for key in dict.fromkeys([*before, *after]):
        reason = _reason(before.get(key), after.get(key))
        if reason:
            target, backbone, source, measure = key
            yield Uncompared(about=measure, target=target, backbone=backbone, source=source, reason=reason)


def _reason(old: MeasureResult | None, new: MeasureResult | None) -> str:
    if old is None or new is None:
        return "only in A" if new is None else "only in B"
    if old.estimate is None and new.estimate is None:
        return ""  # neither has a number: nothing changed
    if old.estimate is None or new.estimate is None:
        return f"no number in {'A' if old.estimate is None else 'B'}"
    return "other options" if old.options != new.options else ""
