"""The advice as it is read: what to train of which candidate, why, and what trying no others may lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shiftscope.core.forecast import Arm
from shiftscope.core.strategy import Action
from shiftscope.core.text import shown
from shiftscope.report.numerals import NBSP, listed, opened, small_count, tick
from shiftscope.report.ranked import RankReading
from shiftscope.report.vocabulary import MeasureWords, words_for

__all__ = [
    "Why",
    "advice_lines",
    "advised_arm",
    "rates_line",
    "reasons",
    "regret_line",
    "strategy_lead",
    "to_do",
    "two_line",
]

ACTIONS: dict[Action, str] = {
    "head": "train a head on frozen features of {}",
    "last_stage": "train only the last stage of {}",
    "full": "fine-tune all layers of {}",
    "scratch": "do not transfer from {}: train from scratch, or look for a nearer source",
}
# Regret is told in points of the probe's accuracy.
PROBE = "ridge"
# What regret leaves out, and how much in points of accuracy that was found to be (docs/decision-protocol.md).
ONLY = "counting sampling noise of the probe only"
TOO_SMALL = f"{ONLY}, which against the ground truth was about two points too little"
# Below this, with one decimal, a regret would look like none at all.
LEAST = 0.0005


@dataclass(frozen=True)
class Why:
    """One reason: what it says, the name of the rule, and what is known of that rule."""

    says: str
    rule: str
    standing: str


def to_do(view: RankReading, names: Sequence[str]) -> str:
    """Say what to do with some candidates: "fine-tune all layers of x and y"; without advice, to train them."""
    action = "train {}" if view.strategy is None else ACTIONS[view.strategy.action]
    return action.format(listed(names))


def advised_arm(view: RankReading) -> Arm:
    """Return which forecast is about what is advised: that of a frozen head, or else that of fine-tuning."""
    return "head" if view.strategy is not None and view.strategy.action == "head" else "full"


def strategy_lead(view: RankReading) -> str:
    """Say what to do with the candidate that the advice is about."""
    return "" if view.strategy is None else f"{opened(to_do(view, [shown(view.strategy.backbone)]))}."


def rates_line(view: RankReading) -> str:
    """Say between which learning rates to search; nothing where none is advised."""
    if view.strategy is None or view.strategy.rates is None:
        return ""
    low, high = map(tick, view.strategy.rates)
    return f"Search the learning rate of AdamW from {low} to {high}."


def reasons(view: RankReading) -> tuple[Why, ...]:
    """Return the reasons of the advice, the one that decided first."""
    given = view.strategy.reasons if view.strategy is not None else []
    return tuple(
        Why(shown(r.says), shown(r.rule), "scored against ground truth" if r.scored else "unscored") for r in given
    )


def two_line(view: RankReading) -> str:
    """Name the two candidates to try, how the second was chosen, and what that may lose; nothing without a choice."""
    if len(view.ranking.choices) < 2 or len(view.candidates) < 2:
        return ""
    two = view.ranking.choices[-1]
    first, *others = map(shown, two.backbones)
    second = f"{listed(others)} ({shown(two.why)})"
    return f"If two can be tried, take {first} and {second}, and keep the better. {regret_line(view)}".strip()


def regret_line(view: RankReading, *, alone: bool = False) -> str:
    """Say what trying the first, and unless ``alone`` also what trying two, is expected to give up."""
    n = len(view.candidates)
    # Where two are all there are, nothing is left to regret.
    known = [c for c in view.ranking.choices if c.expected_regret is not None and len(c.backbones) < n]
    if not known:
        return ""
    words = words_for(PROBE, view.input.kind if view.input is not None else "class")
    first, *two = [_amount(words, choice.expected_regret or 0.0) for choice in known]
    said = f"{first} of {words.name}"
    if not alone:
        said += f" with {shown(known[0].backbones[0])} alone"
        said += f", {two[0]} with the two" if two and two != [first] else ", and as much with the two" if two else ""
    limit = TOO_SMALL if words.share else ONLY
    return f"Expected to be given up against trying all {small_count(n)}: {said} ({limit})."


def _amount(words: MeasureWords, regret: float) -> str:
    return f"less than 0.1{NBSP}points" if words.share and regret < LEAST else words.gap(regret)


def advice_lines(view: RankReading) -> list[str]:
    """Return the advice in a few lines, for a terminal."""
    because = [f"{why.says} (rule {why.rule}, {why.standing})" for why in reasons(view)[:1]]
    found = [" ".join([strategy_lead(view), *because, rates_line(view)]), two_line(view)]
    return [line for line in map(str.strip, found) if line]
