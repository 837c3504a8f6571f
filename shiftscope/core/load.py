"""Records read back from disk, checked field by field."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from shiftscope.core.records import SCHEMA_VERSION, RunRecord
from shiftscope.errors import RecordError

__all__ = ["RECORD", "dump_record", "load_record"]

RECORD = "run.json"


def dump_record(record: RunRecord) -> str:
    """Canonical JSON of a record: sorted keys, one line per value, a newline at the end."""
    return json.dumps(record.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def load_record(path: Path) -> RunRecord:
    """Read ``path``, a run.json or the folder that holds one.

    Raises
    ------
    RecordError
        If it is missing, is not JSON, comes from a newer schema, or a field is not what the schema says.
    """
    file = path / RECORD if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as reason:
        raise RecordError(f"{file} cannot be read ({reason.strerror}): give a run.json or its folder.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as reason:
        raise RecordError(f"{file} is not JSON ({reason}): give a run.json that shiftscope wrote.") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{file} has schema version {version!r} and this shiftscope reads {SCHEMA_VERSION}: "
            "make it again, or install the version that wrote it."
        )
    try:
        return RunRecord.model_validate(content)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise RecordError(f"{file}: {place}: {first['msg'].lower()}; the record was altered or is damaged.") from None
