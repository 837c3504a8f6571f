"""Thumbnails of witness samples: made while the images are at hand, and kept beside the record."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.inputs import Inputs
from shiftscope.core.shift import ShiftDiagnosis, Witness
from shiftscope.data import FeatureFile, ImageSource, UnreadableError

__all__ = ["MOST", "add_thumbnails", "thumbnail"]

# Of a whole run, over both sides of all diagnoses that a report draws.
MOST = 24
# Pixels of the longer side, and below which the pixels of small pictures are repeated.
LARGEST, LEAST = 96, 64
# Bytes that a thumbnail should not exceed, and the JPEG qualities tried for that.
BYTES, QUALITIES = 4096, (85, 75, 60, 40)
# Characters of a content hash that name a thumbnail.
NAME = 16


def add_thumbnails(
    diagnoses: Sequence[ShiftDiagnosis], inputs: Inputs
) -> tuple[list[ShiftDiagnosis], dict[str, bytes]]:
    """Make thumbnails of the first witnesses of both sides, at most 24 in all; returns them by name.

    Only of diagnoses that a report draws and whose shift a test sees, and only where the data are images: what is not
    shown is not copied. A picture that can no longer be decoded has none.
    """
    images = {(role, data.name): data for role, data in inputs.by_role if not isinstance(data, FeatureFile)}
    drawn = [i for i, d in enumerate(diagnoses) if d.projection is not None and d.rejects and d.witnesses]
    drawn = drawn[: MOST // 2]
    made: dict[str, bytes] = {}
    found = list(diagnoses)
    for i in drawn:
        d, each = found[i], MOST // 2 // len(drawn)
        sides = {"source": images.get(("source", d.source)), "target": images.get(("target", d.target))}
        first = [w for side in sides for w in [w for w in d.witnesses if w.side == side][:each]]
        witnesses = [_pictured(w, sides[w.side], made) if w in first else w for w in d.witnesses]
        found[i] = d.model_copy(update={"witnesses": witnesses})
    return found, made


def thumbnail(picture: NDArray[np.uint8]) -> bytes:
    """Make a JPEG file of a picture (h, w, 3), at most 96 pixels long or wide: of its pixels alone, so without EXIF.

    Of small pictures every pixel is repeated until they are 64 pixels long or wide. It has about 4 kB at most.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    longer = max(image.size)
    if longer < LEAST:
        times = -(-LEAST // longer)
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    elif longer > LARGEST:
        w, h = (max(1, round(LARGEST * side / longer)) for side in image.size)
        image = image.resize((w, h), Image.Resampling.LANCZOS)
    for quality in QUALITIES:
        file = BytesIO()
        image.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= BYTES:
            break
    return file.getvalue()


def _pictured(witness: Witness, images: ImageSource | None, made: dict[str, bytes]) -> Witness:
    """The witness with the name of its thumbnail, which is added to ``made``; as it is where it can have none."""
    if images is None or witness.id not in images.ids:
        return witness
    at = images.ids.index(witness.id)
    name = images.keys[at].decode()[:NAME]
    if name not in made:
        try:
            made[name] = thumbnail(images.decode(at))
        except UnreadableError:
            return witness
    return witness.model_copy(update={"thumbnail": name})
