"""Findings by code: the longest code decides, and an ignore that has ended ignores nothing."""

from datetime import date, timedelta

import pytest
from altered import FIRST, HOSTILE, SOURCE, TARGET, demo, with_findings, with_forecasts

from shiftscope.core.forecast import ArmForecast, Forecast, Paired
from shiftscope.core.records import Finding
from shiftscope.gate.codes import judge_findings
from shiftscope.gate.policy import parse_policy

TODAY = date(2026, 11, 21)


def judged(record, **policy):
    given = {"profile": "explore", "warn_on": [], **policy}
    return list(judge_findings(record, parse_policy(given, at="policy"), TODAY))


def outcomes(record, **policy):
    return {row.found: row.outcome for row in judged(record, **policy)}


def ignore(code, days):
    return {"code": code, "reason": "ticket 12", "until": TODAY + timedelta(days=days)}


FOUND = with_findings(demo(), "ST101", "DQ301", "DQ303", "PW401")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"fail_on": ["DQ3"]}, {"DQ301": "fail", "DQ303": "fail"}),
        ({"fail_on": ["DQ"]}, {"DQ301": "fail", "DQ303": "fail"}),
        ({"fail_on": ["DQ30"]}, {"DQ301": "fail", "DQ303": "fail"}),
        ({"fail_on": ["DQ3"], "warn_on": ["DQ301"]}, {"DQ301": "warn", "DQ303": "fail"}),
        ({"fail_on": ["DQ301"], "warn_on": ["DQ3"]}, {"DQ301": "fail", "DQ303": "warn"}),
        ({"fail_on": ["DQ3"], "warn_on": ["DQ3"]}, {"DQ301": "fail", "DQ303": "fail"}),
        ({"fail_on": ["DQ3"], "ignore": [ignore("DQ3", 1)]}, {"DQ301": "ignored", "DQ303": "ignored"}),
        ({"fail_on": ["DQ303"], "ignore": [ignore("DQ3", 1)]}, {"DQ301": "ignored", "DQ303": "fail"}),
        ({"fail_on": ["DQ3"], "ignore": [ignore("DQ301", 1)]}, {"DQ301": "ignored", "DQ303": "fail"}),
        ({"warn_on": ["PW", "ST1"]}, {"PW401": "warn", "ST101": "warn"}),
        ({}, {}),
    ],
)
def test_longest_code_decides(policy, expected):
    assert outcomes(FOUND, **policy) == expected


@pytest.mark.parametrize(
    ("codes", "asked", "outcome"),
    [
        ((), "ST1", "pass"),
        (("PW403",), "ST1", "inconclusive"),
        (("PW403",), "ST101", "inconclusive"),
        (("PW402",), "ST1", "pass"),
        (("PW403",), "DQ301", "pass"),
        (("PW403", "ST110"), "ST1", "fail"),
    ],
)
def test_no_shift_is_no_pass_where_the_tests_could_not_have_rejected(codes, asked, outcome):
    (row,) = judged(with_findings(demo(), *codes), fail_on=[asked])
    assert row.outcome == outcome
    assert ("PW403, PW403 happened" in row.because) == (outcome == "inconclusive")


def test_ignore_holds_to_the_end_of_its_last_day():
    for days, outcome in ((0, "ignored"), (-1, "fail")):
        found = outcomes(FOUND, fail_on=["DQ303"], ignore=[ignore("DQ303", days)])
        assert found["DQ303"] == outcome


def test_ignore_that_has_ended_says_so():
    *_, last = judged(FOUND, fail_on=["DQ3"], ignore=[ignore("DQ3", -1)])
    assert (last.rule, last.outcome) == ("ignore.0", "warn")
    assert last.because == (
        "The ignore of DQ3 (ticket 12) ended on 2026-11-20 and no longer holds; it would have covered 2 findings. "
        "Remove it, or renew it with a reason."
    )


def test_what_is_ignored_is_told_with_reason_and_day():
    (row,) = judged(with_findings(demo(), "DQ303"), fail_on=["DQ303"], ignore=[ignore("DQ303", 3)])
    assert row.because == "DQ303: DQ303 happened. Ignored until 2026-11-24 (ticket 12)."


def test_code_that_is_not_found_passes():
    (row,) = judged(demo(), fail_on=["DQ303"])
    assert (row.outcome, row.rule, row.because) == ("pass", "fail_on DQ303", "There is no DQ303.")


@pytest.mark.parametrize(
    ("code", "record", "why"),
    [
        ("NT2", with_forecasts(demo(), {}), "the record has no forecast"),
        ("NT201", with_forecasts(demo(), {}), "the record has no forecast"),
        ("ST1", demo().model_copy(update={"diagnoses": [], "findings": []}), "compares the target with no source"),
    ],
)
def test_code_that_could_not_be_found_does_not_pass(code, record, why):
    (row,) = judged(record, fail_on=[code])
    assert row.outcome == "inconclusive"
    assert why in row.because
    # The same code asked for by a profile is no question of this record.
    policy = parse_policy({"profile": "strict"}, at="policy")
    assert not [r for r in judge_findings(record, policy, TODAY) if r.rule == f"fail_on {code[:3]}"]


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        ("ST102", "coverage with a p-value and a noise floor"),
        ("ST103", "coverage with a p-value and a noise floor"),
        ("ST10", ""),
        ("ST110", "label_shift with a p-value"),
        ("ST11", "label_shift with a p-value"),
        ("ST120", "concept with an interval"),
        ("ST130", ""),
        ("ST140", "comparison of single samples"),
        ("ST1", ""),
    ],
)
def test_code_whose_measure_was_not_run_does_not_pass(code, lacking):
    # The record has mmd, which ST101 and ST130 rest on, and no other measure that raises findings.
    (row,) = judged(with_findings(demo()), fail_on=[code])
    if lacking:
        assert (row.outcome, row.found) == ("inconclusive", "undecided")
        assert row.because == f"No finding {code} could be made: {TARGET} from {SOURCE} has no {lacking}."
    else:
        assert row.outcome == "pass"


def test_beginning_of_codes_names_those_that_were_not_looked_for():
    (row,) = judged(with_findings(demo()), fail_on=["ST1"])
    assert row.because == "There is no ST1. The record could not have raised ST102, ST103, ST110, ST120, ST140."


def without_rows(drop, among):
    """The demo without a row of its diagnoses: ``drop`` of those under the backbones ``among``."""
    changed = [
        d.model_copy(update={"rows": [drop(row) for row in d.rows]}) if d.backbone in among else d
        for d in demo().diagnoses
    ]
    return with_findings(demo()).model_copy(update={"diagnoses": changed})


@pytest.mark.parametrize("change", [{"pvalue": None, "pvalue_holm": None}, {"floor": None}, {"measure": "other"}])
def test_inputs_moved_rests_on_a_test_and_a_floor_under_one_backbone(change):
    def drop(row):
        return row.model_copy(update=change) if row.measure == "mmd" else row

    every = [d.backbone for d in demo().diagnoses]
    assert outcomes(without_rows(drop, every[1:]), fail_on=["ST101"]) == {"none": "pass"}
    assert outcomes(without_rows(drop, every), fail_on=["ST101"]) == {"undecided": "inconclusive"}


def foretold(head, full, *gains, backbone=FIRST):
    """The demo with one forecast; ``gains`` says whether those over pixels and over the random copy are shown."""
    evidence = [
        Paired(measure="ridge", baseline=b, gain=0, low=0, high=0, level=0.95, pvalue_holm=0.01 if shown else 0.5)
        for b, shown in zip(("pixels", "copy@random"), gains, strict=False)
    ]
    arms = [ArmForecast(arm="head", probability=head), ArmForecast(arm="full", probability=full)]
    made = Forecast(target=TARGET, backbone=backbone, arms=arms, evidence=evidence)
    return with_findings(demo()).model_copy(update={"forecasts": [made]})


ABSTAINS = f"No finding NT201 could be made: the forecast of {FIRST} on {TARGET} abstains."


@pytest.mark.parametrize(
    ("record", "because"),
    [
        (foretold(None, None, False, False), ABSTAINS),
        (foretold(0.2, None, False, True), ABSTAINS),
        (foretold(None, None, True), ABSTAINS),
        (foretold(0.2, 0.2, False, False), ""),
        # Whatever the probability, with both gains shown there is no such finding.
        (foretold(None, None, True, True), ""),
    ],
)
@pytest.mark.parametrize("policy", [{"fail_on": ["NT201"]}, {"fail_on": ["NT2"]}, {"profile": "default"}])
def test_forecast_that_abstains_does_not_pass(record, because, policy):
    row = next(r for r in judged(record, candidates="first", **policy) if "NT2" in r.rule)
    assert (row.outcome, row.because) == (
        ("inconclusive", because) if because else ("pass", f"There is no {row.rule.removeprefix('fail_on ')}.")
    )


def test_forecasts_of_all_that_is_judged_are_needed():
    record = foretold(0.2, 0.2, False, False)
    assert outcomes(record, fail_on=["NT201"], candidates="first") == {"none": "pass"}
    (row,) = judged(record, fail_on=["NT201"], candidates="every")
    assert (row.outcome, row.because.startswith("No finding NT201 could be made: ")) == ("inconclusive", True)
    assert row.because.endswith(f" on {TARGET} has no forecast.")
    # What is said about others says nothing of the one that is judged.
    other = foretold(None, None, False, False, backbone="shapes")
    assert outcomes(other, fail_on=["NT202"], candidates="first") == {"undecided": "inconclusive"}


def test_ranking_without_a_random_copy_is_judged_by_the_gains_it_has():
    record = foretold(0.2, 0.2, True)
    (forecast,) = record.forecasts
    record = record.model_copy(update={"forecasts": [forecast.model_copy(update={"arms": []})]})
    assert outcomes(record, fail_on=["NT201"], candidates="first") == {"undecided": "inconclusive"}
    (row,) = judged(record, fail_on=["NT2"], candidates="first")
    assert (row.outcome, row.because) == ("pass", "There is no NT2. The record could not have raised NT201.")


@pytest.mark.parametrize(
    ("code", "lacking"),
    [("DQ304", "diagnoses"), ("PW403", "diagnoses"), ("PW404", "diagnoses"), ("PW401", "rankings")],
)
def test_codes_about_what_the_record_is_not_about_do_not_pass(code, lacking):
    record = with_findings(demo())
    assert outcomes(record, fail_on=[code]) == {"none": "pass"}
    record = record.model_copy(update={lacking: []})
    assert outcomes(record, fail_on=[code]) == {"nothing looked for": "inconclusive"}
    (row,) = judged(record, fail_on=[code[:3]])
    assert (row.outcome, code in row.because) == ("pass", True)


def test_code_that_was_found_counts_whatever_else_the_record_has():
    record = with_findings(with_forecasts(demo(), {}), "NT204")
    assert outcomes(record, fail_on=["NT2"]) == {"NT204": "fail"}


def about(subject, target=TARGET, code="NT201"):
    return Finding(
        code=code, severity="error", title=f"{subject}.", message="", subject=subject, evidence={"target": target}
    )


@pytest.mark.parametrize(
    ("finding", "candidates", "counts"),
    [
        (about(FIRST), "first", True),
        (about("shapes"), "first", False),
        (about("shapes"), "every", True),
        (about("shapes", code="DQ303"), "first", False),
        # About data, about a baseline, about a target that was not ranked, about nothing that is known.
        (about(TARGET), "first", True),
        (about("pixels", code="DQ303"), "first", True),
        (about("shapes", "elsewhere"), "first", True),
        (about("nobody"), "first", True),
    ],
)
def test_findings_about_candidates_count_as_the_policy_says(finding, candidates, counts):
    record = foretold(0.2, 0.2, False, False).model_copy(update={"findings": [finding]})
    (row,) = judged(record, fail_on=[finding.code], candidates=candidates)
    assert row.outcome == ("fail" if counts else "pass")
    if not counts:
        assert row.because == f"There is no {finding.code} about what is judged, and 1 about other candidates."


def test_finding_about_a_target_is_not_about_a_candidate_of_the_same_name():
    (ranking,) = demo().rankings
    renamed = ranking.model_copy(update={"target": "shapes"})
    record = demo().model_copy(update={"rankings": [renamed], "findings": [about("shapes", "shapes", "NT203")]})
    assert outcomes(record, fail_on=["NT2"], candidates="first") == {"NT203": "fail"}


def test_names_in_findings_are_text():
    record = demo().model_copy(
        update={
            "findings": [f.model_copy(update={"title": n, "subject": n}) for n in HOSTILE for f in demo().findings[:1]]
        }
    )
    for row in judged(record, fail_on=["ST1"]):
        for words in (row.because, row.subject):
            assert not set(words) & {"\n", "\r", "\x1b", "\x00", "\u202e"}
