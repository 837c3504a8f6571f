"""Arrays beside ``run.json``: held-out losses and draws, too large for JSON and needed for paired comparisons."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.records import MeasureResult

__all__ = ["ARRAYS", "pack_arrays", "result_arrays"]

ARRAYS = "arrays.safetensors"


def result_arrays(results: list[MeasureResult]) -> dict[str, NDArray[np.float64]]:
    """Collect the draws and losses of results under ``target/backbone[/source]/measure/…`` names."""
    arrays = {}
    for r in results:
        if r.estimate is None:
            continue
        prefix = "/".join(p for p in (r.target, r.backbone, r.source, r.measure) if p)
        for part in ("draws", "losses"):
            values = getattr(r.estimate, part)
            if values is not None:
                arrays[f"{prefix}/{part}"] = np.ascontiguousarray(values)
    return arrays


def pack_arrays(arrays: dict[str, NDArray[np.float64]]) -> tuple[bytes, str]:
    """Return ``arrays`` as the bytes of a safetensors file, equal for equal arrays, and their sha256."""
    from safetensors.numpy import save

    data: bytes = save(dict(sorted(arrays.items())))
    return data, hashlib.sha256(data).hexdigest()
