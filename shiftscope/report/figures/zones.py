"""Probabilities between the zones in which they are called safe and likely to hurt."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.core.forecast import ARMS, HURTS, SAFE, ArmForecast
from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, Point, Sheet, text_width
from shiftscope.report.forecasted import ARM_NAMES, ZONES, arm_of, told_chance, zone_of
from shiftscope.report.harm_tables import ARM_HEADS
from shiftscope.report.numerals import listed
from shiftscope.report.ranked import Candidate

__all__ = ["draw_zones", "mark_chances", "name_zones", "spoken_arms", "strips"]

STRIP, ROW = 430, 20
NAMES = (("safe", 0.0, SAFE, "tp"), ("unclear", SAFE, HURTS, "mu"), ("hurts", HURTS, 1.0, "tb"))


def draw_zones(sheet: Sheet, x: Scale, spans: Sequence[Point]) -> None:
    """Draw the safe zone and the one that hurts over each span of heights."""
    for low, high, css in ((0.0, SAFE, "p"), (HURTS, 1.0, "b")):
        sheet.bars([(x(low), top, x(high) - x(low), end - top) for top, end in spans], f"wash {css}")


def name_zones(sheet: Sheet, x: Scale, y: float) -> None:
    """Name the zones, each in its middle."""
    for words, low, high, css in NAMES:
        sheet.text(x((low + high) / 2), y, words, f"s {css}", "middle")


def mark_chances(sheet: Sheet, rows: Sequence[tuple[ArmForecast | None, float]], x: Scale) -> None:
    """Mark probabilities with their intervals in rows of given heights; where there is none, say so."""
    known = [(f, f.probability, y) for f, y in rows if f is not None and f.probability is not None]
    for y in sorted({y for _, y in rows} - {y for _, _, y in known}):
        sheet.text((x.start + x.end) / 2, y + 4, ZONES["unknown"].name, "s mu np", "middle")
    for css in ("n", "p", "b"):
        mine = [(f, p, y) for f, p, y in known if ZONES[f.zone].css == css]
        ends = [(f.low, f.high, y) for f, _, y in mine if f.low is not None and f.high is not None]
        sheet.lines([((x(low), y), (x(high), y)) for low, high, y in ends], f"iv {css}")
        centres = [(x(p), y) for _, p, y in mine]
        if css == "b":
            sheet.crosses(centres, "x")
        else:
            (sheet.dots if css == "p" else sheet.rings)(centres, css)


def strips(best: Candidate, name: str) -> tuple[Markup, ...]:
    """Draw both arms of one candidate, for wide and narrow pages; nothing where neither has a probability."""
    if all(zone_of(best, arm) == "unknown" for arm in ARMS):
        return ()
    return tuple(_strip(best, width, f"{name}{kind[0]}", kind) for width, kind in ((STRIP, "wide"), (NARROW, "narrow")))


def _strip(best: Candidate, width: int, name: str, kind: str) -> Markup:
    bottom = ROW * len(ARMS)
    sheet = Sheet(width, bottom + 16, kind)
    label = max(text_width(words) for words in ARM_HEADS.values()) + 8
    x = Scale(0, 1, label, label + 220)
    draw_zones(sheet, x, [(0, bottom)])
    rows = [(arm, ROW * (i + 0.5)) for i, arm in enumerate(ARMS)]
    for arm, y in rows:
        sheet.text(0, y + 4, ARM_HEADS[arm])
    mark_chances(sheet, [(arm_of(best, arm), y) for arm, y in rows], x)
    name_zones(sheet, x, bottom + 13)
    return sheet.render(name, f"Probability that {best.name} hurts", f"{spoken_arms(best)}.")


def spoken_arms(c: Candidate) -> str:
    """Say the probabilities of a candidate, for those who do not see a drawing."""
    said = [(ARM_NAMES[arm], told_chance(arm_of(c, arm)), ZONES[zone_of(c, arm)].name) for arm in ARMS]
    return f"{c.name}: {listed([' '.join(filter(None, words)) for words in said])}"
