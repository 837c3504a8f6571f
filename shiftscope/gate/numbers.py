"""Numbers as a pipeline's log shows them: plain ASCII, short, and never equal to a limit that they miss."""

from __future__ import annotations

from shiftscope.gate.readings import Reading

__all__ = ["number", "signed", "span"]

DIGITS = 4
ALL_DIGITS = 17  # enough to tell any two floats apart


def number(value: float, beside: float | None = None) -> str:
    """Four significant digits, or as many as tell ``value`` from ``beside``."""
    value += 0.0  # no negative zero
    digits = DIGITS
    if beside is not None and value != beside:
        while digits < ALL_DIGITS and f"{value:.{digits}g}" == f"{beside:.{digits}g}":
            digits += 1
    return f"{value:.{digits}g}"


def signed(value: float, beside: float | None = None) -> str:
    """A change, with its sign unless it is zero."""
    return f"{'+' if value > 0 else ''}{number(value, beside)}"


def span(reading: Reading, beside: float) -> str:
    """An interval in brackets, each end told from ``beside``; empty where there is none."""
    if reading.low is None or reading.high is None:
        return ""
    return f"[{number(reading.low, beside)}, {number(reading.high, beside)}]"
