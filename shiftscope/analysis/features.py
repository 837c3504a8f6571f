"""Features of every data set of a run under every backbone: extracted, or read from files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from shiftscope.analysis.cards import by_name, features_card, input_card
from shiftscope.analysis.inputs import Candidates, Inputs
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import BackboneCard, Costs, InputCard
from shiftscope.core.spec import RunSpec
from shiftscope.data import FeatureFile, feature_sets, open_source, per_class
from shiftscope.errors import InputError
from shiftscope.extraction import Extraction, Progress, Store, extract, resolve_device

__all__ = ["Extracted", "extract_all"]

Features = dict[str, FeatureSet]  # backbone -> its features of one data set


@dataclass(frozen=True)
class Extracted:
    """What the measures work on."""

    targets: dict[str, Features]
    source: Features
    inputs: dict[str, InputCard]
    cards: dict[str, BackboneCard]
    failed: dict[tuple[str, str], str]  # (data set, backbone) that gave nothing, and why
    costs: Costs
    device: str

    def pairs(self, target: str, baselines: Collection[str]) -> list[tuple[str, Pair]]:
        """Source and target under each backbone that both were seen by, baselines left out."""
        mine = self.targets[target]
        shared = [b for b in sorted(mine) if b in self.source and b not in baselines]
        if not shared:
            raise InputError(
                f"Source and target {target!r} share no backbone ({', '.join(self.source)} against "
                f"{', '.join(mine)}): give features of both under one name."
            )
        return [(b, Pair(self.source[b], mine[b])) for b in shared]


def extract_all(
    spec: RunSpec,
    inputs: Inputs,
    candidates: Candidates,
    *,
    device: str,
    cache: Path | None,
    progress: Progress | None,
) -> Extracted:
    """Extract or read the features of all data sets; each image is decoded once for all backbones."""
    where = resolve_device(device) if inputs.images else "cpu"
    store = Store(cache)
    costs = Costs()
    cards: list[InputCard] = []
    targets: dict[str, Features] = {}
    seen: Features = {}
    failed: dict[tuple[str, str], str] = {}
    for role, data in inputs.by_role:
        if isinstance(data, FeatureFile):
            features, skipped = _read(data, spec, role), list(data.skipped)
        else:
            backbones = candidates.backbones if role == "target" else candidates.ranked
            done = extract(data, backbones, store=store, device=where, progress=progress)
            costs, skipped = _added(costs, done), list(done.skipped)
            features = dict(done.features)
            failed |= {(data.name, name): why for name, why in done.failed.items()}
        if role == "target":
            targets[data.name] = features
        else:
            seen = features
        cards.append(input_card(features, role=role, uri=data.uri, n_available=data.n_available, skipped=skipped))
    return Extracted(targets, seen, by_name(cards), _cards(candidates, targets), failed, costs, where)


def _read(data: FeatureFile, spec: RunSpec, role: str) -> Features:
    features = feature_sets(_files(data, spec, role), name=data.name)
    if spec.per_class is None:
        return features
    index = per_class(next(iter(features.values())).target, spec.per_class, spec.seed)
    return {name: fs.take(index) for name, fs in features.items()}


def _files(data: FeatureFile, spec: RunSpec, role: str) -> dict[str, FeatureFile]:
    """Feature files of one data set by backbone name.

    Files named with ``--features`` belong to the target; alone, source and target are two files of one backbone.
    """
    if role == "source" or spec.source is not None:
        return {"features": data}
    others = {name: open_source(uri, name) for name, uri in spec.features.items()}
    for name, other in others.items():
        if not isinstance(other, FeatureFile):
            raise InputError(f"--features {name}={other.uri} is not a file of features: give a .npz or .safetensors.")
    return {data.name: data, **{n: o for n, o in others.items() if isinstance(o, FeatureFile)}}


def _added(costs: Costs, done: Extraction) -> Costs:
    return costs.model_copy(
        update={
            "n_decoded": costs.n_decoded + done.n_decoded,
            "n_forward": costs.n_forward + done.n_forward,
            "n_store_hits": costs.n_store_hits + done.n_hits,
            "n_store_misses": costs.n_store_misses + done.n_misses,
            "backbones": {**done.costs, **costs.backbones},
        }
    )


def _cards(candidates: Candidates, targets: Mapping[str, Features]) -> dict[str, BackboneCard]:
    """Cards of the backbones that ran; features from files have a card that says so."""
    cards = {b.card.name: b.card for b in candidates.backbones}
    for features in targets.values():
        for name, fs in features.items():
            cards.setdefault(name, fs.card or features_card(name, fs))
    return cards
