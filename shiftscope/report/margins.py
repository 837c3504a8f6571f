"""How far a candidate lies from a baseline, and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shiftscope.core.records import Gain

__all__ = ["Margin", "Place", "margin"]

Place = Literal["above", "unclear", "below"]


@dataclass(frozen=True)
class Margin:
    """A candidate's score less a baseline's; ``ends`` and ``level`` are those of its paired interval, if it has one."""

    value: float
    ends: tuple[float, float] | None = None
    level: float | None = None

    @property
    def place(self) -> Place:
        """Side of the baseline: by the interval, unclear where it holds 0; by the point value where there is none."""
        low, high = self.ends or (self.value, self.value)
        if low > 0:
            return "above"
        # Without an interval an equal score is no gain.
        return "below" if high < 0 or self.ends is None else "unclear"


def margin(gain: Gain | None, measure: str | None, value: float | None, baseline: float | None) -> Margin | None:
    """Read a gain in ``measure``; where the record has none, take the difference of the point values."""
    if gain is not None and gain.measure == measure:
        return Margin(gain.value, (gain.low, gain.high), gain.level)
    return None if value is None or baseline is None else Margin(value - baseline)
