"""Numbers of samples, and data that are no longer those of the record."""

import pytest
from altered import SOURCE, TARGET, demo

from shiftscope.core.verdict import DataCheck
from shiftscope.gate.policy import parse_policy
from shiftscope.gate.samples import judge_data, judge_samples


def judged(record=None, **policy):
    return list(judge_samples(record or demo(), parse_policy(policy, at="policy")))


def with_card(name, **changes):
    inputs = {k: c.model_copy(update=changes) if k == name else c for k, c in demo().inputs.items()}
    return demo().model_copy(update={"inputs": inputs})


@pytest.mark.parametrize(("least", "outcome"), [(400, "pass"), (401, "fail")])
def test_every_data_set_needs_its_samples(least, outcome):
    rows = judged(min_samples=least)
    assert [(row.subject, row.outcome, row.value) for row in rows] == [(TARGET, outcome, 400), (SOURCE, outcome, 400)]


def test_smallest_class_is_named():
    record = with_card(SOURCE, classes={"three": 12, "nine": 4, "six": 30})
    rows = {row.subject: row for row in judged(record, min_per_class=10)}
    assert (rows[SOURCE].outcome, rows[TARGET].outcome) == ("fail", "pass")
    assert rows[SOURCE].because == (f"The smallest class of {SOURCE}, 'nine', has 4 samples; at least 10 are required.")


def test_data_without_classes_cannot_be_decided():
    rows = judged(with_card(TARGET, classes={}, kind="none"), min_per_class=10)
    assert [row.outcome for row in rows if row.subject == TARGET] == ["inconclusive"]


def test_record_without_data_sets_cannot_be_decided():
    (row,) = judged(demo().model_copy(update={"inputs": {}}), min_samples=1)
    assert row.outcome == "inconclusive"


def test_nothing_is_asked_where_nothing_is_written():
    assert judged() == []


def test_data_that_have_changed_fail():
    checks = [
        DataCheck(name="a", state="same"),
        DataCheck(name="b", state="changed", reason="other contents"),
        DataCheck(name="c", state="unknown", reason="imagefolder:c: the folder does not exist."),
    ]
    assert [(row.outcome, row.because) for row in judge_data(checks)] == [
        ("pass", "a is what it was when the record was made."),
        ("fail", "b is not what it was when the record was made: other contents."),
        ("inconclusive", "c cannot be compared with the record: imagefolder:c: the folder does not exist."),
    ]
