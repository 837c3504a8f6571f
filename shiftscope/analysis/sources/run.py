"""From addresses of a target and its sources to a record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shiftscope.analysis.cards import features_card
from shiftscope.analysis.features import Extracted, extract_all
from shiftscope.analysis.inputs import Candidates, Inputs, open_inputs
from shiftscope.analysis.run import Clock, RunOutcome, few_threads
from shiftscope.analysis.sources.data import demand
from shiftscope.analysis.sources.weigh import weigh_sources
from shiftscope.backbones import open_backbones
from shiftscope.checks import find
from shiftscope.core.features import FeatureSet
from shiftscope.core.progress import Progress
from shiftscope.core.provenance import provenance
from shiftscope.core.records import BackboneCard, Costs, InputCard, RunRecord
from shiftscope.core.sources import SourcesSpec
from shiftscope.core.spec import RunSpec
from shiftscope.core.target import Target
from shiftscope.data import default_name
from shiftscope.errors import BackboneError, InputError
from shiftscope.extraction import cores
from shiftscope.kernels import choose

__all__ = ["execute_sources"]


def execute_sources(
    spec: SourcesSpec,
    *,
    given: Mapping[str, Any] | None = None,
    device: str = "auto",
    trust_code: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> RunOutcome:
    """Judge and weigh the sources of ``spec``, and return the record.

    Raises
    ------
    InputError
        If data, backbone or names cannot be used; what can be known before the first image is decoded is.
    BackboneError
        If the backbone gives no features of a data set.
    """
    clock = Clock()
    target = default_name(spec.target)
    with clock.stage("open"):
        _demand_distinct(spec, target)
        every = _as_run(spec, target)
        inputs = open_inputs(every)
        candidates = _candidates(spec, inputs, trust_code=trust_code)
        labels = {name: data.target or Target.of(None, n=0) for name, data in inputs.targets.items()}
        demand(target, labels.pop(target), labels)
    with clock.stage("extract"):
        found = extract_all(every, inputs, candidates, device=device, cache=cache, progress=progress)
        features = {name: _only(name, seen) for name, seen in found.targets.items()}
        # Sources stand in the order in which they were named.
        mine, others = features[target], {name: features[name] for name in spec.sources}
        _demand_different(others)
    with clock.stage("weigh"), few_threads(found.sets):
        weighed = weigh_sources(mine, others, seed=spec.seed, kernels=choose(found.device))
    record = RunRecord(
        kind="sources",
        spec=spec.model_dump(mode="json"),
        given=dict(given or {}),
        inputs={name: _in_role(card, target) for name, card in found.inputs.items()},
        backbones=_cards(mine, weighed.backbone),
        sources=weighed,
        costs=_costs(found, clock),
        provenance=provenance(device=found.device, threads=cores()),
    )
    return RunOutcome(record.model_copy(update={"findings": find(record)}), [])


def _demand_distinct(spec: SourcesSpec, target: str) -> None:
    """Refuse names and addresses that stand twice."""
    if target in spec.sources:
        raise InputError(f"The target is named {target!r}, and so is a source: give the source another name.")
    named: dict[str, str] = {}
    for name, uri in spec.sources.items():
        if uri == spec.target:
            raise InputError(f"{name} is the target itself ({uri}): name other data.")
        if uri in named:
            raise InputError(f"{named[uri]} and {name} are one source given twice ({uri}): name it once.")
        named[uri] = name


def _demand_different(sources: Mapping[str, FeatureSet]) -> None:
    """Refuse two sources that hold the same samples."""
    known: dict[bytes, str] = {}
    for name, source in sources.items():
        content = source.keys.tobytes()
        if content in known:
            raise InputError(f"{known[content]} and {name} are one source given twice: the samples are the same.")
        known[content] = name


def _as_run(spec: SourcesSpec, target: str) -> RunSpec:
    """The specification as that of a run in which every data set is extracted alike."""
    return RunSpec(
        targets={target: spec.target, **spec.sources},
        backbones=[] if spec.backbone is None else [spec.backbone],
        per_class=spec.per_class,
        seed=spec.seed,
        random=False,
    )


def _candidates(spec: SourcesSpec, inputs: Inputs, *, trust_code: bool) -> Candidates:
    if inputs.images and spec.backbone is None:
        raise InputError("There is no backbone: name one, for example -b torchvision:resnet18.")
    if spec.backbone is None:
        return Candidates((), frozenset(), {})
    if len(inputs.images) < len(inputs.targets):
        raise InputError("A backbone needs images: give images for every data set, or features and no backbone.")
    opened = tuple(open_backbones(spec.backbone, trust_code=trust_code, seed=spec.seed))
    if len(opened) != 1:
        raise InputError(f"{spec.backbone} names {len(opened)} backbones, and sources are judged under one: name it.")
    return Candidates(opened, frozenset(), {})


def _only(name: str, seen: Mapping[str, FeatureSet]) -> FeatureSet:
    if not seen:
        raise BackboneError(f"The backbone gave no features of {name}.")
    return next(iter(seen.values()))


def _in_role(card: InputCard, target: str) -> InputCard:
    return card if card.name == target else card.model_copy(update={"role": "source"})


def _cards(target: FeatureSet, backbone: str) -> dict[str, BackboneCard]:
    return {backbone: target.card or features_card(backbone, target)}


def _costs(found: Extracted, clock: Clock) -> Costs:
    return found.costs.model_copy(update={"seconds": clock.seconds})
