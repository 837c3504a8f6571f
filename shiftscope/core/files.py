"""Files that appear whole or not at all, and digests of what is in them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "sha256_of", "write_atomic"]


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same folder; a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    payload = data.encode() if isinstance(data, str) else data
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(payload)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Digest of a file's contents as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def cache_folder(given: Path | None = None) -> Path:
    """Folder for what can be made again: ``given``, else ``SHIFTSCOPE_CACHE``, else the user's cache folder."""
    if given is not None:
        return given
    if os.environ.get("SHIFTSCOPE_CACHE"):
        return Path(os.environ["SHIFTSCOPE_CACHE"])
    from platformdirs import user_cache_path

    return user_cache_path("shiftscope")
