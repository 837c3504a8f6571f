"""Of what kind a shift is: every finding with and without its reason, on hand-made diagnoses."""

import pytest
from handmade_causes import ROWS, diagnosis, record

from shiftscope.checks import find
from shiftscope.checks.causes import check_causes, half_size, overlap
from shiftscope.checks.evidence import classes_moved
from shiftscope.core.records import ClassShift

OUTSIDE = {"precision": 0.02, "precision_null": 0.92, "recall": 0.5, "recall_null": 0.9, "half_size": 100}
A_PART = {"precision": 0.91, "precision_null": 0.92, "recall": 0.2, "recall_null": 0.9, "half_size": 100}


def codes(made):
    return [f.code for f in check_causes(made)]


def moved(n_moved, tested):
    """Classes of which the first ``n_moved`` have moved."""
    return [
        ClassShift(
            name=f"c{i}", n_source=9, n_target=9, value=0.1, pvalue=0.01, pvalue_holm=0.01 if i < n_moved else 0.5
        )
        for i in range(tested)
    ]


@pytest.mark.parametrize(
    ("balls", "code"),
    [
        (OUTSIDE, "ST102"),
        ({"precision": 0.50, "precision_null": 0.88, "recall": 0.0, "recall_null": 0.9, "half_size": 100}, "ST102"),
        (A_PART, "ST103"),
    ],
)
def test_outside_or_a_part(balls, code):
    assert codes(record(coverage=balls)) == [code]


@pytest.mark.parametrize("row", [{"pvalue_holm": 0.06}, {"effect": 0.01}, {"pvalue_holm": None}, {"effect_se": 0.25}])
def test_coverage_within_noise_is_no_finding(row):
    assert codes(record(coverage=OUTSIDE, rows={"coverage": {**ROWS["coverage"], **row}})) == []


@pytest.mark.parametrize(("low", "pvalue", "found"), [(0.2, 0.001, ["ST110"]), (0.05, 0.001, []), (0.2, 0.06, [])])
def test_balance_needs_the_test_and_the_interval(low, pvalue, found):
    rows = {"label_shift": {**ROWS["label_shift"], "pvalue_holm": pvalue}}
    assert codes(record(label_shift=low, rows=rows)) == found


@pytest.mark.parametrize(("low", "found"), [(0.01, ["ST120"]), (0.0, []), (-0.1, [])])
def test_relation_needs_the_whole_interval(low, found):
    assert codes(record(concept=low)) == found


@pytest.mark.parametrize(("effect", "found"), [(0.06, ["ST120"]), (0.05, []), (-0.1, []), (None, ["ST120"])])
def test_relation_that_changes_as_little_as_noise_is_no_finding(effect, found):
    floor = None if effect is None else 0.05
    rows = {"concept": {"value": 0.2, "low": 0.01, "high": 0.4, "effect": effect, "floor": floor}}
    assert codes(record(concept=0.01, rows=rows)) == found


@pytest.mark.parametrize(
    ("n_moved", "tested", "found"), [(1, 4, ["ST130"]), (2, 6, ["ST130"]), (2, 5, []), (0, 6, []), (1, 3, [])]
)
def test_few_classes(n_moved, tested, found):
    made = record(per_class=moved(n_moved, tested))
    assert codes(made) == found
    assert classes_moved(made.diagnoses[0]) == ([f"c{i}" for i in range(n_moved)], tested)


@pytest.mark.parametrize(
    ("n", "says"), [(1, "c0 moved by a test of its own"), (2, "c0, c1 moved by tests of their own")]
)
def test_few_classes_by_name(n, says):
    (finding,) = check_causes(record(per_class=moved(n, 6)))
    assert finding.message == f"Under net, {says}, and no other did."


ROW = {"value": 0.3, "pvalue": 0.001, "pvalue_holm": 0.003, "effect": 0.3, "floor": 0.05}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ({"mmd": {**ROW, "pvalue_holm": 0.06}}, []),
        ({"mmd": {**ROW, "effect_se": 0.2}}, []),
        ({"mmd": {**ROW, "pvalue_holm": 0.06}, "conditional": ROW}, ["ST130"]),
        ({"mmd": {**ROW, "pvalue_holm": 0.06}, "conditional": {**ROW, "pvalue_holm": 0.06}}, []),
    ],
)
def test_few_classes_need_a_shift_of_all(rows, found):
    assert codes(record(per_class=moved(1, 6), rows=rows)) == found


@pytest.mark.parametrize(
    ("n_moved", "tested", "balance", "new", "severity"),
    [
        (0, 2, 0.2, (), "note"),
        (1, 2, 0.2, (), "warning"),  # a class has moved
        (0, 1, 0.2, (), "warning"),  # one class says nothing of the others
        (0, 2, 0.05, (), "warning"),  # the balance is what chance gives
        (0, 2, None, (), "warning"),  # nobody looked at the balance
        (0, 2, 0.2, ("new",), "warning"),  # a class that the source lacks
    ],
)
def test_what_class_balance_explains_is_a_note(n_moved, tested, balance, new, severity):
    parts = {"label_shift": balance, "per_class": moved(n_moved, tested), "new_classes": new}
    for balls, code in ((OUTSIDE, "ST102"), (A_PART, "ST103")):
        found = {f.code: f for f in find(record(coverage=balls, **parts)) if f.code.startswith("ST")}
        assert {found["ST101"].severity, found[code].severity} == {severity}
        assert ("how often they occur" in found["ST101"].message) is (severity == "note")


def test_one_finding_for_all_backbones_in_the_words_of_the_first():
    made = record(coverage=OUTSIDE)
    twice = made.model_copy(update={"diagnoses": [*made.diagnoses, diagnosis(backbone="other")]})
    (found,) = check_causes(twice)
    assert found.evidence["backbone"] == "net"
    assert "net" in found.message


@pytest.mark.parametrize(("size", "says"), [(25, None), (100, "lies outside of")])
def test_shares_of_small_halves_are_noisy(size, says):
    # Two shares of 25 that are 0.9 on average differ by 0.2 in one of twenty.
    shares = {"precision": 0.75, "precision_null": 0.92, "recall": 0.75, "recall_null": 0.92}
    assert overlap(**shares, half_size=size) == says


def test_where_all_are_inside_some_might_have_been_outside():
    assert overlap(precision=0.97, precision_null=1.0, recall=1.0, recall_null=1.0, half_size=30) is None


def test_older_records_know_the_whole_sides_alone():
    assert half_size({"size": 81}) == 40
    assert half_size({"size": 81, "half_size": 12}) == 12
