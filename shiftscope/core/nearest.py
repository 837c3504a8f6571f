"""Which of several sources a target is nearest to under one backbone, as far as their differences say."""

from __future__ import annotations

from pydantic import Field

from shiftscope.core.record import Z95, Finite, Probability, Record

__all__ = ["SourceDistance", "SourceOrder"]


class SourceDistance(Record):
    """The shift of a target from one of its sources, and how much further that lies than the first of them."""

    source: str
    effect: Finite = Field(description="mean over splits of T(X1, Y1) - [T(X1, X2) + T(Y1, Y2)]/2")
    effect_se: Finite
    further: Finite | None = Field(default=None, description="effect less that of the first row, which has none")
    further_low: Finite | None = Field(default=None, description="ends of an interval that holds for all sources")
    further_high: Finite | None = None

    @property
    def is_further(self) -> bool:
        """Whether the whole interval says that it lies further away than the first row."""
        return self.further_low is not None and self.further_low > 0


class SourceOrder(Record):
    """Sources of one target in rising order of the effect, all in parts of one size under one kernel.

    What a ``ShiftDiagnosis`` says of one pair belongs to that pair's own sizes and bandwidth, so its numbers cannot
    be held against those of another source. These can.
    """

    target: str
    backbone: str
    measure: str
    rows: list[SourceDistance] = Field(min_length=2, description="the least effect first")
    floor: Finite = Field(
        description="95th percentile of |T - its mean| between halves of one data set, over the target and all sources"
    )
    size: int = Field(ge=2, description="samples in each part, the same for all sources")
    n_splits: int
    level: Probability = Field(description="nominal coverage of the intervals of all differences together")

    @property
    def nearest(self) -> str | None:
        """The source that all others are shown to be further away than; None where that cannot be told."""
        return self.rows[0].source if len(self.undecided) == 1 else None

    @property
    def undecided(self) -> tuple[str, ...]:
        """Sources that may be the nearest: the first, and those that are not shown to be further away."""
        return tuple(row.source for i, row in enumerate(self.rows) if i == 0 or not row.is_further)

    def ratio(self, row: SourceDistance) -> float | None:
        """Effect over noise floor; None where the floor is 0."""
        return row.effect / self.floor if self.floor > 0 else None

    def ratio_ends(self, row: SourceDistance) -> tuple[float, float] | None:
        """Ends of a 95 % interval of ``ratio``; the floor counts as known."""
        if self.floor <= 0:
            return None
        reach = Z95 * row.effect_se
        return (row.effect - reach) / self.floor, (row.effect + reach) / self.floor
