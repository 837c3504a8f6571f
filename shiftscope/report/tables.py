"""The tables of a report, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from shiftscope.core.records import InputCard, RunRecord
from shiftscope.core.text import shown
from shiftscope.report.margins import Margin
from shiftscope.report.numerals import NBSP, alike, count, fixed, level, listed, mega, percent, probability, ratio
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table, cells, heads
from shiftscope.report.ranked import Candidate, RankReading
from shiftscope.report.shifted import ShiftLine, ShiftReading
from shiftscope.report.vocabulary import MeasureWords, words_for

__all__ = ["cost_table", "other_backbones", "problems", "sample_table", "score_table", "skipped_table"]

PUBLISHED = (
    "Published accuracy is that on data of the source, which stand beside it. It knows nothing of this target and "
    "never changes the order; figures of different data sets cannot be compared."
)


def score_table(view: RankReading) -> Table:
    """Tabulate every candidate's scores, gains over the baselines and place; the baselines stand below, unranked."""
    columns = [
        Column("#"),
        Column("Candidate", left=True),
        *(_quality_columns(view) if view.quality else []),
        *(Column(f"{view.words_of(m).head}{view.words_of(m).unit}") for m in view.measures[1:]),
        Column("Mean rank"),
        Column("P(best)"),
    ]
    forms = _forms(view)
    who = "All candidates" if view.ranking.race is None else "The candidates that stayed"
    return Table(
        f"{who} on {view.target}, best first.",
        tuple(columns),
        tuple(_score_row(view, c, forms) for c in view.candidates),
        tuple(_score_row(view, c, forms) for c in view.baselines),
        sortable=True,
        heading=1,
        note=_gains_note(view),
    ).filled()


def _gains_note(view: RankReading) -> str:
    """What the gains are: paired intervals at one level, or differences of point values."""
    gains = [g for c in view.candidates for g in (c.over_pixels, c.over_random) if g is not None]
    if not gains:
        return ""
    paired = next((g for g in gains if g.ends is not None), None)
    if paired is None:
        return "Gains over raw pixels and over the random copy are differences of point values."
    at = level(paired.level or view.level)
    return f"Gains over raw pixels and over the random copy are paired, sample by sample, with {at} intervals."


def _quality_columns(view: RankReading) -> list[Column]:
    words = view.words
    unit = ", points" if words.share else ""
    return [
        Column(f"{words.head}{words.unit}"),
        Column(f"{level(view.level)} interval"),
        Column(f"Over pixels{unit}", brief=False),
        Column(f"Over random{unit}", brief=False),
    ]


def _forms(view: RankReading) -> dict[str, Callable[[float], str]]:
    """One form per measure, so that a column has the same decimals in every row."""
    rows = (*view.candidates, *view.baselines)
    values = {m: [c.scores[m].value for c in rows if m in c.scores] for m in view.measures}
    return {m: view.words_of(m).form if view.words_of(m).share else alike(found) for m, found in values.items()}


def _score_row(view: RankReading, c: Candidate, forms: Mapping[str, Callable[[float], str]]) -> Row:
    place = Cell(EMPTY if c.row.rank is None else str(c.row.rank), key=c.row.rank)
    found = [place, Cell(c.name)]
    if view.quality:
        words, q = view.words, c.quality
        found += [
            Cell(words.form(q.value), key=q.value) if q else Cell(EMPTY, key=""),
            Cell((q and words.ends(q.low, q.high)) or EMPTY, key=q.low if q and q.low is not None else ""),
            _gain(c.over_pixels, words),
            _gain(c.over_random, words),
        ]
    for measure in view.measures[1:]:
        score = c.scores.get(measure)
        found.append(_number(score.value if score else None, forms[measure]))
    # Of one candidate it is certain, and says nothing, that it is the best.
    p_best = c.row.p_best if len(view.candidates) > 1 else None
    found += [_number(c.row.mean_rank, lambda r: fixed(r, 1)), _number(p_best, probability)]
    return Row(tuple(found), chosen=c.in_best_set)


def cost_table(view: RankReading) -> Table | None:
    """Tabulate what every candidate costs and where it comes from; None where no cost is known.

    A random copy costs the same.
    """
    costs = [c.cost for c in view.candidates]
    if all(k.parameters is None and k.flops is None and k.images_per_second is None for k in costs):
        return None
    columns = (
        Column("Candidate", left=True),
        Column("Parameters, M"),
        Column("MFLOPs"),
        Column("Images/s"),
        Column("Features"),
        Column("Source", left=True, brief=False),
        Column("Published top\N{NON-BREAKING HYPHEN}1, %", brief=False),
        Column("Published on", left=True, brief=False),
        Column("Licence", left=True),
    )
    return Table(
        "Cost per image, each network at its own input size; images/s as measured on this machine.",
        columns,
        tuple(_cost_row(c) for c in view.candidates),
        sortable=True,
        note=PUBLISHED if any(c.card is not None and c.card.published for c in view.candidates) else "",
    ).filled()


def _cost_row(c: Candidate) -> Row:
    licence = c.card.licence if c.card is not None else ""
    return Row(
        (
            Cell(c.name),
            _number(c.cost.parameters, mega),
            _number(c.cost.flops, mega),
            _number(c.cost.images_per_second, lambda v: fixed(v, 0)),
            _number(c.cost.dim, lambda v: fixed(v, 0)),
            *cells(c.domain),
            *_published(c),
            Cell(shown(licence) or "not stated"),
        ),
        chosen=c.in_best_set,
    )


def _published(c: Candidate) -> tuple[Cell, Cell]:
    """Accuracy on the source and the data set it was measured on."""
    known = c.card.published if c.card is not None else None
    return _number(known.top1 if known is not None else None, percent), Cell(
        shown(known.dataset) if known is not None else EMPTY
    )


def _gain(found: Margin | None, words: MeasureWords) -> Cell:
    if found is None:
        return Cell(EMPTY, key="")
    ends = f"{NBSP}{words.ends(*found.ends)}" if found.ends is not None else ""
    return Cell(f"{words.difference(found.value)}{ends}", key=found.value)


def _number(value: float | None, form: Callable[[float], str]) -> Cell:
    return Cell(EMPTY, key="") if value is None else Cell(form(value), key=value)


def other_backbones(view: ShiftReading) -> Table | None:
    """Tabulate effect over noise floor under every backbone; None where there is only one."""
    if not view.others:
        return None
    everyone = sorted((view.diagnosis, *view.others), key=lambda d: (d.backbone, d.source))
    measures = list(dict.fromkeys(row.measure for d in everyone for row in d.rows))
    sources = {d.source for d in everyone}
    rows = []
    for d in everyone:
        ratios = {row.measure: ShiftLine(row, d.alpha).ratio for row in d.rows}
        numbers = (_number(ratios.get(m), ratio) for m in measures)
        note = shown(d.source) if len(sources) > 1 else ""
        rows.append(Row((Cell(shown(d.backbone), note=note), *numbers), chosen=d is view.diagnosis))
    columns = (Column("Backbone", left=True), *(Column(words_for(m).head) for m in measures))
    return Table("Effect divided by noise floor under every backbone", columns, tuple(rows), sortable=True)


def sample_table(target: InputCard, source: InputCard | None) -> Table | None:
    """Tabulate samples per class, the smallest class first; None for unlabelled data."""
    if not target.classes:
        return None
    of_source = source.classes if source is not None else {}
    names = sorted({*target.classes, *of_source}, key=lambda c: (target.classes.get(c, 0), c))
    sides = [target, source] if source is not None else [target]
    same = source is not None and source.name == target.name
    rows = [Row(cells(shown(c), *(count(s.classes.get(c, 0)) if s.classes else "" for s in sides))) for c in names]
    rows.append(Row(cells("All", *(count(s.n) for s in sides)), chosen=True))
    return Table(
        f"Samples per class of {shown(target.name)}, the rarest first",
        heads("Class", *(f"n{NBSP}{shown(s.name)}{f' ({s.role})' if same else ''}" for s in sides)),
        tuple(rows),
    )


def problems(record: RunRecord, target: str | None = None) -> Table | None:
    """Tabulate measures without a number, those with one reason together; None where all gave one."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for r in record.results:
        if r.status != "ok" and target in (None, r.target):
            groups.setdefault((r.status, r.measure, r.reason), []).append(r.backbone)
    rows = [
        Row(cells(words_for(measure).head, status.replace("_", " "), _some(backbones), shown(reason)))
        for (status, measure, reason), backbones in sorted(groups.items())
    ]
    columns = heads("Measure", "Status", "Backbones", "Reason", left=(1, 2, 3))
    return Table("Measures without a number", columns, tuple(rows)) if rows else None


def _some(names: Iterable[str], most: int = 6) -> str:
    unique = [shown(n) for n in dict.fromkeys(names)]
    return listed(unique) if len(unique) <= most else f"{', '.join(unique[:most])} and {len(unique) - most} more"


def skipped_table(cards: Sequence[InputCard], most: int = 50) -> Table | None:
    """Tabulate the files that were left out; None where there are none."""
    everything = [(card, s) for card in cards for s in card.skipped]
    if not everything:
        return None
    rows = tuple(Row(cells(shown(s.file), shown(card.name), shown(s.reason))) for card, s in everything[:most])
    more = f"; the first {most} of {count(len(everything))}" if len(everything) > most else ""
    return Table(f"Files left out{more}", heads("File", "Data set", "Reason", left=(1, 2)), rows)
