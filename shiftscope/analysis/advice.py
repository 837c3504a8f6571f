"""From rankings to advice: forecasts of all candidates, and what to do with the first one of each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shiftscope.analysis.forecast.covariates import number, readable
from shiftscope.analysis.forecast.foresee import calibration_of_package, foresee
from shiftscope.analysis.rank import GAIN_MEASURE
from shiftscope.analysis.strategy import advise, learning_curve
from shiftscope.core.features import FeatureSet
from shiftscope.core.forecast import Forecast
from shiftscope.core.records import BackboneCost, Estimate, InputCard, MeasureResult, Ranking, ShiftDiagnosis
from shiftscope.core.strategy import LearningPoint, Strategy

__all__ = ["Told", "tell"]


@dataclass(frozen=True)
class Told:
    """Forecasts and strategies of a run, target by target."""

    forecasts: list[Forecast]
    strategies: list[Strategy]


def tell(
    results: Sequence[MeasureResult],
    rankings: Sequence[Ranking],
    *,
    features: Mapping[str, Mapping[str, FeatureSet]],
    inputs: Mapping[str, InputCard],
    costs: Mapping[str, BackboneCost],
    diagnoses: Sequence[ShiftDiagnosis] = (),
    seed: int = 0,
) -> Told:
    """Forecast every candidate of every ranking, and advise on the first of each.

    Parameters
    ----------
    results
        All results of the run, with their draws.
    features
        Target -> backbone -> features: the learning curve of the first candidate is made from them.
    """
    told = Told([], [])
    for ranking in rankings:
        found = foresee(results, ranking, inputs[ranking.target], calibration_of_package())
        told.forecasts.extend(found)
        if not found or ranking.rows[0].rank is None:
            continue
        first = next((f for f in found if f.backbone == ranking.rows[0].backbone), None)
        probe = _estimate(results, ranking.target, ranking.rows[0].backbone, GAIN_MEASURE)
        if first is None or probe is None or not readable(probe):
            continue
        told.strategies.append(
            advise(
                first,
                probe,
                curve=_curve(features[ranking.target][first.backbone], probe, seed),
                cost=costs.get(first.backbone),
                diagnoses=[d for d in diagnoses if (d.target, d.backbone) == (ranking.target, first.backbone)],
                alignability={
                    r.source or "": r.estimate
                    for r in results
                    if (r.target, r.backbone, r.measure) == (ranking.target, first.backbone, "alignability")
                    and r.estimate is not None
                },
            )
        )
    return told


def _curve(features: FeatureSet, probe: Estimate, seed: int) -> list[LearningPoint]:
    parts = learning_curve(features, seed=seed)
    # The value itself may be a mean recall, where that was asked for.
    whole = number(probe, "accuracy")
    return [*parts, LearningPoint(n=features.n, accuracy=whole)] if parts else []


def _estimate(results: Sequence[MeasureResult], target: str, backbone: str, measure: str) -> Estimate | None:
    wanted = (target, backbone, measure)
    return next((r.estimate for r in results if (r.target, r.backbone, r.measure) == wanted), None)
