"""Which readings a limit is about, and which it asks for that the record does not have: a gap never passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from glob import escape
from itertools import product
from typing import NamedTuple

from shiftscope.core.records import RunRecord
from shiftscope.core.text import shown
from shiftscope.gate.policy import Candidates, Limit, Names
from shiftscope.gate.readings import Place, Spot

__all__ = ["Selection", "candidates_of", "select"]


class Selection(NamedTuple):
    """Readings to be judged, and what else was asked for, in words."""

    spots: list[Spot]
    missing: list[str]


class _Wanted(NamedTuple):
    """One thing a limit asks for: patterns of names, None where any will do."""

    backbone: str | None
    target: str | None
    source: str | None
    words: str

    def has(self, place: Place) -> bool:
        """Whether a place is one of those meant."""
        return all(
            pattern is None or (name is not None and _matches(name, pattern))
            for name, pattern in zip(place, self[:3], strict=True)
        )


def select(record: RunRecord, limit: Limit, spots: Sequence[Spot], candidates: Candidates) -> Selection:
    """Choose the readings that ``limit`` is about.

    Every name or pattern that the limit writes must be found, in every combination. Where it names no backbone, the
    first or every candidate of every target must be, as ``candidates`` says.
    """
    chosen: dict[Place, Spot] = {}
    missing = []
    for wanted in _wanted(record, limit, candidates):
        found = {spot.place: spot for spot in spots if wanted.has(spot.place)}
        chosen |= found
        if not found:
            missing.append(wanted.words)
    return Selection(list(chosen.values()), missing)


def _wanted(record: RunRecord, limit: Limit, candidates: Candidates) -> Iterator[_Wanted]:
    backbones, targets, sources = (_listed(names) for names in (limit.backbone, limit.target, limit.source))
    if limit.backbone is not None:
        for names in product(backbones, targets, sources):
            yield _Wanted(*names, _words(*names))
        return
    known = [card.name for card in record.inputs.values() if card.role == "target"]
    for pattern in targets:
        mine = [name for name in known if _matches(name, pattern or "*")]
        for target, source in product(mine, sources):
            for name in candidates_of(record, target, candidates):
                yield _Wanted(escape(name), escape(target), source, _words(name, target, source))
        if not mine:
            yield _Wanted(None, pattern, None, _words(None, pattern, None))


def candidates_of(record: RunRecord, target: str, which: Candidates) -> list[str]:
    """Names of the candidates meant; where nothing was ranked all but the baselines, for nobody comes first."""
    rows = next((ranking.rows for ranking in record.rankings if ranking.target == target), None)
    if rows is None:
        return [name for name, card in record.backbones.items() if not card.is_baseline]
    if which == "every":
        return [row.backbone for row in rows if not row.baseline]
    return [row.backbone for row in rows if row.rank == 1] or ["a candidate that is ranked first"]


def _words(backbone: str | None, target: str | None, source: str | None) -> str:
    named = [("", backbone), ("on ", target), ("from ", source)]
    return " ".join(f"{how}{shown(name)}" for how, name in named if name is not None) or "any backbone"


def _listed(names: Names | None) -> list[str | None]:
    return [names] if names is None or isinstance(names, str) else list(names)


def _matches(name: str, pattern: str) -> bool:
    # A name may hold what a pattern would read as a set, as in "net[v2]".
    return name == pattern or fnmatchcase(name, pattern)
