"""Features of one set of images under many backbones: from the store where it has them, computed otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shiftscope.backbones import Backbone
from shiftscope.core.features import FeatureSet
from shiftscope.core.progress import Progress
from shiftscope.core.records import BackboneCost, Skipped
from shiftscope.data import ImageSource
from shiftscope.data.source import check_unreadable
from shiftscope.errors import BackboneError, InputError
from shiftscope.extraction.compute import Computation, skipped_of
from shiftscope.extraction.device import precision, resolve_device
from shiftscope.extraction.part import Part
from shiftscope.extraction.store import Store, store_key

__all__ = ["Extraction", "extract"]


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


def extract(
    source: ImageSource,
    backbones: Sequence[Backbone],
    *,
    store: Store,
    device: str = "auto",
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Extraction:
    """Extract penultimate features, source-head logits and batch-norm statistics of ``source``.

    Each image is decoded once for all backbones and resized once per input geometry. What the store has is
    neither decoded nor passed through a network. An image that cannot be decoded is left out for all backbones
    alike. A backbone that fails is named in ``failed``; the others go on.

    Parameters
    ----------
    batch_size
        Images per forward pass; None for a size that suits each input and the device. It changes features by no
        more than rounding.

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
    keys = {b.card.name: store_key(source, b.card, precision(where)) for b in backbones}
    if len(keys) < len(backbones):
        raise InputError("Two backbones have the same name: rename one, or extract them in two runs.")
    cached = _found(store, keys)
    missing = {b.card.name: (b, keys[b.card.name]) for b in backbones if b.card.name not in cached}
    work = Computation(source, store, where, batch_size, progress)
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
    features, refused = _feature_sets(source, backbones, parts, unreadable)
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
    )


def _found(store: Store, keys: Mapping[str, str]) -> dict[str, Part]:
    return {name: part for name, key in keys.items() if (part := store.read(key))}


def _say_waiting(progress: Progress | None) -> None:
    if progress is not None:
        progress("waiting for another process that extracts the same features", 0, 1)


def _feature_sets(
    source: ImageSource, backbones: Sequence[Backbone], parts: Mapping[str, Part], unreadable: Collection[int]
) -> tuple[dict[str, FeatureSet], dict[str, str]]:
    """Make one feature set per backbone, of the samples all of them could read; refuse those with NaN."""
    kept = np.setdiff1d(np.arange(source.n), list(unreadable))
    samples = source.take(kept)
    features, refused = {}, {}
    for backbone in backbones:
        name = backbone.card.name
        if name not in parts:
            continue
        part = parts[name]
        rows = np.searchsorted(part.rows, kept)
        try:
            features[name] = FeatureSet.of(
                part.features[rows],
                samples.target,
                name=source.name,
                logits=None if part.logits is None else part.logits[rows],
                ids=samples.ids,
                keys=samples.keys.tolist(),
                layer_stats=part.layer_stats(),
                card=backbone.card,
            )
        except InputError as reason:
            refused[name] = str(reason)
    return features, refused
