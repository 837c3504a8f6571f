"""How well negative transfer itself was foretold: forecasts and scores against gaps that are known with noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from shiftscope.analysis.audit.agreement import MIN_GROUPS, cluster_bootstrap
from shiftscope.analysis.audit.calibrate import evidence_of, foretell
from shiftscope.analysis.audit.forecasts import auroc, brier, chance_of_negative, log_loss
from shiftscope.analysis.audit.predictors import Array, advised
from shiftscope.analysis.forecast.covariates import COVARIATES
from shiftscope.core.advice import Advice
from shiftscope.core.audit import AuditedBackbone, Gap, Score
from shiftscope.core.seeds import stream

__all__ = ["score_negatives"]

DRAWS: Final = 500  # resamples of target groups for an AUROC
# Only these mean the same on every target; a measure's own value depends on the number of classes and on the images.
COMPARABLE = ("gain_over_random", "gain_over_pixels")

Where: TypeAlias = tuple[str, str]  # target, regime


@dataclass(frozen=True)
class _Cells:
    """Cells of one question: what happened, and where."""

    gaps: Sequence[Gap]
    groups: Sequence[str]
    q: Array  # P(gap < -margin | data)

    def places(self) -> list[NDArray[np.intp]]:
        """Positions of the cells of each target and regime."""
        found: dict[Where, list[int]] = defaultdict(list)
        for i, gap in enumerate(self.gaps):
            found[gap.target, gap.regime].append(i)
        return [np.array(rows) for rows in found.values()]


def score_negatives(
    gaps: Sequence[Gap],
    groups: Mapping[str, str],
    backbones: Mapping[str, AuditedBackbone],
    advice: Sequence[Advice],
) -> list[Score]:
    """Score whatever says where a gap lies below the margin, question by question.

    Parameters
    ----------
    gaps
        Those that count as evidence.
    groups
        Target -> target group.
    backbones
        For their families.
    advice
        What the forecast and the gains over the baselines are made of.

    Returns
    -------
    list of Score
        Brier score, log loss and AUROC of ``forecast`` and of forecasts by one of its covariates, each made without
        the target's group and the source's family; of ``base_rate`` (the mean chance of the cells they were fitted
        to: a forecast that knows nothing of the pair) and of ``best`` (the truth's own chances: what nobody can
        beat). ``coverage`` of the forecast is the share of cells in which it did not abstain. AUROC of the gains
        over random weights and over pixels, of which a low one should mean harm.
    """
    scores: list[Score] = []
    for question in dict.fromkeys(g.question for g in gaps):
        mine = [g for g in gaps if g.question == question]
        evidence = evidence_of(mine, groups, backbones, advice)
        told = None if evidence is None else foretell(evidence, range(len(COVARIATES)))
        if evidence is None or told is None:
            q = chance_of_negative([g.gap for g in mine], [g.se for g in mine], dof=[g.dof or np.inf for g in mine])
            cells = _Cells(mine, [groups[g.target] for g in mine], q)
            base = _base_rate(cells)
            forecasts = {"best": q} if base is None else {"best": q, "base_rate": base}
        else:
            cells = _Cells(evidence.gaps, evidence.groups.tolist(), evidence.q)
            forecasts = {"best": cells.q, "base_rate": told.base, "forecast": told.p}
            for i, name in enumerate(COVARIATES):
                alone = foretell(evidence, [i])
                assert alone is not None  # leaves out what the whole forecast left out
                forecasts[f"forecast_{name}"] = alone.p
            scores.append(_by_place(cells, "forecast", "coverage", told.covered.astype(np.float64)))
        for forecaster, p in forecasts.items():
            scores += [_mean_loss(cells, forecaster, name, p) for name in ("brier", "log_loss")]
        for predictor, value in {**forecasts, **_gains(cells, advice)}.items():
            found = _ranked(cells, predictor, value)
            scores += [found] if found is not None else []
    return scores


def _base_rate(cells: _Cells) -> Array | None:
    """Mean chance over the cells of all other groups; None with one group."""
    own = np.array(cells.groups)
    if len(set(cells.groups)) < 2:
        return None
    return np.array([cells.q[own != group].mean() for group in own])


def _gains(cells: _Cells, advice: Sequence[Advice]) -> dict[str, Array]:
    """Gains with their sign turned, for each cell, mean over the seeds; those known for every cell."""
    told: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for one in advice:
        names = sorted({g.backbone for g in cells.gaps if (g.target, g.regime) == (one.target, one.regime)})
        said = advised(one, names) if names else {}
        for predictor in COMPARABLE:
            for name, value in zip(names, said.get(predictor, ()), strict=False):
                told[predictor, name, one.target, one.regime].append(float(value))
    known = {
        predictor: [told.get((predictor, g.backbone, g.target, g.regime)) for g in cells.gaps]
        for predictor in COMPARABLE
    }
    return {p: -np.array([np.mean(v) for v in values if v]) for p, values in known.items() if all(values)}


def _mean_loss(cells: _Cells, forecaster: str, statistic: str, p: Array) -> Score:
    loss = {"brier": brier, "log_loss": log_loss}[statistic]
    each = np.array([loss([forecast], [q]) for forecast, q in zip(p, cells.q, strict=True)])
    return _by_place(cells, forecaster, statistic, each)


def _by_place(cells: _Cells, forecaster: str, statistic: str, each: Array) -> Score:
    """Mean over places of the mean of ``each`` (n,), with an interval from resampled target groups."""
    places = cells.places()
    values = [float(each[rows].mean()) for rows in places]
    rng = stream(0, "audit", "negatives", statistic)
    mean, low, high = cluster_bootstrap(values, [cells.groups[rows[0]] for rows in places], rng=rng)
    return _score(cells, forecaster, statistic, (mean, low, high))


def _ranked(cells: _Cells, predictor: str, value: Array) -> Score | None:
    """AUROC over all cells, with a percentile interval from resampled target groups."""
    # Only the order counts, and ranks over n are the probabilities that an AUROC takes.
    p = rankdata(value) / len(value)
    point = auroc(p, cells.q)
    if point is None:
        return None
    names, codes = np.unique(cells.groups, return_inverse=True)
    if len(names) < MIN_GROUPS:
        return _score(cells, predictor, "auroc", (point, None, None))
    rows = [np.flatnonzero(codes == g) for g in range(len(names))]
    rng = stream(0, "audit", "negatives", "auroc")
    drawn = [np.concatenate([rows[g] for g in rng.integers(len(names), size=len(names))]) for _ in range(DRAWS)]
    found = [a for index in drawn if (a := auroc(p[index], cells.q[index])) is not None]
    low, high = np.quantile(found, [0.025, 0.975]).tolist() if found else (point, point)
    return _score(cells, predictor, "auroc", (point, min(low, point), max(high, point)))


def _score(cells: _Cells, predictor: str, statistic: str, value: tuple[float, float | None, float | None]) -> Score:
    return Score(
        predictor=predictor,
        truth=cells.gaps[0].question,
        statistic=statistic,
        value=value[0],
        low=value[1],
        high=value[2],
        n_places=len(cells.places()),
        n_groups=len(set(cells.groups)),
    )
