"""p-values are valid where nothing has shifted; the benchmark of that name says in which cells.

The committed report, of 3 000 draws a cell, covers every measure with a p-value and shows no fault. A few cells are
drawn anew here, fewer times and with other seeds; all of them where slow tests are asked for.
"""

import json

import numpy as np
import pytest
from benchmarks import validity
from benchmarks.validity import ASKED, CELLS, CONTROLS, FILE, LEVELS, NULLS, answers, faults, row
from scipy.stats import binom

from shiftscope.measures import MEASURES

REPORT = json.loads(FILE.read_text())
ROWS = {(r["asked"], r["cell"]): r for r in REPORT["rows"]}

# Draws of the tests below do not overlap with those of the report.
FIRST_ANEW = 10**6
FEW = 200
# Together the draws below cross a bound once in a thousand changes of their seeds.
CHANCE = 0.001
ANEW = [
    *(("1:6", key) for key in ("mmd", "mmd, fuse", "mmd, binned", "mmd, linear time", "energy", "kid", "label_shift")),
    *(("groups 1:3", key) for key in ("mmd", "mmd, binned", "energy", "c2st", "conditional")),
    *(("ties", key) for key in ("mmd, laplace", "ks", "coverage")),
]


def drawn(cell, keys, count, world=None):
    """Rows of a cell, from draws that the report does not have."""
    asked = {key: ASKED[key] for key in keys}
    numbers = range(FIRST_ANEW, FIRST_ANEW + count)
    found = answers(cell, world or CELLS[cell], asked, numbers)
    return [row(key, cell, pvalues) for key, pvalues in found.items()]


def test_every_measure_with_a_pvalue_is_asked():
    assert {what.measure for what in ASKED.values()} == {name for name in MEASURES if MEASURES[name].pvalue != "none"}


def test_the_report_is_complete():
    assert set(ROWS) == {(key, cell) for key in ASKED for cell in CELLS}
    for (key, _), r in ROWS.items():
        assert r["claim"] == MEASURES[ASKED[key].measure].pvalue
        # Where a draw has too few samples for a measure there is no answer: never more often than once in twenty.
        assert 0.95 * NULLS <= r["nulls"] <= NULLS == 3000


def test_the_report_shows_no_fault():
    assert faults(REPORT["rows"]) == REPORT["faults"] == []


@pytest.mark.parametrize("asked", ASKED)
def test_no_pvalue_is_below_one_of_all_draws(asked):
    for cell in CELLS:
        r = ROWS[asked, cell]
        assert r["least_p"] >= 1 / (r["permutations"] + 1) * (1 - 1e-9)


@pytest.mark.parametrize(("level", "true"), [("0.05", 0.07), ("0.01", 0.02)])
def test_levels_that_are_wrong_by_as_much_would_show(level, true):
    """The second is that of k/B at 100 permutations, the p-value of libraries that do not count the observed one."""
    most = REPORT["limits"][level]["most"]
    assert binom.sf(most, NULLS, true) > 0.8
    assert binom.sf(most, NULLS, float(level)) < 0.05 / REPORT["comparisons"]["upper"]
    rejections = {"0.05": 0, "0.01": 0, level: most + 1}
    changed = dict(REPORT["rows"][0], two_sided=False, rejections=rejections)
    assert [found[2:4] for found in faults([changed, *REPORT["rows"][1:]])] == [(level, "too many")]


def test_an_exact_test_that_rejects_too_rarely_is_at_fault():
    exact = next(r for r in REPORT["rows"] if r["two_sided"])
    others = [r for r in REPORT["rows"] if r != exact]
    changed = dict(exact, rejections={"0.05": REPORT["limits"]["0.05"]["least_two_sided"] - 1, "0.01": 30})
    assert [found[2:4] for found in faults([changed, *others])] == [("0.05", "not exact")]
    assert faults([dict(changed, two_sided=False), *others]) == []


def test_where_groups_are_not_given_pvalues_are_too_small():
    for r in REPORT["controls"]:
        assert r["rejections"]["0.05"] > 2 * 0.05 * r["nulls"]
    (control,) = CONTROLS
    (again,) = drawn(control, ["mmd"], 100, CONTROLS[control])
    assert again["rejections"]["0.05"] > binom.isf(CHANCE, 100, 0.05)


@pytest.mark.parametrize("cell", sorted({cell for cell, _ in ANEW}))
def test_a_few_cells_drawn_anew(cell):
    for r in drawn(cell, [key for name, key in ANEW if name == cell], FEW):
        for level in LEVELS:
            seen = r["rejections"][f"{level:g}"]
            assert seen <= binom.isf(CHANCE / len(ANEW) / 2, r["nulls"], level), (r["asked"], cell, level, seen)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_all_cells_drawn_anew(cell):
    rows = drawn(cell, list(ASKED), NULLS)
    others = [r for r in REPORT["rows"] if r["cell"] != cell]
    assert faults([*rows, *others]) == []


def k_of_b(statistics):
    """The share that other libraries take for a p-value: the observed statistic does not count."""
    return max(float(np.mean(statistics[1:] >= statistics[0])), 1e-9)


@pytest.mark.slow
def test_a_pvalue_without_the_observed_statistic_would_show(monkeypatch):
    monkeypatch.setitem(MEASURES["mmd"].function.__globals__, "pvalue", k_of_b)
    # At 99 permutations k/B rejects as often as (k + 1)/(B + 1), and shows only where it is 0.
    (at_99,) = drawn("1:1", ["mmd"], NULLS)
    assert at_99["least_p"] < 1 / 100
    monkeypatch.setattr(validity, "B", 100)
    (at_100,) = drawn("1:1", ["mmd"], NULLS)
    assert at_100["rejections"]["0.01"] > binom.isf(CHANCE, NULLS, 0.01)
