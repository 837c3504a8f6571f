"""A race under a budget as it is read: one paragraph, and who was dropped when and why."""

from __future__ import annotations

from shiftscope.core.race import Entrant, Race
from shiftscope.core.text import shown
from shiftscope.report.numerals import count, fixed, level, percent, plural
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table, cells

__all__ = ["race_line", "race_table"]

STOPPED = {
    "one left": "it ended when one candidate was left that could be the best",
    "full sample": "it went on to the full sample",
    "budget": "it ended because the budget pays for no further stage",
}


def race_line(race: Race) -> str:
    """Say what the race embedded, how it ended, and what the places of the ranking are worth."""
    last = race.stages[-1]
    share = f"{percent(race.n_embedded / race.n_full)}\N{NO-BREAK SPACE}%"
    return (
        f"Raced under a budget of {plural(race.budget, 'image')}: {count(race.n_embedded)} were embedded, {share} of "
        f"the {count(race.n_full)} of full extraction; {STOPPED[race.stopped]}. The ranking is of the "
        f"{count(last.n_candidates)} of {plural(len(race.entrants), 'candidate')} that saw the last subsample, "
        f"{count(last.n)} of {plural(race.n_available, 'image')}. As far as sampling noise goes, a race drops the best "
        f"with a probability of at most {level(round(1 - race.level, 9))}."
    )


def race_table(race: Race) -> Table | None:
    """Tabulate the candidates that were dropped, in the order they fell; None where none was."""
    if not race.dropped:
        return None
    columns = (
        Column("Dropped", left=True),
        Column("Images"),
        Column("Behind", left=True),
        Column("By mean ranks"),
        Column("Standard errors"),
        Column("Limit"),
    )
    return Table(
        "Dropped by the race, in the order they fell; none of them saw all images of the ranking above.",
        columns,
        tuple(_row(race, entrant) for entrant in race.dropped),
    )


def _row(race: Race, entrant: Entrant) -> Row:
    limit = race.stages[(entrant.stage or 1) - 1].limit
    numbers = [EMPTY if v is None else fixed(v, 1) for v in (entrant.difference, entrant.z, limit)]
    if entrant.behind is None:
        numbers[-1] = EMPTY
    ahead = "no measure gave a number" if entrant.behind is None else shown(entrant.behind)
    return Row((Cell(shown(entrant.backbone)), *cells(count(entrant.n), ahead, *numbers)))
