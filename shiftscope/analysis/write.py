"""A finished run as files: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shiftscope.analysis.run import RunOutcome
from shiftscope.core.artifacts import ARRAYS, pack_arrays, result_arrays
from shiftscope.core.files import write_atomic
from shiftscope.core.load import RECORD, dump_record
from shiftscope.core.records import RunRecord
from shiftscope.errors import InputError

__all__ = ["PAGE", "write_run"]

PAGE = "report.html"


def write_run(outcome: RunOutcome, folder: Path, *, render: Callable[[RunRecord], str]) -> RunRecord:
    """Write arrays, report and record into ``folder`` and return the record, which now names its artifacts.

    Everything is made before the first file is written, and the record comes last: where there is a run.json,
    all that it names is there.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    arrays = result_arrays(outcome.results)
    packed, digest = pack_arrays(arrays)
    record = outcome.record.model_copy(update={"artifacts": {ARRAYS: digest} if arrays else {}})
    page = render(record)
    try:
        if arrays:
            write_atomic(folder / ARRAYS, packed)
        write_atomic(folder / PAGE, page)
        write_atomic(folder / RECORD, dump_record(record))
    except OSError as reason:
        raise InputError(f"{folder} cannot be written ({reason.strerror}): name another folder with -o.") from None
    return record
