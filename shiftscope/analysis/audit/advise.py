"""Ask the measures about a target of an audit, as a user would who has labelled so many images of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shiftscope import measures
from shiftscope.analysis.audit.workshop import PIXELS, Workshop
from shiftscope.analysis.forecast.foresee import paired_gains
from shiftscope.analysis.rank import GAIN_MEASURE, measure_candidates, rank_candidates
from shiftscope.backbones import Backbone, architecture_key, random_copy
from shiftscope.core.advice import Advice
from shiftscope.core.audit_spec import AuditSpec
from shiftscope.core.cells import key_of
from shiftscope.core.features import FeatureSet
from shiftscope.core.records import MeasureResult, Published, Ranking
from shiftscope.errors import InputError
from shiftscope.finetune.split import Regime
from shiftscope.kernels import choose
from shiftscope.measures import DEFAULT_TRANSFER, MEASURES

__all__ = ["Place", "asked", "make_advice"]

# A part that measures share is a file whose name begins with an underscore.
PART = re.compile(rb"^\s*from shiftscope\.measures\.(_\w+) import", re.MULTILINE)


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
    published = {b.card.name: b.card.published for b in backbones}
    ranking = _ranking(place, results, copies, published, workshop.spec)
    return Advice(
        key=place.key(workshop),
        target=place.target,
        regime=str(place.regime),
        seed=place.seed,
        results=results,
        random_copies=copies,
        ranking=ranking,
        gains={} if ranking is None else paired_gains(results, ranking),
    )


def _ranking(
    place: Place,
    results: Sequence[MeasureResult],
    copies: Mapping[str, str],
    published: Mapping[str, Published | None],
    spec: AuditSpec,
) -> Ranking | None:
    """Rank the backbones that count as evidence at a place, as a user would who has no others."""
    counted = {b for b, given in spec.backbones.items() if not given.constructed and place.target not in given.overlap}
    if len(counted) < 2:
        return None
    others = spec.backbones.keys() - counted
    return rank_candidates(
        [r for r in results if r.backbone not in others],
        target=place.target,
        baselines={r.backbone for r in results} - spec.backbones.keys(),
        random_copies=copies,
        published=published,
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
    """sha256 over the transfer measures and the parts they share: advice is given anew when one of them changes."""
    digest, folder = hashlib.sha256(), Path(measures.__path__[0])
    waiting, read = sorted(folder.glob("transfer/[a-z]*.py")), set[Path]()
    while waiting:
        file = waiting.pop(0)
        code = file.read_bytes()
        digest.update(code)
        read.add(file)
        parts = {folder / f"{name.decode()}.py" for name in PART.findall(code)}
        waiting += sorted(parts - read - set(waiting))
    return digest.hexdigest()
