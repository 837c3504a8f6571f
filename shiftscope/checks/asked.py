"""What findings a record could not have had, because what they rest on was not asked or not measured."""

from __future__ import annotations

from shiftscope.checks.causes import LEAST_CLASSES
from shiftscope.checks.compared import row_of
from shiftscope.checks.evidence import classes_moved, estimate_of
from shiftscope.checks.transfer import NOTHING_TO_READ, PROBE
from shiftscope.core.records import RunRecord

__all__ = ["not_asked", "unasked"]

# What findings about a shift are read from.
READ_FROM = {
    "ST101": "mmd",
    "ST102": "coverage",
    "ST103": "coverage",
    "ST110": "label_shift",
    "ST120": "concept",
    "PW404": "mmd",
}
# Of these a test decides.
TESTED = ("ST101", "ST102", "ST103", "ST110", "ST130")


def not_asked(code: str, record: RunRecord) -> str:
    """Say why ``record`` is about something else than ``code``; empty where it is not."""
    if (code.startswith("ST") or code in ("DQ304", "PW403", "PW404")) and not record.diagnoses:
        return "the record compares the target with no source"
    if code.startswith("NT") and not record.forecasts:
        return "the record has no forecast"
    return "the record ranks no candidates" if code == "PW401" and not record.rankings else ""


def unasked(code: str, record: RunRecord) -> str:
    """Say why ``record`` could hold no finding of ``code``; empty where it could."""
    if reason := not_asked(code, record):
        return reason
    if code.startswith("ST") or code in ("PW403", "PW404"):
        return _of_shift(code, record)
    if code.startswith("NT"):
        return _of_transfer(code, record)
    if code in ("DQ303", "DQ305", "DQ306"):
        return "" if record.results else "the record has no measures"
    return _of_samples(code, record)


def _of_shift(code: str, record: RunRecord) -> str:
    measure = READ_FROM.get(code)
    if measure is not None and not any(row_of(d, measure) or estimate_of(record, d, measure) for d in record.diagnoses):
        return f"{measure} gave no number"
    if code == "ST130" and all(classes_moved(d)[1] < LEAST_CLASSES for d in record.diagnoses):
        return f"fewer than {LEAST_CLASSES} classes were tested by themselves"
    if code == "ST140" and all(d.copies is None for d in record.diagnoses):
        return "copies were not looked for"
    blind = [finding for finding in record.findings if finding.code == "PW403"]
    return f"PW403, {blind[0].title.removesuffix('.')}" if blind and code in TESTED else ""


def _of_transfer(code: str, record: RunRecord) -> str:
    if code == "NT204":
        read = any(result.measure in NOTHING_TO_READ for result in record.results)
        return "" if read else "no probe and no source head was scored"
    if not any(gain.measure == PROBE for forecast in record.forecasts for gain in forecast.evidence):
        return "the record has no forecast"
    told = any(arm.probability is not None for forecast in record.forecasts for arm in forecast.arms)
    return "" if told or code != "NT201" else "no forecast has a probability"


def _of_samples(code: str, record: RunRecord) -> str:
    cards = record.inputs.values()
    if not cards:
        return "the record names no data"
    return "" if code != "PW402" or any(card.classes for card in cards) else "the data have no classes"
