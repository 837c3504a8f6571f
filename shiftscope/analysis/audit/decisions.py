"""How good the advice itself is: the two to try, the confidence set, and which part of a network to train."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import NamedTuple, TypeAlias

import numpy as np

from shiftscope.analysis.audit.agreement import cluster_bootstrap
from shiftscope.analysis.audit.calibrate import Evidence, Foretold, foretell
from shiftscope.analysis.forecast.covariates import COVARIATES
from shiftscope.analysis.rank import GAIN_MEASURE
from shiftscope.analysis.strategy import LIKELY, RULES, Facts, decide, sure_level
from shiftscope.core.advice import Advice
from shiftscope.core.audit import Accuracy, Score
from shiftscope.core.forecast import ARMS as ARM_QUESTIONS
from shiftscope.core.forecast import Arm
from shiftscope.core.seeds import stream

__all__ = ["score_choices", "score_findings", "score_strategy"]

TRUTHS = ("best", "full", "linear")
# Arms by what they cost: where an advised one was not trained, the next one that was takes its place.
ARMS = ("linear", "last_stage", "full", "scratch")
ARM_OF = {"head": "linear", "last_stage": "last_stage", "full": "full", "scratch": "scratch"}
ALWAYS = {
    "always_head": "linear",
    "always_last_stage": "last_stage",
    "always_full": "full",
    "always_scratch": "scratch",
}

Cell: TypeAlias = tuple[str, str, str, int]  # backbone, target, regime, split
Key: TypeAlias = tuple[str, str, str]  # predictor, truth, statistic


class _Found(NamedTuple):
    """Values of one statistic, and the target group of each."""

    values: list[float]
    groups: list[str]


def score_choices(
    advice: Sequence[Advice], accuracies: Sequence[Accuracy], spread: Mapping[str, float], groups: Mapping[str, str]
) -> list[Score]:
    """Score the two to try and the confidence set against what the candidates of each place reached.

    Parameters
    ----------
    accuracies
        Of natural backbones at targets that they were not trained on.
    spread
        "arm/regime" -> standard deviation of an accuracy between seeds: of two candidates within one standard error
        nobody knows which is the best.
    groups
        Target -> target group.

    Returns
    -------
    list of Score
        ``two_to_try``: ``regret@2``. ``confidence_set``: ``holds_best``, the share of places in which it has a
        candidate within one standard error of the best, ``set_share``, its size as a share of the candidates, and the
        median of that. ``expected_regret``: what the ranking said its first choice may lose, less what it lost.
    """
    found: dict[Key, _Found] = defaultdict(lambda: _Found([], []))
    for told in advice:
        for truth in TRUTHS:
            for predictor, statistic, value in _of_place(told, truth, accuracies, spread):
                found[predictor, truth, statistic].values.append(value)
                found[predictor, truth, statistic].groups.append(groups[told.target])
    scores = [_score(key, seen) for key, seen in found.items()]
    return scores + [_median(s, found[s.predictor, s.truth, s.statistic]) for s in scores if s.statistic == "set_share"]


def _of_place(
    told: Advice, truth: str, accuracies: Sequence[Accuracy], spread: Mapping[str, float]
) -> Iterator[tuple[str, str, float]]:
    here = [a for a in accuracies if (a.target, a.regime, a.arm) == (told.target, told.regime, truth)]
    true = {a.backbone: a.mean for a in here}
    ranking = told.ranking
    if ranking is None or len(true) < 3 or not {r.backbone for r in ranking.rows if r.rank} <= set(true):
        return
    best, n_runs = max(true.values()), min(len(a.runs) for a in here)
    se = spread.get(f"{truth}/{told.regime}", 0.0) / sqrt(n_runs)
    held = ranking.best_set
    yield "confidence_set", "holds_best", float(max(true[b] for b in held) >= best - se)
    yield "confidence_set", "set_share", len(held) / len(true)
    for choice in ranking.choices:
        lost = best - max(true[b] for b in choice.backbones)
        if len(choice.backbones) == 2:
            yield "two_to_try", "regret@2", lost
        elif choice.expected_regret is not None:
            yield "expected_regret", "excess", choice.expected_regret - lost


def score_strategy(
    head: Evidence, full: Evidence, advice: Sequence[Advice], accuracies: Sequence[Accuracy], groups: Mapping[str, str]
) -> list[Score]:
    """Score which part of a network the rules advise to train, by what the best arm of the cell had over it.

    Forecasts are those of models that saw neither the target's group nor the source's family; a cell is looked at
    once for each split. ``always_*`` train the same part everywhere, where it was trained.
    """
    chances = [foretell(evidence, range(len(COVARIATES))) for evidence in (head, full)]
    p_head, p_full = (_told(e, c) for e, c in zip((head, full), chances, strict=True))
    if not p_head or not p_full:
        return []
    shown = {
        (b, told.target, told.regime, told.seed): any(g.shown for g in gains if g.measure == GAIN_MEASURE)
        for told in advice
        for b, gains in told.gains.items()
    }
    reached: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for a in accuracies:
        reached[a.backbone, a.target, a.regime][a.arm] = a.mean
    found: dict[Key, _Found] = defaultdict(lambda: _Found([], []))
    levels = {
        (r.backbone, told.target, told.regime, told.seed): sure_level(r.estimate)
        for told in advice
        for r in told.results
        if r.measure == GAIN_MEASURE and r.estimate is not None
    }
    for cell in p_head:
        arms = {arm: reached[cell[:3]][arm] for arm in ARMS if arm in reached[cell[:3]]}
        if cell not in p_full or cell not in shown or len(arms) < 2:
            continue
        facts = Facts(p_head[cell], p_full[cell], shown[cell], levels[cell])
        taken = {
            "strategy": _trained(ARM_OF[RULES[decide(facts)]], arms),
            **{k: v for k, v in ALWAYS.items() if v in arms},
        }
        for predictor, arm in taken.items():
            found[predictor, "arm", "regret"].values.append(max(arms.values()) - arms[arm])
            found[predictor, "arm", "regret"].groups.append(groups[cell[1]])
    return [_score(key, seen) for key, seen in found.items()]


def score_findings(
    evidence: Mapping[Arm, Evidence], advice: Sequence[Advice], groups: Mapping[str, str]
) -> list[Score]:
    """Score the findings of negative transfer, one arm at a time, by cells whose gap is told from 0.

    Returns
    -------
    list of Score
        Of ``NT201`` and of ``NT201 or NT202``: ``false_alarms``, the share of truly positive cells that get one, and
        ``caught``, the share of truly negative ones.
    """
    gains = {
        (b, told.target, told.regime, told.seed): [g for g in found if g.measure == GAIN_MEASURE]
        for told in advice
        for b, found in told.gains.items()
    }
    scores: list[Score] = []
    for arm, found in evidence.items():
        told_of = _told(found, foretell(found, range(len(COVARIATES))))
        seen: dict[Key, _Found] = defaultdict(lambda: _Found([], []))
        for (cell, p), gap in zip(told_of.items(), found.gaps, strict=True):
            outcome = gap.outcome()
            if outcome == "indistinguishable" or not gains.get(cell):
                continue
            likely = p is not None and p >= LIKELY and not all(g.shown for g in gains[cell])
            useless = not any(g.shown for g in gains[cell])
            statistic = "false_alarms" if outcome == "positive" else "caught"
            for predictor, flagged in (("NT201", likely), ("NT201 or NT202", likely or useless)):
                key = (predictor, ARM_QUESTIONS[arm], statistic)
                seen[key].values.append(float(flagged))
                seen[key].groups.append(groups[cell[1]])
        scores += [_score(key, values) for key, values in seen.items()]
    return scores


def _told(evidence: Evidence, chances: Foretold | None) -> dict[Cell, float | None]:
    """Chance by cell; None outside of the range of the cells that the model saw, where users get none either."""
    if chances is None:
        return {}
    known = zip(chances.p.tolist(), chances.covered.tolist(), strict=True)
    return {cell: p if covered else None for cell, (p, covered) in zip(_cells(evidence), known, strict=True)}


def _cells(evidence: Evidence) -> list[Cell]:
    """What each row of the evidence is about: backbone, target, regime, split."""
    return [
        (g.backbone, g.target, g.regime, seed) for g, seed in zip(evidence.gaps, evidence.seeds.tolist(), strict=True)
    ]


def _trained(arm: str, arms: Mapping[str, float]) -> str:
    later = [a for a in ARMS[ARMS.index(arm) :] if a in arms]
    return later[0] if later else list(arms)[-1]


def _score(key: Key, found: _Found) -> Score:
    predictor, truth, statistic = key
    rng = stream(0, "audit", truth, statistic)
    mean, low, high = cluster_bootstrap(found.values, found.groups, rng=rng)
    agree = min(found.values) == max(found.values)
    return Score(
        predictor=predictor,
        truth=truth,
        statistic=statistic,
        value=mean,
        low=None if agree else low,
        high=None if agree else high,
        n_places=len(found.values),
        n_groups=len(set(found.groups)),
    )


def _median(score: Score, found: _Found) -> Score:
    return score.model_copy(
        update={"statistic": "median_set_share", "value": float(np.median(found.values)), "low": None, "high": None}
    )
