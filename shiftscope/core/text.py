"""Names from outside as text inside a sentence: nothing in them can move a cursor, end a line or turn its direction."""

from __future__ import annotations

import unicodedata

__all__ = ["shown"]

RIGHT_TO_LEFT = ("R", "AL", "AN")
# Explicit direction controls and every other control character: never part of an honest name.
CONTROLS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def shown(name: str) -> str:
    """Return ``name`` as it may stand inside a sentence: controls spelled out, right-to-left text isolated."""
    plain = "".join(_spelled(c) for c in name)
    if any(unicodedata.bidirectional(c) in RIGHT_TO_LEFT for c in plain):
        return f"\N{FIRST STRONG ISOLATE}{plain}\N{POP DIRECTIONAL ISOLATE}"
    return plain


def _spelled(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cs") or unicodedata.bidirectional(character) in CONTROLS
    return f"\\u{ord(character):04x}" if hidden else character
