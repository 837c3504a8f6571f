"""A verdict where GitHub Actions reads it: lines that become annotations, and the summary page of a step.

Whatever else is printed there may hold names from outside, and a line that begins with two colons is a command: such
output stands between two markers that turn commands off.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from shiftscope.core.verdict import Outcome, Verdict
from shiftscope.errors import InputError
from shiftscope.gate.markdown import MOST_BYTES, render_summary

__all__ = ["annotation_lines", "append_summary", "commands_off", "summary_file"]

MOST = 10  # annotations of one kind that GitHub shows for a step
LEVELS: dict[str, dict[Outcome, str]] = {
    "fail": {"fail": "error", "inconclusive": "error", "warn": "warning"},
    "warn": {"fail": "error", "inconclusive": "warning", "warn": "warning"},
    "pass": {"fail": "error", "warn": "warning"},
}
ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
ESCAPES_OF_TITLES = ESCAPES | {":": "%3A", ",": "%2C"}


def summary_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file that GitHub shows as the summary of this step; None elsewhere."""
    named = environment.get("GITHUB_STEP_SUMMARY")
    return Path(named) if named else None


def annotation_lines(verdict: Verdict) -> Iterator[str]:
    """Yield ``::error`` and ``::warning`` lines for what failed, cannot be decided or carries a warning.

    Of each kind as many as GitHub shows; the last of them counts the others.
    """
    levels = LEVELS[verdict.policy["inconclusive"]]
    for level in ("error", "warning"):
        rows = [row for row in verdict.worst_first if levels.get(row.outcome) == level]
        for i, row in enumerate(rows[:MOST]):
            left = len(rows) - MOST if i == MOST - 1 else 0
            more = f" And {left} more, see the summary." if left else ""
            title = f"shiftscope gate: {row.outcome} ({row.rule})"
            yield f"::{level} title={_escaped(title, ESCAPES_OF_TITLES)}::{_escaped(row.because + more, ESCAPES)}"


def append_summary(verdict: Verdict, file: Path) -> None:
    """Append the verdict to a step's summary, within what GitHub still takes.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    try:
        there = file.stat().st_size if file.exists() else 0
        with file.open("a", encoding="utf-8") as summary:
            # A heading needs a line of its own, whatever the step wrote before.
            summary.write("\n" * bool(there) + render_summary(verdict, most=MOST_BYTES - there))
    except OSError as reason:
        raise InputError(f"{file} (GITHUB_STEP_SUMMARY) cannot be written ({reason.strerror}).") from None


@contextmanager
def commands_off(out: TextIO) -> Iterator[None]:
    """Make GitHub read what is printed within as text."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", file=out, flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", file=out, flush=True)


def _escaped(words: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(c, c) for c in words)
