"""``imagefolder:DIR``: one folder per class, or a flat folder without labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.target import Target
from shiftscope.data.address import Address
from shiftscope.data.hashes import hash_pictures
from shiftscope.data.picture import SUFFIXES, decode_picture
from shiftscope.data.source import ImageSource, UnreadableError, check_unreadable
from shiftscope.errors import InputError

__all__ = ["open_imagefolder"]


def open_imagefolder(address: Address) -> ImageSource:
    """Open a folder of JPEG, PNG, WebP and BMP files; every header is read, no picture is decoded.

    A file's class is the first folder on its path, at any depth below; a folder without class folders is
    unlabelled. Hidden files and folders and other kinds of files are passed over. Links to folders are followed,
    unless they lead back up.

    Raises
    ------
    InputError
        If there is no such folder or no picture in it, if pictures lie both beside and inside class folders, if a
        class folder holds no usable picture or all of them hold the same folders (train/dog, val/dog: these are
        parts, not classes), or if more than 1 % of the pictures cannot be read.
    """
    address.accept(())
    root = address.path
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise InputError(f"{address.uri}: the folder {what}: give a folder of images.")
    files = _pictures(root)
    if not files:
        raise InputError(f"{address.uri}: no JPEG, PNG, WebP or BMP file in this folder or below it.")
    labelled = _has_classes(files, address.uri)
    hashes, failed = hash_pictures(root, files)
    check_unreadable(failed, len(files), address.uri)
    usable = [f for f in files if f in hashes]
    classes = [f.split("/")[0] for f in usable] if labelled else None
    if classes is not None:
        _demand_classes(root, files, set(classes), address.uri)
    return ImageSource.of(
        address.uri,
        keys=[hashes[f] for f in usable],
        ids=usable,
        target=Target.of(classes, n=len(usable)),
        read=_Reader(root, usable),
        skipped=failed,
    )


class _Reader:
    """Decodes the i-th of a folder's files; safe to call from several threads."""

    def __init__(self, root: Path, files: Sequence[str]) -> None:
        self.root, self.files = root, files

    def __call__(self, i: int) -> NDArray[np.uint8]:
        try:
            return decode_picture((self.root / self.files[i]).read_bytes())
        except OSError as reason:
            raise UnreadableError(reason.strerror or type(reason).__name__) from None


def _pictures(root: Path) -> list[str]:
    """Paths of all pictures below ``root``, relative to it, with forward slashes, sorted."""
    found = []
    for folder, below, names in os.walk(root, followlinks=True):
        here = Path(folder).resolve()
        # A link to a folder above would be followed for ever.
        below[:] = [b for b in below if not b.startswith(".") and not here.is_relative_to((here / b).resolve())]
        place = Path(folder).relative_to(root)
        found += [(place / n).as_posix() for n in names if not n.startswith(".") and Path(n).suffix.lower() in SUFFIXES]
    return sorted(found)


def _has_classes(files: Sequence[str], uri: str) -> bool:
    beside = [f for f in files if "/" not in f]
    inside = [f for f in files if "/" in f]
    if beside and inside:
        raise InputError(
            f"{uri}: {len(beside)} pictures lie in the folder itself (first: {beside[0]}) and {len(inside)} in class "
            f"folders (first: {inside[0]}): move the former into class folders, or give a flat folder."
        )
    return bool(inside)


def _demand_classes(root: Path, files: Sequence[str], usable: set[str], uri: str) -> None:
    """Refuse class folders without a usable picture, and parts of a data set that stand where classes should."""
    folders = sorted(f.name for f in root.iterdir() if not f.name.startswith(".") and (f.is_dir() or f.is_symlink()))
    empty = [f for f in folders if f not in usable]
    if empty:
        raise InputError(
            f"{uri}: the class folder {empty[0]!r} holds no usable JPEG, PNG, WebP or BMP file: add some, or remove it."
        )
    inner = {name: {tuple(f.split("/")[1:-1])[:1] for f in files if f.split("/")[0] == name} for name in usable}
    kinds = list(inner.values())
    if len(kinds) > 1 and () not in kinds[0] and len(kinds[0]) > 1 and all(k == kinds[0] for k in kinds):
        parts = ", ".join(sorted(usable)[:3])
        raise InputError(
            f"{uri}: {parts} all hold the same folders, so they look like parts of a data set and not like classes: "
            f"give one of them, for example {uri}/{min(usable)}."
        )
