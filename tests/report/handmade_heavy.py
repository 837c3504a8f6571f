"""The largest record that a page must stay light for: 20 candidates, 3 targets, every question asked of every one."""

import itertools
import json

import numpy as np
from handmade import ZOO, assemble, input_card, rank_parts, result, shift_parts, with_gains
from handmade_forecasts import advice
from handmade_sources import order

from shiftscope.checks import find
from shiftscope.core.profile import LayerProfile, LayerScore, LayerTap
from shiftscope.core.records import RunRecord

TARGETS = ("sketch", "art_painting", "cartoon")
BY_NAME = ("gbc", "leep", "nce", "parc", "cka", "transrate")
# What measures leave in their details.
DETAILS = {
    "accuracy": 0.779, "balanced_accuracy": 0.778, "calibration_error": 0.0161, "effective_rank": 11.39,
    "largest_class": 0.143, "n": 840, "n_classes": 7, "nll": 0.7301, "nll_null": 1.9458, "penalty": 66.83, "rank": 96,
}  # fmt: skip


def heavy(*, profiles=True, sources=("photo",)):
    """Every number has all its digits, as measures leave them: short ones would make the page look lighter.

    ``profiles``: with the layers of every candidate, as ``--tap all`` gives them. ``sources``: with an order of them
    where there are several.
    """
    zoo = (*ZOO, *((f"another_network_number_{i}", *ZOO[i][1:]) for i in (3, 4)))
    parts = rank_parts(TARGETS, zoo, sharp=0.3)
    parts["results"] = [
        r.model_copy(update={"estimate": r.estimate.model_copy(update={"details": DETAILS})}) for r in parts["results"]
    ]
    parts["inputs"] |= {source: input_card(source, "source") for source in sources}
    for target, (name, *_) in itertools.product(TARGETS, zoo):
        parts["results"] += [result(m, target, name, 0.53, 0.02, details=DETAILS) for m in BY_NAME]
    parts = advice(with_gains(parts))
    if profiles:
        parts["profiles"] = [profile(t, entry[0], entry[3]) for t, entry in itertools.product(TARGETS, zoo)]
    parts["diagnoses"] = []
    for target, source, (name, *_) in itertools.product(TARGETS, sources, zoo):
        shift = shift_parts(target, source, name)
        parts["results"] += shift["results"]
        parts["diagnoses"] += shift["diagnoses"]
    if len(sources) > 1:
        parts["source_orders"] = [order(t, sources, name) for t, (name, *_) in itertools.product(TARGETS, zoo)]
    record = digits(assemble("run", **parts))
    return record.model_copy(update={"findings": find(record)})


def profile(target, backbone, accuracy):
    """Twelve layers by four measures."""
    values = accuracy * np.linspace(0.4, 1, 12)
    taps = [
        LayerTap(
            name=f"stages.{i // 3}.blocks.{i % 3}",
            depth=(i + 1) / 12,
            dim=256,
            scores={"ridge": LayerScore(value=v, low=v - 0.03, high=v + 0.03)}
            | {m: LayerScore(value=v) for m in ("logme", "knn", "hscore")},
        )
        for i, v in enumerate(values)
    ]
    return LayerProfile(
        target=target, backbone=backbone, measure="ridge", level=0.95, taps=taps, best=taps[-1].name,
        spread=0.113, noise=0.052,
    )  # fmt: skip


def digits(record):
    """The same record with every float a little smaller: by one factor, which leaves it all its digits."""

    def longer(value):
        if isinstance(value, dict):
            return {key: longer(v) for key, v in value.items()}
        if isinstance(value, list):
            return [longer(v) for v in value]
        return value * 0.999999987654 if isinstance(value, float) else value

    return RunRecord.model_validate(longer(json.loads(record.model_dump_json())))
