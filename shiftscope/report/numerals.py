"""Numbers and names as a reader sees them: the same decimals for the same quantity, everywhere in a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from shiftscope.core.text import shown

__all__ = [
    "MINUS",
    "NBSP",
    "TIMES",
    "alike",
    "count",
    "day",
    "drawn",
    "few",
    "fixed",
    "interval",
    "level",
    "listed",
    "lowered",
    "mega",
    "multiple",
    "opened",
    "percent",
    "plural",
    "points",
    "probability",
    "pvalue",
    "ratio",
    "signed",
    "significant",
    "small_count",
    "tick",
]

NBSP = "\N{NO-BREAK SPACE}"
THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def listed(items: Sequence[str], word: str = "and") -> str:
    """Join ``items`` as in a sentence: "a", "a and b", "a, b and c"."""
    return f" {word} ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def few(items: Sequence[str], most: int = 8) -> list[str]:
    """The first of ``items``, for a picture told to those who do not see it: how many more its table has."""
    rest = len(items) - most
    return list(items) if rest < 2 else [*items[:most], f"{rest} more in the data table"]


def opened(words: str) -> str:
    """``words`` as the beginning of a sentence: only the first letter changes."""
    return words[:1].upper() + words[1:]


def lowered(words: str) -> str:
    """``words`` as they go on after a colon: only the first letter changes."""
    return words[:1].lower() + words[1:]


def small_count(n: int) -> str:
    """A count inside a sentence: a word up to twelve, digits above."""
    return SMALL[n] if 0 <= n < len(SMALL) else count(n)


def fixed(value: float, decimals: int) -> str:
    """A number with a fixed count of decimals, a real minus and thin spaces in thousands."""
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace(",", THIN).replace("-", MINUS)


def count(n: int) -> str:
    """A whole number: 2700 gives "2 700" with a thin space."""
    return fixed(n, 0)


def signed(value: float, decimals: int) -> str:
    """A difference: always with its sign, except an exact zero."""
    text = fixed(value, decimals)
    return text if value <= 0 or float(text.replace(THIN, "")) == 0 else f"+{text}"


def percent(share: float) -> str:
    """A share as percentage with one decimal, without the sign: 0.799 gives "79.9"."""
    return fixed(100 * share, 1)


def level(coverage: float) -> str:
    """A level of confidence: 0.95 gives "95 %"."""
    return f"{100 * coverage:g}{NBSP}%"


def points(share: float) -> str:
    """A difference of shares in percentage points: 0.388 gives "+38.8"."""
    return signed(100 * share, 1)


def probability(p: float) -> str:
    """A probability with two decimals; never 0 or 1, which no finite number of draws can show."""
    if p < 0.005:
        return f"<{NBSP}0.01"
    return f">{NBSP}0.99" if p > 0.995 else fixed(p, 2)


def drawn(share: float, n: int) -> str:
    """A probability told by a share of ``n`` random draws; where none or all of them agree, what that bounds.

    A probability below 0.05 ** (1 / n) would make all of n draws agree in less than one case of twenty.
    """
    if n < 1 or 0.005 <= share <= 0.995:
        return probability(share)
    bound = min(0.99, math.floor(100 * 0.05 ** (1 / n)) / 100)
    return f">{NBSP}{fixed(bound, 2)}" if share > 0.5 else f"<{NBSP}{fixed(1 - bound, 2)}"


def pvalue(p: float) -> str:
    """A p-value with three decimals, or with as many as its first digit needs: never 0."""
    return fixed(p, max(3, -math.floor(math.log10(p)))) if p > 0 else f"<{NBSP}0.001"


def alike(values: Iterable[float], digits: int = 3) -> Callable[[float], str]:
    """A form for numbers of one column: as many decimals as give the largest of them ``digits`` digits."""
    largest = max(map(abs, values), default=0.0)
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    if not -4 <= power < 6:
        return significant
    return lambda value: fixed(value, max(0, digits - 1 - power))


def tick(value: float) -> str:
    """A round number along an axis, without zeros that say nothing."""
    text = significant(value, 2)
    short = significant(value, 1)
    return short if value == 0 or float(f"{value:.0e}") == float(f"{value:.1e}") else text


def plural(n: int, word: str, ending: str = "s") -> str:
    """A count and its noun: "1 file", "2 files"."""
    return f"{count(n)} {word}{'' if n == 1 else ending}"


def significant(value: float, digits: int = 3) -> str:
    """A number with ``digits`` significant digits; powers of ten below 0.0001 and from a million on."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    power = math.floor(math.log10(abs(rounded)))
    if power < -4 or power >= 6:
        mantissa = fixed(rounded / 10.0**power, digits - 1)
        return f"{mantissa}{THIN}{TIMES}{THIN}10{str(power).translate(SUPERSCRIPT)}"
    return fixed(rounded, max(0, digits - 1 - power))


def ratio(value: float) -> str:
    """How many times: "48×", "1.4×", "0.75×"; as many decimals below zero."""
    size = abs(value)
    if size >= 9.95:
        return f"{fixed(value, 0)}{TIMES}"
    return f"{fixed(value, 1 if size >= 0.995 else 2)}{TIMES}"


def mega(number: float) -> str:
    """Millions of something: three significant digits up to a hundred, whole numbers above."""
    millions = number / 1e6
    return fixed(millions, 0) if millions >= 99.5 else fixed(millions, 1 if millions >= 9.95 else 2)


def multiple(value: float) -> str:
    """A ratio without its sign, for ends beside one that has it: "48", "1.4"."""
    return ratio(value).removesuffix(TIMES)


def interval(low: float, high: float, form: Callable[[float], str]) -> str:
    """An interval in brackets that no line break tears apart."""
    return f"[{form(low)},{NBSP}{form(high)}]"


def day(created: str) -> str:
    """The day of an ISO time stamp, "21 November 2026"; the text itself where it is none."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return shown(created)
    return f"{when.day}{NBSP}{MONTHS[when.month - 1]}{NBSP}{when.year}"
