"""Features alone: into the store, and into files for other tools."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shiftscope.backbones import open_backbones
from shiftscope.core.features import FeatureSet
from shiftscope.core.files import write_atomic
from shiftscope.core.progress import Progress
from shiftscope.data import FeatureFile, open_source, per_class
from shiftscope.errors import InputError
from shiftscope.extraction import Extraction, Store, extract

__all__ = ["embed_all", "save_features"]


def embed_all(
    data: str,
    backbones: Sequence[str],
    *,
    per_class_n: int | None = None,
    seed: int = 0,
    device: str = "auto",
    cache: Path | None = None,
    trust_code: bool = False,
    progress: Progress | None = None,
) -> Extraction:
    """Extract features of the images at ``data`` under every backbone named, or take them from the store.

    Raises
    ------
    InputError
        If ``data`` holds features already.
    """
    opened = [b for uri in backbones for b in open_backbones(uri, trust_code=trust_code, seed=seed)]
    source = open_source(data)
    if isinstance(source, FeatureFile):
        raise InputError(f"{data} holds features already: name images, for example imagefolder:photos.")
    if per_class_n is not None:
        source = source.take(per_class(source.target, per_class_n, seed))
    return extract(source, opened, store=Store(cache), device=device, progress=progress)


def save_features(features: FeatureSet, file: Path) -> Path:
    """Write ``features`` to a ``.npz`` file that ``features:FILE`` reads, and return its path.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    arrays = {"x": features.features, "ids": np.array(features.ids), "keys": features.keys}
    if features.target.kind == "class":
        arrays["y"] = np.array(features.target.names())
    elif features.target.kind != "none":
        arrays["y"] = features.target.values
    for name in ("logits", "groups"):
        if getattr(features, name) is not None:
            arrays[name] = getattr(features, name)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    try:
        write_atomic(file, packed.getvalue())
    except OSError as reason:
        raise InputError(f"{file} cannot be written ({reason.strerror}): name another folder.") from None
    return file
