"""The forecast of negative transfer, fitted to ground truth and judged on groups and families it never saw."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.audit.forecasts import chance_of_negative, log_loss
from shiftscope.analysis.forecast.covariates import COVARIATES, Covariates, covariates_of, readable
from shiftscope.analysis.forecast.model import Model, fit
from shiftscope.analysis.rank import GAIN_MEASURE
from shiftscope.core.advice import Advice
from shiftscope.core.audit import MARGIN, AuditedBackbone, Gap
from shiftscope.core.forecast import Arm, Calibration, QuestionModel
from shiftscope.core.seeds import stream

__all__ = ["PENALTIES", "Evidence", "Foretold", "calibrate", "calibration", "evidence_of", "foretell"]

Array: TypeAlias = NDArray[np.float64]

PIXELS = "pixels"
N_RESAMPLED = 200
RECIPE = (
    "docs/forecast-protocol.md: logistic regression with a ridge penalty on standardised covariates, fitted to "
    "P(gap < -margin | measured gap); penalty by log loss over left-out target groups"
)
PENALTIES = tuple(10.0 ** (k / 2) for k in range(-4, 7))  # 0.01 to 1 000


@dataclass(frozen=True, eq=False)
class Evidence:
    """Cells of one question with what was known of them before; a row for each split that was looked at."""

    gaps: Sequence[Gap]
    x: Array  # (n, 4) covariates
    q: Array  # (n,) P(gap < -margin | data)
    groups: NDArray[np.str_]  # (n,) of targets
    families: NDArray[np.str_]  # (n,) of sources
    seeds: NDArray[np.int64]  # (n,) of the splits that were looked at

    @property
    def counts(self) -> Array:
        """How much each row counts (n,): a cell counts once, however often it was looked at."""
        cells = [(g.backbone, g.target, g.regime) for g in self.gaps]
        return np.array([1 / cells.count(cell) for cell in cells])

    def take(self, rows: NDArray[np.bool_]) -> Evidence:
        """Evidence of some rows."""
        gaps = [gap for gap, chosen in zip(self.gaps, rows, strict=True) if chosen]
        x, q, seeds = self.x[rows], self.q[rows], self.seeds[rows]
        return Evidence(gaps, x, q, self.groups[rows], self.families[rows], seeds)


class Foretold(NamedTuple):
    """Forecasts of cells by models that saw neither their target group nor their source family."""

    p: Array  # (n,) where not covered the base rate
    base: Array  # (n,) mean chance of the cells that the model saw
    covered: NDArray[np.bool_]  # (n,) whether the covariates lie in the model's range


def evidence_of(
    gaps: Sequence[Gap],
    groups: Mapping[str, str],
    backbones: Mapping[str, AuditedBackbone],
    advice: Sequence[Advice],
) -> Evidence | None:
    """Join gaps of one question with the advice given before; None where no cell has both."""
    rows: list[tuple[Gap, Covariates, int]] = []
    for told in advice:
        probes = [(r.backbone, r.estimate) for r in told.results if r.measure == GAIN_MEASURE]
        ridge = {name: estimate for name, estimate in probes if estimate is not None and readable(estimate)}
        for gap in gaps:
            copy = told.random_copies.get(gap.backbone, "")
            if (gap.target, gap.regime) == (told.target, told.regime) and {gap.backbone, copy, PIXELS} <= set(ridge):
                rows.append((gap, covariates_of(ridge[gap.backbone], ridge[copy], ridge[PIXELS]), told.seed))
    if not rows:
        return None
    found = [gap for gap, _, _ in rows]
    return Evidence(
        gaps=found,
        x=np.array([x for _, x, _ in rows]),
        q=chance_of_negative([g.gap for g in found], [g.se for g in found], dof=[g.dof or np.inf for g in found]),
        groups=np.array([groups[g.target] for g in found]),
        families=np.array([backbones[g.backbone].family for g in found]),
        seeds=np.array([seed for _, _, seed in rows]),
    )


def calibrate(evidence: Evidence, covariates: Sequence[int]) -> Model:
    """Fit a model of some covariates, its penalty chosen by log loss over left-out target groups.

    Of equally good penalties the greatest is taken, and with one group only the greatest of all.
    """
    x, names = evidence.x[:, list(covariates)], np.unique(evidence.groups)

    def loss(penalty: float) -> float:
        total = 0.0
        for name in names:
            seen = evidence.groups != name
            model = fit(x[seen], evidence.q[seen], penalty=penalty, weights=evidence.counts[seen])
            total += log_loss(model.probability(x[~seen]), evidence.q[~seen])
        return total

    losses = [loss(penalty) for penalty in PENALTIES] if len(names) > 1 else [0.0] * len(PENALTIES)
    penalty = max(p for p, found in zip(PENALTIES, losses, strict=True) if found <= min(losses))
    return fit(x, evidence.q, penalty=penalty, weights=evidence.counts)


def foretell(evidence: Evidence, covariates: Sequence[int]) -> Foretold | None:
    """Forecast every cell by a model that saw neither its target group nor its source family.

    None where leaving out both leaves nothing. O(G F) calibrations for G groups and F families.
    """
    n = len(evidence.q)
    p, base, covered = np.empty(n), np.empty(n), np.zeros(n, dtype=np.bool_)
    for group, family in sorted(set(zip(evidence.groups.tolist(), evidence.families.tolist(), strict=True))):
        mine = (evidence.groups == group) & (evidence.families == family)
        seen = evidence.take((evidence.groups != group) & (evidence.families != family))
        if not len(seen.q):
            return None
        model, x = calibrate(seen, covariates), evidence.x[mine][:, list(covariates)]
        base[mine] = np.average(seen.q, weights=seen.counts)
        covered[mine] = model.covers(x)
        p[mine] = np.where(covered[mine], model.probability(x), base[mine])
    return Foretold(p, base, covered)


def calibration(
    evidence: Mapping[Arm, Evidence], auroc: Mapping[Arm, tuple[float, float, float]] | None = None
) -> Calibration:
    """Fit the forecast that is shipped: all covariates, all cells, arm by arm.

    The spread of a forecast is that of models fitted to resampled target groups, with the penalty held. ``auroc`` says
    how well such forecasts ordered cells that they had not seen, with the ends of its interval.
    """
    every = next(iter(evidence.values()))
    return Calibration(
        recipe=RECIPE,
        covariates=list(COVARIATES),
        margin=MARGIN,
        cells=_digest(evidence),
        groups=sorted(set(every.groups.tolist())),
        families=sorted(set(every.families.tolist())),
        questions={arm: _question(found, (auroc or {}).get(arm)) for arm, found in evidence.items()},
    )


def _question(evidence: Evidence, auroc: tuple[float, float, float] | None) -> QuestionModel:
    model = calibrate(evidence, range(len(COVARIATES)))
    arrays = (model.mean, model.scale, model.weights, model.low, model.high)
    mean, scale, weights, low, high = ([_short(v) for v in a] for a in arrays)
    return QuestionModel(
        mean=mean,
        scale=scale,
        weights=weights,
        intercept=_short(model.intercept),
        low=low,
        high=high,
        penalty=_short(model.penalty),
        base_rate=_short(float(np.average(evidence.q, weights=evidence.counts))),
        n_cells=round(float(evidence.counts.sum())),
        auroc=None if auroc is None else (_short(auroc[0]), _short(auroc[1]), _short(auroc[2])),
        resampled=[[_short(v) for v in b] for b in _resampled(evidence, model)],
    )


def _resampled(evidence: Evidence, model: Model) -> list[Array]:
    """Intercept and weights (k + 1,) of models fitted to resampled target groups, on the scale of ``model``."""
    names = np.unique(evidence.groups)
    rng = stream(0, "audit", "calibration")
    found = []
    for _ in range(N_RESAMPLED):
        times = dict(zip(names.tolist(), rng.multinomial(len(names), np.full(len(names), 1 / len(names))), strict=True))
        weights = evidence.counts * [times[g] for g in evidence.groups.tolist()]
        seen = weights > 0
        again = fit(evidence.x[seen], evidence.q[seen], penalty=model.penalty, weights=weights[seen])
        # The same line in terms of the standardised covariates of the first model.
        slopes = again.weights / again.scale
        found.append(np.append(again.intercept + slopes @ (model.mean - again.mean), slopes * model.scale))
    return found


def _short(value: float) -> float:
    """Six significant digits: a file that is read by people, and more than a few hundred cells know."""
    return float(f"{value:.6g}")


def _digest(evidence: Mapping[Arm, Evidence]) -> str:
    digest = hashlib.sha256()
    for arm, found in sorted(evidence.items()):
        digest.update(arm.encode())
        digest.update(np.column_stack([found.x, found.q]).round(9).tobytes())
    return digest.hexdigest()
