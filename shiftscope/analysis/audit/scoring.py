"""How well each predictor foresaw what happened, over all places that count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.audit.agreement import STATISTICS, cluster_bootstrap, random_choice
from shiftscope.analysis.audit.predictors import advised, static_prior
from shiftscope.core.advice import Advice
from shiftscope.core.audit import Accuracy, AuditedBackbone, AuditedTarget, Gap, Score
from shiftscope.core.seeds import stream

__all__ = ["LEAST", "TRUTHS", "score_all"]

TRUTHS = ("best", "full", "linear")
LEAST = 3  # candidates at a place: two can only be right or wrong
OF_GAPS = "spearman"  # gaps are held against scores by this statistic only: they are differences, not a ranking

Array: TypeAlias = NDArray[np.float64]
Where: TypeAlias = tuple[str, str]  # target, regime


@dataclass(frozen=True)
class _Truth:
    """One truth over all backbones that count: by place, backbone, and run."""

    name: str
    statistics: Sequence[str]
    runs: Mapping[Where, Mapping[str, Sequence[float]]]

    def at(self, where: Where) -> dict[str, float]:
        """Mean over the runs of every backbone of a place."""
        return {b: float(np.mean(runs)) for b, runs in self.runs.get(where, {}).items()}


def score_all(
    advice: Iterable[Advice],
    accuracies: Sequence[Accuracy],
    gaps: Sequence[Gap],
    targets: Mapping[str, AuditedTarget],
    backbones: Mapping[str, AuditedBackbone],
) -> list[Score]:
    """Hold every predictor against every truth, with intervals over target groups.

    Only natural backbones count, and none on a target that it was trained on. The truth is the mean over seeds;
    ``other_seed`` is one run held against the mean of the others: what an adviser would reach who had trained
    every candidate once. ``static_prior`` knows the truth of all other target groups in the same regime.
    """
    given = list(advice)
    scores: list[Score] = []
    for truth in _truths(accuracies, gaps, backbones):
        found: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        for predictor, statistic, where, value in _values(truth, given, targets):
            found[predictor, statistic].append((value, targets[where[0]].group))
        scores += [_score(predictor, truth.name, statistic, seen) for (predictor, statistic), seen in found.items()]
    return scores


def _truths(
    accuracies: Sequence[Accuracy], gaps: Sequence[Gap], backbones: Mapping[str, AuditedBackbone]
) -> Iterator[_Truth]:
    def counts(backbone: str, target: str) -> bool:
        card = backbones.get(backbone)
        return card is not None and not card.constructed and target not in card.overlap

    for arm in TRUTHS:
        runs: dict[Where, dict[str, Sequence[float]]] = defaultdict(dict)
        for a in accuracies:
            if a.arm == arm and counts(a.backbone, a.target):
                runs[a.target, a.regime][a.backbone] = a.runs
        yield _Truth(arm, list(STATISTICS), runs)
    for question in dict.fromkeys(g.question for g in gaps):
        by_place: dict[Where, dict[str, Sequence[float]]] = defaultdict(dict)
        for g in gaps:
            if g.question == question and counts(g.backbone, g.target):
                by_place[g.target, g.regime][g.backbone] = [g.gap]
        yield _Truth(question, [OF_GAPS], by_place)


def _values(
    truth: _Truth, advice: Sequence[Advice], targets: Mapping[str, AuditedTarget]
) -> Iterator[tuple[str, str, Where, float]]:
    """Values of every statistic: predictor, statistic, place, value."""
    for where in truth.runs:
        true = truth.at(where)
        names = sorted(true)
        if len(names) < LEAST:
            continue
        accuracy = np.array([true[b] for b in names])
        for told in advice:
            if (told.target, told.regime) == where:
                for predictor, scores in advised(told, names).items():
                    yield from _agreements(truth, predictor, where, scores, accuracy)
        group = targets[where[0]].group
        elsewhere = [truth.at(w) for w in truth.runs if w[1] == where[1] and targets[w[0]].group != group]
        prior = static_prior(elsewhere, names)
        if prior is not None:
            yield from _agreements(truth, "static_prior", where, prior, accuracy)
        for statistic in truth.statistics:
            value = _by_chance(statistic, accuracy)
            if value is not None:
                yield "random", statistic, where, value
        yield from _other_seeds(truth, where, names)


def _other_seeds(truth: _Truth, where: Where, names: Sequence[str]) -> Iterator[tuple[str, str, Where, float]]:
    runs = np.array([truth.runs[where][b] for b in names]) if _equally_long(truth.runs[where].values()) else None
    if runs is None or runs.shape[1] < 2:
        return
    for one in range(runs.shape[1]):
        rest = np.delete(runs, one, axis=1).mean(axis=1)
        yield from _agreements(truth, "other_seed", where, runs[:, one], rest)


def _agreements(
    truth: _Truth, predictor: str, where: Where, scores: Array, accuracy: Array
) -> Iterator[tuple[str, str, Where, float]]:
    for statistic in truth.statistics:
        value = STATISTICS[statistic].function(scores, accuracy)
        if value is not None:
            yield predictor, statistic, where, value


def _by_chance(statistic: str, accuracy: Array) -> float | None:
    """Expected value for a choice at random."""
    name, _, k = statistic.partition("@")
    if name == "regret":
        return random_choice(accuracy, int(k))
    if name == "top1":
        return float((accuracy == accuracy.max()).mean())
    return 0.0


def _score(predictor: str, truth: str, statistic: str, seen: Sequence[tuple[float, str]]) -> Score:
    values, groups = zip(*seen, strict=True)
    rng = stream(0, "audit", truth, statistic)  # the same resampled groups for every predictor
    mean, low, high = cluster_bootstrap(np.array(values), groups, rng=rng)
    # Where all values agree (the tau of random choice is 0 everywhere), resampling them would claim certainty.
    agree = min(values) == max(values)
    return Score(
        predictor=predictor,
        truth=truth,
        statistic=statistic,
        value=mean,
        low=None if agree else low,
        high=None if agree else high,
        n_places=len(values),
        n_groups=len(set(groups)),
    )


def _equally_long(runs: Iterable[Sequence[float]]) -> bool:
    return len({len(r) for r in runs}) == 1
