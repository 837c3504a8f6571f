"""Several sources of one target side by side: which is nearest, where that can be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shiftscope.core.nearest import SourceDistance, SourceOrder
from shiftscope.core.records import RunRecord
from shiftscope.core.text import shown
from shiftscope.report.numerals import (
    NBSP,
    TIMES,
    interval,
    level,
    listed,
    multiple,
    opened,
    ratio,
    signed,
    small_count,
)
from shiftscope.report.page import Column, Row, Table, cells

__all__ = [
    "NEAREST_NOT_BEST",
    "PAIRED",
    "NearestReading",
    "nearest_lead",
    "nearest_table",
    "nearest_text",
    "read_nearest",
]

NEAREST_NOT_BEST = (
    "Nearest does not mean best to learn from: a source may lie near and hurt, or lie far and help. With labels on "
    "both sides, “shiftscope sources” says which does what."
)
ONE_SCALE = (
    "Here all sources of a target share one sample size, bandwidth and noise floor. Tables of single pairs have their "
    "own, and do not compare sources."
)
PAIRED = (
    "In every split all sources meet the same half of the target, so that what this half does to all of them cancels "
    "in their differences. A source is called nearest where the differences to all others lie above zero with their "
    "whole intervals, which hold for all sources together."
)


@dataclass(frozen=True, eq=False)
class NearestReading:
    """The sources of one target under one backbone, and under the other backbones beside it."""

    order: SourceOrder
    others: tuple[SourceOrder, ...] = ()

    @property
    def target(self) -> str:
        """The target's name as it may be shown."""
        return shown(self.order.target)

    @property
    def backbone(self) -> str:
        """The backbone's name as it may be shown."""
        return shown(self.order.backbone)

    def verdict(self, row: SourceDistance) -> str:
        """What can be said of one source."""
        if row.is_further:
            return "further"
        return "nearest" if self.order.nearest == row.source else "cannot be told"

    @property
    def line(self) -> str:
        """What can be said of all of them: "the source nearest to cartoon is art_painting"."""
        if self.order.nearest is not None:
            return f"the source nearest to {self.target} is {shown(self.order.nearest)}"
        which = [shown(name) for name in self.order.undecided]
        return f"which is nearest to {self.target}, {listed(which, 'or')}, cannot be told"


def read_nearest(record: RunRecord, preferred: Mapping[str, str]) -> list[NearestReading]:
    """Read one order per target: under the backbone ``preferred`` names for it, else the record's first."""
    targets = dict.fromkeys(order.target for order in record.source_orders)
    return [_read([o for o in record.source_orders if o.target == t], preferred.get(t)) for t in targets]


def _read(orders: Sequence[SourceOrder], backbone: str | None) -> NearestReading:
    main = next((o for o in orders if o.backbone == backbone), orders[0])
    return NearestReading(main, tuple(o for o in orders if o is not main))


def nearest_lead(views: Sequence[NearestReading]) -> str:
    """Say of every target which source is nearest, those first of which it can be told."""
    told = sorted(views, key=lambda view: view.order.nearest is None)
    return f"{opened('; '.join(view.line for view in told))}."


def nearest_text(views: Sequence[NearestReading]) -> str:
    """Say whether other backbones see the same, what is compared, and what nearest does not mean."""
    said = [f"{_elsewhere(view, several=len(views) > 1)}." for view in views if view.others]
    return " ".join([*said, ONE_SCALE, NEAREST_NOT_BEST])


def _elsewhere(view: NearestReading, *, several: bool) -> str:
    """Count which source the other backbones name for one target."""
    of = f" for {view.target}" if several else ""
    names = Counter("none" if order.nearest is None else shown(order.nearest) for order in view.others)
    if len(view.others) == 1:
        return f"The other backbone names {next(iter(names))}{of}"
    said = [f"{small_count(k)} {'names' if k == 1 else 'name'} {name}" for name, k in names.most_common()]
    return f"Of {small_count(len(view.others))} other backbones {listed(said)}{of}"


def nearest_table(views: Sequence[NearestReading]) -> Table:
    """Tabulate every target against every source: effect over noise floor, and how much further than the first."""
    rows = tuple(
        Row(cells(view.target, *_cells(view, row)), chosen=view.order.nearest == row.source)
        for view in views
        for row in view.order.rows
    )
    under = listed(list(dict.fromkeys(view.backbone for view in views)))
    joint = level(views[0].order.level)
    columns = (
        Column("Target", left=True),
        Column("Source", left=True),
        Column("Effect ÷ floor"),
        Column(f"95{NBSP}% interval"),
        Column("Further by"),
        Column("Its interval"),
        Column("Verdict", left=True),
    )
    note = (
        f"Further by: the paired difference to the first source, in the same unit; its {joint} intervals hold for all "
        "sources of a target together."
    )
    return Table(f"Targets by source, the least shift first, under {under}.", columns, rows, note=note)


def _cells(view: NearestReading, row: SourceDistance) -> tuple[str, ...]:
    order = view.order
    value, ends = order.ratio(row), order.ratio_ends(row)
    if value is None or ends is None:
        return shown(row.source), "", "", "", "", view.verdict(row)
    beyond, its_ends = "", ""
    if row.further is not None and row.further_low is not None and row.further_high is not None:
        beyond = f"{_signed(row.further / order.floor)}{TIMES}"
        its_ends = interval(row.further_low / order.floor, row.further_high / order.floor, _signed)
    return shown(row.source), ratio(value), interval(*ends, multiple), beyond, its_ends, view.verdict(row)


def _signed(value: float) -> str:
    return signed(value, 0 if abs(value) >= 9.95 else 1)
