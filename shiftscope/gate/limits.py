"""Limits held against readings: pass, fail, or inconclusive where the record cannot show which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from shiftscope.core.records import RunRecord
from shiftscope.core.text import shown
from shiftscope.core.verdict import Judged
from shiftscope.errors import did_you_mean
from shiftscope.gate.numbers import number, signed, span
from shiftscope.gate.policy import Candidates, Limit
from shiftscope.gate.readings import Place, Reading, Spot, readings
from shiftscope.gate.select import select

__all__ = ["Decision", "Strictness", "decide", "judge_limit"]

Decision = Literal["pass", "fail", "inconclusive"]
Strictness = Literal["point", "whole", "beyond noise"]
Before = Mapping[Place, Spot] | None

# key -> what the rule asks, before and after the name; what keeps it; what breaks it
WORDS = {
    "max": ("", "at most", "at most", "above"),
    "min": ("", "at least", "at least", "below"),
    "max_increase": ("increase of ", "at most", "within an increase of", "more than an increase of"),
    "max_decrease": ("decrease of ", "at most", "within a decrease of", "more than a decrease of"),
}
SIDES = {"max_increase": "an increase of ", "max_decrease": "a decrease of "}
DOWNWARDS = ("min", "max_decrease")
CHANGES = ("max_increase", "max_decrease")


def judge_limit(
    limit: Limit, rule: str, record: RunRecord, *, candidates: Candidates, baseline: RunRecord | None = None
) -> Iterator[Judged]:
    """Hold one limit against all that it is about; what it asks for and the record lacks is inconclusive."""
    bounds = [_Bound(rule, limit, key, edge) for key, edge in limit.bounds.items()]
    spots = readings(record, limit)
    if not spots:
        for bound in bounds:
            yield bound.unclear(
                "the record", "missing", f"The record does not give {bound.name}.{_near(limit, record)}"
            )
        return
    before = None if baseline is None else {spot.place: spot for spot in readings(baseline, limit)}
    chosen = select(record, limit, spots, limit.candidates or candidates)
    for bound in bounds:
        for words in chosen.missing:
            yield bound.unclear(words, "missing", f"The record does not give {bound.name} of {words}.")
        for spot in chosen.spots:
            yield _judge(bound, spot, before)


def decide(reading: Reading, most: float, strictness: Strictness) -> Decision:
    """Whether a reading is at most ``most``.

    Parameters
    ----------
    strictness
        ``"point"``: the value decides. ``"whole"``: the whole interval must lie on one side. ``"beyond noise"``: the
        value decides that it passes, and only the whole interval that it fails.
    """
    if strictness == "point":
        return "pass" if reading.value <= most else "fail"
    if strictness == "beyond noise" and reading.value <= most:
        return "pass"
    if reading.low is None or reading.high is None:
        return "inconclusive"
    if reading.low > most:
        return "fail"
    return "pass" if reading.high <= most else "inconclusive"


class _Bound(NamedTuple):
    """One bound of a limit, and the words for it."""

    rule: str
    limit: Limit
    key: str
    edge: float

    @property
    def name(self) -> str:
        """What is limited."""
        return shown(self.limit.what)

    @property
    def strictness(self) -> Strictness:
        """How a reading is held against it."""
        if self.limit.on == "interval":
            return "whole"
        return "beyond noise" if self.key in CHANGES else "point"

    def unclear(self, subject: str, found: str, because: str) -> Judged:
        """What cannot be decided, and why."""
        return self.judged(subject, found, "inconclusive", because)

    def judged(self, subject: str, found: str, outcome: Decision, because: str, value: float | None = None) -> Judged:
        """The rule with its outcome."""
        lead, rule, *_ = WORDS[self.key]
        return Judged(
            rule=self.rule,
            asks=f"{lead}{self.name} {rule} {number(self.edge)}",
            subject=subject,
            found=found,
            outcome=outcome,
            because=because,
            value=value,
            limit=self.edge,
        )

    def decide(self, reading: Reading) -> Decision:
        """Hold a value or a change against the bound, whichever way it points."""
        if self.key in DOWNWARDS:
            return decide(reading.negated, -self.edge if self.key == "min" else self.edge, self.strictness)
        return decide(reading, self.edge, self.strictness)

    def sentence(self, said: str, reading: Reading, decision: Decision) -> str:
        """``said`` of a reading, and what follows from it."""
        *_, keeps, breaks = WORDS[self.key]
        edge = number(self.edge)
        if decision == "inconclusive":
            if reading.low is None:
                return f"{said}, and without an interval nothing shows whether that is {breaks} {edge} beyond noise."
            if self.strictness == "whole":
                return f"{said}, which lies on both sides of {SIDES.get(self.key, '')}{edge}."
            return f"{said}; that is {breaks} {edge}, but the excess may be noise."
        whole = "all of it " if self.strictness == "whole" else ""
        noise = ", beyond noise" if self.strictness == "beyond noise" and decision == "fail" else ""
        return f"{said}, {whole}{keeps if decision == 'pass' else breaks} {edge}{noise}."


def _judge(bound: _Bound, spot: Spot, before: Before) -> Judged:
    reading, where = spot.reading, spot.place.words
    if reading is None:
        return bound.unclear(where, "no number", f"{where}: {bound.name} cannot be judged: {spot.reason}.")
    said, form, edge = f"{where}: {bound.name} is ", number, bound.edge
    if bound.key in CHANGES:
        earlier, why = _earlier(spot, before)
        if earlier is None:
            return bound.unclear(where, "no baseline", f"{where}: a change of {bound.name} cannot be judged: {why}.")
        now = number(reading.value, earlier.value)
        said = f"{where}: {bound.name} went from {number(earlier.value)} to {now}, a change of "
        reading, form = reading.less(earlier), signed
        edge = -bound.edge if bound.key in DOWNWARDS else bound.edge
    decision = bound.decide(reading)
    if bound.key == "min" and decision == "pass" and reading.least is not None and reading.least >= bound.edge:
        # A test that could not have rejected has not shown that there is nothing.
        least = number(reading.least)
        return bound.unclear(
            where,
            "cannot be small enough",
            f"{said}{number(reading.value, bound.edge)}, and with these samples and permutations it cannot be below "
            f"{least}: it says nothing about {number(bound.edge)}.",
        )
    value, ends = form(reading.value, edge), span(reading, edge)
    within = f" with {_level(reading)}interval {ends}" if ends else ""
    because = bound.sentence(f"{said}{value}{within}", reading, decision)
    return bound.judged(where, f"{value} {ends}".rstrip(), decision, because, reading.value)


def _earlier(spot: Spot, before: Before) -> tuple[Reading | None, str]:
    """What the baseline has in the same place, measured in the same way, or why it has nothing."""
    if before is None:
        return None, "no baseline record was given"
    earlier = before.get(spot.place)
    if earlier is None:
        return None, "the baseline record has none here"
    if earlier.reading is None:
        return None, f"in the baseline record, {earlier.reason}"
    if earlier.setting != spot.setting:
        return None, "the baseline record measured it with other options"
    return earlier.reading, ""


def _level(reading: Reading) -> str:
    return "" if reading.level is None else f"{100 * reading.level:g} % "


def _near(limit: Limit, record: RunRecord) -> str:
    known = {result.measure for result in record.results}
    return f" {did_you_mean(limit.measure, known)}" if limit.measure and known else ""
