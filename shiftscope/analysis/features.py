"""Features of every data set of a run under every backbone: extracted, or read from files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shiftscope.analysis.cards import Role, by_name, features_card, input_card
from shiftscope.analysis.inputs import Candidates, Inputs
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import BackboneCard, Costs, InputCard
from shiftscope.core.spec import RunSpec
from shiftscope.data import FeatureFile, feature_sets, per_class
from shiftscope.errors import BackboneError
from shiftscope.extraction import Extraction, Layer, Progress, Store, extract, resolve_device

__all__ = ["Extracted", "added", "cards_of", "extract_all"]

Features = dict[str, FeatureSet]  # backbone -> its features of one data set


@dataclass(frozen=True)
class Extracted:
    """What the measures work on."""

    targets: dict[str, Features]
    sources: dict[str, Features]
    inputs: dict[str, InputCard]
    cards: dict[str, BackboneCard]
    failed: dict[str, dict[str, str]]  # target -> backbone that gave nothing for it -> why
    sources_failed: dict[str, dict[str, str]]  # source -> backbone that gave nothing for it -> why
    costs: Costs
    device: str
    layers: dict[str, dict[str, tuple[Layer, ...]]] = field(default_factory=dict)  # target -> backbone -> its layers

    @property
    def sets(self) -> list[FeatureSet]:
        """Every feature set of targets and sources."""
        return [fs for seen in (*self.targets.values(), *self.sources.values()) for fs in seen.values()]

    def pairs(self, source: str, target: str, baselines: Collection[str]) -> list[tuple[str, Pair]]:
        """Source and target under each backbone that both were seen by, baselines left out."""
        mine, other = self.targets[target], self.sources[source]
        return [(b, Pair(other[b], mine[b])) for b in sorted(mine) if b in other and b not in baselines]

    def not_paired(self, source: str, target: str, baselines: Collection[str]) -> dict[str, str]:
        """Backbones that gave nothing for source or target, and why; baselines left out."""
        reasons = self.sources_failed.get(source, {}) | self.failed.get(target, {})
        return {b: why for b, why in sorted(reasons.items()) if b not in baselines}

    def not_given(self, source: str, target: str, baselines: Collection[str]) -> dict[str, str]:
        """Backbones whose features of the target alone were given, as with ``--features``, and what that means."""
        known = {*self.sources[source], *self.sources_failed.get(source, {}), *baselines}
        missing = sorted(self.targets[target].keys() - known)
        return dict.fromkeys(missing, f"No features of {source} were given to compare with.")


def extract_all(
    spec: RunSpec,
    inputs: Inputs,
    candidates: Candidates,
    *,
    device: str,
    cache: Path | None,
    progress: Progress | None,
) -> Extracted:
    """Extract or read the features of all data sets; each image is decoded once for all backbones.

    Raises
    ------
    BackboneError
        If a data set has features of baselines only, because every candidate failed.
    """
    where = resolve_device(device) if inputs.images else "cpu"
    store = Store(cache)
    costs = Costs()
    cards: list[InputCard] = []
    targets: dict[str, Features] = {}
    sources: dict[str, Features] = {}
    failed: dict[str, dict[str, str]] = {}
    sources_failed: dict[str, dict[str, str]] = {}
    layers: dict[str, dict[str, tuple[Layer, ...]]] = {}
    for role, data in inputs.by_role:
        if isinstance(data, FeatureFile):
            features, skipped, lost = _read(role, data, spec, inputs), list(data.skipped), {}
        else:
            backbones = candidates.backbones if role == "target" else candidates.ranked
            # Which layer serves best is a question about the target and the candidates.
            deep = [b.card.name for b in candidates.ranked] if spec.tap == "all" and role == "target" else []
            done = extract(data, backbones, store=store, device=where, progress=progress, deep=deep)
            costs, skipped = added(costs, done), list(done.skipped)
            features, lost = dict(done.features), done.failed
            if not any(b.card.name in features for b in candidates.ranked):
                raise BackboneError("; ".join(f"{name}: {why}" for name, why in lost.items()))
            if deep:
                layers[data.name] = done.layers
        if role == "target":
            targets[data.name], failed[data.name] = features, lost
        else:
            sources[data.name], sources_failed[data.name] = features, lost
        cards.append(input_card(features, role=role, uri=data.uri, n_available=data.n_available, skipped=skipped))
    every = cards_of(candidates, targets)
    return Extracted(targets, sources, by_name(cards), every, failed, sources_failed, costs, where, layers)


def _read(role: Role, data: FeatureFile, spec: RunSpec, inputs: Inputs) -> Features:
    features = feature_sets(_files(role, data, inputs), name=data.name)
    if spec.per_class is None:
        return features
    index = per_class(next(iter(features.values())).target, spec.per_class, spec.seed)
    return {name: fs.take(index) for name, fs in features.items()}


def _files(role: Role, data: FeatureFile, inputs: Inputs) -> dict[str, FeatureFile]:
    """Feature files of one data set by backbone name.

    The target's own file is called like the target, and a source is compared under that name. Where there is
    nothing to tell it from, because no other files are given with ``--features``, it is just ``features``.
    """
    if not inputs.others:
        return {"features" if inputs.sources else data.name: data}
    (target,) = inputs.targets
    return {target: data} if role == "source" else {target: data, **inputs.others}


def added(costs: Costs, done: Extraction) -> Costs:
    """Add what one extraction took."""
    return costs.model_copy(
        update={
            "n_decoded": costs.n_decoded + done.n_decoded,
            "n_forward": costs.n_forward + done.n_forward,
            "n_store_hits": costs.n_store_hits + done.n_hits,
            "n_store_misses": costs.n_store_misses + done.n_misses,
            "backbones": {**done.costs, **costs.backbones},
        }
    )


def cards_of(candidates: Candidates, targets: Mapping[str, Features]) -> dict[str, BackboneCard]:
    """Cards of the backbones that ran; features from files have a card that says so."""
    cards = {b.card.name: b.card for b in candidates.backbones}
    for features in targets.values():
        for name, fs in features.items():
            cards.setdefault(name, fs.card or features_card(name, fs))
    return cards
