"""Source data as they are read: which sources hurt, what weights gain, and the tables and words for it."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.core.records import InputCard, RunRecord
from shiftscope.core.sources import Contrast, SourcesReport
from shiftscope.core.text import shown
from shiftscope.report.answers import Answer
from shiftscope.report.figures.source_gaps import source_gaps, source_weights
from shiftscope.report.inputs import inputs_of
from shiftscope.report.numerals import NBSP, count, interval, level, listed, opened, percent, points, small_count
from shiftscope.report.sections import Section, Trust
from shiftscope.report.source_tables import scheme_table, weight
from shiftscope.report.tables import sample_table, skipped_table

__all__ = [
    "sources_answers",
    "sources_headline",
    "sources_lead",
    "sources_sections",
    "sources_trust",
]

GAP = (
    "Held-out error with the source less that without, in points: above 0 the source hurts. Distance is MMD² to the "
    "target in noise floors; it says how far, not how useful."
)
WEIGHTS = (
    "A source sample of weight 0.1 counts as a tenth of a target sample. Similarity gives 1 / (1 + distance). Learned "
    "weights suit the target's held-out squared loss; their range is that of weights learned without one fold."
)
LEAK = (
    "Source samples that depend on samples of the target, like frames of one video, make the source look better than "
    "it is."
)
FEW = 100  # samples of the target below which a gap of some points cannot be told


def sources_headline(view: SourcesReport) -> str:
    """Return the one sentence: what to train with, or that nothing is shown to help."""
    target, used = shown(view.target), [row for row in view.sources if row.role != "drop"]
    hurting = _hurting(view)
    if used and view.gains:
        names = listed([shown(row.name) for row in used])
        return f"{names} {'helps' if len(used) == 1 else 'help'} {target}, with learned weights{hurting}."
    return f"No source is shown to help {target}{hurting}."


def _hurting(view: SourcesReport) -> str:
    names = [shown(name) for name in view.hurting]
    if not names:
        return ""
    return f"; {listed(names)} {'hurts' if len(names) == 1 else 'hurt'} when pooled as {_they(names)}"


def _they(names: Sequence[str]) -> str:
    return "it is" if len(names) == 1 else "they are"


def sources_lead(view: SourcesReport) -> str:
    """Return the numbers behind it: the error with learned weights, and its gains."""
    learned = view.scheme("learned")
    errs = f"the probe errs on {_share(learned.error)} of held-out samples of {shown(view.target)}"
    gains = [(learned.over_target, "with the target alone"), (learned.over_equal, "with all sources pooled")]
    known = listed([f"{_compared(gain)} {against}" for gain, against in gains if gain is not None])
    if len(view.dropped) == len(view.sources):
        return f"Learned weights leave out every source. With weights learned without each fold {errs}: {known}."
    dropped = f" Weight 0: {listed([shown(name) for name in view.dropped])}." if view.dropped else ""
    return f"With learned weights {errs}: {known}.{dropped}"


def _compared(gain: Contrast) -> str:
    if abs(gain.value) < 0.0005:
        return f"as often {interval(gain.low, gain.high, percent)} as"
    side = "less often than" if gain.value > 0 else "more often than"
    ends = (gain.low, gain.high) if gain.value >= 0 else (-gain.high, -gain.low)
    return f"{percent(abs(gain.value))} points {interval(*ends, percent)} {side}"


def _share(error: Contrast) -> str:
    return f"{percent(error.value)}{NBSP}% {interval(error.low, error.high, percent)}"


def sources_answers(view: SourcesReport) -> list[Answer]:
    """Return the ten-second reading: who hurts, what weights gain, what to do."""
    n, hurting = len(view.sources), view.hurting
    helping = [shown(row.name) for row in view.sources if row.verdict == "helps"]
    unclear = n - len(hurting) - len(helping)
    said = [f"{listed([shown(h) for h in hurting])} {'makes' if len(hurting) == 1 else 'make'} the probe worse"]
    said = said if hurting else ["no source is shown to make the probe worse"]
    said += [f"{listed(helping)} {'makes' if len(helping) == 1 else 'make'} it better"] if helping else []
    said += [f"of {small_count(unclear)} it cannot be told"] if unclear else []
    said = ["of no source can it be told whether it helps or hurts"] if unclear == n else said
    gain = view.scheme("learned").over_target
    assert gain is not None
    return [
        Answer(
            "Which sources hurt?",
            str(len(hurting)),
            f"of {n}",
            f"Pooled with the target, each by itself: {listed(said)} (Holm, {level(1 - view.alpha)}).",
        ),
        Answer(
            "What do weights gain?",
            points(gain.value),
            "points",
            f"Error of the target alone less that with learned weights, {interval(gain.low, gain.high, percent)}, on "
            "samples that had no part in choosing them.",
        ),
        Answer("What to do?", "", "", _advice(view)),
    ]


def _advice(view: SourcesReport) -> str:
    """What to do with every source, those of one role together; nothing where no gain is shown."""
    if not view.gains:
        return f"Train on {shown(view.target)} alone, or label more of it: no weights are shown to gain anything."
    names = {role: [shown(r.name) for r in view.sources if r.role == role] for role in ("use", "weigh down", "drop")}
    said = [
        f"use {listed(names['use'])} with learned weights" if names["use"] else "",
        f"use {listed(names['weigh down'])} with learned weights only" if names["weigh down"] else "",
        f"drop {listed(names['drop'])}" if names["drop"] else "",
    ]
    return f"{opened('; '.join(filter(None, said)))}."


def sources_sections(view: SourcesReport) -> list[Section]:
    """Make the two sections: each source by itself, then all of them weighed."""
    features = "frozen features" + ("" if view.backbone == "features" else f" of {shown(view.backbone)}")
    return [
        Section(
            id="sources",
            kind="sources",
            title=f"Which sources hurt {shown(view.target)}?",
            lead=sources_answers(view)[0].say,
            text=f"A linear probe on {features}, with and without each source at weight 1.",
            pictures=(source_gaps(view, 1),),
            tables=(),
            aside=(
                "Negative-transfer gap.",
                GAP,
            ),
        ),
        Section(
            id="weights",
            kind="sources",
            title="How much should each source count?",
            lead=f"Learned weights: {listed([f'{shown(r.name)} {weight(r.weight)}' for r in view.sources])}.",
            text=sources_lead(view),
            pictures=(source_weights(view, 2),),
            tables=(("What they gain", scheme_table(view)),),
            aside=(
                "Weights.",
                WEIGHTS,
            ),
        ),
    ]


def sources_trust(record: RunRecord, view: SourcesReport) -> Trust:
    """Make the section about limits."""
    cards = inputs_of(record)
    table = next((sample_table(card, []) for card in cards if card.role == "target"), None)
    unclear = [shown(row.name) for row in view.sources if row.verdict == "cannot be told"]
    return Trust(
        lead=f"Of {listed(unclear)} a sample of this size cannot say whether pooling hurts." if unclear else "",
        samples=() if table is None else (table,),
        problems=None,
        skipped=skipped_table(cards),
        caveats=tuple(_caveats(cards, view)),
    )


def _caveats(cards: Sequence[InputCard], view: SourcesReport) -> list[str]:
    found = [
        "It judges a linear probe on frozen features. Fine-tuning with source data may do better or worse.",
        "Intervals are about these samples and folds; they leave out the luck of which samples were labelled.",
        LEAK,
    ]
    if view.n < FEW:
        found.append(f"The target has {count(view.n)} labelled samples: a gap of a few points cannot be told.")
    for row in view.sources:
        lacking = next((len(card.classes) for card in cards if card.name == row.name), 0) - len(row.classes)
        if lacking > 0:
            found.append(
                f"{shown(row.name)}: {small_count(lacking)} of its classes are unknown to the target, left out."
            )
        if row.n_copies:
            found.append(f"{shown(row.name)}: {count(row.n_copies)} samples are the target's own and were left out.")
    return found
