"""The page in words says what the reports say, and the comparison of power is what it claims to be."""

import json

import numpy as np
import pytest
from benchmarks.power import CELLS, OURS, PEERS, REPETITIONS, difference, ours
from benchmarks.validity_page import PAGE, ROOT, page

VALIDITY, POWER = (json.loads((ROOT / "reports" / f"{name}.json").read_text()) for name in ("validity", "power"))
SHIFTED = [r for r in POWER["rows"] if r["shift"] != "none"]


def test_the_page_is_that_of_the_reports():
    assert PAGE.read_text(encoding="utf-8") == page(VALIDITY, POWER)


def test_every_cell_is_there_and_its_power_is_neither_nothing_nor_all():
    assert [tuple(r[k] for k in ("shift", "strength", "n", "m")) for r in POWER["rows"]] == [tuple(c) for c in CELLS]
    for r in SHIFTED:
        assert r["repetitions"] == REPETITIONS >= 300
        assert 0.05 < r["power"]["mmd"] < 0.95
        assert set(r["power"]) == {*OURS, *PEERS}


def test_without_a_shift_all_tests_keep_their_level():
    for r in POWER["rows"]:
        if r["shift"] == "none":
            assert max(r["power"].values()) < 0.05 + 3.5 * (0.05 * 0.95 / REPETITIONS) ** 0.5


@pytest.mark.parametrize("cell", [c for c in CELLS if c.shift == "mean"], ids=lambda c: c.name)
def test_power_of_the_first_repetitions_is_found_again(cell):
    x, y = (side[:100] for side in cell.samples())
    row = next(r for r in POWER["rows"] if (r["shift"], r["n"]) == (cell.shift, cell.n))
    for name, pvalues in ours(x, y).items():
        share = np.mean(np.array(pvalues) <= 0.05)
        assert abs(share - row["power"][name]) < 3 * np.sqrt(0.25 / 100)


def test_difference_of_paired_tests_has_the_interval_of_agresti_and_min():
    # 60 pairs, of which 12 and 5 are discordant.
    first, second = np.zeros((2, 60), dtype=bool)
    first[:20], second[:8], second[20:25] = True, True, True
    found = difference(first, second)
    assert (found["only_first"], found["only_second"]) == (12, 5)
    b, c, total = 12.5, 5.5, 62
    error = np.sqrt(b + c - (b - c) ** 2 / total) / total
    assert found["difference"] == pytest.approx(7 / 60, abs=1e-4)
    assert found["low"] == pytest.approx(7 / 62 - 1.959964 * error, abs=1e-4)
    assert found["high"] == pytest.approx(7 / 62 + 1.959964 * error, abs=1e-4)


def test_that_interval_holds_the_truth_as_often_as_it_should():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        ways = rng.choice(4, p=(0.5, 0.2, 0.1, 0.2), size=100)
        found = difference(np.isin(ways, (0, 1)), np.isin(ways, (0, 2)))
        held.append(found["low"] <= 0.1 <= found["high"])
    assert 0.93 < np.mean(held) < 0.97
