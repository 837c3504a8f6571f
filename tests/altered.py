"""A record of the demo as schema v1 first wrote it, as it is and altered by hand: what gates are tested on.

It never changes, so that its numbers can stand in tests; the record under ``reports/`` is made anew now and then.
"""

import json
from functools import cache
from pathlib import Path

from shiftscope.core.forecast import ArmForecast, Forecast
from shiftscope.core.load import load_record
from shiftscope.core.records import Estimate, Finding, MeasureResult

DEMO = Path(__file__).parent / "golden" / "v1" / "run.json"
TARGET, SOURCE, FIRST = "handwritten_digits", "printed_digits", "printed_digits"
# Names and reasons that try to be something else than text.
HOSTILE = (
    "<script>alert('1')</script>",
    "\"quoted\" & 'single' [bold] `code` $x$",
    "\u202egnirts desrever",
    "\u0634\u0628\u0643\u0629",
    "\N{GRINNING FACE}\N{ZERO WIDTH JOINER}\N{FIRE}",
    "two\r\n::error title=pwned::lines %0A",
    "|cell|\x1b[31m\x00\ufffe",
)


@cache
def demo():
    """The demo record."""
    return load_record(DEMO)


def plain():
    """The demo record as plain data, to be altered."""
    return json.loads(DEMO.read_text(encoding="utf-8"))


def saved(content, path):
    """Write altered data as a record and return its path."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def one_result(value, low=None, high=None, *, level=0.95, pvalue=None, options=None, **where):
    """A record with a single estimate of measure ``m``, of backbone ``b`` on target ``t``."""
    ends = level if low is not None else None
    return demo().model_copy(
        update={
            "results": [
                MeasureResult(
                    **{"measure": "m", "kind": "transfer", "target": "t", "backbone": "b", **where},
                    options=options or {},
                    estimate=Estimate(value=value, low=low, high=high, level=ends, pvalue=pvalue),
                )
            ],
            "rankings": [],
            "diagnoses": [],
            "inputs": {},
            "findings": [],
        }
    )


def without(record, **where):
    """The record without the results that ``where`` describes."""
    kept = [r for r in record.results if any(getattr(r, key) != value for key, value in where.items())]
    assert len(kept) < len(record.results)
    return record.model_copy(update={"results": kept})


def with_findings(record, *codes, subject="here"):
    """The record with these findings in place of its own."""
    made = [Finding(code=c, severity="error", title=f"{c} happened.", message="", subject=subject) for c in codes]
    return record.model_copy(update={"findings": made})


def with_forecasts(record, chances):
    """The record with a forecast for each backbone: probability of its arm ``full``, an interval, or None."""
    made = [
        Forecast(target=TARGET, backbone=backbone, arms=[] if arm is None else [ArmForecast(arm="full", **arm)])
        for backbone, arm in chances.items()
    ]
    return record.model_copy(update={"forecasts": made})


def hostile():
    """The demo record as plain data with names, reasons and messages that try to be something else than text."""
    content = plain()
    names = dict(zip([FIRST, "shapes", "gratings", "photo_turns", "shuffled_digits", "pixels"], HOSTILE, strict=False))
    text = json.dumps(content)
    for name, other in names.items():
        text = text.replace(json.dumps(name), json.dumps(other))
    content = json.loads(text)
    content["findings"] = [
        {"code": "DQ301", "severity": "error", "title": name, "message": name, "subject": name} for name in HOSTILE
    ]
    for result in content["results"][:3]:
        result |= {"status": "failed", "estimate": None, "reason": HOSTILE[5]}
    return content
