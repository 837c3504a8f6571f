"""What a record says of a limited quantity: one reading per backbone, target and source, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from shiftscope.core.forecast import Arm
from shiftscope.core.record import Z95
from shiftscope.core.records import Estimate, MeasureResult, RunRecord, ShiftRow
from shiftscope.core.shift import ShiftDiagnosis
from shiftscope.core.text import shown
from shiftscope.gate.policy import Limit, Quantity

__all__ = ["Place", "Reading", "Spot", "readings"]


class Place(NamedTuple):
    """What a number belongs to."""

    backbone: str
    target: str
    source: str | None = None

    @property
    def words(self) -> str:
        """The place in a sentence."""
        origin = "" if self.source is None else f" from {shown(self.source)}"
        return f"{shown(self.backbone)} on {shown(self.target)}{origin}"


class Reading(NamedTuple):
    """A number with its interval, where it has one; ``least`` is the smallest that a p-value could have been."""

    value: float
    low: float | None = None
    high: float | None = None
    level: float | None = None
    least: float | None = None

    @property
    def negated(self) -> Reading:
        """The same with its sign turned, so that a lower bound becomes an upper one."""
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Reading(-self.value, low, high, self.level)

    def less(self, before: Reading) -> Reading:
        """How far this lies above ``before``, with an interval where both have one of one level.

        The two count as independent, and each end is as far from the difference as the square root of the summed
        squares of the two distances that make it (Zou and Donner 2008; for shares Newcombe 1998, method 10). Two
        runs on the same samples mostly vary together, and then the interval is too wide.
        """
        value = self.value - before.value
        if self.low is None or self.high is None or before.low is None or before.high is None:
            return Reading(value)
        if self.level != before.level:
            return Reading(value)
        low = value - math.hypot(self.value - self.low, before.high - before.value)
        high = value + math.hypot(self.high - self.value, before.value - before.low)
        return Reading(value, low, high, self.level)


class Spot(NamedTuple):
    """A place with its reading, or with the reason why it has none; ``setting`` is how it was measured."""

    place: Place
    reading: Reading | None
    reason: str = ""
    setting: dict[str, Any] | None = None


def readings(record: RunRecord, limit: Limit) -> list[Spot]:
    """Everything the record says of what ``limit`` is about, before any selection."""
    if limit.forecast:
        return list(_forecast_spots(record, limit.forecast))
    return [
        Spot(Place(r.backbone, r.target, r.source), *_reading(record, r, limit.on), r.options)
        for r in record.results
        if r.measure == limit.measure
    ]


def _forecast_spots(record: RunRecord, arm: Arm) -> Iterator[Spot]:
    for forecast in record.forecasts:
        place, found = Place(forecast.backbone, forecast.target), forecast.of(arm)
        if found is None:
            yield Spot(place, None, "there is no forecast of this arm")
        elif found.probability is None:
            outside = ", ".join(map(shown, found.outside)) or "the evidence"
            yield Spot(place, None, f"the forecast abstains: {outside} lies outside what it was calibrated on")
        else:
            yield Spot(place, Reading(found.probability, found.low, found.high, found.level))


def _reading(record: RunRecord, result: MeasureResult, on: Quantity) -> tuple[Reading | None, str]:
    estimate = result.estimate
    if estimate is None:
        said = "is not applicable" if result.status == "not_applicable" else "failed"
        return None, f"it {said}: {shown(result.reason).removesuffix('.')}"
    if on in ("value", "interval"):
        return Reading(estimate.value, estimate.low, estimate.high, estimate.level), ""
    if on == "pvalue":
        least = _least(estimate)
        return (None, "it has no p-value") if estimate.pvalue is None else (Reading(estimate.pvalue, least=least), "")
    diagnosis, row = _row(record, result)
    if diagnosis is None or row is None:
        return None, "the record has no shift diagnosis of it"
    if on == "pvalue_holm":
        if row.pvalue_holm is None:
            return None, "it has no Holm-adjusted p-value"
        return Reading(row.pvalue_holm, least=_least(estimate, diagnosis.n_adjusted)), ""
    if on == "pvalue_max_t":
        if row.pvalue_max_t is None:
            return None, "it has no p-value adjusted by max-T: no other test of the pair exchanges the same samples"
        return Reading(row.pvalue_max_t, least=_least(estimate)), ""
    if row.effect is None:
        return None, "no effect could be computed"
    return _effect(row.effect, row.effect_se), ""


def _effect(effect: float, se: float | None) -> Reading:
    return Reading(effect) if se is None else Reading(effect, effect - Z95 * se, effect + Z95 * se, 0.95)


def _least(estimate: Estimate, n_tests: int = 1) -> float | None:
    """Smallest p-value that the test could have given, as the first of ``n_tests`` that Holm adjusts."""
    least = estimate.details.get("smallest_pvalue")
    return min(1.0, n_tests * least) if isinstance(least, float) else None


def _row(record: RunRecord, result: MeasureResult) -> tuple[ShiftDiagnosis | None, ShiftRow | None]:
    for diagnosis in record.diagnoses:
        if (diagnosis.backbone, diagnosis.target, diagnosis.source) == (result.backbone, result.target, result.source):
            return diagnosis, next((row for row in diagnosis.rows if row.measure == result.measure), None)
    return None, None
