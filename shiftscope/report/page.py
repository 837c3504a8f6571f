"""What a page is made of: tables and pictures as plain values, which HTML and terminal lay out each in its way."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

__all__ = ["EMPTY", "Cell", "Column", "Picture", "Row", "Table", "Thumbnail", "cells", "heads", "number"]

EMPTY = "\N{EN DASH}"


@dataclass(frozen=True)
class Column:
    """A column; ``brief`` ones are those that a terminal of 100 characters has room for."""

    head: str
    left: bool = False
    brief: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell's text, what to sort it by if not that text, a second, quieter text, and the CSS class of its colour.

    ``link`` is where its text leads, relative to the page.
    """

    text: str
    key: float | str | None = None
    note: str = ""
    tone: str = ""
    link: str = ""


@dataclass(frozen=True)
class Row:
    """A row; ``chosen`` ones stand out."""

    cells: tuple[Cell, ...]
    chosen: bool = False


@dataclass(frozen=True)
class Thumbnail:
    """A small JPEG picture, what it shows for those who do not see it, and the lines that stand below it."""

    file: bytes
    alt: str
    words: tuple[str, ...]

    @property
    def address(self) -> str:
        """The picture itself as an address, which needs no other file."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.file).decode()}"


@dataclass(frozen=True)
class Table:
    """A table; ``below`` are rows that stay below the others however those are sorted.

    ``heading`` is the column whose cells name their rows, ``note`` what to know of columns that are not brief.
    ``thumbnails`` show some of its rows on a page.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    below: tuple[Row, ...] = ()
    sortable: bool = False
    heading: int = 0
    note: str = ""
    thumbnails: tuple[Thumbnail, ...] = ()

    @property
    def keyed(self) -> tuple[bool, ...]:
        """Whether each column needs the keys of its cells to be sorted, or its texts are numbers as they stand."""
        return tuple(
            self.sortable
            and any(row.cells[i].key not in (None, "") and not _is_number(row.cells[i]) for row in self.rows)
            for i in range(len(self.columns))
        )

    def filled(self) -> Table:
        """The same table without the columns in which no row says anything."""
        rows = (*self.rows, *self.below)
        kept = [
            i
            for i in range(len(self.columns))
            if i == self.heading or not rows or any(row.cells[i].text not in ("", EMPTY) for row in rows)
        ]
        return replace(
            self,
            columns=tuple(self.columns[i] for i in kept),
            rows=tuple(replace(row, cells=tuple(row.cells[i] for i in kept)) for row in self.rows),
            below=tuple(replace(row, cells=tuple(row.cells[i] for i in kept)) for row in self.below),
            heading=kept.index(self.heading),
        )


def _is_number(cell: Cell) -> bool:
    """Whether the text of a cell is a number, which the script of the page reads as it does."""
    try:
        float(cell.text.replace("\N{MINUS SIGN}", "-").replace("\N{NARROW NO-BREAK SPACE}", ""))
    except ValueError:
        return False
    return not cell.note


@dataclass(frozen=True)
class Picture:
    """A figure: what it says, how to read it, its drawings for wide and narrow pages, and its numbers.

    ``css`` is the class of the table. A ``half`` figure is as wide as a narrow page, and two stand side by side on a
    wide one.
    """

    name: str
    number: int
    reading: str
    note: str
    drawings: tuple[Markup, ...]
    table: Table
    open: bool = False
    css: str = ""
    half: bool = False


def cells(*texts: str | Cell) -> tuple[Cell, ...]:
    """Make cells of texts, leaving cells as they are; an empty text becomes a dash."""
    return tuple(t if isinstance(t, Cell) else Cell(t or EMPTY) for t in texts)


def heads(*names: str, left: Sequence[int] = ()) -> tuple[Column, ...]:
    """Make columns of names; those at the positions ``left`` hold words."""
    return tuple(Column(name, left=i in left) for i, name in enumerate(names))


def number(value: float | None, form: Callable[[float], str]) -> Cell:
    """Make the cell of a number; one that is not known is a dash, and stays last however rows are sorted."""
    return Cell(EMPTY, key="") if value is None else Cell(form(value), key=value)
