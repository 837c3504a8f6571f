"""Foresee for every candidate of a ranking whether a frozen head, and whether fine-tuning, will likely hurt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from shiftscope.analysis.forecast.covariates import Covariates, covariates_of, readable
from shiftscope.analysis.forecast.model import Model
from shiftscope.analysis.rank import GAIN_MEASURE, PIXELS, difference
from shiftscope.core.forecast import ARMS, ArmForecast, Basis, Calibration, Forecast, Paired, QuestionModel
from shiftscope.core.records import Estimate, InputCard, MeasureResult, Ranking
from shiftscope.measures._holm import holm
from shiftscope.measures._resampling import LEVEL, Z

__all__ = ["calibration_of_package", "foresee", "paired_gains"]

EVIDENCE = (GAIN_MEASURE, "knn")
# Ends of the interval of a probability: its spread over resampled target groups.
INTERVAL, COVERAGE = (0.05, 0.95), 0.9
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
    accuracies = _accuracies(results, ranking.target)
    copies = {row.backbone: row.random_copy or "" for row in ranking.rows}
    counts = list(card.classes.values())
    per_class = float(np.median(counts)) if counts else None
    found = []
    for name, evidence in paired_gains(results, ranking).items():
        if not evidence:
            continue
        covariates = _covariates(accuracies, name, copies[name])
        found.append(
            Forecast(
                target=ranking.target,
                backbone=name,
                arms=[] if covariates is None else _arms(covariates, calibration),
                covariates={} if covariates is None else covariates._asdict(),
                evidence=evidence,
                per_class=per_class,
            )
        )
    return found


def paired_gains(results: Sequence[MeasureResult], ranking: Ranking) -> dict[str, list[Paired]]:
    """Return how far every candidate of ``ranking`` lies above its baselines: candidate -> measure by baseline.

    Measures are ``ridge`` and ``knn``, as far as both sides have them with draws.
    """
    accuracies = _accuracies(results, ranking.target)
    copies = {row.backbone: row.random_copy or "" for row in ranking.rows if not row.baseline}
    found: dict[str, list[Paired]] = {name: [] for name in copies}
    for measure, against in product(EVIDENCE, (dict.fromkeys(copies, PIXELS), copies)):
        pairs = {
            name: (baseline, *difference(mine, other))
            for name, baseline in against.items()
            if (mine := accuracies.get((name, measure))) and (other := accuracies.get((baseline, measure)))
        }
        adjusted = holm([_one_sided(gain, spread) for _, gain, spread in pairs.values()])
        for (name, (baseline, gain, spread)), p in zip(pairs.items(), adjusted, strict=True):
            assert p is not None  # none was missing
            low, high = gain - Z * spread, gain + Z * spread
            paired = Paired(
                measure=measure, baseline=baseline, gain=gain, low=low, high=high, level=LEVEL, pvalue_holm=p
            )
            found[name].append(paired)
    return found


def _accuracies(results: Sequence[MeasureResult], target: str) -> dict[tuple[str, str], Estimate]:
    """Held-out accuracies on one target, by backbone and measure."""
    return {
        (r.backbone, r.measure): r.estimate
        for r in results
        if r.target == target and r.estimate is not None and readable(r.estimate) and r.estimate.draws is not None
    }


def _covariates(accuracies: Mapping[tuple[str, str], Estimate], candidate: str, random_copy: str) -> Covariates | None:
    mine, copy, pixels = (accuracies.get((name, GAIN_MEASURE)) for name in (candidate, random_copy, PIXELS))
    return None if mine is None or copy is None or pixels is None else covariates_of(mine, copy, pixels)


def _arms(covariates: Covariates, calibration: Calibration) -> list[ArmForecast]:
    x = np.array([covariates._asdict()[name] for name in calibration.covariates])
    made = []
    for arm in (arm for arm in ARMS if arm in calibration.questions):
        fitted = calibration.questions[arm]
        model = Model.of(fitted)
        basis = Basis(base_rate=fitted.base_rate, n_cells=fitted.n_cells, auroc=fitted.auroc)
        outside = [n for n, inside in zip(calibration.covariates, model.inside(x[None])[0], strict=True) if not inside]
        if outside:
            made.append(ArmForecast(arm=arm, probability=None, outside=outside, basis=basis))
            continue
        p = float(model.probability(x[None])[0])
        low, high = np.quantile(_again(fitted, x), INTERVAL).tolist()
        low, high = min(low, p), max(high, p)
        made.append(ArmForecast(arm=arm, probability=p, low=low, high=high, level=COVERAGE, basis=basis))
    return made


def _again(fitted: QuestionModel, x: Array) -> Array:
    """Probabilities (R,) by the models of resampled target groups."""
    from scipy.special import expit

    b = np.array(fitted.resampled)
    again: Array = expit(b[:, 0] + b[:, 1:] @ ((x - fitted.mean) / np.array(fitted.scale)))
    return again


def _one_sided(gain: float, spread: float) -> float:
    """P-value of no gain; where no draw differs from another, all or nothing, and never 0."""
    if spread == 0:
        return 1.0 if gain <= 0 else LEAST
    return max(float(norm.sf(gain / spread)), LEAST)
