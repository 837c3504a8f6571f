"""How well the advice foresaw what happened: tables of scores, and what may be said of them."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.core.audit import Score
from shiftscope.core.text import shown
from shiftscope.report.audit_words import STATISTICS, StatisticWords, predictor_head, predictor_name, truth_name
from shiftscope.report.audited import COST, FEW_GROUPS, ORDER, AuditReading
from shiftscope.report.numerals import NBSP, interval, listed, opened, plural, significant, small_count
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table

__all__ = [
    "clear_of_chance",
    "cost_line",
    "few_groups",
    "foresight_line",
    "order_line",
    "score_table",
    "score_tables",
    "told",
    "told_apart",
    "with_intervals",
]


def words_of(statistic: str) -> StatisticWords:
    """The words of a statistic; an unknown one goes by its own name."""
    return STATISTICS.get(statistic) or StatisticWords(shown(statistic), significant)


def told(score: Score) -> str:
    """A score with its interval, as in a sentence."""
    form = words_of(score.statistic).form
    ends = f"{NBSP}{interval(score.low, score.high, form)}" if score.low is not None and score.high is not None else ""
    return f"{form(score.value)}{ends}"


def score_tables(view: AuditReading) -> list[tuple[str, Table]]:
    """Tabulate predictors x statistics, one table per truth with its heading; baselines stand below."""
    return [
        (f"Against the {truth_name(truth)}", score_table(view, truth, view.statistics(truth))) for truth in view.truths
    ]


def score_table(view: AuditReading, truth: str, statistics: Sequence[str]) -> Table:
    """Tabulate predictors x statistics against one truth."""
    places = {s.n_places for s in view.audit.scores if s.truth == truth}
    most = "" if len(places) == 1 else "up to "
    over = f" over {most}{plural(max(places), 'place')} (target, labels, seed)"
    return Table(
        f"Predictors against the {truth_name(truth)}{over}{with_intervals(view)}",
        (Column("Predictor", left=True), *(Column(words_of(s).head, brief=words_of(s).brief) for s in statistics)),
        tuple(_row(view, truth, p, statistics) for p in view.advisers(truth)),
        tuple(_row(view, truth, p, statistics) for p in view.baselines(truth)),
        sortable=True,
    )


def with_intervals(view: AuditReading) -> str:
    """What captions say of intervals, where the record has any."""
    known = any(score.low is not None for score in view.audit.scores)
    return f", with 95{NBSP}% intervals over groups of targets" if known else ""


def _row(view: AuditReading, truth: str, predictor: str, statistics: Sequence[str]) -> Row:
    scores = (view.score(truth, predictor, s) for s in statistics)
    return Row((Cell(predictor_head(predictor)), *map(_cell, scores)), chosen=predictor == view.leader(truth))


def _cell(score: Score | None) -> Cell:
    if score is None:
        return Cell(EMPTY, key="")
    form = words_of(score.statistic).form
    ends = "" if score.low is None or score.high is None else interval(score.low, score.high, form)
    return Cell(form(score.value), key=score.value, note=ends)


def foresight_line(view: AuditReading, truth: str) -> str:
    """Say in one sentence who foresaw the order best and whether that is more than the static prior, or chance, did."""
    leader, score = _lead(view, truth)
    if leader is None or score is None:
        return ""
    first = f"{opened(predictor_name(leader))} foresaw the order of the weights best"
    yardstick = next((b for b in ("static_prior", "random") if view.score(truth, b, ORDER) is not None), None)
    other = view.score(truth, yardstick, ORDER) if yardstick is not None else None
    if yardstick is None or other is None:
        return f"{first}."
    name = predictor_name(yardstick)
    if other.value >= score.value:
        reached = words_of(ORDER).form(other.value)
        return f"{first} of what looks at the target; {name} {_came(other, score)} a weighted tau of {reached}."
    verdict = f"its interval overlaps that of {name}" if _overlap(score, other) else f"clear of {name}"
    return f"{first}, {'but ' if _overlap(score, other) else ''}{verdict}."


def order_line(view: AuditReading, truth: str) -> str:
    """Say who foresaw the order best of what looks at the target, and which baselines came closer."""
    leader, score = _lead(view, truth)
    if leader is None or score is None:
        return ""
    name = opened(predictor_name(leader))
    prior, seed = (view.score(truth, baseline, ORDER) for baseline in ("static_prior", "other_seed"))
    beaten = any(other is not None and other.value >= score.value for other in (prior, seed))
    of = " of what looks at the target" if beaten else ""
    said = [f"{name} came closest{of} to the order by {truth_name(truth)}: weighted tau {told(score)}."]
    if prior is not None:
        said.append(f"The static prior, which does not look at the target, {_came(prior, score)} {told(prior)}.")
    if seed is not None and seed.value >= score.value:
        said.append(f"{opened(predictor_name('other_seed'))} {_came(seed, score)} {told(seed)}.")
    return " ".join(said)


def _came(other: Score, leader: Score) -> str:
    if other.value < leader.value:
        return "reached"
    return "came closer, with" if other.value > leader.value else "came as close, with"


def cost_line(view: AuditReading, truth: str) -> str:
    """Say what following the leader's first choice gives up, against random choice, the prior and another seed."""
    leader = view.leader(truth)
    score = view.score(truth, leader, COST) if leader is not None else None
    if leader is None or score is None:
        return ""
    others = [(p, view.score(truth, p, COST)) for p in view.baselines(truth)]
    said = [f"{predictor_name(p)} {told(s)}" for p, s in others if s is not None]
    against = f"; {listed(said)}" if said else ""
    first = f"The first choice of {predictor_name(leader)} gave up {told(score)} points"
    return f"{first} against the best choice{against}."


def told_apart(view: AuditReading, truth: str) -> str:
    """Say from whom the leader's interval keeps apart, in words that never call overlap equality."""
    leader, score = _lead(view, truth)
    if leader is None or score is None:
        return ""
    rivals = [s for p in view.advisers(truth) if p != leader and (s := view.score(truth, p, ORDER)) is not None]
    close = [s for s in rivals if _overlap(score, s)]
    overlapped, clear = ([_rivals(len(close), len(rivals))], []) if close else ([], ["those of all other predictors"])
    overlapped, clear = (overlapped, clear) if rivals else ([], [])
    for baseline in ("static_prior", "random"):
        other = view.score(truth, baseline, ORDER)
        if other is not None:
            (overlapped if _overlap(score, other) else clear).append(f"that of {predictor_name(baseline)}")
    said = [f"overlaps {listed(overlapped)}"] if overlapped else []
    said += [f"keeps clear of {listed(clear)}"] if clear else []
    return f"The interval of {predictor_name(leader)} {'; it '.join(said)}." if said else ""


def _lead(view: AuditReading, truth: str) -> tuple[str | None, Score | None]:
    leader = view.leader(truth)
    return leader, None if leader is None else view.score(truth, leader, ORDER)


def _rivals(k: int, n: int) -> str:
    if k == n:
        return "that of the one other predictor" if n == 1 else f"those of all {small_count(n)} other predictors"
    return f"{'that' if k == 1 else 'those'} of {small_count(k)} of the {small_count(n)} other predictors"


def _overlap(a: Score, b: Score) -> bool:
    """Whether two intervals share a point; a score without one is its own interval."""
    low, high = (a.value, a.value) if a.low is None or a.high is None else (a.low, a.high)
    start, end = (b.value, b.value) if b.low is None or b.high is None else (b.low, b.high)
    return low <= end and start <= high


def clear_of_chance(view: AuditReading, truth: str) -> bool:
    """Whether the whole interval of the leader's weighted tau lies above zero, where random choice lies."""
    _, score = _lead(view, truth)
    return score is not None and score.low is not None and score.low > 0


def few_groups(view: AuditReading) -> str:
    """Say how few target groups the scores rest on, where they are few."""
    groups = {score.n_groups for score in view.audit.scores}
    if not groups or min(groups) >= FEW_GROUPS:
        return ""
    n = min(groups)
    if all(score.low is None for score in view.audit.scores):
        return f"{opened(small_count(n))} {'group' if n == 1 else 'groups'} of targets: too few for intervals."
    resampled = "group of targets was" if n == 1 else "groups of targets were"
    return f"Only {small_count(n)} {resampled} resampled: the intervals are rough."
