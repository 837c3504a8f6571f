"""Content hashes of picture files, remembered by size and modification time so that a second run reads none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.records import Skipped
from shiftscope.data.picture import check_header
from shiftscope.data.source import UnreadableError

__all__ = ["hash_pictures"]


def hash_pictures(root: Path, files: Sequence[str]) -> tuple[dict[str, str], list[Skipped]]:
    """Return the sha256 of each file below ``root`` whose header is a picture's, and the files that are not.

    A file whose size and modification time are those of an earlier run is not read again.
    """
    memory = cache_folder() / "hashes" / f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:32]}.json"
    known = _recall(memory)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        seen = list(pool.map(lambda file: _look(root / file, known.get(file)), files))
    found = {file: entry for file, entry in zip(files, seen, strict=True) if not isinstance(entry, str)}
    if found != known:
        _remember(memory, found)
    skipped = [Skipped(file=f, reason=entry) for f, entry in zip(files, seen, strict=True) if isinstance(entry, str)]
    return {file: entry[2] for file, entry in found.items()}, skipped


Entry = tuple[int, int, str]  # size, mtime_ns, sha256


def _look(path: Path, known: Entry | None) -> Entry | str:
    """Return the file's entry, or the reason why it cannot be used."""
    try:
        status = path.stat()
        if known and known[:2] == (status.st_size, status.st_mtime_ns):
            return known
        data = path.read_bytes()
        check_header(data)
    except OSError as reason:
        return reason.strerror or type(reason).__name__
    except UnreadableError as reason:
        return str(reason)
    return (status.st_size, status.st_mtime_ns, hashlib.sha256(data).hexdigest())


def _recall(memory: Path) -> dict[str, Entry]:
    try:
        return {file: (e[0], e[1], e[2]) for file, e in json.loads(memory.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        # Absent or damaged: the files are read again.
        return {}


def _remember(memory: Path, found: dict[str, Entry]) -> None:
    try:
        write_atomic(memory, json.dumps(found))
    except OSError:
        # A cache that cannot be written costs time on the next run and nothing else.
        return
