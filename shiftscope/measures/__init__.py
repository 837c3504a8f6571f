"""All measures by name: one file each in ``shift`` and ``transfer``, plus what plugins announce.

A file's name is its measure's name; files that begin with an underscore are shared parts. A module is imported
when its measure is first asked for. ``from_moments`` holds those that sums alone can give.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from shiftscope.core.registry import Registry
from shiftscope.measures import from_moments
from shiftscope.measures._declare import Measure, measure

__all__ = ["CAUSES", "DEFAULT_SHIFT", "DEFAULT_TRANSFER", "MEASURES", "Measure", "from_moments", "measure"]

# What runs where nobody chose measures.
DEFAULT_TRANSFER = ("logme", "hscore", "ridge", "knn", "gbc", "parc", "nce", "leep")
DEFAULT_SHIFT = ("mmd", "proxy_a", "wasserstein", "frechet")
# What else runs where the shift is all that is asked about: of what kind it is.
CAUSES = ("coverage", "label_shift", "concept")


def _loader(room: str, name: str) -> Callable[[], Measure]:
    def load() -> Measure:
        found: Measure = getattr(import_module(f"{__name__}.{room}.{name}"), name)
        return found

    return load


def _built_in() -> Registry[Measure]:
    registry = Registry[Measure]("measure", "shiftscope.measures")
    for room in ("shift", "transfer"):
        for file in sorted((Path(__file__).parent / room).glob("[a-z]*.py")):
            registry.add(file.stem, _loader(room, file.stem))
    return registry


MEASURES = _built_in()


def __getattr__(name: str) -> Measure:
    if name.startswith("_") or name not in MEASURES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return MEASURES[name]
