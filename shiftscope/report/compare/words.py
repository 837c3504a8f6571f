"""The sentences of a comparison, chosen by rule: what changed, how sure that is, and whether like was compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shiftscope.core.text import shown
from shiftscope.report.answers import Answer
from shiftscope.report.compare.records import Comparison, Matched, OrderChange, ScoreChange
from shiftscope.report.forecasted import ARM_NAMES
from shiftscope.report.numerals import (
    NBSP,
    alike,
    count,
    interval,
    listed,
    opened,
    plural,
    points,
    signed,
    small_count,
)
from shiftscope.report.vocabulary import MeasureWords, words_for

__all__ = [
    "change_ends",
    "change_said",
    "comparison_answers",
    "comparison_caveats",
    "comparison_headline",
    "data_line",
    "findings_said",
    "first_line",
    "like_line",
    "score_name",
    "score_words",
    "scores_line",
    "strongest",
    "tally_line",
]

ARMS = {str(arm): name for arm, name in ARM_NAMES.items()}
# Scores that a sentence names.
NAMED = 3


def score_words(score: ScoreChange) -> MeasureWords:
    """The words of a measure, or of a probability that it hurts."""
    if score.kind != "forecast":
        return words_for(score.about)
    name = f"probability that {ARMS.get(score.about, shown(score.about))} hurts"
    return MeasureWords(name, opened(name), name)


def score_name(score: ScoreChange) -> str:
    """What it is a score of: "ridge accuracy of a on b"."""
    return f"{score_words(score).name} of {shown(score.backbone)} on {shown(score.target)}"


def comparison_headline(found: Comparison) -> str:
    """Return the one sentence: whether first place changed, and how many scores did."""
    n = len(found.beyond)
    equal, others = f"all {plural(len(found.scores), 'score')}", _others_that_differ(found)
    if not found.scores:
        return "The two records have no score in common."
    if not found.n_unequal and not others and all(order.first == "same" for order in found.orders):
        return f"Nothing changed: {equal} are equal."
    said = f"{_none(n)} of {plural(len(found.scores), 'score')} changed beyond noise"
    if not found.n_unequal:
        said = f"{equal} that both have are equal{f'; what differs is {listed(others)}' if others else ''}"
    firsts = _firsts(found.orders)
    # A sentence that begins with a name leaves it as it is.
    return f"{'; '.join([*firsts, said]) if firsts else opened(said)}."


def _others_that_differ(found: Comparison) -> list[str]:
    """Name what is not the same beside the scores that both records have."""
    models = sum(card.state != "same" for card in found.models)
    counts = ((models, "model"), (len(found.uncompared), "other score"), (len(found.findings), "finding"))
    data = ["the data"] if any(card.state != "same" for card in found.inputs) else []
    return [*data, *(f"{small_count(n)} {word}{'s' if n > 1 else ''}" for n, word in counts if n)]


def _none(n: int) -> str:
    return small_count(n) if n else "none"


def _firsts(orders: Sequence[OrderChange]) -> list[str]:
    if len(orders) == 1:
        return [first_line(orders[0]).removesuffix(".")]
    changed = [shown(order.target) for order in orders if order.first != "same"]
    if not orders:
        return []
    return [f"First place changed on {listed(changed)}" if changed else "First place is the same on all targets"]


def first_line(order: OrderChange) -> str:
    """Say who comes first now, and whether either record can tell it from who came first before."""
    a, b = (shown(name) if name is not None else "no candidate" for name in (order.first_a, order.first_b))
    match order.first:
        case "same":
            return f"{b} comes first in both."
        case "within noise":
            return f"{b} comes first instead of {a}, within noise."
        case "beyond noise":
            return f"{b} comes first instead of {a}, beyond noise."
        case "other candidates":
            return f"{b} comes first instead of {a}, among other candidates."


def like_line(found: Comparison) -> str:
    """Say whether data and models are the same, or which differ."""
    return f"{data_line(found)} {_models_line(found.models)}".strip()


def data_line(found: Comparison) -> str:
    """Say whether the data are the same."""
    if not found.inputs:
        return "Neither record names its data."
    differ = [_told(card) for card in found.inputs if card.state != "same"]
    return f"The data are not the same: {listed(differ)}." if differ else "The data are the same."


def _told(card: Matched) -> str:
    name = shown(card.name)
    return f"{name} has changed" if card.state == "changed" else f"{name} is {card.state}"


def _models_line(models: Sequence[Matched]) -> str:
    differ = [shown(card.name) for card in models if card.state == "changed"]
    lone = [card for card in models if card.state in ("only in A", "only in B")]
    said = [f"other weights or code in {_some(differ)}"] if differ else []
    said += [f"{plural(len(lone), 'model')} in one record only"] if lone else []
    return f"{opened(listed(said))}." if said else ""


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return listed(names) if rest < 2 else f"{', '.join(names[:NAMED])} and {rest} more"


def comparison_answers(found: Comparison) -> list[Answer]:
    """Return the ten-second reading: the same data, who comes first, which scores and findings changed."""
    same = all(card.state == "same" for card in found.inputs)
    answers = [Answer("The same data?", "yes" if same else "no", "", like_line(found), "good" if same else "warning")]
    for order in found.orders:
        where = f" on {shown(order.target)}" if len(found.orders) > 1 else ""
        answers.append(
            Answer(
                f"The same first{where}?", "yes" if order.first == "same" else "no", "", first_line(order), _tone(order)
            )
        )
    answers.append(Answer("Scores", str(len(found.beyond)), f"of {count(len(found.scores))}", scores_line(found)))
    came, went = (sum(change.state == state for change in found.findings) for state in ("came", "went"))
    tone = "warning" if came else "note"
    answers.append(Answer("Findings", f"{signed(came, 0)} {signed(-went, 0)}", "", findings_said(found), tone))
    return answers


def _tone(order: OrderChange) -> str:
    return {"same": "good", "within noise": "note"}.get(order.first, "warning")


def scores_line(found: Comparison) -> str:
    """Say which scores changed beyond noise, the clearest first, and what became of the others."""
    beyond, rest = strongest(found.beyond), len(found.scores) - len(found.beyond)
    if not beyond and not rest:
        return "The two records have no score in common."
    if not beyond:
        return f"No score changed beyond noise: {_of_the_rest(found)}."
    named = [
        f"{score_name(score)} by {change_said(score)}{_unit(score)} {change_ends(score)}" for score in beyond[:NAMED]
    ]
    first = "" if len(beyond) <= NAMED else "most clearly "
    within = f" Of the others {_of_the_rest(found)}." if rest else ""
    return f"Changed beyond noise: {first}{listed(named)}.{within}"


def tally_line(found: Comparison) -> str:
    """Count the scores that changed beyond noise and those of which that cannot be said."""
    if not found.scores:
        return "The two records have no score in common."
    said = f"{_none(len(found.beyond))} of {plural(len(found.scores), 'score')} changed beyond noise"
    return f"{opened(said)}; {_of_the_rest(found)}."


def _of_the_rest(found: Comparison) -> str:
    """Count the scores that are equal, and those of which a change beyond noise cannot be said."""
    rest = found.n_unequal - len(found.beyond)
    equal = len(found.scores) - found.n_unequal
    same = f"{_none(equal)} {'is' if equal == 1 else 'are'} equal"
    return f"{same}, {_none(rest)} {'lies' if rest == 1 else 'lie'} within noise or cannot be told"


def _unit(score: ScoreChange) -> str:
    return f"{NBSP}points" if score_words(score).share else ""


def strongest(scores: Sequence[ScoreChange]) -> list[ScoreChange]:
    """Scores by how many half-widths of its interval each has changed, the most first."""
    return sorted(scores, key=lambda s: -abs(s.change) / (((s.high or 0.0) - (s.low or 0.0)) or 1e-300))


def change_said(score: ScoreChange) -> str:
    """A change with its sign, without a unit; decimals are those of its interval."""
    return _form(score)(score.change)


def change_ends(score: ScoreChange) -> str:
    """The interval of a change in brackets; nothing where there is none."""
    if score.low is None or score.high is None:
        return ""
    return interval(score.low, score.high, _form(score))


def _form(score: ScoreChange) -> Callable[[float], str]:
    if score.kind == "forecast":
        return lambda v: signed(v, 2)
    if score_words(score).share:
        return points
    unsigned = alike([score.change, *(end for end in (score.low, score.high) if end is not None)])
    return lambda v: f"+{unsigned(v)}" if v > 0 else unsigned(v)


def findings_said(found: Comparison) -> str:
    """Count the findings that came and went, and say how many both records have."""
    came = [change.finding for change in found.findings if change.state == "came"]
    went = [change.finding for change in found.findings if change.state == "went"]
    kept = f"{small_count(found.n_findings_kept)} in both"
    if not came and not went:
        return f"The same findings: {kept}."
    said = [
        f"{_none(len(some))} {word}{_codes([f.code for f in some])}" for some, word in ((came, "came"), (went, "went"))
    ]
    return f"{opened(listed(said))}; {kept}."


def _codes(codes: Sequence[str]) -> str:
    return f" ({', '.join(dict.fromkeys(codes))})" if codes else ""


def comparison_caveats(found: Comparison) -> list[str]:
    """Return the limits of a comparison, the most important first."""
    how = [score.how for score in found.scores]
    n_paired, n_independent, n_without = (how.count(word) for word in ("paired", "independent", "no interval"))
    said = []
    if n_paired:
        said.append(f"{_were(n_paired)} compared draw by draw: both records saw the same samples.")
    if n_independent:
        said.append(
            f"{_were(n_independent)} compared as independent: where both records share samples, the interval is "
            "usually too wide."
        )
    if n_independent and any(card.state == "same" for card in found.inputs):
        said.append(
            "Draws are compared only where arrays.safetensors lies beside both records, unaltered, and where seed and "
            "samples are the same."
        )
    if n_without:
        said.append(f"{_were(n_without)} without an interval in one record: whether that is a change cannot be told.")
    if found.settings:
        n = len(found.settings)
        said.append(
            f"{opened(plural(n, 'setting'))} {'differs' if n == 1 else 'differ'}: a change may come from there."
        )
    said.append("That a score changed does not say why: data, weights, settings or versions of libraries may.")
    said.append(f"A change beyond noise is not for that a large one; an interval of 95{NBSP}% for all scores is wide.")
    return said


def _were(n: int) -> str:
    return f"{plural(n, 'score')} {'was' if n == 1 else 'were'}"
