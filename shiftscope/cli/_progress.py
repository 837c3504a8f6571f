"""Progress of long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

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
        started: dict[str, float] = {}

        def callback(stage: str, done: int, total: int, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, note="", rate="")
                started[stage] = time.monotonic()
            rate = f"{done / max(time.monotonic() - started[stage], 1e-9):.0f}/s" if done else ""
            bar.update(tasks[stage], completed=done, total=total, note=note, rate=rate)

        yield callback


class _Lines:
    """One line when a stage begins or ends, and one every ten seconds between."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._started: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        start = self._started.setdefault(stage, now)
        if 0 < done < total and now - self._last.get(stage, start) < SECONDS_BETWEEN_LINES:
            return
        self._last[stage] = now
        rate = done / max(now - start, 1e-9)
        speed = f", {rate:.0f}/s, {(total - done) / rate:.0f} s left" if 0 < done < total else ""
        line = f"{stage}: {done}/{total}{speed}{f' ({note})' if note else ''}"
        print(line, file=sys.stderr)  # noqa: T201  # the command line's own output
