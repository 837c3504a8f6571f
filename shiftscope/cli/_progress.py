"""Progress of long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shiftscope.core.progress import Progress

__all__ = ["progress_bar"]

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a callback that draws on standard error: a bar where that is a terminal, otherwise plain lines."""
    if sys.stderr.isatty():
        with _bar() as callback:
            yield callback
    else:
        yield _Lines()


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}
        paces: dict[str, _Pace] = {}

        def callback(stage: str, done: int, total: int, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, note="", rate="")
                paces[stage] = _Pace(time.monotonic(), done)
            rate = paces[stage].rate(time.monotonic(), done)
            bar.update(tasks[stage], completed=done, total=total, note=note, rate=_per_time(rate) if rate else "")

        yield callback


@dataclass(frozen=True)
class _Pace:
    """When a stage began, and what was done by then: work of an earlier run says nothing about speed."""

    start: float
    before: int

    def rate(self, now: float, done: int) -> float:
        """Steps per second so far."""
        return (done - self.before) / max(now - self.start, 1e-9)


def _per_time(rate: float) -> str:
    return f"{rate:.0f}/s" if rate >= 0.5 else f"{60 * rate:.0f}/min"


def _left(seconds: float) -> str:
    return f"{seconds:.0f} s left" if seconds < 120 else f"{seconds / 60:.0f} min left"


class _Lines:
    """One line when a stage begins or ends, and one every ten seconds between."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._paces: dict[str, _Pace] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        pace = self._paces.setdefault(stage, _Pace(now, done))
        if pace.before < done < total and now - self._last.get(stage, pace.start) < SECONDS_BETWEEN_LINES:
            return
        self._last[stage] = now
        rate = pace.rate(now, done)
        speed = f", {_per_time(rate)}, {_left((total - done) / rate)}" if rate and done < total else ""
        line = f"{stage}: {done}/{total}{speed}{f' ({note})' if note else ''}"
        print(line, file=sys.stderr)  # noqa: T201  # the command line's own output
