"""Arrays beside ``run.json``: held-out losses and draws, too large for JSON and needed for paired comparisons."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.records import MeasureResult, RunRecord

__all__ = ["ARRAYS", "array_name", "pack_arrays", "read_arrays", "result_arrays"]

ARRAYS = "arrays.safetensors"
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


def pack_arrays(arrays: dict[str, NDArray[np.float64]]) -> tuple[bytes, str]:
    """Return ``arrays`` as the bytes of a safetensors file, equal for equal arrays, and their sha256."""
    from safetensors.numpy import save

    data: bytes = save(dict(sorted(arrays.items())))
    return data, hashlib.sha256(data).hexdigest()


def read_arrays(record: RunRecord, folder: Path) -> dict[str, NDArray[np.float64]]:
    """Read the arrays of ``record`` from beside it; none where they are missing or not those that it names."""
    from safetensors.numpy import load

    file, digest = folder / ARRAYS, record.artifacts.get(ARRAYS)
    if digest is None or not file.is_file():
        return {}
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        return {}
    found: dict[str, NDArray[np.float64]] = load(data)
    return found
