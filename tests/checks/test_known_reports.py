"""The committed reports on known shifts and on real domains: pages and sums are what their numbers say."""

import importlib
import json
from pathlib import Path

import pytest
from scipy.stats import rankdata

ROOT = Path(__file__).parents[2]


def report(name):
    return json.loads((ROOT / "reports" / f"{name}.json").read_text(encoding="utf-8"))


def on_page(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture
def script(monkeypatch):
    """Import a script of ``tests/benchmarks`` as it sees itself when it is run."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "benchmarks")
    return importlib.import_module


def with_rows(found):
    """The tables of known_shifts.json with their answers, which the file lists one by one."""
    tables = {name: {**table, "rows": {}} for name, table in found["data"].items()}
    for answer in found["answers"]:
        kinds = tables[answer["data"]]["rows"]
        kinds.setdefault(answer["kind"], {}).setdefault(str(answer["strength"]), {})[answer["measure"]] = answer
    return tables


def test_known_shifts_page_is_made_of_its_report(script):
    found = report("known_shifts")
    assert script("known_shifts").page(found["kinds"], with_rows(found)) == on_page("known_shifts")


def test_known_shifts_see_from_the_strength_on_that_their_answers_say():
    found = report("known_shifts")
    for table in with_rows(found).values():
        for kind, by_measure in table["seen_from_strength"].items():
            for measure, first in by_measure.items():
                told = [table["rows"][kind][str(s)][measure].get("sees") for s in range(1, 6)]
                if first == "":
                    assert told == [None] * 5
                else:
                    assert [bool(t) for t in told[(first or 6) - 1 :]] == [True] * (6 - (first or 6))
                    assert first == 1 or not told[(first or 6) - 2]


def test_no_measure_with_a_test_sees_a_shift_within_noise():
    for answer in report("known_shifts")["answers"]:
        if answer.get("sees") and answer["measure"] not in ("label_shift", "concept") and "floor" in answer:
            assert answer["effect"] - 1.96 * answer.get("effect_se", 0.0) >= answer["floor"] * (1 - 1e-3)


def test_known_findings_page_is_made_of_its_report(script):
    assert script("known_findings").page(report("known_findings")["data"]) == on_page("known_findings")


def test_known_findings_count_what_was_said():
    found = report("known_findings")
    assert set(found["data"]) == {*found["made_on"], *found["held_out"]}
    assert not set(found["made_on"]) & set(found["held_out"])
    for table in found["data"].values():
        assert set(table["kinds"]) == set(found["right"])
        for size, right in table["right_first"].items():
            first = {kind: (said[size]["findings"] or [[None]])[0][0] for kind, said in table["kinds"].items()}
            missed = [kind for kind, code in first.items() if code not in found["right"][kind]]
            assert table["missed"][size] == missed
            assert right == len(first) - len(missed)
        cuts = [set(codes) - {"ST140"} for codes in table["unshifted_findings"]]
        assert table["unshifted_with_a_finding"] == sum(map(bool, cuts))


def test_known_findings_reach_their_bars_where_no_rule_was_made():
    found = report("known_findings")
    held_out = [found["data"][name] for name in found["held_out"]]
    assert len(held_out) >= 3
    assert min(table["right_first"]["all"] for table in held_out) >= found["bar"] == 9
    for table in found["data"].values():
        codes = [code for code, _ in table["kinds"]["label_flip"]["all"]["findings"]]
        assert codes[0] == "ST120"
        assert not {"ST101", "ST102", "ST103"} & set(codes)
    cuts = found["n_unshifted"] * len(held_out)
    assert cuts >= 100
    assert sum(table["unshifted_with_a_finding"] for table in held_out) <= 0.05 * cuts


def test_domains_page_is_made_of_its_report(script):
    found = report("domains")
    parts = (found["pairs"], found["agreement"], found["network"], found["network_agreement"])
    assert script("domains_page").page(*parts) == on_page("domains")


def test_domains_rank_as_their_pairs_do():
    found = report("domains")
    assert len(found["pairs"]) == 26
    for measure, by_loss in found["agreement"].items():
        sign = -1 if measure == "coverage" else 1
        for loss, told in by_loss.items():
            for collection in ("pacs", "office_caltech"):
                rows = [r for r in found["pairs"] if r["collection"] == collection]
                rows = [r for r in rows if isinstance(r["measures"][measure], dict)]
                assert told["pairs"][collection] == len(rows)
                if told[collection] is None:
                    assert len(rows) < 6
                    continue
                x, y = (
                    rankdata(v)
                    for v in ([sign * r["measures"][measure]["value"] for r in rows], [r[loss] for r in rows])
                )
                x, y = x - x.mean(), y - y.mean()
                assert told[collection] == pytest.approx((x @ y) / ((x @ x) * (y @ y)) ** 0.5, abs=1e-4)


def test_distances_order_the_sources_of_a_task_but_not_tasks():
    found = report("domains")
    for measure in ("mmd", "proxy_a", "frechet", "wasserstein", "energy"):
        assert min(told["low"] for told in found["agreement"][measure].values()) > 0
    ranks = [rho for by_question in found["network_agreement"].values() for rho in by_question.values()]
    assert max(map(abs, ranks)) < 0.79  # the 5 % point of seven ranks
