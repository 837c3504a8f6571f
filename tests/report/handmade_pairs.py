"""Pairs of records, A and B, that differ in one known way."""

import numpy as np
from altered import FIRST, TARGET, demo


def changed(record, backbone=FIRST, measure="ridge", **estimate):
    """The record with another estimate of one measure of one backbone."""
    results = [
        r.model_copy(update={"estimate": r.estimate.model_copy(update=estimate)})
        if (r.backbone, r.measure) == (backbone, measure)
        else r
        for r in record.results
    ]
    return record.model_copy(update={"results": results})


def moved(record, by, backbone=FIRST, measure="ridge"):
    """The record with one estimate moved, its interval with it."""
    (old,) = (r.estimate for r in record.results if (r.backbone, r.measure) == (backbone, measure))
    ends = {end: getattr(old, end) + by for end in ("value", "low", "high")}
    return changed(record, backbone, measure, **ends)


def draws(record, seed=0, spread=0.01, n=100):
    """Arrays for every transfer measure of the record, as wide as ``spread``."""
    rng = np.random.default_rng(seed)
    return {
        f"{r.target}/{r.backbone}/{r.measure}/draws": rng.normal(r.estimate.value, spread, n)
        for r in record.results
        if r.kind == "transfer" and r.estimate is not None
    }


def reordered(record, order, best):
    """The record whose candidates stand in another order; ``best`` gives the probability of being best of some."""
    (ranking,) = record.rankings
    rows = {row.backbone: row for row in ranking.rows}
    placed = [
        rows[name].model_copy(update={"rank": i + 1, "mean_rank": i + 1.0, "p_best": best.get(name, 0.0)})
        for i, name in enumerate(order)
    ]
    rest = [row for row in ranking.rows if row.baseline]
    return record.model_copy(update={"rankings": [ranking.model_copy(update={"rows": [*placed, *rest]})]})


def candidates(record=None):
    """Names of the candidates in the order of the ranking."""
    return [row.backbone for row in (record or demo()).rankings[0].rows if not row.baseline]


def with_card(record, **changes):
    """The record whose target card is changed."""
    card = record.inputs[TARGET].model_copy(update=changes)
    return record.model_copy(update={"inputs": record.inputs | {TARGET: card}})
