"""Named arrays from .npz and .safetensors files; nothing pickled is ever read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from shiftscope.core.target import Target
from shiftscope.data.address import Address
from shiftscope.errors import InputError, UnknownNameError

__all__ = ["Arrays", "array", "labels", "open_archive"]

Arrays = Mapping[str, NDArray[Any]]


@contextmanager
def open_archive(path: Path) -> Iterator[Arrays]:
    """Open an .npz or .safetensors file; arrays of an .npz are read when asked for.

    Raises
    ------
    InputError
        If the file is missing or is not what its suffix says.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist: give the path of an .npz or .safetensors file.")
    if path.suffix == ".safetensors":
        yield _safetensors(path)
    elif path.suffix == ".npz":
        with _npz(path) as arrays:
            yield arrays
    else:
        raise InputError(f"{path} has the suffix {path.suffix!r}: give an .npz or .safetensors file.")


def _npz(path: Path) -> NpzFile:
    try:
        arrays: NpzFile = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        raise InputError(f"{path} is not an .npz archive: write it with numpy.savez.") from None
    return arrays


def _safetensors(path: Path) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays: Arrays = load_file(path)
    except (SafetensorError, TypeError, KeyError) as reason:
        # TypeError and KeyError stand for number types that numpy does not have (bfloat16, float8).
        raise InputError(f"{path} cannot be read as safetensors ({reason}): write it again, as float32.") from None
    return arrays


def array(arrays: Arrays, key: str, path: Path) -> NDArray[Any]:
    """Return the array named ``key``.

    Raises
    ------
    InputError
        If there is none of that name, or it holds Python objects or is damaged.
    """
    if key not in arrays:
        raise UnknownNameError("array", key, arrays.keys(), at=str(path))
    try:
        return np.asarray(arrays[key])
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as reason:
        problem = "holds Python objects" if "allow_pickle" in str(reason) else "is damaged"
        raise InputError(f"{path}: the array {key!r} {problem}: save it again as plain numbers or text.") from None


def labels(arrays: Arrays, address: Address, n: int) -> Target | None:
    """Return the target stored under the address's ``y`` (default ``"y"``), None when there is none.

    Integer codes become the names in the array ``classes`` where the file has one.

    Raises
    ------
    InputError
        If ``y`` was asked for and is not there, its length is not ``n``, or a code has no name.
    """
    key = address.options.get("y", "y")
    if key not in arrays and "y" not in address.options:
        return None
    y = array(arrays, key, address.path)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape[:1] != (n,):
        raise InputError(f"{address.uri}: {n} samples but labels of shape {y.shape}: give one label per sample.")
    if "classes" in arrays and y.ndim == 1 and y.dtype.kind in "iu":
        names = array(arrays, "classes", address.path)
        if n and not 0 <= int(y.min()) <= int(y.max()) < len(names):
            raise InputError(
                f"{address.uri}: labels run from {y.min()} to {y.max()} but 'classes' holds {len(names)} names: "
                "give codes into it, or leave 'classes' out."
            )
        return Target.of(names[y])
    return Target.of(y)
