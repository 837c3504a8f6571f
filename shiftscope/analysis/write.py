"""A finished run as files: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from shiftscope.analysis.run import RunOutcome
from shiftscope.core.artifacts import ARRAYS, THUMBNAILS, pack_arrays, pack_thumbnails, result_arrays
from shiftscope.core.files import write_atomic
from shiftscope.core.load import RECORD, dump_record
from shiftscope.core.records import RunRecord
from shiftscope.errors import InputError

__all__ = ["PAGE", "write_run"]

PAGE = "report.html"


def write_run(
    outcome: RunOutcome, folder: Path, *, render: Callable[[RunRecord, Mapping[str, bytes]], str]
) -> RunRecord:
    """Write arrays, thumbnails, report and record into ``folder`` and return the record, which now names its artifacts.

    Everything is made before the first file is written, and the record comes last: where there is a run.json,
    all that it names is there. Thumbnails that an earlier run left in the folder go: they are copies of images.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    arrays = result_arrays(outcome.results)
    packed = {ARRAYS: pack_arrays(arrays)} if arrays else {}
    if outcome.thumbnails:
        packed[THUMBNAILS] = pack_thumbnails(outcome.thumbnails)
    record = outcome.record.model_copy(update={"artifacts": {name: digest for name, (_, digest) in packed.items()}})
    page = render(record, outcome.thumbnails)
    try:
        for name, (data, _) in packed.items():
            write_atomic(folder / name, data)
        if not outcome.thumbnails:
            (folder / THUMBNAILS).unlink(missing_ok=True)
        write_atomic(folder / PAGE, page)
        write_atomic(folder / RECORD, dump_record(record))
    except OSError as reason:
        raise InputError(f"{folder} cannot be written ({reason.strerror}): name another folder with -o.") from None
    return record
