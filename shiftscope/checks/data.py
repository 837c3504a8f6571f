"""DQ3xx: what is wrong with the samples themselves."""

from __future__ import annotations

from collections.abc import Iterator

from shiftscope.core.records import Finding, RunRecord

__all__ = ["check_data"]


def check_data(record: RunRecord) -> Iterator[Finding]:
    """Find unreadable files (DQ301) and measures that could not be computed (DQ303)."""
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
    failed: dict[tuple[str, str, str], list[str]] = {}
    for result in record.results:
        if result.status == "failed":
            failed.setdefault((result.backbone, result.target, result.reason), []).append(result.measure)
    for (backbone, target, reason), measures in failed.items():
        yield Finding(
            code="DQ303",
            severity="error",
            subject=backbone,
            title=f"{backbone}: {', '.join(measures)} could not be computed on {target}.",
            message=f"{reason.removesuffix('.')}. Other backbones and measures stand.",
            evidence={"measures": list(measures), "target": target},
        )
