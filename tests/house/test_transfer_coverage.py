"""Intervals of transfer measures hold the truth in 90-99 % of draws; the benchmark of that name says which truth.

Three tests of one claim: the committed report, made of 300 draws, has no row outside but those that are named; the
same simulation over all measures again (slow); and 100 draws of four default measures, whose allowance for chance is
that of their number.
"""

import json

import pytest
from benchmarks.coverage_of_intervals import DRAWS, FILE, LEAST, MOST, OUTSIDE, cases, coverage
from scipy.stats import binom, chi2, norm

from shiftscope.measures import MEASURES

CASES = [(name, world) for name in MEASURES if MEASURES[name].kind == "transfer" for world in cases(name)]
every_case = pytest.mark.parametrize(("name", "world"), CASES)

# Of each of twelve bounds below: fewer than one in 40 changes of the seeds would cross one.
CHANCE = 0.002
FEW_DRAWS = 100


def demand(name, world, row):
    """Inside, unless it is known to lie outside: then it must still do so, or else be struck off the list."""
    inside = LEAST <= row["coverage"] <= MOST
    assert inside == ((name, world) not in OUTSIDE), f"{name} covers {row['coverage']:.1%} in {world!r}"


@every_case
def test_the_report_holds_what_is_claimed(name, world):
    rows = {(row["measure"], row["world"]): row for row in json.loads(FILE.read_text())["rows"]}
    row = rows[name, world]
    assert row["draws"] == DRAWS == 300
    assert row["outside_because"] == OUTSIDE.get((name, world))
    demand(name, world, row)
    # A truth "from very many samples" is only one if the value at n has all but reached it.
    assert abs(row["bias"]) < 0.35


def test_what_is_listed_exists():
    assert set(OUTSIDE) <= set(CASES)


@pytest.mark.slow
@every_case
def test_intervals_hold_the_truth_as_often_as_they_should(name, world):
    demand(name, world, coverage(name, world))


@pytest.mark.parametrize("name", ["hscore", "ridge", "gbc", "leep"])
def test_intervals_of_default_measures_are_neither_too_narrow_nor_too_wide(name):
    row = coverage(name, "few", FEW_DRAWS)
    held = row["coverage"] * FEW_DRAWS
    assert binom.ppf(CHANCE, FEW_DRAWS, LEAST) <= held
    # 100 draws hardly tell 95 % from 100 %, but their standard deviation is known to a fourteenth.
    narrow, wide = (norm.ppf((1 + share) / 2) / norm.ppf(0.975) for share in (LEAST, MOST))
    by_chance = [(chi2.ppf(q, FEW_DRAWS - 1) / (FEW_DRAWS - 1)) ** 0.5 for q in (CHANCE, 1 - CHANCE)]
    assert narrow / by_chance[1] < row["width"] < wide / by_chance[0]
