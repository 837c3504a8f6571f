"""A verdict on a terminal: one table, and the reasons in words where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from shiftscope.core.text import shown
from shiftscope.core.verdict import Judged, Outcome, Verdict

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_verdict"]

STYLES: dict[Outcome, str] = {
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "warn": "yellow",
    "ignored": "dim",
    "pass": "green",
}


def print_verdict(verdict: Verdict, console: Console, *, explain: bool = False) -> None:
    """Print the verdict in a sentence, a row for every rule and what it was held against, and where the policy stands.

    ``explain`` adds why each of them passed or failed.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    # Text, not markup: a name may hold square brackets. The outcome stands first, so that no line of a log begins
    # with a name.
    console.print(Text(verdict.headline, style="bold"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head, least in (("outcome", 12), ("rule", 16), ("judged on", 16), ("found", 10)):
        table.add_column(head, overflow="fold", min_width=least)
    for row in verdict.worst_first:
        cells = (row.asks, row.subject, row.found)
        table.add_row(Text(row.outcome, style=STYLES[row.outcome]), *map(Text, cells))
    if verdict.judged:
        console.print(table)
    for line in _explained(verdict) if explain else ():
        console.print(Text(line), soft_wrap=True)
    console.print(Text(_origin(verdict)), soft_wrap=True)


def _explained(verdict: Verdict) -> Iterator[str]:
    """Every rule of the policy with what it was held against, and why it passed or failed."""
    for rule, rows in groupby(verdict.judged, key=lambda row: row.rule):
        yield rule
        yield from (f"  {_told(row)}" for row in rows)
    yield ""


def _origin(verdict: Verdict) -> str:
    """Where record, baseline and policy stand, and what becomes of what cannot be decided."""
    policy = verdict.policy
    against = f", compared with {shown(verdict.baseline)}" if verdict.baseline else ""
    return (
        f"record: {shown(verdict.run)}{against}\n"
        f"policy: {shown(verdict.policy_from)} (profile {policy['profile']}, inconclusive = {policy['inconclusive']})"
    )


def _told(row: Judged) -> str:
    return f"{row.outcome}: {row.because}"
