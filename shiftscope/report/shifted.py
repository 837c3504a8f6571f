"""A shift diagnosis as it is read: each measure in units of its noise floor, and one verdict by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from shiftscope.core.records import ClassShift, Estimate, InputCard, RunRecord, ShiftDiagnosis, ShiftRow
from shiftscope.core.text import shown
from shiftscope.report.separation import Curve, Support, read_curve, read_supports
from shiftscope.report.vocabulary import MeasureWords, words_for

__all__ = ["Null", "ShiftLine", "ShiftReading", "Verdict", "read_shifts"]

Verdict = Literal["moved", "small", "unclear", "untested"]


@dataclass(frozen=True)
class ShiftLine:
    """One measure: its effect divided by its noise floor, where both are known and the floor is not zero."""

    row: ShiftRow
    alpha: float

    @property
    def words(self) -> MeasureWords:
        """The measure's words."""
        return words_for(self.row.measure)

    @property
    def ratio(self) -> float | None:
        """Effect over noise floor; 1 is what no shift looks like at most."""
        return self.row.ratio

    @property
    def ends(self) -> tuple[float, float] | None:
        """Ends of a 95 % interval of the ratio over the splits."""
        return self.row.ratio_ends

    @property
    def pvalue(self) -> float | None:
        """The p-value that counts: Holm-adjusted where it is known."""
        return self.row.pvalue if self.row.pvalue_holm is None else self.row.pvalue_holm

    @property
    def beyond(self) -> bool:
        """Whether the effect is larger than the noise floor with its whole interval."""
        return self.row.beyond


@dataclass(frozen=True, eq=False)
class Null:
    """Histogram of a statistic under permutation, and where the observed value lies."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    observed: Estimate
    statistic: str = "MMD², unbiased"

    @property
    def n(self) -> int:
        """Number of permutations."""
        return sum(self.counts)

    @property
    def ends(self) -> tuple[float, float]:
        """Outer edges of the bins that hold anything."""
        filled = [i for i, k in enumerate(self.counts) if k]
        return self.edges[filled[0]], self.edges[filled[-1] + 1]


@dataclass(frozen=True, eq=False)
class ShiftReading:
    """One target against one source under one backbone, with the diagnoses under the other backbones beside it."""

    diagnosis: ShiftDiagnosis
    lines: tuple[ShiftLine, ...]
    null: Null | None
    others: tuple[ShiftDiagnosis, ...]
    cards: tuple[InputCard | None, InputCard | None] = (None, None)  # of the source and of the target
    several_sources: bool = False  # whether other readings tell of the same target
    curve: Curve | None = None
    supports: tuple[Support, ...] = ()
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)  # JPEG files by the names that witnesses give

    @property
    def target(self) -> str:
        """The target's name as it may be shown."""
        return self._told_apart(self.diagnosis.target, "target")

    @property
    def source(self) -> str:
        """The source's name as it may be shown."""
        return self._told_apart(self.diagnosis.source, "source")

    @property
    def origin(self) -> str:
        """What sentences about the target add where it has several sources: " from photo"."""
        return f" from {self.source}" if self.several_sources else ""

    @property
    def backbone(self) -> str:
        """The backbone's name as it may be shown."""
        return shown(self.diagnosis.backbone)

    def _told_apart(self, name: str, side: str) -> str:
        same = self.diagnosis.source == self.diagnosis.target
        return f"{shown(name)} ({side})" if same else shown(name)

    @cached_property
    def key(self) -> ShiftLine | None:
        """The measure that sentences quote: MMD where there is one, else the first with a ratio, else the first."""
        mmd = [line for line in self.lines if line.row.measure == "mmd"]
        with_ratio = [line for line in self.lines if line.ratio is not None]
        return next(iter([*mmd, *with_ratio, *self.lines]), None)

    @property
    def verdict(self) -> Verdict:
        """``moved``: a test rejects and the key effect is clearly beyond its floor; ``small``: rejects, but is not."""
        if self.diagnosis.rejects:
            return "moved" if self.key is not None and (self.key.beyond or self.key.row.floor is None) else "small"
        return "unclear" if any(line.pvalue is not None for line in self.lines) else "untested"

    @cached_property
    def classes(self) -> tuple[ClassShift, ...]:
        """Classes with a number, the most shifted first."""
        known = [c for c in self.diagnosis.per_class if c.value is not None]
        return tuple(sorted(known, key=lambda c: (-(c.value or 0.0), c.name)))

    @cached_property
    def tested_classes(self) -> tuple[ClassShift, ...]:
        """Classes with a test of their own."""
        return tuple(c for c in self.classes if c.pvalue_holm is not None)

    @cached_property
    def moved_classes(self) -> tuple[ClassShift, ...]:
        """Classes whose own test rejects."""
        return tuple(c for c in self.classes if c.pvalue_holm is not None and c.pvalue_holm <= self.diagnosis.alpha)


def read_shifts(
    record: RunRecord, preferred: Mapping[str, str], thumbnails: Mapping[str, bytes] | None = None
) -> list[ShiftReading]:
    """Read one diagnosis per target and source: under the backbone ``preferred`` names for the target, or the first.

    ``thumbnails`` are JPEG files by the names that witnesses give.
    """
    pairs: dict[tuple[str, str], list[ShiftDiagnosis]] = {}
    for d in record.diagnoses:
        pairs.setdefault((d.target, d.source), []).append(d)
    sources = Counter(target for target, _ in pairs)
    readings = [_read(record, found, preferred.get(t), several=sources[t] > 1) for (t, _), found in pairs.items()]
    return [replace(reading, thumbnails=thumbnails or {}) for reading in readings]


def _read(record: RunRecord, found: Sequence[ShiftDiagnosis], backbone: str | None, *, several: bool) -> ShiftReading:
    main = next((d for d in found if d.backbone == backbone), found[0])
    return ShiftReading(
        diagnosis=main,
        lines=tuple(ShiftLine(row, main.alpha) for row in main.rows),
        null=_null(record, main),
        others=tuple(d for d in found if d is not main),
        cards=(_card(record, "source", main.source), _card(record, "target", main.target)),
        several_sources=several,
        curve=read_curve(record, main),
        supports=read_supports(record, main),
    )


def _card(record: RunRecord, role: str, name: str) -> InputCard | None:
    return next((card for card in record.inputs.values() if (card.role, card.name) == (role, name)), None)


def _statistic(options: Mapping[str, Any]) -> str:
    """What ``mmd`` computes under its options, along an axis."""
    return "MMD², fused bandwidths" if options.get("aggregate") else f"MMD², {options.get('estimator', 'unbiased')}"


def _null(record: RunRecord, diagnosis: ShiftDiagnosis) -> Null | None:
    """The permutation null that ``mmd`` left in its details, if it did."""
    where = (diagnosis.target, diagnosis.source, diagnosis.backbone)
    for result in record.results:
        if result.measure != "mmd" or result.estimate is None:
            continue
        if (result.target, result.source, result.backbone) != where:
            continue
        edges, counts = result.estimate.details.get("null_edges"), result.estimate.details.get("null_counts")
        if not isinstance(edges, list) or not isinstance(counts, list) or len(edges) != len(counts) + 1:
            return None
        null = Null(
            tuple(float(e) for e in edges if isinstance(e, int | float)),
            tuple(int(k) for k in counts if isinstance(k, int | float)),
            result.estimate,
            _statistic(result.options),
        )
        complete = len(null.edges) == len(edges) and len(null.counts) == len(counts)
        return null if complete and null.n > 0 else None
    return None
