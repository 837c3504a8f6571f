"""What a person reads first is taken for the answer: the order of findings, in the record and on every page."""

import pytest
from handmade_causes import record

from shiftscope.checks import CODES, find
from shiftscope.core.records import ClassShift, Finding
from shiftscope.report.sections import sorted_findings

OUTSIDE = {"precision": 0.02, "precision_null": 0.92, "recall": 0.5, "recall_null": 0.9, "half_size": 100}
A_PART = {"precision": 0.91, "precision_null": 0.92, "recall": 0.2, "recall_null": 0.9, "half_size": 100}
STILL = {"mmd": {"value": 0.0, "pvalue": 0.5, "pvalue_holm": 0.9, "effect": 0.0, "floor": 0.05}}


def of_classes(holm):
    return [
        ClassShift(name=c, n_source=9, n_target=9, value=0.1, pvalue=p, pvalue_holm=p)
        for c, p in zip("ab", holm, strict=True)
    ]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"coverage": OUTSIDE, "concept": 0.1}, ["ST102", "ST101", "ST120"]),
        ({"coverage": A_PART}, ["ST101", "ST103"]),
        ({"label_shift": 0.2, "per_class": of_classes([0.01, 0.5])}, ["ST101", "ST110"]),
        ({"label_shift": 0.2, "per_class": of_classes([0.4, 0.5])}, ["ST110", "ST101"]),
        ({"label_shift": 0.2, "per_class": of_classes([0.4, 0.5]), "coverage": A_PART}, ["ST110", "ST101", "ST103"]),
        ({"concept": 0.1, "rows": STILL, "per_class": of_classes([0.01, 0.5])}, ["ST120"]),
        ({"concept": 0.1, "rows": STILL, "label_shift": 0.2}, ["ST110", "ST120"]),
    ],
)
def test_the_answer_comes_first(parts, said):
    made = record(**parts)
    found = [f.code for f in find(made) if f.code.startswith("ST")]
    assert found == said


def test_one_order_in_the_record_and_on_the_page():
    made = [
        Finding(code=code, severity=severity, subject=s, title="t", message="m", evidence={})
        for code in CODES
        for severity in ("note", "warning")
        for s in "ab"
    ]
    page = sorted_findings(record().model_copy(update={"findings": made[::-1]}), [])
    assert [f.severity for f in page] == ["warning"] * (len(made) // 2) + ["note"] * (len(made) // 2)
    shift = [f.code for f in page if f.severity == "warning" and f.subject == "a" and f.code.startswith("ST")]
    assert shift == ["ST102", "ST101", "ST103", "ST110", "ST120", "ST130", "ST140"]
    others = [f.code for f in page if f.severity == "warning" and not f.code.startswith("ST")]
    assert others == sorted(others)
    first = sorted_findings(record().model_copy(update={"findings": made}), ["b"])
    assert [f.subject for f in first[:2]] == ["b", "a"]
