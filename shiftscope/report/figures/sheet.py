"""A sheet to draw on: matplotlib lays shapes and words out in CSS pixels, classes give them their colours.

The picture goes into a page whose policy forbids style attributes and whose theme may be dark. So every shape
carries the name of a CSS class instead of a colour, and every word is put in after layout: matplotlib then needs
no glyphs of the reader's font, and no name is read as mathematics.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.path import Path

__all__ = ["NARROW", "WIDE", "Sheet", "cut", "text_width"]

WIDE, NARROW = 700, 328
SVG = "{http://www.w3.org/2000/svg}"
# Prefix of the ids that lead from an element back to what was asked for.
OWN = "mark-"
# matplotlib's SVG canvas has 72 dots per inch: inches = px / 72 makes its units CSS pixels.
DPI = 72
TEXT_PX = 12
# Classes that say which end of a text its place is.
ANCHORS = {"start": "", "middle": "m", "end": "e"}
# Width of characters in units of the font size, for sans faces; the reader's face is unknown, so 10 % is added.
NARROW_CHARACTERS = frozenset("iljtfrI.,:;'|!()[] -")
SLACK = 1.1

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Words:
    x: float
    y: float
    words: str
    css: str
    anchor: str


@dataclass(frozen=True)
class _Runs:
    runs: tuple[Sequence[Point], ...]
    closed: bool
    css: str


class Sheet:
    """A drawing ``width`` x ``height`` CSS pixels large, origin at the top left.

    Parameters
    ----------
    kind
        CSS class that says at which page width it shows: ``"wide"``, ``"narrow"`` or ``"solo"``.
    """

    def __init__(self, width: float, height: float, kind: str) -> None:
        self.width, self.height, self.kind = width, height, kind
        self._marks: list[_Words | _Runs] = []

    def text(self, x: float, y: float, words: str, css: str = "", anchor: str = "start") -> None:
        """Put ``words`` with their baseline at ``y``; ``anchor`` is start, middle or end."""
        self._marks.append(_Words(x, y, words, css, anchor))

    def lines(self, runs: Iterable[Sequence[Point]], css: str) -> None:
        """Draw open lines, one through each run of points, as one path."""
        self._draw(runs, css, closed=False)

    def shapes(self, outlines: Iterable[Sequence[Point]], css: str) -> None:
        """Draw closed outlines as one path."""
        self._draw(outlines, css, closed=True)

    def bars(self, boxes: Iterable[Box], css: str) -> None:
        """Draw rectangles (x, y, width, height) as one path."""
        self.shapes([((x, y), (x + w, y), (x + w, y + h), (x, y + h)) for x, y, w, h in boxes], css)

    def dots(self, centres: Iterable[Point], css: str) -> None:
        """Draw discs as one path of lines without length: their round caps, as wide as CSS says, are the discs."""
        self.lines([(c, c) for c in centres], f"dot {css}")

    def rings(self, centres: Sequence[Point], css: str) -> None:
        """Draw hollow discs: a disc, and the ground on top of it."""
        self.dots(centres, css)
        self.dots(centres, "hole")

    def crosses(self, centres: Iterable[Point], css: str, r: float = 3.5) -> None:
        """Draw diagonal crosses as one path."""
        strokes = [
            run for x, y in centres for run in (((x - r, y - r), (x + r, y + r)), ((x - r, y + r), (x + r, y - r)))
        ]
        self.lines(strokes, css)

    def render(self, name: str, title: str, description: str) -> Markup:
        """Return the drawing as an ``<svg>`` element; ``name`` makes its ids unique in the page."""
        root = ET.Element(
            "svg",
            {
                "class": self.kind,
                "viewBox": f"0 0 {self.width:g} {self.height:g}",
                "width": f"{self.width:g}",
                "height": f"{self.height:g}",
                "role": "img",
                "aria-labelledby": f"{name}-t",
                "aria-describedby": f"{name}-d",
            },
        )
        ET.SubElement(root, "title", {"id": f"{name}-t"}).text = title
        ET.SubElement(root, "desc", {"id": f"{name}-d"}).text = description
        drawn = [
            _plain(child, self._marks[int(group.get("id", "").removeprefix(OWN))])
            for group in ET.fromstring(self._svg()).iter(f"{SVG}g")  # noqa: S314  # our own matplotlib wrote it
            if group.get("id", "").startswith(OWN)
            for child in group
            if child.tag in (f"{SVG}path", f"{SVG}text")
        ]
        root.extend(element for element in drawn if element.tag == "path")
        root.extend(_grouped([element for element in drawn if element.tag == "text"]))
        # Spared blanks are none of the words, in which > is escaped.
        return Markup(ET.tostring(root, encoding="unicode").replace('" />', '"/>'))  # noqa: S704  # nor is other markup

    def _draw(self, runs: Iterable[Sequence[Point]], css: str, *, closed: bool) -> None:
        kept = tuple(runs)
        if kept:
            self._marks.append(_Runs(kept, closed, css))

    def _svg(self) -> bytes:
        """The drawing as matplotlib writes it, whatever the user's own matplotlibrc says."""
        import matplotlib as mpl
        from matplotlib.figure import Figure
        from matplotlib.patches import PathPatch
        from matplotlib.transforms import Affine2D

        # Naming the backend would import pyplot.
        settings: dict[Any, Any] = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
        settings |= {"svg.fonttype": "none", "svg.hashsalt": "shiftscope", "path.simplify": False}
        buffer = io.BytesIO()
        with mpl.rc_context(settings):
            figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI, frameon=False)
            down = Affine2D().scale(1, -1).translate(0, self.height)
            for i, mark in enumerate(self._marks):
                if isinstance(mark, _Words):
                    side = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
                    figure.text(mark.x, mark.y, "x", ha=side, va="baseline", gid=f"{OWN}{i}", transform=down, zorder=3)
                else:
                    figure.add_artist(PathPatch(_path(mark), gid=f"{OWN}{i}", transform=down, zorder=2))
            figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()


def _path(mark: _Runs) -> Path:
    from matplotlib.path import Path

    vertices: list[Point] = []
    codes: list[Any] = []
    for run in mark.runs:
        vertices += [*run, run[0]] if mark.closed else run
        codes += [Path.MOVETO, *[Path.LINETO] * (len(run) - 1), *([Path.CLOSEPOLY] if mark.closed else [])]
    return Path(vertices, codes)


def _plain(drawn: ET.Element, mark: _Words | _Runs) -> ET.Element:
    """Geometry, class and words of one element; nothing else that matplotlib says about it."""
    css = mark.css if isinstance(mark, _Runs) else f"{mark.css} {ANCHORS[mark.anchor]}".strip()
    kept = {"class": css} if css else {}
    if isinstance(mark, _Runs):
        return ET.Element("path", kept | {"d": _short_path(drawn.get("d", ""))})
    element = ET.Element("text", kept | {axis: _short(float(drawn.get(axis, "0"))) for axis in ("x", "y")})
    element.text = mark.words
    return element


def _grouped(texts: Sequence[ET.Element]) -> list[ET.Element]:
    """Texts with the class of each said once for all that share it."""
    by_class: dict[str, list[ET.Element]] = {}
    for text in texts:
        by_class.setdefault(text.attrib.pop("class", ""), []).append(text)
    found = []
    for css, members in by_class.items():
        group = ET.Element("g", {"class": css} if css else {})
        group.extend(members)
        found.append(group)
    return found


def text_width(words: str, px: float = TEXT_PX) -> float:
    """Width of ``words`` in the reader's sans face, in CSS pixels, rather too wide than too narrow."""
    return SLACK * px * sum(_em(c) for c in words)


def cut(words: str, width: float, px: float = TEXT_PX) -> str:
    """``words`` with as much of the middle left out as makes them fit ``width``: names differ at their ends."""
    if text_width(words, px) <= width:
        return words
    for kept in range(len(words) - 1, 1, -1):
        short = f"{words[: kept - kept // 2]}…{words[len(words) - kept // 2 :]}"
        if text_width(short, px) <= width:
            return short
    return "…"


def _em(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in NARROW_CHARACTERS:
        return 0.32
    return 0.68 if character.isupper() or character in "mwMW%" else 0.56


def _short_path(d: str) -> str:
    """Path data with numbers of at most one decimal, each line in the shortest of the ways to write it."""
    short: list[str] = []
    at = (0.0, 0.0)
    for command, x, y in re.findall(r"z|([ML]) (\S+) (\S+)", " ".join(d.split())):
        if not command:
            short.append("z")
            continue
        to = (round(float(x), 1), round(float(y), 1))
        short.append(f"M{_short(to[0])} {_short(to[1])}" if command == "M" else _short_line(at, to))
        at = to
    return "".join(short)


def _short_line(at: Point, to: Point) -> str:
    """A line to a place, by that or by the way there; level and upright ones by one number."""
    by = (to[0] - at[0], to[1] - at[1])
    if at[1] == to[1]:
        ways = (f"h{_short(by[0])}", f"H{_short(to[0])}")
    elif at[0] == to[0]:
        ways = (f"v{_short(by[1])}", f"V{_short(to[1])}")
    else:
        ways = (f"l{_pair(*by)}", f"L{_pair(*to)}")
    return min(ways, key=len)


def _pair(x: float, y: float) -> str:
    """Two numbers, with a space where the second has no minus to keep it apart."""
    second = _short(y)
    return f"{_short(x)}{'' if second.startswith('-') else ' '}{second}"


def _short(number: float) -> str:
    return f"{round(number, 1) + 0.0:g}"
