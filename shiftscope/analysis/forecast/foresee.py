"""Foresee for every candidate of a ranking whether a frozen head, and whether fine-tuning, will likely hurt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from shiftscope.analysis.forecast.covariates import Covariates, covariates_of, readable
from shiftscope.analysis.forecast.model import Model
from shiftscope.analysis.shift import holm
from shiftscope.core.forecast import ArmForecast, Calibration, Forecast, Paired, QuestionModel
from shiftscope.core.records import Estimate, InputCard, MeasureResult, Ranking
from shiftscope.measures._resampling import LEVEL, Z

__all__ = ["EVIDENCE", "calibration_of_package", "foresee"]

EVIDENCE = ("ridge", "knn")
PIXELS = "pixels"
# Ends of the interval of a probability: its spread over resampled target groups.
INTERVAL = (0.05, 0.95)
LEAST = 1e-12  # no normal approximation means anything finer

Array: TypeAlias = NDArray[np.float64]


@lru_cache(maxsize=1)
def calibration_of_package() -> Calibration:
    """Return the calibration that comes with the package, fitted to its ground truth."""
    text = files("shiftscope.analysis.forecast").joinpath("forecast.json").read_text(encoding="utf-8")
    return Calibration.model_validate_json(text)


def foresee(
    results: Sequence[MeasureResult], ranking: Ranking, card: InputCard, calibration: Calibration
) -> list[Forecast]:
    """Return a forecast for every candidate of ``ranking``, in its order.

    Parameters
    ----------
    results
        Results of the target with their draws, baselines included.
    card
        The target.
    calibration
        Turns covariates into probabilities.

    Notes
    -----
    Evidence is the difference of held-out accuracies on the same images, with an interval from shared half-samples;
    p-values are one-sided, normal, and adjusted by Holm's method over the candidates, comparison by comparison. A
    forecast without covariates (a baseline was not scored) has no arms, and without any evidence there is none.
    """
    estimates = {
        (r.backbone, r.measure): r.estimate
        for r in results
        if r.target == ranking.target and r.estimate is not None and readable(r.estimate)
    }
    names = [row.backbone for row in ranking.rows if not row.baseline]
    copies = {row.backbone: row.random_copy for row in ranking.rows if row.random_copy is not None}
    evidence = _evidence(estimates, names, copies)
    counts = list(card.classes.values())
    per_class = float(np.median(counts)) if counts else None
    found = []
    for name in names:
        if not evidence[name]:
            continue
        covariates = _covariates(estimates, name, copies.get(name, ""))
        found.append(
            Forecast(
                target=ranking.target,
                backbone=name,
                arms=[] if covariates is None else _arms(covariates, calibration),
                covariates={} if covariates is None else covariates._asdict(),
                evidence=evidence[name],
                per_class=per_class,
            )
        )
    return found


def _covariates(estimates: Mapping[tuple[str, str], Estimate], candidate: str, random_copy: str) -> Covariates | None:
    probes = [estimates.get((name, "ridge")) for name in (candidate, random_copy, PIXELS)]
    mine, copy, pixels = probes
    return None if mine is None or copy is None or pixels is None else covariates_of(mine, copy, pixels)


def _arms(covariates: Covariates, calibration: Calibration) -> list[ArmForecast]:
    x = np.array([covariates._asdict()[name] for name in calibration.covariates])
    made = []
    for arm, fitted in calibration.questions.items():
        model = Model.of(fitted)
        outside = [n for n, inside in zip(calibration.covariates, model.inside(x[None])[0], strict=True) if not inside]
        if outside:
            made.append(ArmForecast(arm=arm, probability=None, outside=outside))
            continue
        p = float(model.probability(x[None])[0])
        low, high = np.quantile(_again(fitted, x), INTERVAL).tolist()
        made.append(ArmForecast(arm=arm, probability=p, low=min(low, p), high=max(high, p)))
    return made


def _again(fitted: QuestionModel, x: Array) -> Array:
    """Probabilities (R,) by the models of resampled target groups."""
    from scipy.special import expit

    b = np.array(fitted.resampled)
    again: Array = expit(b[:, 0] + b[:, 1:] @ ((x - fitted.mean) / np.array(fitted.scale)))
    return again


def _evidence(
    estimates: Mapping[tuple[str, str], Estimate], names: Sequence[str], copies: Mapping[str, str]
) -> dict[str, list[Paired]]:
    """Gains of every candidate, by measure and baseline."""
    found: dict[str, list[Paired]] = {name: [] for name in names}
    for measure in EVIDENCE:
        for kind in ("pixels", "random"):
            pairs = []
            for name in names:
                baseline = PIXELS if kind == "pixels" else copies.get(name, "")
                mine, other = estimates.get((name, measure)), estimates.get((baseline, measure))
                if mine is not None and other is not None and mine.draws is not None and other.draws is not None:
                    gain, spread = mine.value - other.value, float((mine.draws - other.draws).std(ddof=1))
                    pairs.append((name, baseline, gain, spread))
            pvalues = holm([_one_sided(gain, spread) for _, _, gain, spread in pairs])
            for (name, baseline, gain, spread), p in zip(pairs, pvalues, strict=True):
                ends = {"low": gain - Z * spread, "high": gain + Z * spread, "level": LEVEL}
                found[name].append(Paired(measure=measure, baseline=baseline, gain=gain, pvalue_holm=p, **ends))
    return found


def _one_sided(gain: float, spread: float) -> float:
    """P-value of no gain; where no draw differs from another, all or nothing, and never 0."""
    if spread == 0:
        return 1.0 if gain <= 0 else LEAST
    return max(float(norm.sf(gain / spread)), LEAST)
