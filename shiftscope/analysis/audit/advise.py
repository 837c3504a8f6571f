"""Ask the measures about a target of an audit, as a user would who has labelled so many images of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from shiftscope import measures
from shiftscope.analysis.audit.workshop import PIXELS, Workshop
from shiftscope.analysis.rank import GAIN_MEASURE, measure_candidates
from shiftscope.backbones import Backbone, architecture_key, random_copy
from shiftscope.core.advice import Advice
from shiftscope.core.audit_spec import AuditSpec
from shiftscope.core.cells import key_of
from shiftscope.core.features import FeatureSet
from shiftscope.errors import InputError
from shiftscope.finetune.split import Regime
from shiftscope.kernels import choose
from shiftscope.measures import DEFAULT_TRANSFER, MEASURES

__all__ = ["Place", "asked", "make_advice"]


@dataclass(frozen=True)
class Place:
    """Where advice is given: so many labelled images of a target."""

    target: str
    regime: Regime
    seed: int

    def key(self, workshop: Workshop) -> str:
        """sha256 over all that decides the advice."""
        backbones, _ = _candidates(self.target, workshop)
        seen = sorted((b.card.identity, b.card.transform.fingerprint) for b in backbones if b.card.transform)
        return key_of(
            {
                "measures": asked(workshop.spec),
                "code": _code_of_measures(),
                "backbones": seen,
                "data": workshop.fingerprint(self.target),
                "regime": self.regime,
                "seed": self.seed,
            }
        )


def make_advice(place: Place, workshop: Workshop) -> Advice:
    """Measure all backbones on the labelled images, and the probe on random copies and on raw pixels."""
    backbones, copies = _candidates(place.target, workshop)
    labelled = workshop.split(place.target, place.regime, place.seed).labelled
    features = {name: fs.take(labelled) for name, fs in workshop.features(place.target, backbones).items()}
    kernels = choose(workshop.device)
    results = []
    # Of the baselines only the gains over them are wanted.
    for baseline, names in ((False, asked(workshop.spec)), (True, (GAIN_MEASURE,))):
        some = {name: fs for name, fs in features.items() if (name not in workshop.spec.backbones) == baseline}
        results += measure_candidates(some, target=place.target, measures=names, seed=place.seed, kernels=kernels)
    return Advice(
        key=place.key(workshop),
        target=place.target,
        regime=str(place.regime),
        seed=place.seed,
        results=results,
        random_copies=copies,
    )


def asked(spec: AuditSpec) -> tuple[str, ...]:
    """Names of the measures that are held against the truth.

    Raises
    ------
    UnknownNameError, InputError
        For a measure nobody registered, or one that compares two data sets.
    """
    names = tuple(spec.measures) or DEFAULT_TRANSFER
    for name in names:
        if MEASURES[name].takes is not FeatureSet:
            raise InputError(f"measures: {name} compares two data sets, and an audit has no source: remove it.")
    return names


def _candidates(target: str, workshop: Workshop) -> tuple[list[Backbone], dict[str, str]]:
    """Return what is measured on a target, and which random copy goes with which backbone."""
    given = [workshop.backbone(name, target) for name in workshop.spec.backbones]
    copies: dict[str, Backbone] = {}
    for backbone in given:
        copies.setdefault(architecture_key(backbone.card), random_copy(backbone))
    named = {b.card.name: copies[architecture_key(b.card)].card.name for b in given}
    return [*given, *copies.values(), workshop.backbone(PIXELS, target)], named


def _code_of_measures() -> str:
    """sha256 over the files of the measures: advice is given anew when one of them changes."""
    digest = hashlib.sha256()
    for file in sorted(Path(measures.__path__[0]).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
