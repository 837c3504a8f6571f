"""The verdict: the worst that counts, its exit code, and what it raises."""

import json
from datetime import date

import jsonschema
import pytest
from altered import demo, with_findings

from shiftscope.core.verdict import Verdict, dump_verdict
from shiftscope.errors import ExitCode, GateError, InconclusiveError
from shiftscope.gate.judge import judge
from shiftscope.gate.policy import parse_policy

GOOD = {"measure": "ridge", "min": 0.8, "candidates": "first"}
BAD = {"measure": "ridge", "min": 0.9, "candidates": "first"}
UNCLEAR = {"measure": "ridge", "min": 0.85, "on": "interval", "candidates": "first"}
DAY = date(2026, 11, 21)


def verdict(*limits, **policy):
    given = {"profile": "explore", "warn_on": [], "limits": list(limits), "inconclusive": "fail", **policy}
    return judge(demo(), parse_policy(given, at="policy"), policy_from="gate.toml", run="run.json", today=DAY)


@pytest.mark.parametrize(
    ("limits", "unclear", "outcome", "code"),
    [
        ([], "fail", "pass", ExitCode.OK),
        ([GOOD], "fail", "pass", ExitCode.OK),
        ([GOOD, UNCLEAR], "fail", "inconclusive", ExitCode.INCONCLUSIVE),
        ([GOOD, UNCLEAR], "warn", "pass", ExitCode.OK),
        ([GOOD, UNCLEAR], "pass", "pass", ExitCode.OK),
        ([BAD], "pass", "fail", ExitCode.GATE_FAILED),
        ([BAD, UNCLEAR, GOOD], "fail", "fail", ExitCode.GATE_FAILED),
    ],
)
def test_the_worst_that_counts_decides(limits, unclear, outcome, code):
    found = verdict(*limits, inconclusive=unclear)
    assert (found.outcome, found.exit_code) == (outcome, code)


def test_order_is_that_of_the_policy_and_the_worst_can_come_first():
    found = verdict(GOOD, UNCLEAR, BAD, min_samples=1)
    assert [row.rule for row in found.judged] == ["limits.0", "limits.1", "limits.2", "min_samples", "min_samples"]
    assert [row.outcome for row in found.worst_first] == ["fail", "inconclusive", "pass", "pass", "pass"]


@pytest.mark.parametrize(
    ("limits", "policy", "said"),
    [
        ([], {}, "Gate passed: nothing was asked."),
        ([GOOD], {}, "Gate passed: none of 1 check failed."),
        ([GOOD, UNCLEAR], {"inconclusive": "warn"}, "Gate passed: none of 2 checks failed, 1 cannot be decided."),
        ([GOOD, UNCLEAR], {}, "Gate inconclusive: 1 of 2 checks cannot be decided."),
        (
            [BAD, UNCLEAR],
            {"warn_on": ["ST1"]},
            "Gate failed: 1 of 3 checks failed, 1 cannot be decided, 1 with a warning.",
        ),
    ],
)
def test_headline_counts(limits, policy, said):
    assert verdict(*limits, **policy).headline == said


def test_raising_names_the_reasons():
    verdict(GOOD).raise_for_status()
    with pytest.raises(GateError, match=r"ridge is 0\.8625 .* below 0\.9\.$") as failed:
        verdict(BAD, UNCLEAR).raise_for_status()
    assert failed.value.exit_code == ExitCode.GATE_FAILED
    assert "both sides" not in str(failed.value)
    with pytest.raises(InconclusiveError, match=r"both sides of 0\.85") as unclear:
        verdict(UNCLEAR).raise_for_status()
    assert unclear.value.exit_code == ExitCode.INCONCLUSIVE


def test_many_reasons_are_counted():
    findings = with_findings(demo(), *[f"DQ30{i}" for i in range(1, 7)])
    found = judge(findings, parse_policy({"profile": "strict"}, at="policy"), today=DAY)
    with pytest.raises(GateError, match=r"DQ303 happened\. And 1 more\.$"):
        found.raise_for_status()


def test_json_comes_back_and_keeps_to_its_schema():
    found = verdict(GOOD, BAD, UNCLEAR, ignore=[{"code": "ST101", "reason": "known", "until": "2027-01-01"}])
    text = dump_verdict(found)
    assert Verdict.model_validate_json(text) == found
    assert text == dump_verdict(verdict(GOOD, BAD, UNCLEAR, ignore=found.policy["ignore"]))
    jsonschema.validate(json.loads(text), Verdict.model_json_schema(mode="validation"))
    assert json.loads(text)["policy"]["ignore"] == [{"code": "ST101", "reason": "known", "until": "2027-01-01"}]
