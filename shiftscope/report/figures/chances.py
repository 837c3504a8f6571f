"""How the probability of being best is shared out: one bar per leading candidate."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.report.figures.sheet import NARROW, Sheet, cut, text_width
from shiftscope.report.numerals import count, drawn, listed
from shiftscope.report.ranked import Candidate, RankReading

__all__ = ["chances"]

ROW = 19
MOST = 4
WIDE = 430


def chances(view: RankReading, name: str) -> tuple[Markup, ...]:
    """Draw the probabilities, for wide and narrow pages; nothing where the record has none."""
    known = sorted(
        (c for c in view.candidates if c.row.p_best is not None),
        key=lambda c: (not c.in_best_set, -(c.row.p_best or 0)),
    )
    if len(known) < 2:
        return ()
    n = view.ranking.n_draws
    return (_draw(known, n, WIDE, "wide", f"{name}w"), _draw(known, n, NARROW, "narrow", f"{name}n"))


def _draw(known: Sequence[Candidate], n: int, width: int, kind: str, name: str) -> Markup:
    shown = known[: MOST if len(known) <= MOST else MOST - 1]
    entries = [(c.name, c.row.p_best or 0.0, "p" if c.in_best_set else "n") for c in shown]
    rest = known[len(shown) :]
    if rest:
        entries.append((f"{count(len(rest))} others", sum(c.row.p_best or 0.0 for c in rest), "n"))
    sheet = Sheet(width, ROW * len(entries), kind)
    label = min(0.5 * width, max(text_width(words) for words, _, _ in entries))
    left, right = label + 10, width - 46
    for i, (words, share, css) in enumerate(entries):
        middle = ROW * i + ROW / 2
        sheet.text(0, middle + 4, cut(words, label), "mu" if css == "n" else "")
        sheet.bars([(left, middle - 4, max(1.0, (right - left) * share), 8)], f"fill {css}")
        sheet.text(left + max(1.0, (right - left) * share) + 6, middle + 4, drawn(share, n), "mu")
    said = listed([f"{words} {drawn(share, n)}" for words, share, _ in entries])
    return sheet.render(name, "Probability of being best", f"{said}.")
