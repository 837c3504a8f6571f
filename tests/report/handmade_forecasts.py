"""Forecasts and advice made by hand, to go with the parts of a ranking."""

import numpy as np

from shiftscope.core.forecast import ArmForecast, Basis, Forecast, Paired
from shiftscope.core.records import Choice
from shiftscope.core.strategy import LearningPoint, Reason, Strategy

BASES = {
    "head": Basis(base_rate=0.797, n_cells=152, auroc=(0.677, 0.582, 0.759)),
    "full": Basis(base_rate=0.292, n_cells=152, auroc=(0.582, 0.52, 0.623)),
}
REASONS = [
    Reason(rule="enough-labels", says="120 labelled samples per class are enough.", scored=True),
    Reason(rule="learning-rate", says="Search the learning rate from 0.003 to 0.03.", scored=False),
]
CURVE = [LearningPoint(n=210, accuracy=0.7), LearningPoint(n=420, accuracy=0.76), LearningPoint(n=840, accuracy=0.799)]


def arm(name, probability, half=0.06, *, outside=()):
    if probability is None:
        return ArmForecast(arm=name, probability=None, outside=list(outside), basis=BASES[name])
    low, high = np.clip([probability - half, probability + half], 0, 1).tolist()
    return ArmForecast(arm=name, probability=probability, low=low, high=high, level=0.9, basis=BASES[name])


def arms(head, full, half=0.06):
    return [arm("head", head, half), arm("full", full, half)]


def paired(measure, baseline, gain, *, half=0.03):
    p = 0.001 if gain > half else 0.6
    return Paired(
        measure=measure, baseline=baseline, gain=gain, low=gain - half, high=gain + half, level=0.95, pvalue_holm=p
    )


def forecast(parts, target, row, made):
    value = {(r.backbone, r.measure): r.estimate.value for r in parts["results"] if r.target == target and r.estimate}
    evidence = [
        paired(measure, baseline, value[row.backbone, measure] - value[baseline, measure])
        for measure in ("ridge", "knn")
        for baseline in ("pixels", row.random_copy)
        if baseline is not None
    ]
    return Forecast(target=target, backbone=row.backbone, arms=made, evidence=evidence, per_class=120.0)


def strategy(target, backbone, action="full", **rest):
    rates = None if action == "head" else (0.003, 0.03)
    given = {"rates": rates, "reasons": REASONS, "curve": CURVE} | rest
    return Strategy(target=target, backbone=backbone, action=action, **given)


def advice(parts, *, of=None, action="full", regrets=(0.012, 0.004)):
    """The same parts with forecasts, a strategy, two to try and the agreement of the measures.

    ``of`` gives the arms of a candidate by its place, 0 for the first; without it the worse a probe the likelier harm.
    """
    forecasts, strategies, rankings = [], [], []
    for ranking in parts["rankings"]:
        rows = [row for row in ranking.rows if not row.baseline]
        likely = np.linspace(0.08, 0.9, max(2, len(rows)))
        for i, row in enumerate(rows):
            made = of(i) if of is not None else arms(float(likely[i]) ** 0.5, float(likely[i]))
            forecasts.append(forecast(parts, ranking.target, row, made))
        strategies.append(strategy(ranking.target, rows[0].backbone, action))
        names = [row.backbone for row in rows[:2]]
        tried = [
            Choice(backbones=names[:k], why=why, expected_regret=regrets[k - 1])
            for k, why in ((1, "least mean rank"), (2, "second in mean rank"))
        ]
        changed = {"kendall_w": 0.93, "choices": tried if len(names) > 1 else []}
        rankings.append(ranking.model_copy(update=changed))
    return parts | {"rankings": rankings, "forecasts": forecasts, "strategies": strategies}
