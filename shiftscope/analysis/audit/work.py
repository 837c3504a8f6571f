"""The work of an audit over processes: what is missing is made, every finished cell is kept at once."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import active_children, connection, get_context, parent_process
from pathlib import Path
from typing import TypeAlias, TypeVar

from pydantic import ValidationError

from shiftscope.analysis.audit.advise import Place
from shiftscope.analysis.audit.plan import Job, chosen_rates, grid, searches
from shiftscope.analysis.audit.workshop import Workshop
from shiftscope.core.advice import Advice
from shiftscope.core.cells import Cell
from shiftscope.core.files import write_atomic
from shiftscope.core.progress import Progress
from shiftscope.errors import InputError, ShiftscopeError

__all__ = ["Work", "read_advice", "read_cells"]

CELLS, ADVICE = "cells", "advice"  # folders in the folder of an audit

Task: TypeAlias = Job | Place
Kept = TypeVar("Kept", Cell, Advice)


@dataclass
class Work:
    """The grid of one audit, made cell by cell in ``folder``; started again it goes on where it was."""

    workshop: Workshop
    folder: Path
    workers: int
    progress: Progress | None = None
    deadline: float | None = None  # on the clock of time.monotonic
    failed: dict[str, str] = field(default_factory=dict)  # cell -> why it could not be made

    def run(self) -> bool:
        """Make what is missing and return whether the grid is complete.

        Raises
        ------
        InputError
            If another process works on the folder, or it cannot be written.
        """
        with _alone(self.folder), self._pool() as pool:
            _sweep(self.folder)
            self._make(pool, "learning rates", list(searches(self.workshop)), read_cells(self.folder))
            rates = chosen_rates(self.workshop, read_cells(self.folder).values())
            cells = list(dict.fromkeys(grid(self.workshop, rates)))
            trained = self._make(pool, "cells", cells, read_cells(self.folder))
            places = list(dict.fromkeys(Place(j.target, j.regime, j.seed) for j in cells))
            return self._make(pool, "advice", places, read_advice(self.folder)) and trained

    def _make(self, pool: ProcessPoolExecutor, stage: str, tasks: Sequence[Task], have: Collection[str]) -> bool:
        """Do the tasks that are missing and say whether all are done; nothing new is begun after the deadline."""
        missing = [task for task in tasks if task.key(self.workshop) not in have]
        todo, done = iter(missing), len(tasks) - len(missing)
        if missing:
            self._report(stage, done, len(tasks))
        running: dict[Future[None], Task] = {}
        while True:
            while len(running) < self.workers and not self._late() and (task := next(todo, None)) is not None:
                running[pool.submit(_do, task)] = task
            if not running:
                return done == len(tasks)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                done += self._took(future, task)
                self._report(stage, done, len(tasks), _name(task))

    def _took(self, future: Future[None], task: Task) -> bool:
        try:
            future.result()
        except BrokenProcessPool:
            raise ShiftscopeError(
                "A worker process ended without a word, as when memory runs out; finished cells are kept: "
                "start again with fewer --workers."
            ) from None
        except Exception as reason:
            # Networks are other people's code; one that cannot be trained must not take the others with it.
            self.failed[_name(task)] = str(reason) or type(reason).__name__
            return False
        return True

    def _report(self, stage: str, done: int, total: int, note: str = "") -> None:
        if self.progress is not None:
            self.progress(stage, done, total, note)

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    @contextmanager
    def _pool(self) -> Iterator[ProcessPoolExecutor]:
        # A worker opens for itself what it needs: open backbones and pictures do not travel.
        shop = self.workshop.unopened()
        setting = (shop, self.folder)
        others = set(active_children())
        # Spawned, not forked: torch's threads do not survive a fork.
        pool = ProcessPoolExecutor(self.workers, get_context("spawn"), _begin, setting)
        try:
            yield pool
        except BaseException:
            # An interrupt need not wait for training runs: what they had not finished is made again.
            for worker in set(active_children()) - others:
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def read_cells(folder: Path) -> dict[str, Cell]:
    """Read the finished cells of an audit, by key.

    Raises
    ------
    InputError
        If a file among them is no cell.
    """
    return _read(folder / CELLS, Cell)


def read_advice(folder: Path) -> dict[str, Advice]:
    """Read the advice given so far, by key.

    Raises
    ------
    InputError
        If a file among it is no advice.
    """
    return _read(folder / ADVICE, Advice)


def _read(folder: Path, kind: type[Kept]) -> dict[str, Kept]:
    found: dict[str, Kept] = {}
    for path in sorted(folder.rglob("[!.]*.json")):
        try:
            kept = kind.model_validate_json(path.read_bytes())
        except ValidationError as wrong:
            raise InputError(f"{path} is no part of an audit ({wrong.errors()[0]['msg']}): remove it.") from None
        found[kept.key] = kept
    return found


def _sweep(folder: Path) -> None:
    """Remove what a kill in the middle of writing left: files that had not got their names yet."""
    for path in folder.rglob(".*.json.*"):
        path.unlink(missing_ok=True)


def _name(task: Task) -> str:
    place = f"{task.target} {task.regime} seed {task.seed}"
    return f"{place} {task.arm} {task.backbone}" if isinstance(task, Job) else place


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder: two audits in one would do the same work twice."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock").acquire(timeout=0):
            yield
    except Timeout:
        raise InputError(
            f"Another audit is at work in {folder}: wait for it, or name another folder with -o."
        ) from None
    except OSError as reason:
        raise InputError(f"{folder} cannot be written ({reason.strerror}): name another folder with -o.") from None


_here: tuple[Workshop, Path] | None = None  # what a worker process works with


def _begin(workshop: Workshop, folder: Path) -> None:
    """Set up a worker process: one thread, so that no number depends on how many work side by side."""
    global _here  # noqa: PLW0603  # a worker has one setting, given once
    import torch
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    torch.set_num_threads(1)
    threadpool_limits(limits=1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here = workshop, folder


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: a killed audit must leave nothing running."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _do(task: Task) -> None:
    """Do a task and keep what it gives: the file is there when it is whole, and not before."""
    from shiftscope.analysis.audit.advise import make_advice
    from shiftscope.analysis.audit.cell import make_cell

    assert _here is not None
    workshop, folder = _here
    if isinstance(task, Job):
        _keep(folder / CELLS, make_cell(task, workshop))
    else:
        _keep(folder / ADVICE, make_advice(task, workshop))


def _keep(folder: Path, made: Cell | Advice) -> None:
    text = json.dumps(made.model_dump(mode="json"), separators=(",", ":"), sort_keys=True)
    write_atomic(folder / made.address, text + "\n")
