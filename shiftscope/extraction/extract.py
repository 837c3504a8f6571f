"""Features of one set of images under many backbones: from the store where it has them, computed otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.backbones import Backbone
from shiftscope.core.features import FeatureSet
from shiftscope.core.progress import Progress
from shiftscope.core.records import BackboneCard, BackboneCost, Skipped
from shiftscope.data import ImageSource
from shiftscope.data.source import check_unreadable
from shiftscope.errors import BackboneError, InputError
from shiftscope.extraction.compute import Computation, skipped_of
from shiftscope.extraction.device import precision, resolve_device
from shiftscope.extraction.part import Part
from shiftscope.extraction.store import EVERY_DEPTH, PENULTIMATE, Store, store_key

__all__ = ["Extraction", "Layer", "extract"]


@dataclass(frozen=True)
class Layer:
    """The same samples as one layer of a backbone sees them; without features where these cannot be used."""

    name: str
    depth: float  # share of the convolutions and linear layers that have run, without the head
    features: FeatureSet | None
    reason: str = ""


@dataclass(frozen=True)
class Extraction:
    """Features by backbone, what they cost, and how much of it was work."""

    features: dict[str, FeatureSet]
    costs: dict[str, BackboneCost]
    keys: dict[str, str]  # where each feature set lies in the store
    failed: dict[str, str]  # backbones that gave nothing, and why
    skipped: tuple[Skipped, ...]  # files left out: at opening, and because they could not be decoded
    n_decoded: int
    n_forward: int  # images passed through a network, over all backbones
    n_hits: int  # feature sets found in the store
    n_misses: int  # feature sets that had to be computed, wholly or in part
    layers: dict[str, tuple[Layer, ...]]  # of the backbones asked for several depths; the last is in ``features`` too


def extract(
    source: ImageSource,
    backbones: Sequence[Backbone],
    *,
    store: Store,
    device: str = "auto",
    batch_size: int | None = None,
    progress: Progress | None = None,
    deep: Collection[str] = (),
) -> Extraction:
    """Extract penultimate features, source-head logits and batch-norm statistics of ``source``.

    Each image is decoded once for all backbones and resized once per input geometry. What the store has is
    neither decoded nor passed through a network; features at several depths hold the penultimate ones, too. An image
    that cannot be decoded is left out for all backbones alike. A backbone that fails is named in ``failed``; the
    others go on.

    Parameters
    ----------
    batch_size
        Images per forward pass; None for a size that suits each input and the device. It changes features by no
        more than rounding.
    deep
        Names of backbones to take at several depths (see ``backbones.depth``), in the same forward passes.

    Returns
    -------
    Extraction
        Feature sets in the order of ``backbones``, all of the same samples in the same order.

    Raises
    ------
    InputError
        If more than 1 % of the images cannot be decoded, two backbones share a name, or the store cannot be
        written.
    BackboneError
        If every backbone failed.
    """
    where = resolve_device(device)
    taps = {b.card.name: EVERY_DEPTH if b.card.name in deep else PENULTIMATE for b in backbones}
    if len(taps) < len(backbones):
        raise InputError("Two backbones have the same name: rename one, or extract them in two runs.")
    keys = {b.card.name: store_key(source, b.card, precision(where), taps[b.card.name]) for b in backbones}
    cached = _found(store, keys)
    for b in backbones:
        # Features at several depths hold those that are asked for.
        key = store_key(source, b.card, precision(where), EVERY_DEPTH)
        if b.card.name not in cached and (part := store.read(key)):
            keys[b.card.name], cached[b.card.name] = key, part
    missing = {b.card.name: (b, keys[b.card.name]) for b in backbones if b.card.name not in cached}
    work = Computation(source, store, where, batch_size, progress, deep)
    computed = {}
    if missing:
        with store.locked([key for _, key in missing.values()], lambda: _say_waiting(progress)):
            # Another process may have finished some of them while this one waited.
            cached |= _found(store, {name: key for name, (_, key) in missing.items()})
            computed = work.run({name: wanted for name, wanted in missing.items() if name not in cached})
    parts = {**cached, **computed}
    if not parts:
        raise BackboneError("; ".join(f"{name}: {why}" for name, why in work.failed.items()))
    unreadable = {row: why for part in parts.values() for row, why in part.unreadable.items()}
    skipped = skipped_of(source, unreadable)
    check_unreadable(skipped, source.n, source.uri)
    features, layers, refused = _feature_sets(source, backbones, parts, unreadable)
    return Extraction(
        features=features,
        costs={name: parts[name].cost(cached=name in cached) for name in features},
        keys={name: keys[name] for name in features},
        failed={**work.failed, **refused},
        skipped=(*source.skipped, *skipped),
        n_decoded=work.n_decoded,
        n_forward=work.n_forward,
        n_hits=len(cached),
        n_misses=len(backbones) - len(cached),
        layers={name: found for name, found in layers.items() if name in deep},
    )


def _found(store: Store, keys: Mapping[str, str]) -> dict[str, Part]:
    return {name: part for name, key in keys.items() if (part := store.read(key))}


def _say_waiting(progress: Progress | None) -> None:
    if progress is not None:
        progress("waiting for another process that extracts the same features", 0, 1)


def _feature_sets(
    source: ImageSource, backbones: Sequence[Backbone], parts: Mapping[str, Part], unreadable: Collection[int]
) -> tuple[dict[str, FeatureSet], dict[str, tuple[Layer, ...]], dict[str, str]]:
    """Make feature sets and layers of the samples that all backbones could read; refuse backbones that gave NaN."""
    kept = np.setdiff1d(np.arange(source.n), list(unreadable))
    samples = source.take(kept)
    features, layers, refused = {}, {}, {}
    for card in (b.card for b in backbones if b.card.name in parts):
        part = parts[card.name]
        rows = np.searchsorted(part.rows, kept)
        try:
            seen = _seen(
                part.features[rows],
                samples,
                card,
                logits=None if part.logits is None else part.logits[rows],
                layer_stats=part.layer_stats(),
            )
        except InputError as reason:
            refused[card.name] = str(reason)
        else:
            features[card.name] = seen
            layers[card.name] = tuple(
                _layer(name, depth, part.inner[name][rows], samples, card)
                if name in part.inner
                else Layer(name, depth, seen)
                for name, depth in part.depths.items()
            )
    return features, layers, refused


def _layer(name: str, depth: float, values: NDArray[np.float32], samples: ImageSource, card: BackboneCard) -> Layer:
    try:
        return Layer(name, depth, _seen(values, samples, card))
    except InputError as reason:
        return Layer(name, depth, None, str(reason))


def _seen(values: NDArray[np.float32], samples: ImageSource, card: BackboneCard, **more: Any) -> FeatureSet:
    return FeatureSet.of(
        values, samples.target, name=samples.name, ids=samples.ids, keys=samples.keys.tolist(), card=card, **more
    )
