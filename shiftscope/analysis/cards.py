"""Cards of data sets and of features that came without a model, for the record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import BackboneCard, InputCard, Skipped

__all__ = ["Role", "by_name", "features_card", "input_card"]

Role: TypeAlias = Literal["source", "target"]


def input_card(
    features: Mapping[str, FeatureSet],
    *,
    role: Role,
    uri: str,
    n_available: int | None = None,
    skipped: Sequence[Skipped] = (),
) -> InputCard:
    """Describe a data set as it was used: ``features`` are its samples under every backbone."""
    first = next(iter(features.values()))
    target = first.target
    return InputCard(
        name=first.name,
        uri=uri,
        role=role,
        n=first.n,
        n_available=first.n if n_available is None else n_available,
        kind=target.kind,
        classes={c: int(k) for c, k in zip(target.class_names, target.counts, strict=True)},
        fingerprint=_fingerprint(first),
        skipped=list(skipped),
        **_twins(first),
    )


def by_name(cards: Sequence[InputCard]) -> dict[str, InputCard]:
    """Cards by the name of their data set; a source that is called like a target says that it is the source."""
    named = {card.name: card for card in cards if card.role == "target"}
    for card in cards:
        if card.role == "source":
            named[f"{card.name} (source)" if card.name in named else card.name] = card
    return named


def features_card(name: str, features: FeatureSet) -> BackboneCard:
    """Card of a backbone that is known by its features only."""
    return BackboneCard(
        name=name,
        uri="features:",
        library="features",
        constructor=name,
        transform=None,
        identity=features.fingerprint,
    )


def _twins(features: FeatureSet) -> dict[str, int]:
    """Count samples whose content another sample has too, and those whose twin has another label."""
    _, place, counts = np.unique(features.keys, return_inverse=True, return_counts=True)
    labels = features.target.strata
    lowest, highest = np.full(len(counts), np.iinfo(np.int64).max), np.full(len(counts), -1)
    np.minimum.at(lowest, place, labels)
    np.maximum.at(highest, place, labels)
    return {
        "n_identical": int((counts[place] > 1).sum()),
        "n_conflicting": int((lowest < highest)[place].sum()),
    }


def _fingerprint(features: FeatureSet) -> str:
    """sha256 over the samples' hashes and labels: equal for equal samples, whatever their files are called."""
    digest = hashlib.sha256()
    digest.update(repr((features.target.kind, features.target.class_names)).encode())
    digest.update(features.keys.tobytes())
    digest.update(features.target.values.tobytes())
    return digest.hexdigest()
