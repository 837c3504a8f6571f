"""Everything a run takes in, opened and checked before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from shiftscope.analysis.cards import Role
from shiftscope.backbones import Backbone, architecture_key, open_backbones, random_copy
from shiftscope.core.records import PIXELS_URI
from shiftscope.core.spec import RunSpec
from shiftscope.core.target import Target
from shiftscope.data import FeatureFile, ImageSource, default_name, open_source, per_class
from shiftscope.errors import InputError

__all__ = ["Candidates", "Data", "Inputs", "demand", "demand_classes", "needs_labels", "open_candidates", "open_inputs"]

Data: TypeAlias = ImageSource | FeatureFile


@dataclass(frozen=True)
class Candidates:
    """The models of a run: those to rank, and the baselines beside them."""

    backbones: tuple[Backbone, ...]
    baselines: frozenset[str]
    random_copies: dict[str, str]  # candidate -> the baseline that is its architecture with random weights

    @property
    def ranked(self) -> tuple[Backbone, ...]:
        """The backbones that are no baselines."""
        return tuple(b for b in self.backbones if b.card.name not in self.baselines)


@dataclass(frozen=True)
class Inputs:
    """The data sets of a run, subsampled as asked: images, or features that were extracted before."""

    targets: dict[str, Data]
    sources: dict[str, Data]
    others: dict[str, FeatureFile]  # backbone -> more features of the one target

    @property
    def by_role(self) -> list[tuple[Role, Data]]:
        """The targets, then the sources, each with its role."""
        roles: list[tuple[Role, Data]] = [("target", t) for t in self.targets.values()]
        return [*roles, *(("source", s) for s in self.sources.values())]

    @property
    def images(self) -> list[ImageSource]:
        """The data sets that are images."""
        return [data for _, data in self.by_role if not isinstance(data, FeatureFile)]


def open_candidates(spec: RunSpec, *, trust_code: bool, baselines: bool) -> Candidates:
    """Open every backbone the specification names, the pixel baseline, and a random copy per architecture.

    Raises
    ------
    InputError
        If two different backbones have one name.
    """
    uris = list(dict.fromkeys(spec.backbones))
    if baselines and uris and PIXELS_URI not in uris:
        uris.append(PIXELS_URI)
    opened = {_sameness(b): b for uri in uris for b in open_backbones(uri, trust_code=trust_code, seed=spec.seed)}
    given = [b for b in opened.values() if not b.card.is_baseline]
    copies: dict[str, Backbone] = {}
    # Under a budget, images go to the candidates: random copies would take as many again.
    if baselines and spec.random and spec.budget is None:
        copies = {architecture_key(b.card): b for b in opened.values() if b.card.random}
        for b in given:
            key = architecture_key(b.card)
            copies[key] = copies.get(key) or random_copy(b, spec.seed)
    every = tuple({_sameness(b): b for b in (*opened.values(), *copies.values())}.values())
    _distinct_names(every)
    return Candidates(
        every,
        frozenset(b.card.name for b in every if b.card.is_baseline),
        {b.card.name: copies[architecture_key(b.card)].card.name for b in given} if copies else {},
    )


def open_inputs(spec: RunSpec) -> Inputs:
    """Open sources and targets, and draw ``spec.per_class`` samples per class where asked."""
    sources = spec.sources if spec.source is None else {default_name(spec.source): spec.source}
    return Inputs(
        {name: _drawn(open_source(uri, name), spec) for name, uri in sorted(spec.targets.items())},
        {name: _drawn(open_source(uri, name), spec) for name, uri in sorted(sources.items())},
        {name: _feature_file(name, uri) for name, uri in spec.features.items()},
    )


def demand(spec: RunSpec, kind: str, candidates: Candidates, inputs: Inputs) -> None:
    """Refuse a run that cannot do what its kind promises; see the messages for what is checked."""
    if not inputs.targets:
        raise InputError("There is no target: name a data set, for example imagefolder:photos.")
    if kind == "shift" and not inputs.sources:
        raise InputError("There is no source to compare with: name two data sets.")
    if kind == "shift" and inputs.others:
        raise InputError(
            f"Features of {', '.join(inputs.others)} were given, and a shift compares one file with another: give "
            "each backbone a run of its own."
        )
    _demand_distinct(inputs.sources)
    if inputs.images and not candidates.ranked:
        only = ", ".join(spec.backbones)
        raise InputError(
            f"There is no candidate{f', only baselines ({only})' if only else ''}: name a backbone with trained "
            "weights, for example torchvision:resnet18."
        )
    if spec.backbones and len(inputs.images) < len(inputs.by_role):
        raise InputError("Backbones need images: give images for every data set, or features for every one.")
    if inputs.others:
        _demand_one_file(inputs)
    for data in inputs.targets.values():
        if isinstance(data, ImageSource) and needs_labels(spec, kind):
            demand_classes(data.uri, data.target)


def _demand_distinct(sources: dict[str, Data]) -> None:
    """Refuse one address under two names: it would be counted as two sources."""
    names: dict[str, str] = {}
    for name, data in sources.items():
        if data.uri in names:
            raise InputError(f"Sources {names[data.uri]!r} and {name!r} are both {data.uri}: name it once.")
        names[data.uri] = name


def _demand_one_file(inputs: Inputs) -> None:
    """Refuse features of more backbones that do not go with one target's own file."""
    (name, target), *more = inputs.targets.items()
    if more or not isinstance(target, FeatureFile):
        raise InputError(
            f"Features of {', '.join(inputs.others)} were given, and the target is not one file of features: rank "
            "features:FILE with --features NAME=FILE for each further backbone."
        )
    if name in inputs.others:
        raise InputError(f"Two feature files are named {name!r}, the target's and another: rename the latter.")


def needs_labels(spec: RunSpec, kind: str) -> bool:
    """Whether a target without labels leaves nothing to do."""
    return kind == "rank" or (kind == "run" and not spec.n_sources)


def _sameness(backbone: Backbone) -> tuple[str, ...]:
    """Equal for a backbone that is named twice; one network fed in two ways, or under two names, is two backbones."""
    card = backbone.card
    return (card.name, card.identity, card.transform.fingerprint if card.transform else "")


def _distinct_names(backbones: Sequence[Backbone]) -> None:
    uris: dict[str, str] = {}
    for b in backbones:
        if b.card.name in uris:
            raise InputError(
                f"Two backbones are named {b.card.name!r} ({uris[b.card.name]} and {b.card.uri}): "
                "rename one in its manifest, or rank them in two runs."
            )
        uris[b.card.name] = b.card.uri


def _feature_file(name: str, uri: str) -> FeatureFile:
    file = open_source(uri, name)
    if not isinstance(file, FeatureFile):
        raise InputError(f"--features {name}={uri} is not a file of features: give a .npz or .safetensors.")
    return file


def _drawn(data: Data, spec: RunSpec) -> Data:
    # Rows of a feature file get their canonical order only when all files of a target are joined.
    if spec.per_class is None or isinstance(data, FeatureFile):
        return data
    return data.take(per_class(data.target, spec.per_class, spec.seed))


def demand_classes(uri: str, target: Target) -> None:
    """Refuse labels that nothing can be ranked by: none, one class, a class with a single sample."""
    if target.kind == "none":
        raise InputError(
            f"{uri} has no labels, and ranking needs them: sort the images into one folder per class, "
            "or use 'shiftscope shift', which works without."
        )
    if target.kind != "class":
        return
    if target.n_classes < 2:
        only = target.class_names[0]
        raise InputError(f"{uri} has one class only ({only!r}): ranking needs at least 2 classes.")
    small = [c for c, k in zip(target.class_names, target.counts, strict=True) if k < 2]
    if small:
        raise InputError(
            f"{uri} has classes with fewer than 2 samples ({', '.join(map(repr, small[:5]))}): "
            "held-out prediction needs 2 per class; add samples or drop these classes."
        )
