"""Make one cell: train, predict, score."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.audit.plan import Job
from shiftscope.analysis.audit.workshop import Workshop
from shiftscope.backbones import Backbone
from shiftscope.core.cells import Cell, pack
from shiftscope.core.provenance import provenance
from shiftscope.finetune.split import Split

__all__ = ["make_cell"]

Array = NDArray[np.float64]


def make_cell(job: Job, workshop: Workshop) -> Cell:
    """Do the work of one job.

    Raises
    ------
    ShiftscopeError
        If the network cannot be built or trained at this size.
    """
    from shiftscope.finetune.metrics import score

    started = time.perf_counter()
    source = workshop.source(job.target)
    labels: NDArray[np.int64] = source.target.values
    parts = workshop.split(job.target, job.regime, job.seed)
    backbone = job.start(workshop)
    assert backbone.card.transform is not None
    recipe, validation, test = (_trained if job.rate else _frozen)(job, workshop, backbone, parts)
    here = provenance(device=workshop.device)
    return Cell(
        key=job.key(workshop),
        backbone=job.shown(workshop),
        target=job.target,
        regime=str(job.regime),
        arm=job.arm,
        seed=job.seed,
        side=backbone.card.transform.crop,
        recipe=recipe,
        n_train=len(parts.train),
        validation=score(validation, labels[parts.validation]),
        test=score(test, labels[parts.test]),
        n=source.n,
        test_rows=pack(np.diff(parts.test, prepend=0)),
        truth=pack(labels[parts.test]),
        predicted=pack(test.argmax(axis=1)),
        seconds=round(time.perf_counter() - started, 2),
        made_by={k: here.versions[k] for k in ("shiftscope", "torch", "numpy") if k in here.versions}
        | {"device": here.device},
    )


def _frozen(job: Job, workshop: Workshop, backbone: Backbone, parts: Split) -> tuple[dict[str, Any], Array, Array]:
    from shiftscope.finetune.linear import fit_head

    features = workshop.features(job.target, [backbone])[backbone.card.name]
    penalty, validation, test = fit_head(features.features, features.target.values, parts)
    return {"penalty": penalty}, validation, test


def _trained(job: Job, workshop: Workshop, backbone: Backbone, parts: Split) -> tuple[dict[str, Any], Array, Array]:
    from shiftscope.finetune.network import network_of
    from shiftscope.finetune.save import save_network
    from shiftscope.finetune.train import Pictures, log_probabilities, train

    transform = backbone.card.transform
    assert transform is not None
    target = workshop.source(job.target).target
    recipe = job.recipe(workshop)
    pictures = Pictures.of(workshop.pictures(job.target, transform), transform)
    network = network_of(backbone, transform, target.n_classes, job.seed)
    how: dict[str, Any] = {
        "arm": "last_stage" if job.arm == "last_stage" else "full",
        "recipe": recipe,
        "seed": job.seed,
    }
    train(network, pictures, target.values, parts.train, **how, device=workshop.device)
    if workshop.networks is not None:
        name = f"{job.shown(workshop)}.{job.target}.{job.regime}.{job.arm}.seed{job.seed}"
        save_network(network, backbone, workshop.networks, name=name, source_domain=job.target, **how)
    predicted = [log_probabilities(network, pictures, rows) for rows in (parts.validation, parts.test)]
    return recipe.model_dump(), predicted[0], predicted[1]
