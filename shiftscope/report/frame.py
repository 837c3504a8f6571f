"""The frame of every page: one file with its style, its script, its policy, and the data that it was made from."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from shiftscope.core.text import shown

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Embedded", "fill"]

TEMPLATES = Path(__file__).parent / "templates"
# Bytes up to which a page takes the data in; thumbnails do not count.
LARGEST_PAGE = 450_000
IMAGES = re.compile(r' src="data:[^"]*"')

# What is embedded, in a sentence, and the data.
Embedded = tuple[str, Mapping[str, object]]


def fill(template: str, content: dict[str, object], forms: Sequence[Embedded] = (), without: str = "") -> str:
    """Return the page of a template, with the first of ``forms`` of its data that the page has room for.

    ``without`` is what a page says that has room for none of them.
    """
    environment, style, script = _parts()
    page = environment.get_template(template)
    frame = content | {
        "style": Markup(style),  # noqa: S704  # ours
        "script": Markup(script),  # noqa: S704  # ours
        "style_hash": _csp_hash(style),
        "script_hash": _csp_hash(script),
    }
    bare = page.render(frame, embedded=without, record_json="")
    size = len(bare.encode()) - sum(map(len, IMAGES.findall(bare)))
    for said, data in forms:
        text = _dump(data)
        if size + len(text.encode()) <= LARGEST_PAGE:
            return page.render(frame, embedded=said, record_json=text)
    return bare


@lru_cache(maxsize=1)
def _parts() -> tuple[Environment, str, str]:
    """The templates, the style sheet and the script."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"breakable": _breakable, "key": _key, "shown": shown, "stacked": _stacked}
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    return environment, style, script


def _breakable(text: str) -> Markup:
    """``text`` that may be broken after underscores and slashes, where long names have no spaces."""
    return Markup(re.sub(r"(?<=[_/])(?=\w)", "<wbr>", str(escape(text))))  # noqa: S704  # escaped just now


def _stacked(head: str) -> Markup:
    """The head of a column of numbers on two lines, broken at its last space: numbers are narrower than heads.

    A unit or a letter at the end stays with the word before it. Names without spaces may be broken after underscores.
    """
    kept = re.sub(r" (\S{1,3})$", "\N{NO-BREAK SPACE}\\1", head)
    lines = (Markup("<wbr>").join(re.split(r"(?<=_)(?=\w)", line)) for line in kept.rsplit(" ", 1))
    return Markup("<br>").join(lines)


def _key(found: float | str) -> str:
    """What a cell is sorted by, with no more digits than order rows."""
    return found if isinstance(found, str) else f"{found:.7g}"


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _dump(data: Mapping[str, object]) -> Markup:
    """JSON with every angle bracket and ampersand escaped."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # nothing is left that HTML could read
