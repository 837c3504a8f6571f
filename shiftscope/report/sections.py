"""The sections of a report, each made of one reading: its answer, its pictures and its tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shiftscope.checks.order import SEVERITIES, place
from shiftscope.core.records import Finding, InputCard, RunRecord
from shiftscope.report.advised import Why, reasons, strategy_lead, two_line
from shiftscope.report.caveats import caveats, trust_lead
from shiftscope.report.figures.accuracy import accuracy
from shiftscope.report.figures.class_shares import class_shares
from shiftscope.report.figures.classes import class_table, classes
from shiftscope.report.figures.cost import cost
from shiftscope.report.figures.effect import effect, shift_table
from shiftscope.report.figures.harm import harm
from shiftscope.report.figures.learning import learning
from shiftscope.report.figures.nearest import nearest
from shiftscope.report.figures.null import null
from shiftscope.report.figures.plane import plane
from shiftscope.report.figures.profile import profile
from shiftscope.report.figures.roc import roc
from shiftscope.report.figures.support import support
from shiftscope.report.forecasted import basis_note, harm_lead, harm_text
from shiftscope.report.harm_tables import harm_table
from shiftscope.report.inputs import inputs_of
from shiftscope.report.nearest import PAIRED, NearestReading, nearest_lead, nearest_table, nearest_text
from shiftscope.report.numerals import NBSP, listed, opened, small_count
from shiftscope.report.page import Picture, Table
from shiftscope.report.profiled import layer_lead, layer_table, layer_text
from shiftscope.report.raced import race_line, race_table
from shiftscope.report.rank_tables import cost_table, measure_table, origin_table, score_table
from shiftscope.report.ranked import RankReading
from shiftscope.report.shift_tables import copy_table, witness_tables
from shiftscope.report.shifted import ShiftReading
from shiftscope.report.tables import other_backbones, problems, sample_table, skipped_table
from shiftscope.report.verdicts import how_far, order_line, set_line, shift_lead

__all__ = ["Findings", "Section", "Trust", "findings_line", "grouped_findings", "target_sections", "trust"]

# Pairs of several sources and targets whose sections have every figure: the page stays light with more.
FULL_PAIRS = 4
FEW_SAMPLES = 3
# Findings of one code that are shown before the rest is folded away.
SHOWN = 3
RULES = (
    "The first reason is the rule that decided. Scored means that what it gives up was counted on pairs of weights and "
    "target whose outcome was measured; an unscored rule rests on reasoning or custom alone. What trying some is "
    "expected to give up is the sum, over all others, of the probability of being best times how much better they do."
)
INTERVALS = (
    "If the samples were drawn again, the method that makes these intervals would cover the true value about as often "
    "as their level says. Two overlapping intervals may still differ: the comparison that counts is paired, sample by "
    "sample. Held-out intervals leave out the luck of folds and of training samples. With few samples those of the "
    "ridge probe were measured to be somewhat narrow: with 80 to 200 samples at chance level, nominal "
    f"95{NBSP}% covered 90 to 92{NBSP}%."
)
BRIEF = (
    "With so many pairs the sections below leave out the figures of permutations and classes, and most samples: a run "
    "of one pair has them."
)
FLOOR = (
    "Each side is split in two at random, many times; the floor is the 95th percentile of the shift between halves of "
    "one side. The effect is the shift between the sides less the mean shift within them, all parts of one size. "
    "“Small” is an effect whose whole interval lies beyond one floor, “far” beyond three, “very far” beyond ten."
)


@dataclass(frozen=True)
class Section:
    """One question about one target: its answer, pictures and tables with their headings.

    ``baselines`` is what is said of them in the margin, ``aside`` another note there with its title, ``reasons`` a list
    below the answer.
    """

    id: str
    kind: Literal["rank", "layers", "harm", "shift", "advice", "audit", "sources", "compare"]
    title: str
    lead: str
    text: str
    pictures: tuple[Picture, ...]
    tables: tuple[tuple[str, Table], ...]
    baselines: str = ""
    aside: tuple[str, str] | None = None
    reasons: tuple[Why, ...] = ()


@dataclass(frozen=True)
class Trust:
    """What limits the whole record, under "Can I trust this?"."""

    lead: str
    samples: tuple[Table, ...]
    problems: Table | None
    skipped: Table | None
    caveats: tuple[str, ...]


def target_sections(
    rankings: Sequence[RankReading], shifts: Sequence[ShiftReading], orders: Sequence[NearestReading] = ()
) -> list[Section]:
    """Make the sections of every target, from its ranking to what to do; figures count on through all of them.

    Where targets have several sources, one section about all of them stands before the first that is about a pair.
    """
    ranked = {view.ranking.target: view for view in rankings}
    several = len(ranked) > 1
    moved: dict[str, list[ShiftReading]] = {}
    for view in shifts:
        moved.setdefault(view.diagnosis.target, []).append(view)
    brief = bool(orders) and len(shifts) > FULL_PAIRS
    found: list[Section] = []
    told: set[str] = set()
    for i, target in enumerate(dict.fromkeys([*ranked, *moved])):
        end = "" if i == 0 else f"-{i + 1}"
        drawn = sum(len(section.pictures) for section in found)
        if target in ranked:
            names = {c.row.backbone for c in ranked[target].candidates}
            new = not names <= told
            found.append(_rank_section(ranked[target], f"start{end}", drawn, several=several, new=new))
            told |= names
            drawn += len(found[-1].pictures)
            if ranked[target].profiles:
                found.append(_layer_section(ranked[target], f"layers{end}", drawn, several=several))
                drawn += len(found[-1].pictures)
            if ranked[target].has_forecasts:
                found.append(_harm_section(ranked[target], f"harm{end}", drawn, several=several))
                drawn += len(found[-1].pictures)
        if target in moved and orders and not any(section.id == "nearest" for section in found):
            found.append(_nearest_section(orders, drawn, brief=brief))
            drawn += len(found[-1].pictures)
        for j, shift in enumerate(moved.get(target, [])):
            place = f"shift{end}{f'-from-{j + 1}' if j else ''}"
            found.append(_shift_section(shift, place, drawn, several=len(shifts) > 1, brief=brief))
            drawn += len(found[-1].pictures)
        if target in ranked and ranked[target].strategy is not None:
            found.append(_advice_section(ranked[target], f"advice{end}", drawn, several=several))
    return _said_once(found)


def _said_once(sections: Sequence[Section]) -> list[Section]:
    """The sections without notes that one before them has word for word."""
    said: set[str | tuple[str, str] | None] = set()
    kept = []
    for section in sections:
        aside = None if section.aside in said else section.aside
        kept.append(replace(section, aside=aside, baselines="" if section.baselines in said else section.baselines))
        said |= {section.aside, section.baselines}
    return kept


def _rank_section(view: RankReading, name: str, drawn: int, *, several: bool, new: bool) -> Section:
    """Make the section of a ranking; ``new``: of candidates whose costs no section before has told."""
    pictures: list[Picture] = []
    if view.quality and view.candidates:
        pictures.append(accuracy(view, drawn + 1))
        against_cost = cost(view, drawn + 2)
        pictures += [against_cost] if against_cost is not None else []
    race = view.ranking.race
    tables = [
        ("All candidates" if race is None else "Who stayed", score_table(view)),
        ("Who was dropped", race_table(race) if race is not None else None),
        ("Other measures", measure_table(view)),
        *([("What they cost", cost_table(view)), ("Where they come from", origin_table(view))] if new else []),
    ]
    return Section(
        id=name,
        kind="rank",
        title=f"Which model should I start from{f' on {view.target}' if several else ''}?",
        lead=set_line(view),
        text=" ".join(filter(None, (order_line(view), race_line(race) if race is not None else ""))),
        pictures=tuple(pictures),
        tables=tuple((name, table) for name, table in tables if table is not None),
        baselines=_of_baselines(view) if view.baselines else "",
        aside=("How to read an interval.", INTERVALS) if pictures else None,
    )


def _of_baselines(view: RankReading) -> str:
    after = (
        "what fine-tuning it may do stands below" if view.has_forecasts else "of fine-tuning it this page says nothing"
    )
    return (
        "Raw pixels are a probe without any network, chance always names the most frequent class, and a random copy is "
        "the same architecture before training. For a candidate that is not shown to beat them, there is no reason to "
        f"use it as a frozen network; {after}."
    )


def _layer_section(view: RankReading, name: str, drawn: int, *, several: bool) -> Section:
    return Section(
        id=name,
        kind="layers",
        title=f"Which layer should I use{f' on {view.target}' if several else ''}?",
        lead=layer_lead(view),
        text=layer_text(view),
        pictures=(profile(view, drawn + 1),),
        tables=(("The best layers", layer_table(view)),),
    )


def _harm_section(view: RankReading, name: str, drawn: int, *, several: bool) -> Section:
    picture = harm(view, drawn + 1)
    rests_on = basis_note(view)
    return Section(
        id=name,
        kind="harm",
        title=f"Will it hurt{f' on {view.target}' if several else ''}?",
        lead=harm_lead(view),
        text=harm_text(view),
        pictures=() if picture is None else (picture,),
        tables=() if picture is not None else (("Gains over the baselines", harm_table(view)),),
        aside=("What the forecast rests on.", rests_on) if rests_on else None,
    )


def _advice_section(view: RankReading, name: str, drawn: int, *, several: bool) -> Section:
    picture = learning(view, drawn + 1)
    return Section(
        id=name,
        kind="advice",
        title=f"What should I do{f' on {view.target}' if several else ''}?",
        lead=strategy_lead(view),
        text=two_line(view),
        pictures=() if picture is None else (picture,),
        tables=(),
        aside=("Rules.", RULES),
        reasons=reasons(view),
    )


def _nearest_section(orders: Sequence[NearestReading], drawn: int, *, brief: bool) -> Section:
    picture = nearest(orders, drawn + 1)
    return Section(
        id="nearest",
        kind="shift",
        title="Which source is nearest?",
        lead=nearest_lead(orders),
        text=f"{nearest_text(orders)}{f' {BRIEF}' if brief else ''}",
        pictures=() if picture is None else (picture,),
        tables=() if picture is not None else (("Targets by source", nearest_table(orders)),),
        aside=("Paired differences.", PAIRED),
    )


def _shift_section(view: ShiftReading, name: str, drawn: int, *, several: bool, brief: bool) -> Section:
    """Make the section of a pair; a ``brief`` one has few samples, classes as a table, and the first figure alone."""
    pictures: list[Picture] = []
    for make in (effect,) if brief else (effect, null, plane, roc, support, classes, class_shares):
        picture = make(view, drawn + len(pictures) + 1)
        pictures += [picture] if picture is not None else []
    # Without a noise floor there is no figure to hold the numbers.
    numbers = [("All measures", shift_table(view))] if view.key is not None and view.key.ratio is None else []
    within = [("Within each class", class_table(view))] if brief and view.diagnosis.per_class else []
    others, copies = other_backbones(view), copy_table(view)
    samples = [
        (table.caption.removesuffix(", the most first."), table)
        for table in witness_tables(view, FEW_SAMPLES if brief else None)
    ]
    return Section(
        id=name,
        kind="shift",
        title=f"How far has {view.target if several else 'the data'} shifted{view.origin}, and how?",
        lead=how_far(view),
        text=shift_lead(view),
        pictures=tuple(pictures),
        tables=(
            *numbers,
            *within,
            *samples,
            *([("On both sides", copies)] if copies is not None else []),
            *([("Under other backbones", others)] if others is not None else []),
        ),
        aside=("Noise floor.", FLOOR) if pictures else None,
    )


def trust(record: RunRecord, rankings: Sequence[RankReading], shifts: Sequence[ShiftReading]) -> Trust:
    """Make the section about limits: samples, measures without a number, files left out, caveats."""
    cards = inputs_of(record)
    sources = [card for card in cards if card.role == "source"]
    targets = [card for card in cards if card.role == "target"]
    samples = [sample_table(card, _sources_of(card, sources, shifts)) for card in targets]
    return Trust(
        lead=trust_lead(rankings, shifts),
        samples=tuple(table for table in samples if table is not None),
        problems=problems(record),
        skipped=skipped_table(cards),
        caveats=tuple(caveats(record, rankings, shifts)),
    )


def sorted_findings(record: RunRecord, best: Collection[str]) -> list[Finding]:
    """In the order of ``checks.order``; within a code the recommended models first, then by subject."""
    return sorted(record.findings, key=lambda f: (place(f), f.subject not in best, f.subject))


@dataclass(frozen=True)
class Findings:
    """Findings of one code: those to show, and those that say the same of other subjects."""

    code: str
    first: tuple[Finding, ...]
    rest: tuple[Finding, ...]


def grouped_findings(record: RunRecord, best: Collection[str]) -> list[Findings]:
    """Group sorted findings by severity and code; long groups show their first three."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted_findings(record, best):
        groups.setdefault((finding.severity, finding.code), []).append(finding)
    return [
        Findings(code, *((tuple(g), ()) if len(g) <= SHOWN + 1 else (tuple(g[:SHOWN]), tuple(g[SHOWN:]))))
        for (_, code), g in groups.items()
    ]


def findings_line(findings: Sequence[Finding], best: Collection[str]) -> str:
    """Count the findings by severity, and say whether one names a recommended model."""
    if not findings:
        return "No findings."
    counts = [(sum(f.severity == s for f in findings), s) for s in SEVERITIES]
    said = listed([f"{small_count(k)} {s}{'' if k == 1 else 's'}" for k, s in counts if k])
    about = any(_is_about(f, best) for f in findings)
    tail = "" if about or not best else f" None is about {'the' if len(best) == 1 else 'a'} recommended model."
    return f"{opened(said)}.{tail}"


def _is_about(finding: Finding, best: Collection[str]) -> bool:
    """Whether a recommended model is what a finding is about, or one of several that it lists."""
    several = (finding.evidence.get(key) for key in ("candidates", "backbones"))
    named = [finding.subject, *(name for names in several if isinstance(names, list) for name in names)]
    return any(name in best for name in named)


def _sources_of(target: InputCard, sources: Sequence[InputCard], shifts: Sequence[ShiftReading]) -> Sequence[InputCard]:
    """Sources that the target was compared with, else the record's only one."""
    compared = {view.diagnosis.source for view in shifts if view.diagnosis.target == target.name}
    return [card for card in sources if card.name in compared] or (sources if len(sources) == 1 else [])
