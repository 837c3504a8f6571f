"""ST1xx: how the target differs from the source."""

from __future__ import annotations

from collections.abc import Iterator

from shiftscope.checks.compared import compared
from shiftscope.checks.evidence import only_balance, shown
from shiftscope.core.records import Finding, RunRecord
from shiftscope.core.shift import ShiftDiagnosis, ShiftRow

__all__ = ["check_shift"]

ALIKE = " No class by itself can be told from the source's: what differs is how often they occur."


def check_shift(record: RunRecord) -> Iterator[Finding]:
    """Find inputs that moved (ST101): the test rejects *and* the effect is clearly beyond the noise floor.

    With many samples every p-value gets small, so the p-value alone never makes a finding: the interval of the effect
    must lie above the floor. One finding stands for
    all backbones that see the same shift; its numbers are those of the backbone ranked first, or of the first.
    """
    for diagnoses in compared(record):
        moved = [(d, row) for d in diagnoses if (row := shown(d, "mmd")) is not None]
        if moved:
            # Where no class looks otherwise than before, it is their proportions that moved, and ST110 says so.
            lead, row = moved[0]
            yield _inputs_moved(lead, row, len(moved), len(diagnoses), alike=only_balance(record, lead))


def _inputs_moved(lead: ShiftDiagnosis, row: ShiftRow, n_moved: int, n_backbones: int, *, alike: bool) -> Finding:
    assert row.effect is not None
    assert row.floor is not None
    under = f"{n_moved} of {n_backbones} backbones" if n_backbones > 1 else lead.backbone
    return Finding(
        code="ST101",
        severity="note" if alike else "warning",
        subject=lead.target,
        title=f"{lead.target}: inputs have moved from {lead.source} under {under}.",
        message=(
            f"Under {lead.backbone} the MMD\N{SUPERSCRIPT TWO} effect of {row.effect:.4f} is {_times(row)} the noise "
            f"floor of {row.floor:.4f}; p = {row.pvalue:.3g}, Holm {row.pvalue_holm:.3g}."
            f"{ALIKE if alike else ''}"
        ),
        evidence={
            "source": lead.source,
            "backbone": lead.backbone,
            "n_backbones_moved": n_moved,
            "n_backbones": n_backbones,
            "mmd": row.value,
            "effect": row.effect,
            "effect_se": row.effect_se,
            "floor": row.floor,
            "band": row.band,
            "pvalue": row.pvalue,
            "pvalue_holm": row.pvalue_holm,
        },
    )


def _times(row: ShiftRow) -> str:
    if row.ratio is None:
        return "beyond"
    ends = "" if row.ratio_ends is None else f" [{row.ratio_ends[0]:.1f}, {row.ratio_ends[1]:.1f}]"
    return f"{row.ratio:.1f}{ends} times"
