"""``features:FILE``: features that were extracted before, one file per backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet, row_keys
from shiftscope.core.records import Skipped
from shiftscope.core.target import Target
from shiftscope.data.address import Address
from shiftscope.data.archive import Arrays, array, labels, open_archive
from shiftscope.errors import InputError

__all__ = ["FeatureFile", "feature_sets", "open_features"]


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """Features of n samples in the order of the file, with whatever else it holds about them."""

    uri: str
    name: str
    x: NDArray[np.float32]  # (n, d)
    target: Target | None  # None when the file has no labels
    ids: tuple[str, ...] | None = None
    keys: tuple[bytes, ...] | None = None  # hashes of the samples themselves
    groups: NDArray[Any] | None = None  # (n,)
    logits: NDArray[np.float32] | None = None  # (n, k)

    @property
    def n_available(self) -> int:
        """Number of samples."""
        return len(self.x)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Nothing is ever left out of a feature file."""
        return ()


def open_features(address: Address) -> FeatureFile:
    """Read features (n, d) from ``x``, and ``y``, ``ids``, ``keys``, ``groups`` and ``logits`` where the file has them.

    Raises
    ------
    InputError
        If the file or a key is missing, a shape is wrong, or features are NaN or infinite.
    """
    address.accept(("x", "y"))
    with open_archive(address.path) as arrays:
        x = array(arrays, address.options.get("x", "x"), address.path)
        target = labels(arrays, address, len(x)) if x.ndim else None
        ids, keys, groups, logits = (_optional(arrays, key, address) for key in ("ids", "keys", "groups", "logits"))
    # Made only for its checks, so that a bad file is refused before any work.
    FeatureSet.of(x, target, name=str(address.path), logits=logits, groups=groups, ids=_text(ids), keys=_bytes(keys))
    return FeatureFile(
        uri=address.uri,
        name=address.uri,
        x=x.astype(np.float32),
        target=target,
        ids=_text(ids),
        keys=_bytes(keys),
        groups=groups,
        logits=None if logits is None else logits.astype(np.float32),
    )


def feature_sets(files: Mapping[str, FeatureFile], *, name: str | None = None) -> dict[str, FeatureSet]:
    """Join the files of one data set, one per backbone: row i is the same sample in all of them.

    Samples get one canonical order for all files, so that folds and draws are paired across backbones whatever the
    order of the rows: by ``keys`` (hashes of the samples, as ``shiftscope embed -o`` writes them) where a file has
    them, otherwise by a hash over the row of the first file and the label. More files change nothing but the order of
    samples that are equal in the first.
    Labels, ids, keys and groups may stand in one file only.

    Raises
    ------
    InputError
        If the files differ in their number of rows, their labels, their ids or their groups.
    """
    if not files:
        raise InputError("No feature files were given: give at least one.")
    first = next(iter(files))
    n = len(files[first].x)
    for backbone, file in files.items():
        if len(file.x) != n:
            raise InputError(
                f"{files[first].uri} ({first}) has {n} rows and {file.uri} ({backbone}) has {len(file.x)}: "
                "extract the same samples with every backbone."
            )
    target = _agreed(files, {b: f.target for b, f in files.items()}, "labels") or Target.of(None, n=n)
    ids = _agreed(files, {b: f.ids for b, f in files.items()}, "ids")
    groups = _agreed(files, {b: f.groups for b, f in files.items()}, "groups")
    keys = _agreed(files, {b: f.keys for b, f in files.items()}, "keys")
    order = np.arange(n)
    if keys is None:
        # The others only break ties: in the hash they would make equal samples of two data sets look different.
        keys = tuple(row_keys(files[first].x, target).tolist())
        order = np.argsort(row_keys(np.hstack([file.x for file in files.values()]), target), kind="stable")
    place = order.tolist()
    rows = [str(i) for i in range(n)] if ids is None else ids
    return {
        backbone: FeatureSet.of(
            file.x[order],
            target.take(order),
            name=name or file.name,
            logits=None if file.logits is None else file.logits[order],
            groups=None if groups is None else groups[order],
            ids=[rows[i] for i in place],
            keys=[keys[i] for i in place],
        )
        for backbone, file in files.items()
    }


def _optional(arrays: Arrays, key: str, address: Address) -> NDArray[Any] | None:
    return array(arrays, key, address.path) if key in arrays else None


def _text(ids: NDArray[Any] | None) -> tuple[str, ...] | None:
    return None if ids is None else tuple(i.decode() if isinstance(i, bytes) else str(i) for i in ids.tolist())


def _bytes(keys: NDArray[Any] | None) -> tuple[bytes, ...] | None:
    return None if keys is None else tuple(k if isinstance(k, bytes) else str(k).encode() for k in keys.tolist())


def _agreed(files: Mapping[str, FeatureFile], parts: Mapping[str, Any], what: str) -> Any:
    """Return the one value the files have of ``what``; None when none has it."""
    given = {backbone: part for backbone, part in parts.items() if part is not None}
    if not given:
        return None
    (first, value), *others = given.items()
    for backbone, other in others:
        if not _same(value, other):
            raise InputError(
                f"{files[first].uri} ({first}) and {files[backbone].uri} ({backbone}) have different {what}: "
                "their rows must be the same samples in the same order."
            )
    return value


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Target):
        return (a.kind, a.class_names) == (b.kind, b.class_names) and np.array_equal(a.values, b.values)
    return np.array_equal(a, b)
