"""The forecast of negative transfer, fitted to ground truth and judged on groups and families it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.audit.forecasts import chance_of_negative, log_loss
from shiftscope.analysis.forecast.covariates import Covariates, covariates_of, readable
from shiftscope.analysis.forecast.model import Model, fit
from shiftscope.analysis.rank import GAIN_MEASURE
from shiftscope.core.advice import Advice
from shiftscope.core.audit import AuditedBackbone, Gap

__all__ = ["PENALTIES", "Evidence", "Foretold", "calibrate", "evidence_of", "foretell"]

Array: TypeAlias = NDArray[np.float64]

PIXELS = "pixels"
PENALTIES = tuple(10.0 ** (k / 2) for k in range(-4, 7))  # 0.01 to 1 000


@dataclass(frozen=True, eq=False)
class Evidence:
    """Cells of one question with what was known of them before; a row for each split that was looked at."""

    gaps: Sequence[Gap]
    x: Array  # (n, 4) covariates
    q: Array  # (n,) P(gap < -margin | data)
    groups: NDArray[np.str_]  # (n,) of targets
    families: NDArray[np.str_]  # (n,) of sources

    @property
    def counts(self) -> Array:
        """How much each row counts (n,): a cell counts once, however often it was looked at."""
        cells = [(g.backbone, g.target, g.regime) for g in self.gaps]
        return np.array([1 / cells.count(cell) for cell in cells])

    def take(self, rows: NDArray[np.bool_]) -> Evidence:
        """Evidence of some rows."""
        gaps = [gap for gap, chosen in zip(self.gaps, rows, strict=True) if chosen]
        return Evidence(gaps, self.x[rows], self.q[rows], self.groups[rows], self.families[rows])


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
    rows: list[tuple[Gap, Covariates]] = []
    for told in advice:
        probes = [(r.backbone, r.estimate) for r in told.results if r.measure == GAIN_MEASURE]
        ridge = {name: estimate for name, estimate in probes if estimate is not None and readable(estimate)}
        for gap in gaps:
            copy = told.random_copies.get(gap.backbone, "")
            if (gap.target, gap.regime) == (told.target, told.regime) and {gap.backbone, copy, PIXELS} <= set(ridge):
                rows.append((gap, covariates_of(ridge[gap.backbone], ridge[copy], ridge[PIXELS])))
    if not rows:
        return None
    found = [gap for gap, _ in rows]
    return Evidence(
        gaps=found,
        x=np.array([x for _, x in rows]),
        q=chance_of_negative([g.gap for g in found], [g.se for g in found], dof=[g.dof or np.inf for g in found]),
        groups=np.array([groups[g.target] for g in found]),
        families=np.array([backbones[g.backbone].family for g in found]),
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
