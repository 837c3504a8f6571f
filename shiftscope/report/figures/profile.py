"""Held-out quality of every layer against its depth, one line per candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.profile import LayerProfile, LayerScore, LayerTap
from shiftscope.core.text import shown
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Sheet, cut, text_width
from shiftscope.report.numerals import alike, count, fixed, level, opened, tick
from shiftscope.report.page import Column, Picture, Row, Table, cells
from shiftscope.report.profiled import best_line, comparable, leading_profile
from shiftscope.report.ranked import RankReading

__all__ = ["profile"]

HEAD, PLOT, FOOT = 24, 210, 36
LEFT = 34
# Candidates that are drawn; the table has all, as long as it has no more rows than a page can carry.
DRAWN, ROWS = 5, 120
LINE = 14  # least distance between names
APART = 5  # of lines that end at the same depth, in pixels
HALF = 0.5
RANDOM = "random weights"


@dataclass(frozen=True, eq=False)
class _Line:
    """One candidate's profile, and how far it is moved aside so that intervals do not cover each other."""

    profile: LayerProfile
    css: str
    aside: float

    @property
    def name(self) -> str:
        """The candidate's name as it may be shown."""
        return shown(self.profile.backbone)

    def score(self, tap: LayerTap) -> LayerScore:
        """What layers are compared by."""
        return tap.scores[self.profile.measure]

    def ends(self, tap: LayerTap) -> tuple[float, float]:
        """Ends of that score's interval; the score itself where it has none."""
        score = self.score(tap)
        return (score.value, score.value) if score.low is None or score.high is None else (score.low, score.high)


def profile(view: RankReading, number: int) -> Picture:
    """Make the figure of a ranking whose candidates were read at several depths."""
    name = f"fig-{number}"
    drawings = (_draw(view, WIDE, 190, f"{name}w"), _draw(view, NARROW, 136, f"{name}n"))
    return Picture(name, number, best_line(view), _note(view), drawings, _table(view))


def _note(view: RankReading) -> str:
    lead = leading_profile(view)
    words, n = view.words_of(lead.measure), len(comparable(view))
    copy = f" Random weights are those of {shown(lead.backbone)}." if RANDOM in _references(view) else ""
    which = "the table has all" if len(_tabulated(view)) == n else "the table has these"
    some = f" {DRAWN} of {n} candidates are drawn, {which}." if n > DRAWN else ""
    return (
        f"{opened(words.axis)} on {view.target} from the output of each layer, averaged over positions, against depth: "
        "the share of convolutions and linear layers that have run. The last point is what the ranking reads. Upright "
        f"lines are {level(lead.level)} intervals, filled discs the best layers; the later half stands on grey "
        f"ground.{copy}{some}"
    )


def _drawn(view: RankReading) -> list[LayerProfile]:
    lead = leading_profile(view)
    return [lead, *(p for p in comparable(view) if p is not lead)][:DRAWN]


def _tabulated(view: RankReading) -> list[LayerProfile]:
    everyone = comparable(view)
    return everyone if sum(len(p.taps) for p in everyone) <= ROWS else _drawn(view)


def _lines(view: RankReading) -> list[_Line]:
    """Lines to draw, the leading one last so that it lies on top."""
    lead, drawn = leading_profile(view), _drawn(view)
    middle = (len(drawn) - 1) / 2
    return [_Line(p, "p" if p is lead else "n", (middle - i) * APART) for i, p in enumerate(drawn)][::-1]


def _draw(view: RankReading, width: int, names: float, name: str) -> Markup:
    lines, references = _lines(view), _references(view)
    words = view.words_of(lines[-1].profile.measure)
    sheet = Sheet(width, HEAD + PLOT + FOOT, "wide" if width == WIDE else "narrow")
    low, high = span([*(v for line in lines for t in line.profile.taps for v in line.ends(t)), *references.values()])
    if words.share:
        low, high = max(0.0, low), min(1.0, high)
    x = Scale(0.0, 1.0, LEFT + 8, width - names)
    y = Scale(low, high, HEAD + PLOT, HEAD)
    _ground(sheet, x, y, f"{words.axis}{words.unit} ({level(lines[-1].profile.level)} interval)", share=words.share)
    sheet.lines([((x(0.0), y(v)), (x.end + 12, y(v))) for v in references.values()], "ref")
    for line in lines:
        _mark(sheet, line, x, y)
    named = [(y(line.score(line.profile.last).value), line.name, "b tp" if line.css == "p" else "") for line in lines]
    named += [(y(v), f"{word} {words.form(v)}", "s mu") for word, v in references.items()]
    _write(sheet, x.end + 18, named)
    return sheet.render(name, *_spoken(view, lines, references))


def _references(view: RankReading) -> dict[str, float]:
    """What the layers are to be held against, by name: chance, raw pixels, the leading network with random weights."""
    lead = leading_profile(view)
    copies = {c.row.backbone: c.row.random_copy for c in view.candidates}
    scored = {c.row.backbone: c.scores.get(lead.measure) for c in view.baselines}
    pixels = view.pixels.row.backbone if view.pixels is not None else ""
    found = {
        "raw pixels": scored.get(pixels),
        RANDOM: scored.get(copies.get(lead.backbone) or ""),
    }
    known = {name: estimate.value for name, estimate in found.items() if estimate is not None}
    return known if view.chance is None or lead.measure != view.quality else {**known, "chance": view.chance}


def _ground(sheet: Sheet, x: Scale, y: Scale, axis: str, *, share: bool) -> None:
    sheet.bars([(x(HALF), HEAD, x.end + 12 - x(HALF), PLOT)], "wash n")
    sheet.text(0, 12, axis, "s mu")
    for t in y.ticks(5):
        sheet.lines([((x.start, y(t)), (x.end + 12, y(t)))], "g")
        sheet.text(LEFT - 4, y(t) + 4, fixed(100 * t, 0) if share else tick(t), "s mu", "end")
    sheet.lines([((x.start, y.start), (x.end + 12, y.start))], "ax")
    for t in (0.0, 0.25, 0.5, 0.75, 1.0):
        sheet.text(x(t), y.start + 15, fixed(100 * t, 0), "s mu", "middle")
    sheet.text((x.start + x.end) / 2, y.start + 31, "depth, % of layers", "s mu", "middle")


def _mark(sheet: Sheet, line: _Line, x: Scale, y: Scale) -> None:
    """Draw one profile; the leading one's best layer bears its name."""
    taps, best = line.profile.taps, line.profile.best_tap
    across = {tap.name: x(tap.depth) + line.aside for tap in taps}
    marks = {tap.name: (across[tap.name], y(line.score(tap).value)) for tap in taps}
    sheet.lines([[*marks.values()]], f"iv {line.css}")
    ends = [(across[tap.name], *(y(v) for v in line.ends(tap))) for tap in taps]
    sheet.lines([((at, low), (at, high)) for at, low, high in ends], f"iv {line.css}")
    sheet.rings([mark for name, mark in marks.items() if name != best.name], line.css)
    sheet.dots([marks[best.name]], line.css)
    if line.css == "p":
        name = cut(shown(best.name), x.end - x.start)
        half = text_width(name) / 2
        at = min(max(across[best.name], x.start + half), x.end + 12 - half)
        sheet.text(at, y(line.ends(best)[1]) - 6, name, "b tp", "middle")


def _write(sheet: Sheet, left: float, named: Sequence[tuple[float, str, str]]) -> None:
    """Name lines at their right ends, pushed apart where names would touch, and back up where they leave the sheet."""
    ordered = sorted(named)
    places: list[float] = []
    for at, _, _ in ordered:
        places.append(max(at + 4, places[-1] + LINE if places else at))
    bottom = sheet.height - FOOT + 4
    for i in reversed(range(len(places))):
        places[i] = min(places[i], bottom - LINE * (len(places) - 1 - i))
    for at, (_, name, css) in zip(places, ordered, strict=True):
        sheet.text(left, at, cut(name, sheet.width - left, 11 if css == "s mu" else 12), css)


def _spoken(view: RankReading, lines: Sequence[_Line], references: Mapping[str, float]) -> tuple[str, str]:
    """Title and description for those who do not see the drawing."""
    words = view.words_of(lines[-1].profile.measure)
    told = []
    for line in reversed(lines):
        best, last = (
            f"{shown(tap.name)} {words.value(line.score(tap).value)}"
            for tap in (line.profile.best_tap, line.profile.last)
        )
        told.append(f"{line.name}: best {best}, last {last}.")
    below = [f"{opened(name)}: {words.value(value)}." for name, value in references.items()]
    title = f"{opened(words.axis)} by depth on {view.target}"
    return title, f"Line plot with intervals, from the first layers to the last. {' '.join([*told, *below])}"


def _table(view: RankReading) -> Table:
    lead, taps = leading_profile(view), [(p, tap) for p in _tabulated(view) for tap in p.taps]
    others = [m for m in view.measures if m != lead.measure and any(m in tap.scores for _, tap in taps)]
    values = {m: [tap.scores[m].value for _, tap in taps if m in tap.scores] for m in others}
    forms = {m: view.words_of(m).form if view.words_of(m).share else alike(found) for m, found in values.items()}
    words = view.words_of(lead.measure)
    columns = (
        Column("Candidate", left=True),
        Column("Layer", left=True),
        Column("Depth, %"),
        Column("Width"),
        Column(f"{words.head}{words.unit}"),
        Column(f"{level(lead.level)} interval"),
        *(Column(f"{view.words_of(m).head}{view.words_of(m).unit}") for m in others),
    )
    rows = []
    for profile, tap in taps:
        score = tap.scores[lead.measure]
        found = (shown(profile.backbone), shown(tap.name), fixed(100 * tap.depth, 0), count(tap.dim))
        numbers = (words.form(score.value), words.ends(score.low, score.high))
        rest = (forms[m](tap.scores[m].value) if m in tap.scores else "" for m in others)
        rows.append(Row(cells(*found, *numbers, *rest), chosen=tap.name == profile.best))
    return Table(f"Measures by layer on {view.target}; the best layers stand out", columns, tuple(rows))
