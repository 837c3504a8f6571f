"""What is to be predicted: classes, several labels at once, real values, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftscope.errors import InputError

__all__ = ["Target", "TargetKind"]

TargetKind: TypeAlias = Literal["class", "multilabel", "real", "none"]


@dataclass(frozen=True, eq=False)
class Target:
    """The target of n samples, whatever its kind, with one (n, K) view for linear measures.

    Parameters
    ----------
    kind
        ``"class"`` (one of C names), ``"multilabel"`` (0/1 columns), ``"real"`` (columns) or ``"none"``.
    values
        ``class``: int64 codes (n,) into ``class_names``; ``multilabel`` and ``real``: float64 (n, K);
        ``none``: empty (n, 0).
    class_names
        The names behind the codes, sorted; every one occurs at least once.
    """

    kind: TargetKind
    values: NDArray[Any]
    class_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, y: ArrayLike | None, *, n: int | None = None) -> Target:
        """Infer the kind of ``y``: None, strings or integers (classes), (n, K) 0/1 (labels), floats (real).

        Integers may skip values and strings may be any text: classes are kept by name. A one-column (n, 1)
        array counts as (n,).

        Raises
        ------
        InputError
            If ``y`` holds NaN or infinite values, has more than two dimensions, or a type without meaning here.
        """
        if y is None:
            if n is None:
                raise InputError("A target without labels needs the number of samples: pass n.")
            return cls("none", np.empty((n, 0)))
        raw = np.asarray(y)
        if raw.ndim == 2 and raw.shape[1] == 1:
            raw = raw[:, 0]
        if raw.ndim == 1 and raw.dtype.kind in "iubUSOT":
            return cls._classes(raw)
        if raw.dtype.kind not in "iubf" or raw.ndim not in (1, 2):
            raise InputError(
                f"Labels have shape {raw.shape} and type {raw.dtype}: give (n,) names or integers, "
                "(n, K) zeros and ones, or real values."
            )
        values = raw.astype(np.float64).reshape(len(raw), -1)
        if not np.isfinite(values).all():
            raise InputError(f"{_count_bad(values)} of {len(values)} labels are NaN or infinite: drop these samples.")
        if raw.ndim == 2 and np.isin(values, (0.0, 1.0)).all():
            return cls("multilabel", _frozen(values))
        return cls("real", _frozen(values))

    @classmethod
    def _classes(cls, raw: NDArray[Any]) -> Target:
        names = np.array([_name(v) for v in raw.tolist()], dtype=np.str_)
        found, codes = np.unique(names, return_inverse=True)
        # Integers sort as numbers, so that "10" follows "9" in every table.
        order = np.argsort([int(v) for v in found]) if raw.dtype.kind in "iu" else np.arange(len(found))
        place = np.empty(len(found), dtype=np.int64)
        place[order] = np.arange(len(found))
        return cls("class", _frozen(place[codes]), tuple(str(v) for v in found[order]))

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.values)

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 unless the kind is ``"class"``."""
        return len(self.class_names)

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """The (n, K) float64 view: one-hot classes, 0/1 labels or real values."""
        if self.kind != "class":
            return self.values
        return _frozen(np.eye(self.n_classes)[self.values])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Samples per class (C,)."""
        return np.bincount(self.values, minlength=self.n_classes) if self.kind == "class" else np.empty(0, np.int64)

    @cached_property
    def strata(self) -> NDArray[np.int64]:
        """What folds and half-samples are stratified by: the class codes, otherwise one stratum for all."""
        return self.values if self.kind == "class" else np.zeros(self.n, dtype=np.int64)

    def names(self) -> list[str]:
        """The class name of every sample."""
        return [self.class_names[c] for c in self.values] if self.kind == "class" else []

    def take(self, index: NDArray[np.intp]) -> Target:
        """Return the target of the samples at ``index``; classes left without a sample disappear."""
        if self.kind == "class":
            picked = self.values[index]
            kept = np.unique(picked)
            return Target("class", _frozen(np.searchsorted(kept, picked)), tuple(self.class_names[c] for c in kept))
        return Target(self.kind, _frozen(self.values[index]))


def _name(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    return str(value)


def _count_bad(values: NDArray[np.float64]) -> int:
    return int((~np.isfinite(values)).any(axis=1).sum())


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values
