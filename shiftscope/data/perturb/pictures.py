"""Changes of pixels: what a camera, a light, a lens or a codec does to all pictures of a set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.seeds import stream
from shiftscope.data.source import ImageSource

__all__ = ["PICTURES", "PictureChange", "changed_pictures"]

Picture: TypeAlias = NDArray[np.uint8]  # (h, w, 3)


@dataclass(frozen=True)
class PictureChange:
    """A change of one picture: how it is done, and how much of it there is at the strengths 1 to 5."""

    change: Callable[[Picture, float, np.random.Generator], Picture]
    levels: tuple[float, float, float, float, float]
    unit: str


def changed_pictures(source: ImageSource, kind: str, strength: int, seed: int) -> ImageSource:
    """Return ``source`` with pictures that are changed when they are decoded, under other content keys."""
    how = PICTURES[kind]
    level = how.levels[strength - 1]
    made = ImageSource.of(
        source.uri,
        keys=[_key(kind, level, seed, key) for key in source.keys.tolist()],
        ids=source.ids,
        target=source.target,
        read=_Reader(source, kind, level, seed),
        skipped=source.skipped,
    )
    return replace(made, n_available=source.n_available)


def _key(kind: str, level: float, seed: int, key: bytes) -> str:
    # The level, not the strength: should a strength come to mean something else, old features do not pass for new.
    return hashlib.sha256(f"perturb {kind} {level!r} {seed} {key.decode()}".encode()).hexdigest()


class _Reader:
    """Decodes the i-th picture of a source and changes it; as safe to call from several threads as the source."""

    def __init__(self, source: ImageSource, kind: str, level: float, seed: int) -> None:
        self.source, self.kind, self.level, self.seed = source, kind, level, seed

    def __call__(self, i: int) -> Picture:
        rng = stream(self.seed, "perturb", self.kind, self.source.keys[i].decode())
        return PICTURES[self.kind].change(self.source.decode(i), self.level, rng)


def _noise(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    return _whole(picture + np.float32(level) * rng.standard_normal(picture.shape, dtype=np.float32))


def _blur(picture: Picture, level: float, _rng: np.random.Generator) -> Picture:
    from PIL import Image, ImageFilter

    radius = level * min(picture.shape[:2])
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def _brightness(picture: Picture, level: float, _rng: np.random.Generator) -> Picture:
    return _whole(picture + np.float32(level))


def _colour_cast(picture: Picture, level: float, _rng: np.random.Generator) -> Picture:
    return _whole(picture * np.array([1 + level, 1, 1 - level], dtype=np.float32))


def _jpeg(picture: Picture, level: float, _rng: np.random.Generator) -> Picture:
    from PIL import Image

    coded = BytesIO()
    Image.fromarray(picture).save(coded, "JPEG", quality=int(level))
    with Image.open(coded) as image:
        return np.asarray(image)


def _resolution(picture: Picture, level: float, _rng: np.random.Generator) -> Picture:
    from PIL import Image
    from PIL.Image import Resampling

    image = Image.fromarray(picture)
    width, height = (max(1, round(side / level)) for side in image.size)
    return np.asarray(image.resize((width, height), Resampling.BICUBIC).resize(image.size, Resampling.BICUBIC))


def _whole(values: NDArray[Any]) -> Picture:
    return np.asarray(np.rint(np.clip(values, 0, 255)), dtype=np.uint8)


PICTURES = {
    "noise": PictureChange(_noise, (4, 8, 16, 32, 64), "standard deviation of Gaussian noise, in levels of 255"),
    "blur": PictureChange(
        _blur, (0.0025, 0.005, 0.01, 0.02, 0.04), "standard deviation of a Gaussian, as a share of the shorter side"
    ),
    "brightness": PictureChange(_brightness, (6, 12, 24, 48, 96), "levels of 255 that are added"),
    "colour_cast": PictureChange(
        _colour_cast, (0.03, 0.06, 0.12, 0.24, 0.48), "share by which red is raised and blue is lowered"
    ),
    "jpeg": PictureChange(_jpeg, (70, 45, 25, 12, 6), "JPEG quality"),
    "resolution": PictureChange(_resolution, (1.5, 2, 3, 5, 8), "factor by which a picture is reduced, then enlarged"),
}
