"""One run from specification to record: open, check, extract, measure, rank, diagnose, find."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeAlias

from shiftscope.analysis.advice import tell
from shiftscope.analysis.family import adjusted
from shiftscope.analysis.features import Extracted, extract_all
from shiftscope.analysis.inputs import (
    Candidates,
    Inputs,
    demand,
    demand_classes,
    needs_labels,
    open_candidates,
    open_inputs,
)
from shiftscope.analysis.nearest import order_all
from shiftscope.analysis.profile import demand_profiles, profile_all
from shiftscope.analysis.project import project
from shiftscope.analysis.raced import demand_race, race_and_rank
from shiftscope.analysis.rank import AGGREGATE, measure_candidates, rank_candidates
from shiftscope.analysis.shift import diagnose_pair
from shiftscope.analysis.thumbnails import add_thumbnails
from shiftscope.checks import find
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.provenance import provenance
from shiftscope.core.records import MeasureResult, Ranking, RunRecord, ShiftDiagnosis, Status
from shiftscope.core.spec import RunSpec
from shiftscope.errors import InputError
from shiftscope.extraction import Progress, cores
from shiftscope.kernels import choose
from shiftscope.measures import CAUSES, DEFAULT_SHIFT, DEFAULT_TRANSFER, MEASURES

__all__ = ["Clock", "Kind", "RunOutcome", "chosen_measures", "execute", "few_threads"]

SMALL_MATRIX = 10_000_000  # numbers; 4 900 samples of 2 048 features

Kind: TypeAlias = Literal["rank", "shift", "run"]


@dataclass(frozen=True)
class RunOutcome:
    """The record of a run, its results with the arrays that stand beside the record, and thumbnails by name."""

    record: RunRecord
    results: list[MeasureResult]
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class Clock:
    """Wall seconds per stage; they go into ``costs`` and nowhere else."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the seconds within to the stage ``name``."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)


def execute(
    spec: RunSpec,
    *,
    kind: Kind,
    given: Mapping[str, Any] | None = None,
    device: str = "auto",
    trust_code: bool = False,
    images: bool = True,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> RunOutcome:
    """Do what ``spec`` says and return the record.

    Everything that can be wrong with the specification is found before the first image is decoded.

    Parameters
    ----------
    kind
        ``"rank"`` ranks, and diagnoses the shift when there is a source; ``"shift"`` only diagnoses; ``"run"``
        does whatever the data allow.
    given
        The specification as written, for the record.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    images
        Whether to make thumbnails of witness samples, at most 24.
    """
    clock = Clock()
    transfer, shift = chosen_measures(spec, kind)
    with clock.stage("open"):
        candidates = open_candidates(spec, trust_code=trust_code, baselines=kind != "shift")
        inputs = open_inputs(spec)
        demand(spec, kind, candidates, inputs)
        demand_profiles(spec, inputs, transfer)
    where = {"device": device, "cache": cache, "progress": progress}
    found, results, rankings = _extract_and_rank(
        spec, kind, inputs, candidates, transfer=transfer, clock=clock, **where
    )
    with clock.stage("profile"), few_threads(found.sets):
        profiles = profile_all(found, results, transfer, spec)
    with clock.stage("diagnose"), few_threads(found.sets):
        more, diagnoses = (
            _diagnose_all(found, shift, spec, candidates, rankings) if shift and found.sources else ([], [])
        )
        orders = order_all(found, shift, spec, candidates.baselines)
        diagnoses, thumbnails = add_thumbnails(diagnoses, inputs) if images else (diagnoses, {})
    with clock.stage("advise"), few_threads(found.sets):
        told = tell(
            [*results, *more],
            rankings,
            features=found.targets,
            inputs=found.inputs,
            costs=found.costs.backbones,
            diagnoses=diagnoses,
            seed=spec.seed,
        )
    record = RunRecord(
        kind=kind,
        spec=spec.model_dump(mode="json", by_alias=True),
        given=dict(given or {}),
        inputs=found.inputs,
        backbones=found.cards,
        results=sorted(results + more, key=lambda r: (r.target, r.source or "", r.backbone, r.kind, r.measure)),
        rankings=rankings,
        forecasts=told.forecasts,
        strategies=told.strategies,
        profiles=profiles,
        diagnoses=diagnoses,
        source_orders=orders,
        costs=found.costs.model_copy(update={"seconds": clock.seconds}),
        provenance=provenance(device=found.device, threads=cores()),
    )
    return RunOutcome(record.model_copy(update={"findings": find(record)}), results + more, thumbnails)


def _extract_and_rank(
    spec: RunSpec,
    kind: Kind,
    inputs: Inputs,
    candidates: Candidates,
    *,
    transfer: tuple[str, ...],
    clock: Clock,
    **where: Any,
) -> tuple[Extracted, list[MeasureResult], list[Ranking]]:
    """Features of all data under all backbones and where the candidates stand by them, or a race under a budget."""
    if spec.budget is not None:
        with clock.stage("race"):
            demand_race(inputs, candidates, transfer, spec.budget)
            found, results, rankings = race_and_rank(spec, inputs, candidates, measures=transfer, **where)
        target = rankings[0].target
        return found, results + _failures(found.failed[target], transfer, kind="transfer", target=target), rankings
    with clock.stage("extract"):
        found = extract_all(spec, inputs, candidates, **where)
        for name, features in found.targets.items():
            if needs_labels(spec, kind):
                demand_classes(inputs.targets[name].uri, next(iter(features.values())).target)
    with clock.stage("rank"), few_threads(found.sets):
        results, rankings = _rank_all(found, transfer, spec, candidates) if transfer else ([], [])
    return found, results, rankings


def chosen_measures(spec: RunSpec, kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Transfer and shift measures to run, after checking their names and every option.

    Raises
    ------
    UnknownNameError, InputError
        For a measure nobody registered, an option it does not have, or a value it cannot take; and when none of
        those selected answers what is asked.
    """
    names = spec.select or [*DEFAULT_TRANSFER, *DEFAULT_SHIFT, *(CAUSES if kind == "shift" else ())]
    every = [MEASURES[name] for name in dict.fromkeys([*names, *spec.measures])]
    for measure in every:
        measure.check(spec.measures.get(measure.name, {}), at=f"measures.{measure.name}")
    run = [m for m in every if m.name in names or not spec.select]
    transfer = tuple(m.name for m in run if m.kind == "transfer" and kind != "shift")
    shift = tuple(m.name for m in run if m.kind == "shift")
    if (kind == "rank" and not transfer) or (kind == "shift" and not shift):
        what, default = ("ranks", DEFAULT_TRANSFER) if kind == "rank" else ("compares data sets", DEFAULT_SHIFT)
        raise InputError(f"None of the measures selected {what} ({', '.join(names)}): select {', '.join(default)}.")
    _demand_one_voice(transfer, spec)
    # What asks about the target alone needs no source; with one it stands among the measures of the shift.
    alone = tuple(m.name for m in run if m.kind == "shift" and m.takes is FeatureSet)
    return transfer + (alone if transfer and not spec.n_sources else ()), shift


def _demand_one_voice(transfer: tuple[str, ...], spec: RunSpec) -> None:
    """Refuse to rank by nothing but measures that say something else of every source."""
    voters = [m for m in AGGREGATE if m in transfer] or transfer
    mute = [m for m in voters if MEASURES[m].takes is Pair]
    if mute and spec.n_sources > 1:
        raise InputError(
            f"{', '.join(mute)} would rank candidates by one source, and {spec.n_sources} are given: name one, or "
            f"select {', '.join(AGGREGATE[:-1])} as well."
        )


def _rank_all(
    found: Extracted, measures: tuple[str, ...], spec: RunSpec, candidates: Candidates
) -> tuple[list[MeasureResult], list[Ranking]]:
    results: list[MeasureResult] = []
    rankings: list[Ranking] = []
    for name, features in found.targets.items():
        if next(iter(features.values())).target.kind == "none":
            continue
        mine = measure_candidates(
            features,
            target=name,
            measures=measures,
            options=spec.measures,
            sources=found.sources,
            seed=spec.seed,
            kernels=choose(found.device),
        )
        results += mine + _failures(found.failed[name], measures, kind="transfer", target=name)
        rankings.append(
            rank_candidates(
                mine,
                target=name,
                baselines=candidates.baselines,
                random_copies=candidates.random_copies,
                published={b.card.name: b.card.published for b in candidates.backbones},
                # Measures of the user's own choice rank where none of the usual ones is among them.
                aggregate=[m for m in AGGREGATE if m in measures] or measures,
            )
        )
    return results, rankings


def _failures(
    reasons: Mapping[str, str], measures: tuple[str, ...], *, status: Status = "failed", **where: Any
) -> list[MeasureResult]:
    """Results of backbones that have no features, each with the reason."""
    return [
        MeasureResult(measure=m, backbone=name, status=status, reason=why, **where)
        for name, why in reasons.items()
        for m in measures
    ]


def _diagnose_all(
    found: Extracted,
    measures: tuple[str, ...],
    spec: RunSpec,
    candidates: Candidates,
    rankings: list[Ranking],
) -> tuple[list[MeasureResult], list[ShiftDiagnosis]]:
    results: list[MeasureResult] = []
    diagnoses: list[ShiftDiagnosis] = []
    kernels, first = choose(found.device), {ranking.target: ranking.first for ranking in rankings}
    for target, source in product(found.targets, found.sources):
        pairs = found.pairs(source, target, candidates.baselines)
        # The one that a report draws.
        leading = next((b for b, _ in pairs if b == first.get(target)), pairs[0][0] if pairs else None)
        for backbone, pair in pairs:
            mine, diagnosis = diagnose_pair(
                pair,
                backbone=backbone,
                measures=measures,
                options=spec.measures,
                seed=spec.seed,
                kernels=kernels,
            )
            results += mine
            plane = {"projection": project(pair, kernels)} if backbone == leading else {}
            diagnoses.append(diagnosis.model_copy(update=plane))
        where: dict[str, Any] = {"kind": "shift", "target": target, "source": source}
        results += _failures(found.not_paired(source, target, candidates.baselines), measures, **where)
        missing = found.not_given(source, target, candidates.baselines)
        results += _failures(missing, measures, status="not_applicable", **where)
    return results, adjusted(diagnoses, results)


def few_threads(sets: Iterable[FeatureSet]) -> AbstractContextManager[object]:
    """One BLAS thread while the largest matrix is small.

    Measures work on many small matrices; handing each to several threads costs more than it saves (on two busy
    cores the demo took 23 s with one thread and 111 s with two).
    """
    from threadpoolctl import threadpool_limits

    small = max(fs.features.size for fs in sets) < SMALL_MATRIX
    return threadpool_limits(limits=1, user_api="blas") if small else nullcontext()
