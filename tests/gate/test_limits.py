"""Limits against closed forms, and everything a record may lack."""

import math

import pytest
from altered import FIRST, SOURCE, TARGET, demo, one_result, with_forecasts, without
from hypothesis import given
from hypothesis import strategies as st

from shiftscope.core.shift import ShiftDiagnosis, ShiftRow
from shiftscope.gate.limits import decide, judge_limit
from shiftscope.gate.policy import Limit
from shiftscope.gate.readings import Reading

numbers = st.floats(-1e6, 1e6)
widths = st.floats(0, 1e3)
intervals = st.builds(lambda v, down, up: Reading(v, v - down, v + up, 0.95), numbers, widths, widths)
STRICTNESS = ("point", "whole", "beyond noise")


def judged(record, baseline=None, **limit):
    return list(judge_limit(Limit(**limit), "limits.0", record, candidates="every", baseline=baseline))


def outcomes(record, baseline=None, **limit):
    return [row.outcome for row in judged(record, baseline, **limit)]


def only(record, baseline=None, **limit):
    (row,) = judged(record, baseline, **limit)
    return row


def wilson(k, n, z=1.959964):
    """Score interval of a share (Wilson 1927), from its closed form."""
    p, s = k / n, z * z / n
    half = z * math.sqrt(p * (1 - p) / n + s / (4 * n)) / (1 + s)
    centre = (p + s / 2) / (1 + s)
    return Reading(p, centre - half, centre + half, 0.95)


# Deciding.


@pytest.mark.parametrize(
    ("ends", "point", "whole", "beyond_noise"),
    [
        ((0.2, 0.8), "pass", "pass", "pass"),
        ((0.2, 1.0), "pass", "pass", "pass"),
        ((0.2, 1.1), "pass", "inconclusive", "pass"),
        ((0.9, 1.6), "fail", "inconclusive", "inconclusive"),
        ((1.0, 1.6), "fail", "inconclusive", "inconclusive"),
        ((1.01, 1.6), "fail", "fail", "fail"),
    ],
)
def test_what_lies_where_decides(ends, point, whole, beyond_noise):
    reading = Reading(sum(ends) / 2, *ends, 0.95)
    assert [decide(reading, 1.0, how) for how in STRICTNESS] == [point, whole, beyond_noise]


def test_without_an_interval_only_the_value_decides():
    assert [decide(Reading(0.5), 1.0, how) for how in STRICTNESS] == ["pass", "inconclusive", "pass"]
    assert [decide(Reading(1.5), 1.0, how) for how in STRICTNESS] == ["fail", "inconclusive", "inconclusive"]


@given(intervals, numbers, widths, st.sampled_from(STRICTNESS))
def test_looser_limits_keep_what_passed(reading, most, slack, strictness):
    if decide(reading, most, strictness) == "pass":
        assert decide(reading, most + slack, strictness) == "pass"
    if decide(reading, most + slack, strictness) == "fail":
        assert decide(reading, most, strictness) == "fail"


@given(intervals, numbers, widths, st.sampled_from(["value", "interval"]))
def test_a_looser_policy_never_turns_a_pass_into_a_fail(reading, edge, slack, on):
    record = one_result(*reading[:3])
    for key, looser in (("max", edge + slack), ("min", edge - slack)):
        (tight,) = outcomes(record, measure="m", on=on, backbone="b", **{key: edge})
        (loose,) = outcomes(record, measure="m", on=on, backbone="b", **{key: looser})
        assert (tight, loose) not in {("pass", "fail"), ("pass", "inconclusive"), ("inconclusive", "fail")}


@given(intervals, numbers, st.sampled_from(["value", "interval"]))
def test_a_lower_bound_is_an_upper_bound_of_the_mirrored_number(reading, edge, on):
    number, mirrored = one_result(*reading[:3]), one_result(*reading.negated[:3])
    by_min = outcomes(number, measure="m", on=on, backbone="b", min=edge)
    assert by_min == outcomes(mirrored, measure="m", on=on, backbone="b", max=-edge)


@pytest.mark.parametrize("bounds", [{"min": 0.5}, {"max": 0.5}, {"min": 0.5, "max": 0.5}])
def test_bounds_themselves_are_allowed(bounds):
    assert set(outcomes(one_result(0.5, 0.5, 0.5), measure="m", on="interval", backbone="b", **bounds)) == {"pass"}


# Changes.


def test_change_of_shares_has_newcombes_interval():
    # Newcombe (1998), Statistics in Medicine 17: 873-890, table II, method 10: 56/70 against 48/80.
    change = wilson(56, 70).less(wilson(48, 80))
    assert change.value == pytest.approx(0.2)
    assert (round(change.low, 4), round(change.high, 4)) == (0.0524, 0.3339)


@given(numbers, numbers, st.floats(0, 10), st.floats(0, 10))
def test_change_of_normal_estimates_has_the_usual_interval(a, b, se_a, se_b):
    z = 1.96
    change = Reading(a, a - z * se_a, a + z * se_a, 0.95).less(Reading(b, b - z * se_b, b + z * se_b, 0.95))
    half = z * math.hypot(se_a, se_b)
    assert (change.low, change.high) == pytest.approx((a - b - half, a - b + half), abs=1e-6)


def test_change_without_two_comparable_intervals_has_none():
    whole = Reading(1.0, 0.9, 1.1, 0.95)
    for other in (Reading(1.0), Reading(1.0, 0.9, 1.1, 0.9)):
        assert whole.less(other) == Reading(0.0)
        assert other.less(whole) == Reading(0.0)


@pytest.mark.parametrize(
    ("now", "half", "on", "outcome"),
    [
        (1.05, 0.01, "value", "pass"),
        (1.05, 0.2, "value", "pass"),
        (1.05, 0.2, "interval", "inconclusive"),
        (1.05, 0.01, "interval", "pass"),
        (1.15, 0.2, "value", "inconclusive"),
        (1.5, 0.01, "value", "fail"),
        (1.5, 0.01, "interval", "fail"),
        (0.2, 0.01, "interval", "pass"),
    ],
)
def test_increase_fails_beyond_noise_only(now, half, on, outcome):
    before, after = one_result(1.0, 1.0 - half, 1.0 + half), one_result(now, now - half, now + half)
    limit = {"measure": "m", "on": on, "backbone": "b"}
    assert outcomes(after, before, max_increase=0.1, **limit) == [outcome]
    mirrored = [one_result(-v, -v - half, -v + half) for v in (now, 1.0)]
    assert outcomes(*mirrored, max_decrease=0.1, **limit) == [outcome]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (None, "no baseline record was given"),
        (one_result(1.0, backbone="other"), "the baseline record has none here"),
        (one_result(1.0, options={"n": 2}), "the baseline record measured it with other options"),
        (
            one_result(1.0).model_copy(
                update={
                    "results": [
                        one_result(1.0)
                        .results[0]
                        .model_copy(update={"status": "failed", "reason": "too few", "estimate": None})
                    ]
                }
            ),
            "in the baseline record, it failed: too few",
        ),
    ],
)
def test_without_something_to_compare_with_a_change_cannot_be_decided(before, said):
    row = only(one_result(1.0), before, measure="m", backbone="b", max_increase=1)
    assert (row.outcome, row.found) == ("inconclusive", "no baseline")
    assert said in row.because


def test_change_is_told_with_both_values():
    row = only(one_result(1.5, 1.4, 1.6), one_result(1.0, 0.9, 1.1), measure="m", backbone="b", max_increase=0.1)
    assert row.because == (
        "b on t: m went from 1 to 1.5, a change of +0.5 with 95 % interval [0.3586, 0.6414], more than an increase of "
        "0.1, beyond noise."
    )
    assert (row.asks, row.found) == ("increase of m at most 0.1", "+0.5 [0.3586, 0.6414]")


# What is held against the bounds.


def test_effect_and_adjusted_pvalue_come_from_the_diagnosis():
    row = next(r for d in demo().diagnoses if d.backbone == FIRST for r in d.rows if r.measure == "mmd")
    limit = {"measure": "mmd", "candidates": "first"}
    effect = only(demo(), on="effect", max=row.effect, **limit)
    assert (effect.outcome, effect.value, effect.asks) == ("pass", row.effect, "the effect of mmd at most 0.04507")
    tight = only(demo(), on="effect", max=math.nextafter(row.effect, 0), **limit)
    assert tight.outcome == "fail"
    # A number is never shown as equal to the limit that it misses.
    assert tight.found.split()[0] != tight.asks.split()[-1]
    for on in ("pvalue", "pvalue_holm"):
        assert only(demo(), on=on, min=0.05, **limit).outcome == "fail"
        # 999 permutations give no smaller p: such a limit could never fail.
        assert only(demo(), on=on, min=0.001, **limit).outcome == "inconclusive"


def test_pvalue_by_max_t_is_judged_where_there_is_one():
    diagnoses = [
        d.model_copy(
            update={"rows": [r.model_copy(update={"pvalue_max_t": 0.03}) for r in d.rows if r.measure == "mmd"]}
        )
        for d in demo().diagnoses
    ]
    limit = {"measure": "mmd", "candidates": "first", "on": "pvalue_max_t"}
    record = demo().model_copy(update={"diagnoses": diagnoses})
    assert [only(record, min=least, **limit).outcome for least in (0.02, 0.05)] == ["pass", "fail"]
    without = only(demo(), min=0.02, **limit)
    assert without.outcome == "inconclusive"
    assert "no other test of the pair exchanges the same samples" in without.because


def test_adjusted_pvalue_is_not_the_plain_one():
    diagnoses = [
        d.model_copy(update={"rows": [r.model_copy(update={"pvalue_holm": 0.2}) for r in d.rows]})
        for d in demo().diagnoses
    ]
    record = demo().model_copy(update={"diagnoses": diagnoses})
    limit = {"measure": "mmd", "candidates": "first", "min": 0.05}
    assert [only(record, on=on, **limit).outcome for on in ("pvalue", "pvalue_holm")] == ["fail", "pass"]


@pytest.mark.parametrize(
    ("on", "smallest", "n_tests", "outcome"),
    [
        ("pvalue", 0.02, 1, "pass"),
        ("pvalue", 0.02, 4, "pass"),
        ("pvalue", 0.05, 1, "inconclusive"),
        ("pvalue", 0.1, 1, "inconclusive"),
        ("pvalue_holm", 0.02, 2, "pass"),
        ("pvalue_holm", 0.02, 3, "inconclusive"),
        ("pvalue_holm", 0.001, 4, "pass"),
    ],
)
def test_test_that_could_not_have_rejected_decides_nothing(on, smallest, n_tests, outcome):
    found = one_result(0.1, pvalue=0.4, kind="shift", source="s", measure="m")
    (result,) = found.results
    estimate = result.estimate.model_copy(update={"details": {"smallest_pvalue": smallest}})
    rows = [ShiftRow(measure=f"m{i or ''}", value=0.1, pvalue=0.4, pvalue_holm=0.9) for i in range(n_tests)]
    rows.append(ShiftRow(measure="without a test", value=0.1))
    diagnosis = ShiftDiagnosis(target="t", source="s", backbone="b", n_source=9, n_target=9, rows=rows)
    record = found.model_copy(
        update={"results": [result.model_copy(update={"estimate": estimate})], "diagnoses": [diagnosis]}
    )
    row = only(record, measure="m", on=on, min=0.05)
    assert row.outcome == outcome
    least = smallest * (n_tests if on == "pvalue_holm" else 1)
    assert (f"it cannot be below {least:g}" in row.because) == (outcome == "inconclusive")
    # What has rejected is decided, however near the edge.
    assert only(record, measure="m", on=on, min=0.95).outcome == "fail"


def test_change_of_an_effect_is_held_against_its_standard_error():
    record = demo()
    row = next(r for d in record.diagnoses if d.backbone == FIRST for r in d.rows if r.measure == "mmd")

    def moved(by):
        rows = [r.model_copy(update={"effect": row.effect + by}) if r == row else r for r in record.diagnoses[3].rows]
        diagnoses = [d.model_copy(update={"rows": rows}) if d.backbone == FIRST else d for d in record.diagnoses]
        return record.model_copy(update={"diagnoses": diagnoses})

    assert record.diagnoses[3].backbone == FIRST
    half = 1.96 * row.effect_se * math.sqrt(2)
    limit = {"measure": "mmd", "on": "effect", "candidates": "first", "max_increase": 0}
    assert outcomes(moved(0.9 * half), record, **limit) == ["inconclusive"]
    assert outcomes(moved(1.1 * half), record, **limit) == ["fail"]


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"measure": "ridge", "on": "effect", "min": 0, "candidates": "first"}, "has no shift diagnosis of it"),
        ({"measure": "ridge", "on": "pvalue", "min": 0, "candidates": "first"}, "it has no p-value"),
        ({"measure": "proxy_a", "on": "pvalue_holm", "min": 0, "candidates": "first"}, "no Holm-adjusted p-value"),
        ({"measure": "leep", "min": -9, "backbone": "pixels"}, "it is not applicable: the backbone has no source head"),
    ],
)
def test_quantity_that_is_not_there_cannot_be_decided(limit, said):
    row = only(demo(), **limit)
    assert (row.outcome, row.found, row.value) == ("inconclusive", "no number", None)
    assert said in row.because


def test_interval_that_is_not_there_cannot_be_decided():
    row = only(one_result(0.5), measure="m", on="interval", max=1, backbone="b")
    assert row.outcome == "inconclusive"
    assert "without an interval nothing shows whether that is above 1" in row.because


# Selecting.


def test_every_candidate_is_judged_and_no_baseline():
    rows = judged(demo(), measure="ridge", min=0.5)
    ranked = [row.backbone for row in demo().rankings[0].rows if not row.baseline]
    assert [row.subject for row in rows] == [f"{name} on {TARGET}" for name in ranked]


def test_first_candidate_alone():
    row = only(demo(), measure="proxy_a", max=2, candidates="first")
    assert row.subject == f"{FIRST} on {TARGET} from {SOURCE}"


@pytest.mark.parametrize(
    ("names", "n"),
    [("pixels", 1), ("printed_*", 5), (["shapes", "s*"], 2), (["shapes", "gratings"], 2), ("*", 11)],
)
def test_backbones_by_name_and_pattern(names, n):
    assert len(outcomes(demo(), measure="ridge", min=0, backbone=names)) == n


@pytest.mark.parametrize(
    ("where", "missing"),
    [
        ({"backbone": "nope"}, "nope"),
        ({"backbone": ["shapes", "nope*"]}, "nope*"),
        ({"target": "elsewhere"}, "on elsewhere"),
        ({"backbone": "shapes", "target": [TARGET, "elsewhere"]}, "shapes on elsewhere"),
        ({"backbone": "shapes", "source": "elsewhere"}, "shapes from elsewhere"),
        ({"candidates": "first", "target": "elsewhere"}, "on elsewhere"),
    ],
)
def test_what_is_asked_for_and_not_there_cannot_be_decided(where, missing):
    rows = judged(demo(), measure="proxy_a", max=9, **where)
    (row,) = (row for row in rows if row.outcome != "pass")
    assert (row.outcome, row.found, row.subject) == ("inconclusive", "missing", missing)
    assert row.because == f"The record does not give proxy_a of {missing}."


def test_candidate_without_a_result_cannot_be_decided():
    record = without(demo(), measure="proxy_a", backbone="gratings")
    found = outcomes(record, measure="proxy_a", max=9)
    assert sorted(found) == ["inconclusive", *["pass"] * 7]


def test_first_candidate_without_a_result_cannot_be_decided():
    record = without(demo(), measure="proxy_a", backbone=FIRST)
    assert outcomes(record, measure="proxy_a", max=9, candidates="first") == ["inconclusive"]


@pytest.mark.parametrize("candidates", ["first", "every"])
def test_without_a_ranking_every_candidate_is_judged(candidates):
    record = demo().model_copy(update={"rankings": []})
    # Pixels and random copies are no candidates even so.
    assert outcomes(record, measure="proxy_a", max=9, candidates=candidates) == ["pass"] * 8


def test_ranking_without_a_first_candidate_cannot_be_decided():
    (ranking,) = demo().rankings
    rows = [row.model_copy(update={"rank": None}) for row in ranking.rows]
    record = demo().model_copy(update={"rankings": [ranking.model_copy(update={"rows": rows})]})
    row = only(record, measure="proxy_a", max=9, candidates="first")
    assert (row.outcome, row.subject) == ("inconclusive", f"a candidate that is ranked first on {TARGET}")


def test_candidates_that_share_the_first_rank_are_all_judged():
    (ranking,) = demo().rankings
    rows = [row.model_copy(update={"rank": 1}) if row.rank == 2 else row for row in ranking.rows]
    record = demo().model_copy(update={"rankings": [ranking.model_copy(update={"rows": rows})]})
    assert len(outcomes(record, measure="proxy_a", max=9, candidates="first")) == 2


def test_limit_says_itself_which_candidates_it_is_about():
    for own, n in ((None, 1), ("first", 1), ("every", 8)):
        limit = Limit(measure="ridge", min=0, candidates=own)
        assert len(list(judge_limit(limit, "limits.0", demo(), candidates="first"))) == n


def test_unknown_measure_cannot_be_decided_and_names_the_nearest():
    row = only(demo(), measure="proxya", max=9)
    assert (row.outcome, row.subject) == ("inconclusive", "the record")
    assert row.because == "The record does not give proxya. Did you mean 'proxy_a'?"


def test_names_that_look_like_patterns_are_names():
    record = one_result(0.5, backbone="net[v2]*")
    assert outcomes(record, measure="m", max=1, backbone="net[v2]*") == ["pass"]
    named = demo().model_copy(
        update={
            "results": [r.model_copy(update={"backbone": "[a]"}) for r in demo().results if r.backbone == "shapes"],
            "rankings": [],
            "backbones": {"[a]": demo().backbones["shapes"]},
        }
    )
    assert outcomes(named, measure="ridge", max=1) == ["pass"]


def test_candidate_whose_name_is_a_pattern_stands_for_itself_alone():
    (ranking,) = demo().rankings
    rows = [row.model_copy(update={"backbone": "s*"}) if row.backbone == "gratings" else row for row in ranking.rows]
    record = demo().model_copy(update={"rankings": [ranking.model_copy(update={"rows": rows})]})
    # "shapes" has a result and would fit "s*", which has none.
    found = judged(record, measure="ridge", max=1)
    assert [row.subject for row in found if row.outcome == "inconclusive"] == [f"s* on {TARGET}"]


def test_two_bounds_are_two_checks():
    rows = judged(one_result(0.5), measure="m", min=0.6, max=0.9, backbone="b")
    assert [(row.asks, row.outcome) for row in rows] == [("m at least 0.6", "fail"), ("m at most 0.9", "pass")]


# Forecasts.

CHANCES = {
    FIRST: {"probability": 0.1, "low": 0.05, "high": 0.3},
    "shapes": {"probability": 0.6, "low": 0.4, "high": 0.8},
    "gratings": {"probability": None, "outside": ["ln_per_class"]},
    "photo_turns": None,
}


@pytest.mark.parametrize(
    ("backbone", "on", "outcome"),
    [
        (FIRST, "value", "pass"),
        (FIRST, "interval", "inconclusive"),
        ("shapes", "value", "fail"),
        ("shapes", "interval", "fail"),
        ("gratings", "value", "inconclusive"),
        ("photo_turns", "value", "inconclusive"),
    ],
)
def test_probability_of_harm_is_limited(backbone, on, outcome):
    record = with_forecasts(demo(), CHANCES)
    assert outcomes(record, forecast="full", on=on, max=0.2, backbone=backbone) == [outcome]


def test_forecasts_say_why_there_is_no_probability():
    record = with_forecasts(demo(), CHANCES)
    said = [only(record, forecast="full", max=0.2, backbone=name).because for name in ("gratings", "photo_turns")]
    assert "the forecast abstains: ln_per_class lies outside what it was calibrated on" in said[0]
    assert "there is no forecast of this arm" in said[1]


def test_every_candidate_needs_a_forecast():
    record = with_forecasts(demo(), {FIRST: CHANCES[FIRST]})
    assert outcomes(record, forecast="full", max=0.2, candidates="first") == ["pass"]
    assert outcomes(record, forecast="full", max=0.2).count("inconclusive") == 7


def test_record_without_forecasts_cannot_be_decided():
    record = with_forecasts(demo(), {})
    row = only(record, forecast="head", max=0.2)
    assert row.because == "The record does not give the probability that a frozen head hurts."


def test_numbers_of_a_failed_measure_are_not_read():
    record = demo()
    results = [
        r.model_copy(update={"status": "failed", "reason": "it broke", "estimate": None})
        if (r.measure, r.backbone) == ("ridge", FIRST)
        else r
        for r in record.results
    ]
    row = only(record.model_copy(update={"results": results}), measure="ridge", min=0, candidates="first")
    assert row.outcome == "inconclusive"
    assert row.because == f"{FIRST} on {TARGET}: ridge cannot be judged: it failed: it broke."


def test_estimates_keep_every_digit_that_tells_them_from_the_limit():
    row = only(one_result(1.2000001), measure="m", max=1.2, backbone="b")
    assert (row.outcome, row.found) == ("fail", "1.2000001")
    assert row.value == 1.2000001
