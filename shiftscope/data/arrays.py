"""``npz:FILE?x=KEY&y=KEY``: images kept as one array."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.target import Target
from shiftscope.data.address import Address
from shiftscope.data.archive import array, labels, open_archive
from shiftscope.data.source import ImageSource
from shiftscope.errors import InputError

__all__ = ["open_npz"]


def open_npz(address: Address) -> ImageSource:
    """Open an array of images, uint8 (n, h, w), (n, h, w, 1) or (n, h, w, 3), default key ``x``.

    Labels are read from ``y`` if the file has it: (n,) or (n, 1) names or integers; an array ``classes`` gives
    integer codes their names. Content hashes cover each image's shape and pixels.

    Raises
    ------
    InputError
        If the file, a key, a shape or a type is not as described.
    """
    address.accept(("x", "y"))
    key = address.options.get("x", "x")
    with open_archive(address.path) as arrays:
        pictures = _pictures(array(arrays, key, address.path), f"{address.uri}: the array {key!r}")
        target = labels(arrays, address, len(pictures))
    return ImageSource.of(
        address.uri,
        keys=[_content_hash(p) for p in pictures],
        ids=[str(i) for i in range(len(pictures))],
        target=target or Target.of(None, n=len(pictures)),
        read=_Reader(pictures),
    )


class _Reader:
    """Returns the i-th picture as RGB; a view, so that nothing is copied."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self.pictures = pictures

    def __call__(self, i: int) -> NDArray[np.uint8]:
        h, w, _ = self.pictures[i].shape
        return np.broadcast_to(self.pictures[i], (h, w, 3))


def _pictures(x: NDArray[Any], what: str) -> NDArray[np.uint8]:
    """Check ``x`` and give it a last axis of 1 or 3 channels."""
    if x.dtype != np.uint8:
        advice = "multiply values in 0..1 by 255 and convert" if x.dtype.kind == "f" else "convert"
        raise InputError(f"{what} has type {x.dtype}: give images as uint8 ({advice}).")
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[3] not in (1, 3) or 0 in x.shape:
        raise InputError(f"{what} has shape {x.shape}: give images as (n, h, w) or (n, h, w, 3), channels last.")
    return x


def _content_hash(picture: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()
