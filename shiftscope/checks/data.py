"""DQ3xx: what is wrong with the samples themselves."""

from __future__ import annotations

from collections.abc import Iterator

from shiftscope.core.records import Finding, InputCard, MeasureResult, RunRecord

__all__ = ["check_data"]


def check_data(record: RunRecord) -> Iterator[Finding]:
    """Find unreadable files (DQ301), identical samples (DQ302, DQ304) and measures without a number (DQ303, DQ305).

    A measure that is not in the default set for a reason comes with that reason (DQ306).
    """
    for card in record.inputs.values():
        if card.skipped:
            first, count = card.skipped[0], len(card.skipped)
            yield Finding(
                code="DQ301",
                severity="warning",
                subject=card.name,
                title=f"{card.name}: {count} unreadable file{'s' if count > 1 else ''} left out.",
                message=f"First: {first.file} ({first.reason}). Repair or remove what is listed in the record.",
                evidence={"n_skipped": count, "n_available": card.n_available},
            )
        if card.n_identical:
            yield _identical(card)
    yield from _same_data(record)
    yield from _not_applicable(record)
    yield from _warned(record)
    failed: dict[tuple[str, str, str], list[str]] = {}
    for result in record.results:
        if result.status == "failed":
            failed.setdefault((result.backbone, result.target, result.reason), []).append(result.measure)
    for (backbone, target, reason), several in failed.items():
        measures = list(dict.fromkeys(several))
        yield Finding(
            code="DQ303",
            severity="error",
            subject=backbone,
            title=f"{backbone}: {', '.join(measures)} could not be computed on {target}.",
            message=f"{reason.removesuffix('.')}. Other backbones and measures stand.",
            evidence={"measures": list(measures), "target": target},
        )


def _identical(card: InputCard) -> Finding:
    conflict = f", {card.n_conflicting} of them under different labels" if card.n_conflicting else ""
    return Finding(
        code="DQ302",
        severity="warning" if card.n_conflicting else "note",
        subject=card.name,
        title=f"{card.name}: {card.n_identical} of {card.n} samples have an exact copy{conflict}.",
        message="Copies in other folds make held-out numbers too good, conflicting labels too bad: remove them.",
        evidence={"n_identical": card.n_identical, "n_conflicting": card.n_conflicting, "n": card.n},
    )


def _same_data(record: RunRecord) -> Iterator[Finding]:
    """Find sources that are the target itself (DQ304)."""
    cards = record.inputs.values()
    for source in (card for card in cards if card.role == "source"):
        for target in (card for card in cards if card.role == "target" and card.fingerprint == source.fingerprint):
            yield Finding(
                code="DQ304",
                severity="error",
                subject=target.name,
                title=f"{target.name}: source and target are the same samples.",
                message=f"There is no shift to measure from {source.name}: name another source.",
                evidence={"source": source.uri, "target": target.uri},
            )


def _not_applicable(record: RunRecord) -> Iterator[Finding]:
    """Find measures that have no meaning for some samples (DQ305), one finding for each reason.

    What a baseline lacks, as raw pixels lack a source head, is nothing to act on.
    """
    baselines = {(ranking.target, row.backbone) for ranking in record.rankings for row in ranking.rows if row.baseline}
    found: dict[tuple[str, str], list[MeasureResult]] = {}
    for result in record.results:
        if result.status == "not_applicable" and (result.target, result.backbone) not in baselines:
            found.setdefault((result.target, result.reason), []).append(result)
    for (target, reason), results in found.items():
        measures = sorted({r.measure for r in results})
        backbones = sorted({r.backbone for r in results})
        under = backbones[0] if len(backbones) == 1 else f"{len(backbones)} backbones"
        yield Finding(
            code="DQ305",
            severity="note",
            subject=target,
            title=f"{target}: no {', '.join(measures)} under {under}.",
            message=f"{reason} The other measures stand.",
            evidence={"measures": list(measures), "backbones": list(backbones)},
        )


def _warned(record: RunRecord) -> Iterator[Finding]:
    for measure, warning in {r.measure: r.warning for r in record.results if r.warning}.items():
        yield Finding(
            code="DQ306",
            severity="note",
            subject=measure,
            title=f"{measure} was asked for and is not in the default set.",
            message=warning,
            evidence={"measure": measure},
        )
