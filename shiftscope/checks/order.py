"""In which order findings stand, wherever they are listed: what a person reads first is taken for the answer."""

from __future__ import annotations

from shiftscope.core.records import Finding

__all__ = ["SEVERITIES", "place"]

SEVERITIES = ("error", "warning", "note")
# Why in this order: docs/findings.md, "What stands first". Other families go by their numbers.
SHIFT = ("ST102", "ST101", "ST103", "ST110", "ST120", "ST130", "ST140")


def place(finding: Finding) -> tuple[int, str, int, str]:
    """Where ``finding`` stands: by severity, then by family, then by what says most about the target."""
    code = finding.code
    return (
        SEVERITIES.index(finding.severity),
        code[:2],
        SHIFT.index(code) if code in SHIFT else len(SHIFT),
        code,
    )
