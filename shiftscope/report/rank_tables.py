"""The tables of a ranking, for the page and for the terminal: scores, costs, and where the candidates come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shiftscope.core.text import shown
from shiftscope.report.margins import Margin
from shiftscope.report.numerals import NBSP, alike, drawn, fixed, level, mega, percent
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table, number
from shiftscope.report.ranked import Candidate, RankReading
from shiftscope.report.vocabulary import MeasureWords, means

__all__ = ["cost_table", "measure_table", "origin_table", "score_table"]

PUBLISHED = (
    "Published accuracy is that on data of the source, which stand beside it. It knows nothing of this target and "
    "never changes the order; figures of different data sets cannot be compared."
)
# Random copies up to which each has a row of its own.
COPIES = 8


def score_table(view: RankReading) -> Table:
    """Tabulate what every candidate's place rests on; the baselines stand below, unranked.

    That is the quality that figures show, with its gains over the baselines, and the measures of the mean rank.
    """
    ranked = [m for m in view.measures if m in view.ranking.measures and m != view.quality]
    columns = [
        Column("#"),
        Column("Candidate", left=True),
        *(_quality_columns(view) if view.quality else []),
        *_heads(view, ranked),
        Column("Mean rank"),
        Column("P(best)"),
    ]
    forms = _forms(view)
    who = "All candidates" if view.ranking.race is None else "The candidates that stayed"
    return Table(
        f"{who} on {view.target}, best first.",
        tuple(columns),
        tuple(_score_row(view, c, ranked, forms) for c in view.candidates),
        tuple(_score_row(view, c, ranked, forms) for c in _baselines(view)),
        sortable=True,
        heading=1,
        note=" ".join(filter(None, (_gains_note(view), _copies_note(view)))),
    ).filled()


def measure_table(view: RankReading) -> Table | None:
    """Tabulate the measures that have no part in the order; None where there are none."""
    others = [m for m in view.measures if m not in view.ranking.measures and m != view.quality]
    if not others:
        return None
    forms = _forms(view)

    def row(c: Candidate) -> Row:
        found = [number(_value(c, m), forms[m]) for m in others]
        return Row((_place(c), Cell(c.name), *found), chosen=c.in_best_set)

    return Table(
        f"Measures that have no part in the order on {view.target}",
        (Column("#"), Column("Candidate", left=True), *_heads(view, others)),
        tuple(map(row, view.candidates)),
        tuple(map(row, _baselines(view))),
        sortable=True,
        heading=1,
        note=_meanings(view, others),
    ).filled()


def _meanings(view: RankReading, measures: Sequence[str]) -> str:
    """What each measure that is listed means, and which way is better."""
    said = [f"{view.words_of(m).head}: {means(m)}." for m in measures if means(m)]
    return " ".join([*said, "More of each is better."]) if said else ""


def _baselines(view: RankReading) -> Sequence[Candidate]:
    """The baselines; many random copies are left out, of which the table of the figure has what counts."""
    return view.baselines if _n_copies(view) <= COPIES else [c for c in view.baselines if not _is_copy(view, c)]


def _n_copies(view: RankReading) -> int:
    return sum(_is_copy(view, c) for c in view.baselines)


def _is_copy(view: RankReading, baseline: Candidate) -> bool:
    return any(c.row.random_copy == baseline.row.backbone for c in view.candidates)


def _copies_note(view: RankReading) -> str:
    if _n_copies(view) <= COPIES:
        return ""
    return f"{view.words.head} of the random copies stands in the table of the first figure."


def _heads(view: RankReading, measures: Sequence[str]) -> list[Column]:
    return [Column(f"{view.words_of(m).head}{view.words_of(m).unit}") for m in measures]


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


def _score_row(
    view: RankReading, c: Candidate, ranked: Sequence[str], forms: Mapping[str, Callable[[float], str]]
) -> Row:
    found = [_place(c), Cell(c.name)]
    if view.quality:
        words, q = view.words, c.quality
        found += [
            number(q.value if q else None, words.form),
            Cell((q and words.ends(q.low, q.high)) or EMPTY, key=q.low if q and q.low is not None else ""),
            _gain(c.over_pixels, words),
            _gain(c.over_random, words),
        ]
    found += [number(_value(c, m), forms[m]) for m in ranked]
    # Of one candidate it is certain, and says nothing, that it is the best.
    p_best = c.row.p_best if len(view.candidates) > 1 else None
    found += [
        number(c.row.mean_rank, lambda r: fixed(r, 1)),
        number(p_best, lambda share: drawn(share, view.ranking.n_draws)),
    ]
    return Row(tuple(found), chosen=c.in_best_set)


def _place(c: Candidate) -> Cell:
    return Cell(EMPTY if c.row.rank is None else str(c.row.rank), key=c.row.rank)


def _value(c: Candidate, measure: str) -> float | None:
    score = c.scores.get(measure)
    return score.value if score is not None else None


def _gain(found: Margin | None, words: MeasureWords) -> Cell:
    if found is None:
        return Cell(EMPTY, key="")
    ends = f"{NBSP}{words.ends(*found.ends)}" if found.ends is not None else ""
    return Cell(f"{words.difference(found.value)}{ends}", key=found.value)


def cost_table(view: RankReading) -> Table | None:
    """Tabulate what every candidate costs; None where no cost is known.

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
        Column("Licence", left=True),
    )
    return Table(
        "Cost per image, each network at its own input size; images/s as measured on this machine.",
        columns,
        tuple(_cost_row(c) for c in view.candidates),
        sortable=True,
    ).filled()


def _cost_row(c: Candidate) -> Row:
    licence = c.card.licence if c.card is not None else ""
    return Row(
        (
            Cell(c.name),
            number(c.cost.parameters, mega),
            number(c.cost.flops, mega),
            number(c.cost.images_per_second, lambda v: fixed(v, 0)),
            number(c.cost.dim, lambda v: fixed(v, 0)),
            Cell(shown(licence) or "not stated"),
        ),
        chosen=c.in_best_set,
    )


def origin_table(view: RankReading) -> Table | None:
    """Tabulate the sources of the candidates and what was published of them; None where no card says any of it."""
    if not any(c.domain or _published(c) for c in view.candidates):
        return None
    columns = (
        Column("Candidate", left=True),
        Column("Source", left=True),
        Column("Published top\N{NON-BREAKING HYPHEN}1, %"),
        Column("Published on", left=True),
    )
    return Table(
        "Data on which the candidates were trained.",
        columns,
        tuple(_origin_row(c) for c in view.candidates),
        sortable=True,
        note=PUBLISHED if any(_published(c) for c in view.candidates) else "",
    ).filled()


def _published(c: Candidate) -> bool:
    return c.card is not None and c.card.published is not None


def _origin_row(c: Candidate) -> Row:
    known = c.card.published if c.card is not None else None
    # What stands in the column before need not be read again.
    data_set = shown(known.dataset).removeprefix(f"{c.domain}: ") if known is not None else EMPTY
    return Row(
        (
            Cell(c.name),
            Cell(c.domain or EMPTY),
            number(known.top1 if known is not None else None, percent),
            Cell(data_set),
        ),
        chosen=c.in_best_set,
    )
