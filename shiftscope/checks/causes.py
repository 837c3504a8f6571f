"""ST102 to ST130: of what kind a shift is, as far as the measures that were run tell."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from shiftscope.core.records import Details, Estimate, Finding, RunRecord, ShiftDiagnosis, ShiftRow

__all__ = ["check_causes", "classes_moved", "least_share"]

Z = 1.96
FEW_CLASSES = 1 / 3
LEAST_CLASSES = 4


def check_causes(record: RunRecord) -> Iterator[Finding]:
    """Find of what kind a shift is: ST102 to ST130.

    One finding of a code stands for all backbones; its numbers are those of the backbone ranked first, or of the first.
    """
    first = {r.target: r.rows[0].backbone for r in record.rankings if r.rows}
    seen: dict[tuple[str, str], list[ShiftDiagnosis]] = {}
    for diagnosis in record.diagnoses:
        seen.setdefault((diagnosis.source, diagnosis.target), []).append(diagnosis)
    for (_, target), diagnoses in seen.items():
        lead = next((d for d in diagnoses if d.backbone == first.get(target)), diagnoses[0])
        estimates = {
            r.measure: r.estimate
            for r in record.results
            if (r.source, r.target, r.backbone) == (lead.source, lead.target, lead.backbone) and r.estimate is not None
        }
        yield from _support(lead, estimates.get("coverage"))
        yield from _balance(lead, estimates.get("label_shift"))
        yield from _relation(lead, estimates.get("concept"))
        yield from _few_classes(lead)


def classes_moved(diagnosis: ShiftDiagnosis) -> tuple[list[str], int]:
    """Classes that moved by a test of their own (Holm over the classes), and how many were tested."""
    tested = [c for c in diagnosis.per_class if c.pvalue_holm is not None]
    return [c.name for c in tested if (c.pvalue_holm or 0.0) <= diagnosis.alpha], len(tested)


def _support(lead: ShiftDiagnosis, coverage: Estimate | None) -> Iterator[Finding]:
    row = _row(lead, "coverage")
    if coverage is None or row is None or not _rejects(lead, row) or not (row.effect or 0.0) > (row.floor or 0.0):
        return
    known = {k: _number(coverage.details, k) for k in ("precision", "precision_null", "recall", "recall_null")}
    outside = known["precision"] < least_share(known["precision_null"], lead.n_target)
    left_out = known["recall"] < least_share(known["recall_null"], lead.n_source)
    numbers = {"backbone": lead.backbone, "coverage": coverage.value, "pvalue_holm": row.pvalue_holm, **known}
    shares = (
        f"{known['precision']:.0%} of its samples lie among the source's (halves of the source: "
        f"{known['precision_null']:.0%}), and {known['recall']:.0%} of the source's among its own "
        f"({known['recall_null']:.0%})"
    )
    if outside:
        yield Finding(
            code="ST102",
            severity="warning",
            subject=lead.target,
            title=f"{lead.target} lies outside of {lead.source}.",
            message=f"Under {lead.backbone}, {shares}. What was learnt on the source is not about such samples.",
            evidence=numbers,
        )
    elif left_out:
        yield Finding(
            code="ST103",
            severity="warning",
            subject=lead.target,
            title=f"{lead.target} is a part of {lead.source}.",
            message=f"Under {lead.backbone}, {shares}. Choose the samples of the source that are like the target.",
            evidence=numbers,
        )


def least_share(null: float, n: int) -> float:
    """Least share of n samples that may be the sampling noise of ``null``, what halves of one side give."""
    return null - Z * sqrt(null * (1 - null) / n)


def _balance(lead: ShiftDiagnosis, found: Estimate | None) -> Iterator[Finding]:
    row = _row(lead, "label_shift")
    if found is None or found.low is None or row is None or not _rejects(lead, row):
        return
    null = _number(found.details, "null")
    if found.low > null:
        yield Finding(
            code="ST110",
            severity="warning",
            subject=lead.target,
            title=f"{lead.target}: classes come in other proportions than in {lead.source}.",
            message=(
                f"{found.value:.0%} [{found.low:.0%}, {found.high:.0%}] of the samples would have to change class; "
                f"chance alone gives {null:.0%}. Weigh classes, or set the thresholds anew."
            ),
            evidence={"total_variation": found.value, "low": found.low, "null": null, "pvalue_holm": row.pvalue_holm},
        )


def _relation(lead: ShiftDiagnosis, found: Estimate | None) -> Iterator[Finding]:
    if found is None or found.low is None or found.high is None or found.low <= 0:
        return
    parts = {k: _number(found.details, k) for k in ("source_error", "target_error", "x_shift", "extra")}
    yield Finding(
        code="ST120",
        severity="warning",
        subject=lead.target,
        title=f"{lead.target}: the relation of labels to inputs differs from {lead.source}.",
        message=(
            f"Where both have such inputs, a probe of the source under {lead.backbone} errs {100 * found.value:.1f} "
            f"points [{100 * found.low:.1f}, {100 * found.high:.1f}] more on the target. Look at how it was labelled: "
            "more source data will not help."
        ),
        evidence={"backbone": lead.backbone, "y_given_x": found.value, "low": found.low, "high": found.high, **parts},
    )


def _few_classes(lead: ShiftDiagnosis) -> Iterator[Finding]:
    moved, tested = classes_moved(lead)
    if moved and tested >= LEAST_CLASSES and len(moved) <= FEW_CLASSES * tested:
        yield Finding(
            code="ST130",
            severity="note",
            subject=lead.target,
            title=f"{lead.target}: the shift sits in {len(moved)} of {tested} classes.",
            message=f"Under {lead.backbone}, {', '.join(moved)} moved by a test of their own, and no other did.",
            evidence={"backbone": lead.backbone, "classes": list(moved), "n_tested": tested},
        )


def _row(lead: ShiftDiagnosis, measure: str) -> ShiftRow | None:
    return next((row for row in lead.rows if row.measure == measure), None)


def _rejects(lead: ShiftDiagnosis, row: ShiftRow) -> bool:
    return row.pvalue_holm is not None and row.pvalue_holm <= lead.alpha


def _number(details: Details, key: str) -> float:
    value = details[key]
    assert isinstance(value, int | float)
    return float(value)
