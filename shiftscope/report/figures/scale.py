"""From data to pixels, linear or logarithmic, with round numbers to read it by."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Scale", "span"]


@dataclass(frozen=True)
class Scale:
    """Maps [low, high] onto pixels [start, end]; what lies outside lands outside."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Pixel of ``value``."""
        share = (self._along(value) - self._along(self.low)) / (self._along(self.high) - self._along(self.low))
        return self.start + share * (self.end - self.start)

    def clipped(self, value: float) -> float:
        """Pixel of ``value``, moved to the nearer end where it lies outside; so is what no logarithm has."""
        inside = min(self.high, max(self.low, value))
        return self(inside)

    def ticks(self, most: int) -> list[float]:
        """At most ``most`` round values inside the range; powers of ten and their threefold on a log scale."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for subs in ((1, 2, 5), (1, 3), (1,)):
                ticks = [s * 10.0**p for p in powers for s in subs if self.low <= s * 10.0**p <= self.high]
                if len(ticks) <= most:
                    return ticks
            return ticks[:: math.ceil(len(ticks) / most)]
        step = _round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        return [round(i * step, 12) for i in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _along(self, value: float) -> float:
        return math.log10(value) if self.log else value


def span(values: Iterable[float], *, pad: float = 0.05) -> tuple[float, float]:
    """Range of ``values`` with a margin of ``pad`` of its length; never empty."""
    known = list(values)
    low, high = min(known), max(known)
    margin = pad * (high - low) or 0.5 * abs(high) or 1.0
    return low - margin, high + margin


def _round_step(least: float) -> float:
    """Smallest of 1, 2, 5 times a power of ten that is at least ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(s * power for s in (1, 2, 5, 10) if s * power >= least * (1 - 1e-9))
