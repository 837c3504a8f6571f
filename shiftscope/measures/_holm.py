"""Holm's adjustment of several p-values."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(pvalues: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment; missing p-values stay missing and do not count (Holm 1979)."""
    known = [i for i, p in enumerate(pvalues) if p is not None]
    adjusted: list[float | None] = [None] * len(pvalues)
    running = 0.0
    for step, i in enumerate(sorted(known, key=lambda i: pvalues[i] or 0.0)):
        running = max(running, min(1.0, (len(known) - step) * (pvalues[i] or 0.0)))
        adjusted[i] = running
    return adjusted
