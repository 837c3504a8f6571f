"""Forecasts of negative transfer beside what happened, each by a model that saw neither side of the cell."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shiftscope.analysis.audit.calibrate import Evidence, foretell
from shiftscope.analysis.audit.forecasts import reliability
from shiftscope.analysis.forecast.covariates import COVARIATES
from shiftscope.core.audit import ForetoldGap, Question, Reliability
from shiftscope.core.forecast import ARMS, Arm

__all__ = ["foretold_gaps", "reliabilities"]

BINS = 5  # of the few hundred cells of an audit, some forty each


def foretold_gaps(evidence: Mapping[Arm, Evidence]) -> list[ForetoldGap]:
    """Forecast every cell without its target group and its source family; cells outside of the range are left out.

    A cell that was looked at on several splits gets the mean of its forecasts.
    """
    found: list[ForetoldGap] = []
    for arm, cells in evidence.items():
        told = foretell(cells, range(len(COVARIATES)))
        if told is None:
            continue
        seen: dict[tuple[str, str, str], list[int]] = {}
        for i in np.flatnonzero(told.covered).tolist():
            gap = cells.gaps[i]
            seen.setdefault((gap.backbone, gap.target, gap.regime), []).append(i)
        found += [
            ForetoldGap(
                question=ARMS[arm],
                backbone=backbone,
                target=target,
                regime=regime,
                forecast=float(told.p[rows].mean()),
                happened=float(cells.q[rows[0]]),
            )
            for (backbone, target, regime), rows in sorted(seen.items())
        ]
    return found


def reliabilities(found: list[ForetoldGap], groups: Mapping[str, str]) -> dict[Question, list[Reliability]]:
    """Forecasts in bins, question by question; ``groups`` maps targets to their groups."""
    made: dict[Question, list[Reliability]] = {}
    for question in dict.fromkeys(f.question for f in found):
        mine = [f for f in found if f.question == question]
        made[question] = reliability(
            [f.forecast for f in mine], [f.happened for f in mine], BINS, groups=[groups[f.target] for f in mine]
        )
    return made
