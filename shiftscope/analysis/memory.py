"""Runs on features that are in memory already."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from shiftscope.analysis.cards import by_name, features_card, input_card
from shiftscope.analysis.family import adjusted
from shiftscope.analysis.nearest import order_sources
from shiftscope.analysis.project import project
from shiftscope.analysis.run import RunOutcome, chosen_measures, few_threads
from shiftscope.analysis.shift import diagnose_pair
from shiftscope.checks import find
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.nearest import SourceOrder
from shiftscope.core.provenance import provenance
from shiftscope.core.records import BackboneCard, MeasureResult, RunRecord, ShiftDiagnosis
from shiftscope.core.spec import RunSpec
from shiftscope.errors import InputError
from shiftscope.kernels import choose

__all__ = ["diagnose_features"]


def diagnose_features(sources: Sequence[FeatureSet], targets: Sequence[FeatureSet], spec: RunSpec) -> RunOutcome:
    """Diagnose the shift of each of ``targets`` from each of ``sources``, feature sets of one backbone.

    Raises
    ------
    InputError
        If there is no source or no target, two of one side have one name, or two sets differ in their feature
        dimensions or are known to come from different backbones.
    """
    _, measures = chosen_measures(spec, "shift")
    for role, sets in (("source", sources), ("target", targets)):
        _demand_names(role, [fs.name for fs in sets])
    sources, targets = (sorted(sets, key=lambda fs: fs.name) for sets in (sources, targets))
    card, kernels = _card([*targets, *sources]), choose()
    given: dict[str, Any] = {"backbone": card.name, "seed": spec.seed, "kernels": kernels}
    results: list[MeasureResult] = []
    diagnoses: list[ShiftDiagnosis] = []
    orders: list[SourceOrder | None] = []
    with few_threads([*targets, *sources]):
        for target, source in product(targets, sources):
            pair = Pair(source, target)
            mine, diagnosis = diagnose_pair(pair, measures=measures, options=spec.measures, **given)
            results += mine
            diagnoses.append(diagnosis.model_copy(update={"projection": project(pair, kernels)}))
        if "mmd" in measures:
            orders = [order_sources(sources, target, options=spec.measures.get("mmd"), **given) for target in targets]
    record = RunRecord(
        kind="shift",
        spec=spec.model_dump(mode="json", by_alias=True),
        given={},
        inputs=by_name(
            [
                *(input_card({card.name: fs}, role="source", uri="memory") for fs in sources),
                *(input_card({card.name: fs}, role="target", uri="memory") for fs in targets),
            ]
        ),
        backbones={card.name: card},
        results=sorted(results, key=lambda r: (r.target, r.source or "", r.measure)),
        diagnoses=adjusted(diagnoses, results),
        source_orders=[order for order in orders if order is not None],
        provenance=provenance(),
    )
    return RunOutcome(record.model_copy(update={"findings": find(record)}), results)


def _demand_names(role: str, names: Sequence[str]) -> None:
    if not names:
        raise InputError(f"There is no {role}: give at least one feature set.")
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise InputError(f"Two {role}s are named {twice!r}: give each a name of its own, FeatureSet.of(…, name=…).")


def _card(sets: Sequence[FeatureSet]) -> BackboneCard:
    """The card of the one backbone that saw all of ``sets``."""
    known = [(fs.name, fs.card) for fs in sets if fs.card is not None]
    for name, card in known[1:]:
        other, first = known[0]
        if card.identity != first.identity:
            raise InputError(
                f"{name} was seen by {card.name} and {other} by {first.name}: extract both with the same backbone."
            )
    return known[0][1] if known else features_card("features", sets[0])
