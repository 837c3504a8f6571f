"""From finished cells to the audit section of a record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from shiftscope.analysis.audit.agreement import MIN_GROUPS
from shiftscope.analysis.audit.calibrate import Evidence, calibration, evidence_of
from shiftscope.analysis.audit.decisions import score_choices, score_findings, score_strategy
from shiftscope.analysis.audit.foretold import foretold_gaps, reliabilities
from shiftscope.analysis.audit.gaps import accuracies, gaps, spread
from shiftscope.analysis.audit.negatives import score_negatives
from shiftscope.analysis.audit.plan import Job, Rates, chosen_rates, curve_jobs, grid, searches
from shiftscope.analysis.audit.scoring import score_all
from shiftscope.analysis.audit.workshop import PIXELS, Workshop
from shiftscope.core.advice import Advice
from shiftscope.core.audit import Audit, AuditedBackbone, AuditedTarget, Gap, Score, SearchedRate
from shiftscope.core.cells import Cell, CellArm
from shiftscope.core.forecast import ARMS, Arm

__all__ = ["audit_section"]

Arms: TypeAlias = dict[CellArm, list[Cell]]


def audit_section(
    workshop: Workshop, cells: Mapping[str, Cell], advice: Iterable[Advice], failed: Mapping[str, str]
) -> Audit:
    """Put together what the finished cells of a grid say; cells of other grids are passed over."""
    rates = chosen_rates(workshop, cells.values())
    planned = {job.key(workshop): job for job in grid(workshop, _any_rates(workshop) | rates)}
    places = _places(workshop, {key: (job, cells[key]) for key, job in planned.items() if key in cells})
    targets, backbones = _targets(workshop), _backbones(workshop)
    found, measured = gaps(places), accuracies(places)
    audit = Audit(
        targets=targets,
        backbones=backbones,
        n_cells=sum(key in cells for key in planned),
        n_planned=len(planned),
        failed=dict(failed),
        accuracies=measured,
        gaps=found,
        spread=spread(places),
        rates=_searched(workshop, cells, rates),
        curves=_curves(workshop, cells, rates),
    )
    told = list(advice)
    counted = [gap for gap in found if audit.counts(gap)]
    groups = {name: target.group for name, target in targets.items()}
    natural = [a for a in measured if _natural(backbones.get(a.backbone), a.target)]
    scores = score_all(told, measured, found, targets, backbones)
    scores += score_negatives(counted, groups, backbones, told)
    decisions = score_choices(told, natural, audit.spread, groups)
    evidence = _evidence(counted, groups, backbones, told)
    if evidence:
        decisions += score_strategy(evidence["head"], evidence["full"], told, natural, groups)
        decisions += score_findings(evidence, told, groups)
    foretold = foretold_gaps(evidence)
    return audit.model_copy(
        update={
            "foretold": foretold,
            "reliability": reliabilities(foretold, groups),
            "scores": sorted(scores, key=_order),
            "decisions": sorted(decisions, key=_order),
            "calibration": calibration(evidence, _aurocs(scores)) if evidence else None,
        }
    )


def _order(score: Score) -> tuple[str, str, str]:
    return score.truth, score.predictor, score.statistic


def _aurocs(scores: Sequence[Score]) -> dict[Arm, tuple[float, float, float]]:
    """How well the forecast of each arm ordered cells that it had not seen, with the ends of the interval."""
    found = {s.truth: s for s in scores if (s.predictor, s.statistic) == ("forecast", "auroc")}
    return {
        arm: (s.value, s.low, s.high)
        for arm, question in ARMS.items()
        if (s := found.get(question)) is not None and s.low is not None and s.high is not None
    }


def _natural(backbone: AuditedBackbone | None, target: str) -> bool:
    return backbone is not None and not backbone.constructed and target not in backbone.overlap


def _evidence(
    gaps: Sequence[Gap], groups: Mapping[str, str], backbones: Mapping[str, AuditedBackbone], told: Sequence[Advice]
) -> dict[Arm, Evidence]:
    """Return what the forecast of both arms is fitted to; nothing where there are too few target groups."""
    evidence = {
        arm: evidence_of([g for g in gaps if g.question == question], groups, backbones, told)
        for arm, question in ARMS.items()
    }
    enough = {arm: e for arm, e in evidence.items() if e is not None and len(set(e.groups.tolist())) >= MIN_GROUPS}
    return enough if len(enough) == len(ARMS) else {}


def _any_rates(workshop: Workshop) -> Rates:
    """Some rate for all that is searched for: cells whose search failed were planned, whatever their rate."""
    return {(workshop.kind(job.backbone), job.arm): job.rate for job in searches(workshop)}


def _places(workshop: Workshop, done: Mapping[str, tuple[Job, Cell]]) -> dict[tuple[str, str, str], Arms]:
    """Cells by backbone, target and regime, then by arm in the order of seeds; shared ones stand in several places."""
    spec = workshop.spec
    chosen: dict[tuple[str, str, str, str, int], Cell] = {}
    for job, cell in done.values():
        if job.steps not in (0, spec.steps_of(job.regime)):
            continue  # a point of a learning curve
        at = (cell.backbone, cell.target, cell.regime, cell.arm, cell.seed)
        # With several rates a cell, the validation images choose, as a user would.
        if at not in chosen or _promise(cell) > _promise(chosen[at]):
            chosen[at] = cell
    places: dict[tuple[str, str, str], Arms] = {}
    for target in spec.targets:
        for regime in spec.regimes_of(target):
            for backbone in spec.backbones:
                names: dict[CellArm, str] = {
                    "pixels": PIXELS,
                    "linear": backbone,
                    "last_stage": backbone,
                    "full": backbone,
                    "scratch": workshop.architecture(backbone, target),
                }
                arms = {
                    arm: [c for s in spec.seeds if (c := chosen.get((name, target, str(regime), arm, s)))]
                    for arm, name in names.items()
                }
                places[backbone, target, str(regime)] = {arm: found for arm, found in arms.items() if found}
    return places


def _promise(cell: Cell) -> tuple[float, float]:
    return cell.validation.accuracy, -cell.validation.nll


def _targets(workshop: Workshop) -> dict[str, AuditedTarget]:
    return {
        name: AuditedTarget(
            group=given.group, n=workshop.source(name).n, classes=workshop.source(name).target.n_classes
        )
        for name, given in workshop.spec.targets.items()
    }


def _backbones(workshop: Workshop) -> dict[str, AuditedBackbone]:
    return {
        name: AuditedBackbone(
            family=given.family,
            overlap=given.overlap,
            constructed=given.constructed,
            architecture=workshop.kind(name),
        )
        for name, given in workshop.spec.backbones.items()
    }


def _searched(workshop: Workshop, cells: Mapping[str, Cell], rates: Rates) -> list[SearchedRate]:
    seen: dict[tuple[str, str], dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for job in searches(workshop):
        cell = cells.get(job.key(workshop))
        if cell is not None:
            seen[workshop.kind(job.backbone), job.arm][job.rate].append(cell.validation.accuracy)
    return [
        SearchedRate(
            architecture=kind,
            arm=arm,
            rate=rates[kind, arm],
            validation={f"{rate:g}": float(np.mean(found)) for rate, found in sorted(by_rate.items())},
        )
        for (kind, arm), by_rate in sorted(seen.items())
    ]


def _curves(workshop: Workshop, cells: Mapping[str, Cell], rates: Rates) -> dict[str, dict[str, float]]:
    """Test accuracy by budget, of the cells that were trained for several; with several rates, validation chooses."""
    best: dict[str, dict[str, Cell]] = defaultdict(dict)
    for curve in workshop.spec.curves:
        for job in curve_jobs(workshop, curve, rates):
            cell = cells.get(job.key(workshop))
            points = best[f"{curve.backbone} on {curve.target}, {curve.regime}: {job.arm}"]
            before = points.get(str(job.steps))
            if cell is not None and (before is None or _promise(cell) > _promise(before)):
                points[str(job.steps)] = cell
    return {name: {steps: c.test.accuracy for steps, c in points.items()} for name, points in best.items() if points}
