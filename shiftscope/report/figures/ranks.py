"""How often each candidate took each rank: small bars, one row per candidate."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.report.figures.sheet import NARROW, Sheet, cut, text_width
from shiftscope.report.numerals import fixed
from shiftscope.report.ranked import Candidate, RankReading

__all__ = ["draw_shares", "narrow_shares", "places"]

HEAD, ROW = 42, 24
# Height of the tallest bar; lower ones than the least would be thinner than a line, and are left out.
TALLEST, LEAST = 17.0, 0.7


def places(rows: Sequence[Candidate]) -> int:
    """How many ranks the panel has room for: those of the rows drawn, at most 20."""
    return min(20, max((len(c.row.p_rank) for c in rows), default=0))


def draw_shares(sheet: Sheet, rows: Sequence[tuple[Candidate, float]], left: float, right: float, title: float) -> None:
    """Draw the panel between ``left`` and ``right``, its title from ``title`` on.

    ``rows`` are candidates and the middles of their rows.
    """
    n = places([c for c, _ in rows])
    # Whole pixels make crisp bars, and short numbers for the many there are.
    left, slot = round(left), min(14, int((right - left) / n))
    tallest = max((s for c, _ in rows for s in c.row.p_rank[:n]), default=1.0) or 1.0
    words = f"share of draws at each rank, up to {fixed(tallest, 2)}"
    sheet.text(min(title, sheet.width - text_width(words, 11)), 12, words, "s mu")
    for rank in (r for r in (1, 5, 10, 15, 20) if r <= n):
        sheet.text(left + slot * (rank - 0.5), 30, str(rank), "s mu", "middle")
    sheet.lines([((left, y + 8), (left + slot * n, y + 8)) for _, y in rows], "g")
    for css in ("p", "b", "n"):
        bars = [
            (left + slot * place, y + 8 - height, max(1.0, slot - 2), height)
            for c, y in rows
            if css == style(c)
            for place, share in enumerate(c.row.p_rank[:n])
            if (height := TALLEST * share / tallest) >= LEAST
        ]
        sheet.bars(bars, f"fill {css}")


def style(candidate: Candidate) -> str:
    """Class of a candidate's marks: p for the best set, b for an error finding, n for the others."""
    if candidate.has_error:
        return "b"
    return "p" if candidate.in_best_set else "n"


def narrow_shares(view: RankReading, name: str) -> Markup:
    """Draw the panel by itself, for narrow pages."""
    height = HEAD + ROW * len(view.drawn)
    sheet = Sheet(NARROW, height, "narrow")
    rows = [(c, HEAD + ROW * (i + 0.5)) for i, c in enumerate(view.drawn)]
    label = min(150.0, max(text_width(c.name) for c in view.drawn))
    for c, y in rows:
        sheet.text(0, y + 4, cut(c.name, label), "b" if c.in_best_set else "")
    draw_shares(sheet, rows, label + 12, NARROW - 4, title=0)
    return sheet.render(
        name, "Rank distribution", f"Share of draws in which each candidate of {view.target} took each rank."
    )
