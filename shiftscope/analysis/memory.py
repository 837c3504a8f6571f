"""Runs on features that are in memory already."""

from __future__ import annotations

from shiftscope.analysis.cards import by_name, features_card, input_card
from shiftscope.analysis.project import project
from shiftscope.analysis.run import RunOutcome, chosen_measures
from shiftscope.analysis.shift import diagnose_pair
from shiftscope.checks import find
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.provenance import provenance
from shiftscope.core.records import RunRecord
from shiftscope.core.spec import RunSpec
from shiftscope.errors import InputError
from shiftscope.kernels import choose

__all__ = ["diagnose_features"]


def diagnose_features(source: FeatureSet, target: FeatureSet, spec: RunSpec) -> RunOutcome:
    """Diagnose the shift from ``source`` to ``target``, two feature sets of one backbone.

    Raises
    ------
    InputError
        If the two have different feature dimensions, or are known to come from different backbones.
    """
    _, measures = chosen_measures(spec, "shift")
    card = target.card or source.card or features_card("features", target)
    if source.card is not None and source.card.identity != card.identity:
        raise InputError(
            f"{source.name} was seen by {source.card.name} and {target.name} by {card.name}: "
            "extract both with the same backbone."
        )
    pair, kernels = Pair(source, target), choose()
    results, diagnosis = diagnose_pair(
        pair,
        backbone=card.name,
        measures=measures,
        options=spec.measures,
        seed=spec.seed,
        kernels=kernels,
    )
    record = RunRecord(
        kind="shift",
        spec=spec.model_dump(mode="json", by_alias=True),
        given={},
        inputs=by_name(
            [
                input_card({card.name: source}, role="source", uri="memory"),
                input_card({card.name: target}, role="target", uri="memory"),
            ]
        ),
        backbones={card.name: card},
        results=sorted(results, key=lambda r: r.measure),
        diagnoses=[diagnosis.model_copy(update={"projection": project(pair, kernels)})],
        provenance=provenance(),
    )
    return RunOutcome(record.model_copy(update={"findings": find(record)}), results)
