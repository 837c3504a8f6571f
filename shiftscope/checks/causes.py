"""ST102 to ST130: of what kind a shift is, as far as the measures that were run tell."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Literal

from shiftscope.checks.compared import compared, row_of
from shiftscope.checks.evidence import balance_differs, classes_moved, estimate_of, number, only_balance, shown
from shiftscope.core.record import Z95
from shiftscope.core.records import Details, Estimate, Finding, RunRecord, ShiftDiagnosis

__all__ = ["Overlap", "check_causes", "half_size", "least_share", "overlap"]

Overlap = Literal["lies outside of", "reaches beyond", "is a part of"]

FEW_CLASSES = 1 / 3
LEAST_CLASSES = 4


def check_causes(record: RunRecord) -> Iterator[Finding]:
    """Find of what kind a shift is: ST102 to ST130.

    One finding of a code stands for all backbones; its numbers are those of the backbone ranked first, or of the first.
    """
    for diagnoses in compared(record):
        lead = diagnoses[0]
        found = (
            *_support(lead, estimate_of(record, lead, "coverage"), explained=only_balance(record, lead)),
            *_balance(lead, balance_differs(record, lead)),
            *_relation(lead, estimate_of(record, lead, "concept")),
            *_few_classes(lead),
        )
        yield from (f.model_copy(update={"evidence": {"source": lead.source, **f.evidence}}) for f in found)


def _support(lead: ShiftDiagnosis, coverage: Estimate | None, *, explained: bool) -> Iterator[Finding]:
    """ST102 or ST103; a note where class balance explains it: what is left out, or thin, is classes."""
    row = shown(lead, "coverage")
    if coverage is None or row is None:
        return
    known = {k: number(coverage.details, k) for k in ("precision", "precision_null", "recall", "recall_null")}
    where = overlap(**known, half_size=half_size(coverage.details))
    numbers = {"backbone": lead.backbone, "coverage": coverage.value, "pvalue_holm": row.pvalue_holm, **known}
    shares = (
        f"{known['precision']:.0%} of its samples lie among the source's (halves of the source: "
        f"{known['precision_null']:.0%}), and {known['recall']:.0%} of the source's among its own "
        f"({known['recall_null']:.0%})"
    )
    severity: Literal["warning", "note"] = "note" if explained else "warning"
    if where in ("lies outside of", "reaches beyond"):
        which = "such samples" if where == "lies outside of" else "those that lie beyond it"
        yield Finding(
            code="ST102",
            severity=severity,
            subject=lead.target,
            title=f"{lead.target} {where} {lead.source}.",
            message=f"Under {lead.backbone}, {shares}. What was learnt on the source is not about {which}.",
            evidence=numbers,
        )
    elif where == "is a part of":
        yield Finding(
            code="ST103",
            severity=severity,
            subject=lead.target,
            title=f"{lead.target} {where} {lead.source}.",
            message=f"Under {lead.backbone}, {shares}. Choose the samples of the source that are like the target.",
            evidence=numbers,
        )


def overlap(
    *, precision: float, precision_null: float, recall: float, recall_null: float, half_size: float
) -> Overlap | None:
    """Say how the target lies to the source by the shares of both; None where it lies where the source does."""
    left_out = recall < least_share(recall_null, half_size)
    if precision < least_share(precision_null, half_size):
        return "lies outside of" if left_out else "reaches beyond"
    return "is a part of" if left_out else None


def half_size(coverage: Details) -> float:
    """Samples, or groups, of the halves that shares are taken of; older records have the whole sides alone."""
    return number(coverage, "half_size") if "half_size" in coverage else max(number(coverage, "size") // 2, 1.0)


def least_share(null: float, size: float) -> float:
    """Least share of ``size`` samples that may be sampling noise where as many of one side give ``null``.

    Both shares are noisy; two of each kind are added, since where all are inside some might have been outside
    (Agresti and Coull, 1998).
    """
    share = (null * size + 2) / (size + 4)
    return null - Z95 * sqrt(2 * share * (1 - share) / size)


def _balance(lead: ShiftDiagnosis, found: Estimate | None) -> Iterator[Finding]:
    row = row_of(lead, "label_shift")
    if found is None or row is None:
        return
    null = number(found.details, "null")
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
    """ST120: the interval decides, which has no p-value beside it; a rise as small as noise makes is no finding."""
    if found is None or found.low is None or found.high is None or found.low <= 0:
        return
    row = row_of(lead, "concept")
    if row is not None and row.effect is not None and row.effect <= (row.floor or 0.0):
        return
    parts = {k: number(found.details, k) for k in ("source_error", "target_error", "x_shift", "extra")}
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
    """ST130, where a shift of all samples, or classes, is shown: in one of twenty pairs some class is off by chance."""
    if shown(lead, "mmd") is None and shown(lead, "conditional") is None:
        return
    moved, tested = classes_moved(lead)
    if moved and tested >= LEAST_CLASSES and len(moved) <= FEW_CLASSES * tested:
        tests = "a test of its own" if len(moved) == 1 else "tests of their own"
        yield Finding(
            code="ST130",
            severity="note",
            subject=lead.target,
            title=f"{lead.target}: the shift sits in {len(moved)} of {tested} classes.",
            message=f"Under {lead.backbone}, {', '.join(moved)} moved by {tests}, and no other did.",
            evidence={"backbone": lead.backbone, "classes": list(moved), "n_tested": tested},
        )
