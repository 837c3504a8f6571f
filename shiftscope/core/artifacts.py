"""Files beside ``run.json``: held-out losses and draws for paired comparisons, and thumbnails for the report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.records import MeasureResult, RunRecord

__all__ = [
    "ARRAYS",
    "THUMBNAILS",
    "array_name",
    "pack_arrays",
    "pack_thumbnails",
    "read_arrays",
    "read_thumbnails",
    "result_arrays",
]

ARRAYS = "arrays.safetensors"
THUMBNAILS = "thumbnails.safetensors"
Part = Literal["draws", "losses"]
PARTS: tuple[Part, ...] = ("draws", "losses")


def array_name(result: MeasureResult, part: Part) -> str:
    """Name of an array of ``result``: ``target/backbone[/source]/measure/part``."""
    return "/".join([*(p for p in (result.target, result.backbone, result.source, result.measure) if p), part])


def result_arrays(results: list[MeasureResult]) -> dict[str, NDArray[np.float64]]:
    """Collect the draws and losses of results under their names."""
    arrays = {}
    for r in results:
        if r.estimate is None:
            continue
        for part in PARTS:
            values = getattr(r.estimate, part)
            if values is not None:
                arrays[array_name(r, part)] = np.ascontiguousarray(values)
    return arrays


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> tuple[bytes, str]:
    """Return ``arrays`` as the bytes of a safetensors file, equal for equal arrays, and their sha256."""
    from safetensors.numpy import save

    data: bytes = save(dict(sorted(arrays.items())))
    return data, hashlib.sha256(data).hexdigest()


def pack_thumbnails(thumbnails: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Return JPEG files by name as the bytes of one safetensors file, and their sha256."""
    return pack_arrays({name: np.frombuffer(file, dtype=np.uint8) for name, file in thumbnails.items()})


def read_arrays(record: RunRecord, folder: Path) -> dict[str, NDArray[np.float64]]:
    """Read the arrays of ``record`` from beside it; none where they are missing or not those that it names."""
    return _read(record, folder, ARRAYS)


def read_thumbnails(record: RunRecord, folder: Path) -> dict[str, bytes]:
    """Read the thumbnails of ``record`` from beside it; none where they are missing or not those that it names."""
    return {name: file.tobytes() for name, file in _read(record, folder, THUMBNAILS).items()}


def _read(record: RunRecord, folder: Path, name: str) -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load

    file, digest = folder / name, record.artifacts.get(name)
    if digest is None or not file.is_file():
        return {}
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        return {}
    found: dict[str, NDArray[Any]] = load(data)
    return found
