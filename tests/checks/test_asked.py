"""Findings that a record could not have had are told from those that were looked for in vain."""

from pathlib import Path

import pytest
from altered import FIRST, demo, with_findings, with_forecasts

from shiftscope.checks import CODES, find, unasked
from shiftscope.core.load import load_record
from shiftscope.core.records import Finding

ROOT = Path(__file__).parents[2]
RECORDS = [ROOT / "reports" / "demo" / "run.json", *sorted((ROOT / "tests" / "golden" / "v1").glob("*.json"))]


def codes_unasked(record):
    return {code for code in CODES if unasked(code, record)}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name + "-" + path.stem)
def test_what_was_found_could_be_found(path):
    record = load_record(path)
    assert not {f.code for f in find(record)} & codes_unasked(record)


def test_a_record_of_a_shift_alone_says_nothing_of_transfer():
    shift = demo().model_copy(update={"forecasts": [], "rankings": []})
    assert codes_unasked(shift) >= {"NT201", "NT202", "NT203", "PW401"}
    assert unasked("NT201", shift) == "the record has no forecast"
    assert not {"ST101", "DQ301", "DQ304"} & codes_unasked(shift)


def test_a_ranking_alone_says_nothing_of_a_shift():
    cards = {key: card for key, card in demo().inputs.items() if card.role == "target"}
    ranking = demo().model_copy(update={"diagnoses": [], "inputs": cards})
    assert {c for c in CODES if c.startswith("ST")} | {"PW403", "PW404", "DQ304"} <= codes_unasked(ranking)
    assert "PW401" not in codes_unasked(ranking)


def test_a_measure_without_a_number_leaves_its_findings_open():
    record = demo()
    rows = [d.model_copy(update={"rows": [r for r in d.rows if r.measure != "mmd"]}) for d in record.diagnoses]
    results = [r for r in record.results if r.measure != "mmd"]
    assert unasked("ST101", record) == ""
    assert unasked("ST101", record.model_copy(update={"diagnoses": rows, "results": results})) == "mmd gave no number"


def test_too_few_permutations_leave_findings_of_tests_open():
    blind = Finding(code="PW403", severity="warning", title="mmd: 9 permutations cannot.", message="", subject="b")
    record = demo().model_copy(update={"findings": [blind]})
    assert unasked("ST101", record) == "PW403, mmd: 9 permutations cannot"
    assert unasked("ST120", record) == unasked("ST120", demo())


def test_without_a_probability_harm_was_not_judged():
    without = with_forecasts(with_findings(demo()), {FIRST: {"probability": None}})
    assert unasked("NT201", without)
