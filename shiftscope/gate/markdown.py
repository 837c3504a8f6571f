"""A verdict as Markdown, small enough for the summary page of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shiftscope.core.text import shown
from shiftscope.core.verdict import Judged, Verdict

__all__ = ["MOST_BYTES", "render_summary"]

MOST_BYTES = 1_000_000  # GitHub refuses a summary of more than a mebibyte
MOST_OF_A_CELL = 600  # characters
MARKUP = re.compile(r"([\\`*_\[\]<>|#~&!])")  # signs that would be read as markup


def render_summary(verdict: Verdict, *, most: int = MOST_BYTES) -> str:
    """Return the verdict as GitHub-flavoured Markdown of at most ``most`` bytes; no pictures, no links.

    What failed comes first. Rows that find no room are counted; where there is no room even for that, nothing is said.
    """
    head, rows = list(_head(verdict)), list(map(_row, verdict.worst_first))
    room = most - len("\n".join([*head, _left_out(len(rows))]).encode()) - 2
    if room < 0:
        return ""
    kept = 0
    for row in rows:
        room -= len(row.encode()) + 1
        if room < 0:
            break
        kept += 1
    rest = [_left_out(len(rows) - kept)] if kept < len(rows) else []
    return "\n".join([*head, *rows[:kept], *rest]) + "\n"


def _head(verdict: Verdict) -> Iterator[str]:
    yield f"## {_text(verdict.headline.removesuffix('.'))}"
    yield ""
    policy = verdict.policy
    yield f"Record: {_text(shown(verdict.run))}  "
    if verdict.baseline:
        yield f"Baseline: {_text(shown(verdict.baseline))}  "
    yield (
        f"Policy: {_text(shown(verdict.policy_from))} "
        f"(profile {policy['profile']}, what cannot be decided counts as: {policy['inconclusive']})"
    )
    if verdict.judged:
        yield from ("", "| outcome | rule | judged on | why |", "| :-- | :-- | :-- | :-- |")


def _row(row: Judged) -> str:
    outcome = f"**{row.outcome}**" if row.outcome in ("fail", "inconclusive") else row.outcome
    return f"| {outcome} | {_text(row.asks)} | {_text(row.subject)} | {_text(row.because)} |"


def _left_out(n: int) -> str:
    return f"\nAnd {n} more, which find no room here."


def _text(words: str) -> str:
    """Words that are no markup, on one line."""
    plain = " ".join(words.split())
    short = plain if len(plain) <= MOST_OF_A_CELL else f"{plain[:MOST_OF_A_CELL]}…"
    return MARKUP.sub(r"\\\1", short)
