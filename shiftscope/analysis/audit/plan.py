"""The cells of an audit, in the order they are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from shiftscope.analysis.audit.workshop import PIXELS, Workshop
from shiftscope.backbones import Backbone
from shiftscope.core.audit_spec import Curve
from shiftscope.core.cells import Cell, CellArm, key_of
from shiftscope.finetune.recipe import Recipe
from shiftscope.finetune.split import Regime

__all__ = ["SEARCHED", "Job", "Rates", "chosen_rates", "curve_jobs", "grid", "searches"]

VERSION = "1"  # of splits, training and evaluation: to be raised when one of them changes a result
SEARCHED: tuple[CellArm, ...] = ("full", "scratch")

Rates = dict[tuple[str, str], float]  # (kind of network, arm) -> learning rate


@dataclass(frozen=True)
class Job:
    """One cell to make. For scratch ``backbone`` stands for all that share its architecture."""

    target: str
    regime: Regime
    seed: int
    arm: CellArm
    backbone: str
    steps: int = 0
    rate: float = 0.0  # 0 for a head on frozen features, which is solved

    def start(self, workshop: Workshop) -> Backbone:
        """What is trained, or read, before any training."""
        if self.arm == "scratch":
            return workshop.scratch(self.backbone, self.target, self.seed)
        return workshop.backbone(self.backbone, self.target)

    def recipe(self, workshop: Workshop) -> Recipe:
        """How the network is trained."""
        return Recipe(rate=self.rate, steps=self.steps, flip=workshop.spec.targets[self.target].flip)

    def shown(self, workshop: Workshop) -> str:
        """Name of the cell's backbone in records."""
        return workshop.architecture(self.backbone, self.target) if self.arm == "scratch" else self.backbone

    def key(self, workshop: Workshop) -> str:
        """sha256 over all that decides the cell's numbers."""
        card = self.start(workshop).card
        assert card.transform is not None
        return key_of(
            {
                "version": VERSION,
                "weights": card.identity,
                "transform": card.transform.fingerprint,
                "data": workshop.fingerprint(self.target),
                "regime": self.regime,
                "seed": self.seed,
                "arm": self.arm,
                "recipe": self.recipe(workshop).model_dump() if self.rate else None,
            }
        )


def grid(workshop: Workshop, rates: Rates) -> Iterator[Job]:
    """All cells at the learning rates that were chosen: seed by seed, so that a part of the grid is a whole grid."""
    spec = workshop.spec
    for seed in spec.seeds:
        for target in spec.targets:
            for regime in spec.regimes_of(target):
                yield Job(target, regime, seed, "pixels", PIXELS)
                for job in _at(workshop, target, regime, seed):
                    if job.arm == "linear":
                        yield job
                    else:
                        yield from (replace(job, rate=rate) for rate in _rates_of(job, workshop, rates))
    for curve in spec.curves:
        yield from curve_jobs(workshop, curve, rates)


def searches(workshop: Workshop) -> Iterator[Job]:
    """Cells with every learning rate, at the places where rates are chosen."""
    search = workshop.spec.search
    for target, regime in search.places.items():
        for job in _at(workshop, target, regime, search.seed):
            if job.arm in SEARCHED:
                steps = search.steps.get(str(regime), job.steps)
                yield from (replace(job, rate=rate, steps=steps) for rate in search.rates)


def chosen_rates(workshop: Workshop, cells: Iterable[Cell]) -> Rates:
    """Return the rate of each kind of network and arm with the best validation accuracy, ties by validation loss.

    The mean is taken over the places of the search and over weights of one architecture; test images have no say.
    Empty when the search names no places: then every cell chooses for itself.
    """
    wanted = {job.key(workshop): job for job in searches(workshop)}
    seen: dict[tuple[str, str], dict[float, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        job = wanted.get(cell.key)
        if job is not None:
            kind = workshop.kind(job.backbone)
            seen[kind, job.arm][job.rate].append((cell.validation.accuracy, -cell.validation.nll))
    return {
        at: max(sorted(by_rate), key=lambda rate: tuple(np.mean(by_rate[rate], axis=0))) for at, by_rate in seen.items()
    }


def _at(workshop: Workshop, target: str, regime: Regime, seed: int) -> Iterator[Job]:
    """Cells of all backbones and arms at one place; scratch once per architecture."""
    spec = workshop.spec
    steps = spec.steps_of(regime)
    from_scratch: set[str] = set()
    for backbone in spec.backbones:
        for arm in spec.arms:
            if arm == "last_stage" and spec.last_stage and regime not in spec.last_stage:
                continue
            if arm == "scratch":
                architecture = workshop.architecture(backbone, target)
                if architecture in from_scratch:
                    continue
                from_scratch.add(architecture)
            yield Job(target, regime, seed, arm, backbone, 0 if arm == "linear" else steps)


def _rates_of(job: Job, workshop: Workshop, rates: Rates) -> list[float]:
    """Rates to train a cell with: the one chosen for its architecture, or all when cells choose for themselves.

    The last stage is trained at the rate of the whole network.
    """
    if not workshop.spec.search.places:
        return list(workshop.spec.search.rates)
    arm = "full" if job.arm == "last_stage" else job.arm
    rate = rates.get((workshop.kind(job.backbone), arm))
    return [] if rate is None else [rate]


def curve_jobs(workshop: Workshop, curve: Curve, rates: Rates) -> Iterator[Job]:
    """Cells of one learning curve: full and scratch for several budgets, under the first seed."""
    shared = workshop.architecture(curve.backbone, curve.target)
    first = next(b for b in workshop.spec.backbones if workshop.architecture(b, curve.target) == shared)
    for arm, backbone in zip(SEARCHED, (curve.backbone, first), strict=True):
        for steps in curve.steps:
            job = Job(curve.target, curve.regime, workshop.spec.seeds[0], arm, backbone, steps)
            yield from (replace(job, rate=rate) for rate in _rates_of(job, workshop, rates))
