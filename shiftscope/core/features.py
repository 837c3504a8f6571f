"""Features of one data set under one backbone, and pairs of them: what every measure takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftscope.core.moments import Moments
from shiftscope.core.records import BackboneCard
from shiftscope.core.target import Target
from shiftscope.errors import InputError

__all__ = ["FeatureSet", "LayerStats", "Pair", "row_keys"]

T = TypeVar("T")
MEDIAN_POINTS = 2000
# Of squared distances, in units of the squared norms that they are differences of.
DUST = 1e-12


@dataclass(frozen=True, eq=False)
class LayerStats:
    """Inputs of one batch-norm layer on these samples against the statistics the layer carries, all (c,)."""

    mean: NDArray[np.float64]
    var: NDArray[np.float64]
    running_mean: NDArray[np.float64]
    running_var: NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class FeatureSet:
    """n samples seen by one backbone; made by ``FeatureSet.of`` and never changed.

    Rows stand in canonical order (by ``keys``, hashes of the samples' contents), so that no result depends on
    the order in which samples arrived; ``ids`` lead back to the files or rows they came from.
    """

    features: NDArray[np.float32]  # (n, d), read-only
    target: Target
    keys: NDArray[np.bytes_]  # (n,) content hashes, ascending
    ids: tuple[str, ...]
    name: str = "data"
    logits: NDArray[np.float32] | None = None  # (n, k) of the source head
    layer_stats: dict[str, LayerStats] = field(default_factory=dict)
    groups: NDArray[np.int64] | None = None  # (n,) samples of one group are not independent
    card: BackboneCard | None = None
    _memo: dict[Hashable, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        model = f" under {self.card.name}" if self.card else ""
        kind = f"{self.target.n_classes} classes" if self.target.kind == "class" else f"target {self.target.kind}"
        return f"<FeatureSet {self.name}{model}: {self.n} samples x {self.d} features, {kind}>"

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        y: ArrayLike | Target | None = None,
        *,
        name: str = "data",
        logits: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
        keys: Sequence[bytes] | None = None,
        layer_stats: dict[str, LayerStats] | None = None,
        card: BackboneCard | None = None,
    ) -> FeatureSet:
        """Check ``x`` (n, d) and what belongs to it, and put the samples in canonical order.

        Parameters
        ----------
        x
            Finite real features; kept as float32.
        y
            Labels of any kind ``Target.of`` knows, or None.
        keys
            Hashes of the samples themselves. Pass them when several backbones saw the same samples, so that
            all of them order (and pair) these alike; by default the rows are hashed.

        Raises
        ------
        InputError
            On wrong shapes, NaN or infinite features, or lengths that differ.
        """
        rows = _checked(x, name)
        n = len(rows)
        target = y if isinstance(y, Target) else Target.of(y, n=n)
        group = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
        head = None if logits is None else np.asarray(logits, dtype=np.float32)
        for what, size in (
            ("labels", target.n),
            ("groups", n if group is None else len(group)),
            ("logits", n if head is None else len(head)),
            ("ids", n if ids is None else len(ids)),
            ("keys", n if keys is None else len(keys)),
        ):
            if size != n:
                raise InputError(f"{name} has {n} feature rows but {size} {what}: give one per sample.")
        hashes = row_keys(rows, target) if keys is None else np.array(keys)
        order = np.lexsort((target.strata, hashes))
        labels = [str(i) for i in range(n)] if ids is None else list(ids)
        rows = np.ascontiguousarray(rows[order])
        rows.setflags(write=False)
        return cls(
            features=rows,
            target=target.take(order),
            keys=hashes[order],
            ids=tuple(labels[i] for i in order),
            name=name,
            logits=None if head is None else head[order],
            layer_stats=layer_stats or {},
            groups=None if group is None else group[order],
            card=card,
        )

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.features)

    @property
    def d(self) -> int:
        """Feature dimension."""
        return len(self.features[0])

    @cached_property
    def moments(self) -> Moments:
        """First and second moments of features and target, in float64."""
        return Moments.of(self.features, self.target.matrix, names=self.target.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of features, labels and groups in canonical order."""
        digest = hashlib.sha256()
        digest.update(repr((self.features.shape, self.target.kind, self.target.class_names)).encode())
        digest.update(self.features.tobytes())
        digest.update(np.ascontiguousarray(self.target.values).tobytes())
        if self.groups is not None:
            digest.update(self.groups.tobytes())
        return digest.hexdigest()

    def memo(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` returned for ``key`` the first time: intermediates that measures share."""
        if key not in self._memo:
            self._memo[key] = make()
        value: T = self._memo[key]
        return value

    def take(self, index: NDArray[np.intp]) -> FeatureSet:
        """Return the samples at ``index`` (positions in canonical order), again in canonical order."""
        index = np.sort(index)
        rows = np.ascontiguousarray(self.features[index])
        rows.setflags(write=False)
        return replace(
            self,
            features=rows,
            target=self.target.take(index),
            keys=self.keys[index],
            ids=tuple(self.ids[i] for i in index),
            logits=None if self.logits is None else self.logits[index],
            groups=None if self.groups is None else self.groups[index],
            layer_stats={},
            _memo={},
        )


@dataclass(frozen=True, eq=False)
class Pair:
    """A source and a target under one backbone.

    Whatever is fitted before a test (bandwidth, scale, PCA) is a symmetric function of the pooled sample:
    otherwise a permutation test would not be exact.

    Raises
    ------
    InputError
        If the two sides have different feature dimensions.
    """

    source: FeatureSet
    target: FeatureSet

    def __post_init__(self) -> None:
        if self.source.d != self.target.d:
            raise InputError(
                f"{self.source.name} has {self.source.d} features and {self.target.name} has {self.target.d}: "
                "extract both with the same backbone."
            )

    @cached_property
    def pooled(self) -> NDArray[np.float32]:
        """Both samples, source rows first (n + m, d)."""
        return np.concatenate([self.source.features, self.target.features])

    @cached_property
    def is_source(self) -> NDArray[np.bool_]:
        """True on the source rows of ``pooled``."""
        return np.arange(self.source.n + self.target.n) < self.source.n

    @cached_property
    def bandwidth(self) -> float:
        """Median distance between pooled samples; over 2 000 of them, chosen by hash, when there are more.

        Zero distances (duplicates, dead features) are left out; all equal samples give 1.
        """
        rows = self.pooled
        if len(rows) > MEDIAN_POINTS:
            keys = np.concatenate([self.source.keys, self.target.keys])
            rows = rows[np.argsort(keys, kind="stable")[:MEDIAN_POINTS]]
        x = rows.astype(np.float64)
        x -= x.mean(axis=0)
        square = (x**2).sum(axis=1)
        sums = square[:, None] + square
        upper = np.triu_indices(len(x), 1)
        distance = (sums - 2.0 * x @ x.T)[upper]
        # Cancellation leaves dust where two samples are equal: what is below it counts as zero.
        positive = distance[distance > np.maximum(DUST * sums[upper], np.finfo(float).tiny)]
        return float(np.sqrt(np.median(positive))) if len(positive) else 1.0

    @cached_property
    def shared_classes(self) -> tuple[str, ...]:
        """Class names that both sides have, in the source's order."""
        return tuple(c for c in self.source.target.class_names if c in self.target.target.class_names)

    def of_class(self, name: str) -> Pair:
        """Return the pair restricted to one class that both sides have."""
        return Pair(*(_only(side, name) for side in (self.source, self.target)))


def _only(side: FeatureSet, name: str) -> FeatureSet:
    return side.take(np.flatnonzero(side.target.values == side.target.class_names.index(name)))


def _checked(x: ArrayLike, name: str) -> NDArray[np.float32]:
    raw = np.asarray(x)
    if raw.ndim != 2 or 0 in raw.shape:
        raise InputError(f"{name} has features of shape {raw.shape}: give a non-empty (samples, features) array.")
    if raw.dtype.kind not in "fiub":
        raise InputError(f"{name} has features of type {raw.dtype}: give real numbers.")
    with np.errstate(over="ignore"):
        rows = raw.astype(np.float32)
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise InputError(
            f"{name}: {int(bad.sum())} of {len(rows)} feature rows hold NaN or infinite values (first: row "
            f"{int(np.argmax(bad))}): drop these samples or extract them again."
        )
    return rows


def row_keys(rows: NDArray[np.float32], target: Target) -> NDArray[np.bytes_]:
    """Hash each row (n, d) with its label: what stands for the sample where nothing but its features is known."""
    names = target.names()
    labels = [c.encode() for c in names] if names else [r.tobytes() for r in target.values]
    digests = [
        hashlib.blake2b(r.tobytes() + label, digest_size=16).hexdigest().encode()
        for r, label in zip(np.ascontiguousarray(rows), labels, strict=True)
    ]
    return np.array(digests)
