"""Decoding and resizing, ahead of the networks: each picture is decoded once, and resized once per geometry."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.data import ImageSource, UnreadableError

__all__ = ["Batch", "Geometry", "Order", "fit", "prepare"]

Geometry: TypeAlias = tuple[int, int, int, str]  # resize, crop, channels, interpolation
Fitted: TypeAlias = dict[Geometry, NDArray[np.uint8]]

MAX_THREADS = 4
MAX_RATIO = 32  # of a picture's sides


@dataclass(frozen=True, eq=False)
class Order:
    """A request: these samples of the set, in these geometries."""

    rows: NDArray[np.int64]
    geometries: Collection[Geometry]


@dataclass(frozen=True, eq=False)
class Batch:
    """The answer to an order; samples that could not be decoded are left out of ``rows`` and ``pictures``."""

    rows: NDArray[np.int64]  # (m,)
    pictures: Fitted  # geometry -> (m, h, w, channels)
    unreadable: dict[int, str]  # sample -> reason


def prepare(source: ImageSource, orders: Iterable[Order], *, ahead: bool) -> Generator[Batch]:
    """Answer orders one after another, decoding in a few threads.

    With ``ahead`` the next order is decoded while the last is being used: worth it when networks run elsewhere
    than on the processor, where both would wait for each other.
    """
    pool = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1))
    waiting: deque[tuple[Order, list[Future[Fitted | str]]]] = deque()
    try:
        for order in orders:
            waiting.append((order, [pool.submit(_fitted, source, int(i), order.geometries) for i in order.rows]))
            while len(waiting) > ahead:
                yield _gathered(*waiting.popleft())
        while waiting:
            yield _gathered(*waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def fit(picture: NDArray[np.uint8], geometry: Geometry) -> NDArray[np.uint8]:
    """Resize the shorter side, cut the centre and choose channels: uint8 (h, w, 3) -> (crop, crop, channels).

    Grey is ITU-R 601 luma, taken first. Resizing is Pillow's, antialiased, on uint8: one result on every device,
    and pixel for pixel what torchvision's ``Resize`` and ``CenterCrop`` make of a Pillow image.
    """
    from PIL import Image

    resize, crop, channels, interpolation = geometry
    image = Image.fromarray(_not_too_long(picture))
    if channels == 1:
        image = image.convert("L")
    w, h = image.size
    size = (resize, int(resize * h / w)) if w <= h else (int(resize * w / h), resize)
    if size != (w, h):
        image = image.resize(size, Image.Resampling[interpolation.upper()])
    left, top = round((size[0] - crop) / 2), round((size[1] - crop) / 2)
    return np.asarray(image.crop((left, top, left + crop, top + crop))).reshape(crop, crop, channels)


def _not_too_long(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut the ends off a strip: resized as a whole, one of 1 x 60 000 pixels would fill the memory."""
    most = MAX_RATIO * min(picture.shape[:2])
    h, w = (max(0, (side - most) // 2) for side in picture.shape[:2])
    return np.ascontiguousarray(picture[h : picture.shape[0] - h, w : picture.shape[1] - w])


def _fitted(source: ImageSource, i: int, geometries: Collection[Geometry]) -> Fitted | str:
    """Return the picture in all geometries, or the reason why it cannot be decoded."""
    try:
        picture = source.decode(i)
    except UnreadableError as reason:
        return str(reason)
    return {g: fit(picture, g) for g in geometries}


def _gathered(order: Order, tasks: list[Future[Fitted | str]]) -> Batch:
    answers = [t.result() for t in tasks]
    good = [a for a in answers if not isinstance(a, str)]
    return Batch(
        rows=np.array([r for r, a in zip(order.rows, answers, strict=True) if not isinstance(a, str)], dtype=np.int64),
        pictures={g: np.stack([a[g] for a in good]) for g in order.geometries} if good else {},
        unreadable={int(r): a for r, a in zip(order.rows, answers, strict=True) if isinstance(a, str)},
    )
