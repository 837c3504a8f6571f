"""The tables of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.core.text import shown
from shiftscope.report.compare.records import Comparison, Matched, OrderChange, Place, ScoreChange, Setting, Uncompared
from shiftscope.report.compare.words import change_ends, change_said, score_words, strongest
from shiftscope.report.numerals import count, drawn, level, listed, probability
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table, cells, heads, number
from shiftscope.report.vocabulary import words_for

__all__ = [
    "changed_table",
    "data_table",
    "findings_table",
    "order_table",
    "settings_table",
    "tally_table",
    "uncompared",
]

# Rows of a table that could have hundreds; the JSON of a comparison has all.
MOST = 60


def order_table(order: OrderChange) -> Table:
    """Tabulate where every candidate stands in either ranking."""
    columns = (
        Column("Candidate", left=True),
        Column("Place in A"),
        Column("Place in B"),
        Column("P(best) in A"),
        Column("P(best) in B"),
        Column("Best set", left=True),
    )
    rows = tuple(Row(_place_cells(order, place), chosen=place.in_set_b) for place in order.places)
    return Table(f"Places on {shown(order.target)}, in the order of B", columns, rows, sortable=True)


def _place_cells(order: OrderChange, place: Place) -> tuple[Cell, ...]:
    sets = {(True, True): "both", (True, False): "A", (False, True): "B"}.get((place.in_set_a, place.in_set_b), EMPTY)
    return (
        Cell(shown(place.backbone)),
        number(place.rank_a, lambda rank: count(int(rank))),
        number(place.rank_b, lambda rank: count(int(rank))),
        number(place.p_best_a, lambda share: drawn(share, order.n_draws_a)),
        number(place.p_best_b, lambda share: drawn(share, order.n_draws_b)),
        Cell(sets),
    )


def changed_table(found: Comparison) -> Table | None:
    """Tabulate the scores that changed beyond noise, the clearest first; None where none did."""
    beyond = strongest(found.beyond)
    if not beyond:
        return None
    more = f"; the first {MOST} of {count(len(beyond))}" if len(beyond) > MOST else ""
    columns = (
        Column("Score", left=True),
        Column("Model", left=True),
        Column("Target", left=True),
        Column("A"),
        Column("B"),
        Column("B less A"),
        Column(f"{level(found.level)} interval for all"),
        Column("Compared", left=True),
    )
    rows = tuple(Row(_score_cells(score)) for score in beyond[:MOST])
    return Table(f"Scores that changed beyond noise, the clearest first{more}", columns, rows, sortable=True)


def _score_cells(score: ScoreChange) -> tuple[Cell, ...]:
    words = score_words(score)
    form = probability if score.kind == "forecast" else words.form
    against = f"against {shown(score.source)}" if score.source is not None else ""
    return (
        Cell(f"{words.head}{words.unit}"),
        Cell(shown(score.backbone)),
        Cell(shown(score.target), note=against),
        Cell(form(score.a), key=score.a),
        Cell(form(score.b), key=score.b),
        Cell(change_said(score), key=score.change),
        Cell(change_ends(score) or EMPTY, key=score.low if score.low is not None else ""),
        Cell("draw by draw" if score.how == "paired" else score.how),
    )


def tally_table(found: Comparison) -> Table | None:
    """Count by measure how many scores are equal, changed within noise and beyond it; None without scores."""
    if not found.scores:
        return None
    by_measure: dict[tuple[str, str], list[ScoreChange]] = {}
    for score in found.scores:
        by_measure.setdefault((score.kind, score.about), []).append(score)
    rows = [_tally(by_measure[key]) for key in sorted(by_measure, key=lambda key: (key[0] != "transfer", key))]
    rows.append(_tally(found.scores, "All"))
    columns = heads("Score", "Compared", "Equal", "Within noise", "Up", "Down", "No interval", "Draw by draw")
    return Table("Scores by what became of them; up and down are beyond noise", columns, tuple(rows))


def _tally(scores: Sequence[ScoreChange], name: str = "") -> Row:
    how = [score.how for score in scores]
    up, down = (sum(s.beyond and (s.change > 0) == rising for s in scores) for rising in (True, False))
    compared = how.count("paired") + how.count("independent")
    numbers = (
        len(how),
        how.count("equal"),
        compared - up - down,
        up,
        down,
        how.count("no interval"),
        how.count("paired"),
    )
    return Row(cells(name or score_words(scores[0]).head, *map(count, numbers)), chosen=bool(name))


def findings_table(found: Comparison) -> Table | None:
    """Tabulate the findings that only one record has; None where there are none."""
    rows = tuple(
        Row(
            (
                Cell(change.finding.code),
                Cell("came, only in B" if change.state == "came" else "went, only in A"),
                Cell(
                    change.finding.severity,
                    tone={"error": "error", "warning": "warning"}.get(change.finding.severity, ""),
                ),
                Cell(shown(change.finding.title), note=shown(change.finding.message)),
            )
        )
        for change in found.findings
    )
    columns = heads("Code", "State", "Severity", "Finding", left=(1, 2, 3))
    return Table("Findings of one record only", columns, rows, sortable=True) if rows else None


def data_table(cards: Sequence[Matched], caption: str) -> Table | None:
    """Tabulate data sets or models that are not the same in both, and count those that are; None without any."""
    differ = [card for card in cards if card.state != "same"]
    if not differ:
        return None
    rows = [Row(cells(_named(card), card.state, _size(card.n_a), _size(card.n_b))) for card in differ]
    same = f"; {count(len(cards) - len(differ))} others are the same" if len(differ) < len(cards) else ""
    columns = heads("Name", "State", "Samples in A", "Samples in B", left=(1,))
    return Table(f"{caption}{same}", columns, tuple(rows)).filled()


def _named(card: Matched) -> Cell:
    return Cell(shown(card.name), note="" if card.role == "model" else card.role)


def _size(n: int | None) -> str:
    return "" if n is None else count(n)


def settings_table(settings: Sequence[Setting], caption: str) -> Table | None:
    """Tabulate what was asked differently; None where nothing was."""
    rows = tuple(
        Row(cells(shown(s.path), *(shown(side) if side is not None else "not there" for side in (s.a, s.b))))
        for s in settings
    )
    return Table(caption, heads("Setting", "A", "B", left=(1, 2)), rows) if rows else None


def uncompared(found: Sequence[Uncompared]) -> Table | None:
    """Tabulate numbers without a counterpart, those of one measure and reason together; None where all have one."""
    groups: dict[tuple[str, str], list[str]] = {}
    for left in found:
        against = f" against {shown(left.source)}" if left.source is not None else ""
        where = f"{shown(left.backbone)} on {shown(left.target)}{against}"
        groups.setdefault((left.about, left.reason), []).append(where)
    rows = tuple(
        Row(cells(words_for(about).head, reason, count(len(places)), _some(places)))
        for (about, reason), places in sorted(groups.items())
    )
    columns = heads("Score", "Reason", "Scores", "Of", left=(1, 3))
    return Table("Scores that could not be compared", columns, rows) if rows else None


def _some(names: Sequence[str], most: int = 4) -> str:
    return listed(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"
