"""Of what kind a shift is: every finding with and without its reason, on hand-made diagnoses."""

import pytest
from handmade_causes import ROWS, diagnosis, record

from shiftscope.checks.causes import check_causes, classes_moved
from shiftscope.checks.shift import check_shift
from shiftscope.core.records import ClassShift


def codes(made):
    return [f.code for f in check_causes(made)]


@pytest.mark.parametrize(
    ("balls", "code"),
    [
        ({"precision": 0.02, "precision_null": 0.92, "recall": 0.5, "recall_null": 0.9}, "ST102"),
        ({"precision": 0.50, "precision_null": 0.88, "recall": 0.0, "recall_null": 0.9}, "ST102"),
        ({"precision": 0.91, "precision_null": 0.92, "recall": 0.2, "recall_null": 0.9}, "ST103"),
    ],
)
def test_outside_or_a_part(balls, code):
    assert codes(record(coverage=balls)) == [code]


@pytest.mark.parametrize("row", [{"pvalue_holm": 0.06}, {"effect": 0.01}, {"pvalue_holm": None}])
def test_coverage_within_noise_is_no_finding(row):
    balls = {"precision": 0.02, "precision_null": 0.92, "recall": 0.5, "recall_null": 0.9}
    assert codes(record(coverage=balls, rows={"coverage": {**ROWS["coverage"], **row}})) == []


@pytest.mark.parametrize(("low", "pvalue", "found"), [(0.2, 0.001, ["ST110"]), (0.05, 0.001, []), (0.2, 0.06, [])])
def test_balance_needs_the_test_and_the_interval(low, pvalue, found):
    rows = {"label_shift": {**ROWS["label_shift"], "pvalue_holm": pvalue}}
    assert codes(record(label_shift=low, rows=rows)) == found


@pytest.mark.parametrize(("low", "found"), [(0.01, ["ST120"]), (0.0, []), (-0.1, [])])
def test_relation_needs_the_whole_interval(low, found):
    assert codes(record(concept=low)) == found


@pytest.mark.parametrize(
    ("n_moved", "tested", "found"), [(1, 4, ["ST130"]), (2, 6, ["ST130"]), (2, 5, []), (0, 6, []), (1, 3, [])]
)
def test_few_classes(n_moved, tested, found):
    shifts = [
        ClassShift(
            name=f"c{i}", n_source=9, n_target=9, value=0.1, pvalue=0.01, pvalue_holm=0.01 if i < n_moved else 0.5
        )
        for i in range(tested)
    ]
    made = record(per_class=shifts)
    assert codes(made) == found
    assert classes_moved(made.diagnoses[0]) == ([f"c{i}" for i in range(n_moved)], tested)


@pytest.mark.parametrize(("holm", "severity"), [(0.5, "note"), (0.01, "warning"), (None, "warning")])
def test_inputs_that_moved_though_no_class_did_are_a_note(holm, severity):
    shifts = [ClassShift(name=c, n_source=9, n_target=9, value=0.1, pvalue=holm, pvalue_holm=holm) for c in "ab"]
    (found,) = check_shift(record(per_class=shifts))
    assert (found.code, found.severity) == ("ST101", severity)
    assert ("how often they occur" in found.message) is (severity == "note")


def test_one_finding_for_all_backbones_in_the_words_of_the_first():
    balls = {"precision": 0.02, "precision_null": 0.92, "recall": 0.5, "recall_null": 0.9}
    made = record(coverage=balls)
    twice = made.model_copy(update={"diagnoses": [*made.diagnoses, diagnosis(backbone="other")]})
    (found,) = check_causes(twice)
    assert found.evidence["backbone"] == "net"
    assert "net" in found.message
