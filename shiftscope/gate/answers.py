"""Whether a record could have raised a finding: what each code rests on, and what of it the record lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from shiftscope.checks import CODES
from shiftscope.checks.asked import not_asked
from shiftscope.checks.causes import LEAST_CLASSES
from shiftscope.checks.compared import compared, row_of
from shiftscope.checks.evidence import classes_moved, estimate_of
from shiftscope.checks.transfer import PROBE
from shiftscope.core.forecast import Forecast
from shiftscope.core.records import RunRecord, ShiftDiagnosis
from shiftscope.core.text import shown
from shiftscope.gate.policy import Candidates
from shiftscope.gate.select import candidates_of

__all__ = ["not_raised", "unanswered", "unasked"]

Diagnoses = Sequence[ShiftDiagnosis]  # of one source and target; that of the backbone that leads comes first


class _Need(NamedTuple):
    """What a finding about a pair of source and target rests on, in words, and whether a record has it."""

    words: str
    held: Callable[[RunRecord, Diagnoses], bool]


def unasked(beginning: str, record: RunRecord) -> str:
    """Why a record is about something else than all codes that begin so; empty where it is not."""
    return _if_all([not_asked(code, record) for code in _codes(beginning)])


def unanswered(beginning: str, record: RunRecord, candidates: Candidates) -> str:
    """Say why findings may be missing from a record; empty where at least one code that begins so could be found.

    One code that could be found is not enough where a forecast abstains: whether the candidate hurts stays open.
    """
    blind = [finding for finding in record.findings if finding.code == "PW403"]
    if beginning.startswith("ST") and blind:
        return f"No finding {beginning} could be made: PW403, {shown(blind[0].title).removesuffix('.')}."
    abstains = _abstains(record, candidates)
    if abstains and "NT201".startswith(beginning):
        return f"No finding NT201 could be made: {abstains}."
    why = _if_all([_lacking(code, record, candidates) for code in _codes(beginning)])
    return f"No finding {beginning} could be made: {why}." if why else ""


def not_raised(beginning: str, record: RunRecord, candidates: Candidates) -> list[str]:
    """Codes that begin so and that the record could not have raised."""
    return [code for code in _codes(beginning) if _lacking(code, record, candidates)]


def _codes(beginning: str) -> list[str]:
    return [code for code in CODES if code.startswith(beginning)]


def _if_all(reasons: Sequence[str]) -> str:
    """Return the first reason where there is one for every code."""
    return reasons[0] if all(reasons) else ""


def _lacking(code: str, record: RunRecord, candidates: Candidates) -> str:
    """What a record lacks for findings of one code."""
    if reason := not_asked(code, record):
        return reason
    if code in PAIR_NEEDS:
        need = PAIR_NEEDS[code]
        without = [group[0] for group in compared(record) if not need.held(record, group)]
        return f"{shown(without[0].target)} from {shown(without[0].source)} has no {need.words}" if without else ""
    if code == "NT201":
        return _abstains(record, candidates) or _without(record, candidates, "forecast", _foretold)
    if code in ("NT202", "NT203"):
        return _without(record, candidates, f"gain of {PROBE} over a baseline", _gains)
    if code == "NT204":
        read = {(r.target, r.backbone) for r in record.results if r.measure == PROBE and r.estimate is not None}
        return _without(record, candidates, PROBE, lambda f: (f.target, f.backbone) in read)
    return ""


def _without(record: RunRecord, candidates: Candidates, words: str, held: Callable[[Forecast], object]) -> str:
    """Name the first candidate that is judged and lacks something."""
    found = {(f.target, f.backbone): f for f in record.forecasts}
    for target in (card.name for card in record.inputs.values() if card.role == "target"):
        for name in candidates_of(record, target, candidates):
            forecast = found.get((target, name))
            if forecast is None or not held(forecast):
                return f"{shown(name)} on {shown(target)} has no {words}"
    return ""


def _abstains(record: RunRecord, candidates: Candidates) -> str:
    """Name a candidate that is judged and whose forecast abstains, where that leaves open whether it hurts."""
    for forecast in record.forecasts:
        is_judged = forecast.backbone in candidates_of(record, forecast.target, candidates)
        if is_judged and not _safe(forecast) and any(arm.probability is None for arm in forecast.arms):
            return f"the forecast of {shown(forecast.backbone)} on {shown(forecast.target)} abstains"
    return ""


def _foretold(forecast: Forecast) -> bool:
    return bool(_gains(forecast) and (forecast.arms or _safe(forecast)))


def _safe(forecast: Forecast) -> bool:
    """Whether no probability would make a finding: gains over both baselines are shown."""
    gains = _gains(forecast)
    return len(gains) > 1 and all(gains)


def _gains(forecast: Forecast) -> list[bool]:
    """Whether each gain of the probe that was measured is shown."""
    return [gain.shown for gain in forecast.evidence if gain.measure == PROBE]


def _tested(diagnosis: ShiftDiagnosis, measure: str) -> bool:
    row = row_of(diagnosis, measure)
    return row is not None and row.pvalue_holm is not None and row.band is not None


def _has_shares(record: RunRecord, diagnoses: Diagnoses) -> bool:
    row, found = row_of(diagnoses[0], "label_shift"), estimate_of(record, diagnoses[0], "label_shift")
    return row is not None and row.pvalue_holm is not None and found is not None and found.low is not None


def _has_relation(record: RunRecord, diagnoses: Diagnoses) -> bool:
    found = estimate_of(record, diagnoses[0], "concept")
    return found is not None and found.low is not None


def _has_classes(_: RunRecord, diagnoses: Diagnoses) -> bool:
    whole = any(_tested(diagnoses[0], measure) for measure in ("mmd", "conditional"))
    return whole and classes_moved(diagnoses[0])[1] >= LEAST_CLASSES


MMD = _Need("mmd with a p-value and a noise floor", lambda _, group: any(_tested(d, "mmd") for d in group))
COVERAGE = _Need("coverage with a p-value and a noise floor", lambda _, group: _tested(group[0], "coverage"))
# As shiftscope.checks makes them.
PAIR_NEEDS = {
    "ST101": MMD,
    "ST102": COVERAGE,
    "ST103": COVERAGE,
    "ST110": _Need("label_shift with a p-value", _has_shares),
    "ST120": _Need("concept with an interval", _has_relation),
    "ST130": _Need(f"test of at least {LEAST_CLASSES} classes beside one of all samples", _has_classes),
    "ST140": _Need("comparison of single samples", lambda _, group: any(d.copies is not None for d in group)),
    "PW404": _Need("mmd", lambda _, group: any(row_of(d, "mmd") is not None for d in group)),
}
