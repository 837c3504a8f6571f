"""Changes of which samples there are and what they are called; no pixel changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.records import Skipped
from shiftscope.core.seeds import stream
from shiftscope.core.target import Target
from shiftscope.data.source import ImageSource, UnreadableError, check_unreadable
from shiftscope.errors import InputError

__all__ = ["SAMPLES", "SampleChange", "changed_samples"]

Rows: TypeAlias = NDArray[np.intp]
THUMBNAIL = 64  # side of the picture on which its detail is measured


@dataclass(frozen=True)
class SampleChange:
    """A change of a set: which samples stay, under which labels, at the levels of the strengths 1 to 5."""

    change: Callable[[ImageSource, float, int], ImageSource]
    levels: tuple[float, float, float, float, float]
    unit: str
    n_classes: int  # classes needed at least


def changed_samples(source: ImageSource, kind: str, strength: int, seed: int) -> ImageSource:
    """Return the samples of ``source`` that stay, with their labels; pictures and content keys are those of before.

    Raises
    ------
    InputError
        If the kind needs more classes than there are, or more than 1 % of the pictures cannot be read where a kind
        looks at them.
    """
    how = SAMPLES[kind]
    if source.target.n_classes < how.n_classes:
        has = f"{source.target.n_classes} classes" if source.target.kind == "class" else "no classes"
        raise InputError(f"{kind} needs {how.n_classes} classes or more, and {source.name} has {has}.")
    return how.change(source, how.levels[strength - 1], seed)


def _keep(source: ImageSource, rows: Rows) -> ImageSource:
    """The samples at ``rows``, as a data set of its own rather than a subsample of one."""
    return replace(source.take(rows), n_available=len(rows))


def _class_drop(source: ImageSource, level: float, seed: int) -> ImageSource:
    n_classes = source.target.n_classes
    n_dropped = max(1, round(level * (n_classes - 2)))
    dropped = _order(source, seed)[:n_dropped]
    return _keep(source, np.flatnonzero(~np.isin(source.target.values, dropped)))


def _class_balance(source: ImageSource, level: float, seed: int) -> ImageSource:
    n_classes = source.target.n_classes
    kept = []
    for rank, code in enumerate(_order(source, seed)):
        share = level ** (-(n_classes - 1 - rank) / (n_classes - 1))
        rows = np.flatnonzero(source.target.values == code)
        drawn = stream(seed, "class_balance", source.target.class_names[code]).permutation(rows)
        kept.append(drawn[: ceil(share * len(rows))])
    return _keep(source, np.sort(np.concatenate(kept)))


def _order(source: ImageSource, seed: int) -> Rows:
    """The classes in random order, those first that are dropped first or get rarest."""
    return stream(seed, "classes to lose").permutation(source.target.n_classes)


def _label_flip(source: ImageSource, level: float, seed: int) -> ImageSource:
    target, codes = source.target, source.target.values.copy()
    # Keys stay, so flips on flips would go by the same numbers, and two classes be flipped back.
    again = ["again"] * source.uri.count("label_flip=")
    for i, key in enumerate(source.keys.tolist()):
        rng = stream(seed, "label_flip", key.decode(), *again)
        if rng.random() < level:
            codes[i] = (codes[i] + rng.integers(1, target.n_classes)) % target.n_classes
    # ``take`` drops the names of classes that have lost all their samples.
    return replace(source, target=Target("class", codes, target.class_names).take(np.arange(source.n)))


def _subpopulation(source: ImageSource, level: float, _seed: int) -> ImageSource:
    detail, failed = np.full(source.n, np.inf), []
    for i in range(source.n):
        try:
            detail[i] = _detail(source.decode(i))
        except UnreadableError as reason:
            failed.append(Skipped(file=source.ids[i], reason=str(reason)))
    check_unreadable(failed, source.n, source.uri)
    kept = []
    for code in np.unique(source.target.strata):
        rows = np.flatnonzero((source.target.strata == code) & np.isfinite(detail))
        plainest = rows[np.argsort(detail[rows], kind="stable")]
        kept.append(plainest[: ceil(level * len(rows))])
    return replace(_keep(source, np.sort(np.concatenate(kept))), skipped=(*source.skipped, *failed))


def _detail(picture: NDArray[np.uint8]) -> float:
    """Mean absolute difference between neighbouring pixels of a small grey copy: little for a plain picture."""
    from PIL import Image
    from PIL.Image import Resampling

    small = Image.fromarray(picture).convert("L").resize((THUMBNAIL, THUMBNAIL), Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


SAMPLES = {
    "class_drop": SampleChange(
        _class_drop, (0.2, 0.4, 0.6, 0.8, 1), "share of the classes beyond two that is left out, one at least", 3
    ),
    "class_balance": SampleChange(
        _class_balance,
        (1.5, 2, 4, 8, 16),
        "how many times rarer the rarest class becomes, the others between on a geometric scale",
        2,
    ),
    "label_flip": SampleChange(
        _label_flip, (0.03, 0.06, 0.12, 0.25, 0.5), "share of the labels that become another class at random", 2
    ),
    "subpopulation": SampleChange(
        _subpopulation, (0.9, 0.75, 0.6, 0.45, 0.3), "share of each class that stays, its pictures of least detail", 0
    ),
}
