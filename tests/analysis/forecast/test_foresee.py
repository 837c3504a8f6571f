"""Forecasts against the numbers of forecast.json put together again by hand."""

import json
import math
from importlib.resources import files

import numpy as np
import pytest
from scipy.stats import norm

from shiftscope.analysis.forecast.covariates import COVARIATES
from shiftscope.analysis.forecast.foresee import calibration_of_package, foresee
from shiftscope.core.forecast import ARMS, ArmForecast, Paired
from shiftscope.core.records import Estimate, InputCard, MeasureResult, Ranking, RankRow

SHIPPED = json.loads(files("shiftscope.analysis.forecast").joinpath("forecast.json").read_text(encoding="utf-8"))
UNIT = np.array([-1.0, 0.0, 1.0])  # standard deviation 1
N, CLASSES = 400, 4


def scored(backbone, right, *, spread=0.01, measure="ridge", n=N, n_classes=CLASSES, largest=0.25, target="here"):
    """``right`` of ``n`` answered rightly; draws whose difference from draws of spread 0 has that ``spread``."""
    value = right / n
    details = {"accuracy": value, "largest_class": largest, "n": n, "n_classes": n_classes}
    estimate = Estimate(value=value, draws=value + spread * UNIT, details=details)
    return MeasureResult(measure=measure, kind="transfer", target=target, backbone=backbone, estimate=estimate)


def fixed(backbone, right, **how):
    return scored(backbone, right, spread=0.0, **how)


def ranking(*candidates, copies=True, pixels=True):
    rows = [RankRow(backbone=b, rank=i + 1, random_copy=f"{b}@r" if copies else None) for i, b in enumerate(candidates)]
    rows += [RankRow(backbone=f"{b}@r", baseline=True) for b in candidates if copies]
    rows += [RankRow(backbone="pixels", baseline=True)] if pixels else []
    return Ranking(target="here", measures=["knn"], rows=rows, n_draws=3, level=0.9)


def card(**classes):
    n = sum(classes.values())
    return InputCard(
        name="here", uri="x", role="target", n=n, n_available=n, kind="class", classes=classes, fingerprint="f"
    )


def told(results, ranked=None, per_class=None):
    made = per_class or {"a": 100, "b": 100, "c": 100, "d": 100}
    return foresee(results, ranked or ranking("net"), card(**made), calibration_of_package())


def of_one(right, copy, pixels, **how):
    return told([scored("net", right, **how), fixed("net@r", copy, **how), fixed("pixels", pixels, **how)])[0]


def by_hand(arm, x):
    """Probability and its interval, plain sums over the numbers of the file."""
    q = SHIPPED["questions"][arm]
    z = [(v - m) / s for v, m, s in zip(x, q["mean"], q["scale"], strict=True)]

    def chance(intercept, weights):
        return 1 / (1 + math.exp(-(intercept + sum(w * v for w, v in zip(weights, z, strict=True)))))

    again = sorted(chance(b[0], b[1:]) for b in q["resampled"])

    def quantile(share):
        place = share * (len(again) - 1)
        below = math.floor(place)
        return again[below] + (place - below) * (again[min(below + 1, len(again) - 1)] - again[below])

    p = chance(q["intercept"], q["weights"])
    return p, min(p, quantile(0.05)), max(p, quantile(0.95))


def odds(right, n=N):
    return math.log((right + 0.5) / (n - right + 0.5))


@pytest.mark.parametrize(
    ("right", "copy", "pixels"), [(340, 160, 250), (120, 200, 260), (380, 150, 180), (200, 200, 200)]
)
def test_probability_and_interval_are_those_of_the_file(right, copy, pixels):
    forecast = of_one(right, copy, pixels)
    x = [odds(right) - odds(copy), odds(right) - odds(pixels), (right / N - 0.25) / 0.75, math.log(N / CLASSES)]
    assert list(forecast.covariates) == list(COVARIATES) == SHIPPED["covariates"]
    assert list(forecast.covariates.values()) == pytest.approx(x, rel=1e-12)
    assert [arm.arm for arm in forecast.arms] == list(ARMS)
    for arm in forecast.arms:
        assert (arm.probability, arm.low, arm.high) == pytest.approx(by_hand(arm.arm, x), rel=1e-12)
        assert (arm.outside, arm.level) == ([], 0.9)
        q = SHIPPED["questions"][arm.arm]
        assert (arm.basis.base_rate, arm.basis.n_cells, list(arm.basis.auroc)) == (q["base_rate"], 152, q["auroc"])
    assert forecast.of("full") == forecast.arms[1]
    assert (forecast.target, forecast.backbone) == ("here", "net")


def test_a_better_candidate_is_less_likely_to_hurt_and_the_interval_holds_the_point():
    chances = []
    for right in (100, 200, 300, 380):
        arms = of_one(right, 150, 200).arms
        assert all(0 < arm.low <= arm.probability <= arm.high < 1 for arm in arms)
        chances.append([arm.probability for arm in arms])
    # What was resampled has a spread of its own.
    assert all(arm.low < arm.high - 0.01 for arm in arms)
    assert (np.diff(chances, axis=0) < 0).all()


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_quarter_beyond_the_range_there_is_no_probability(k, side):
    q = SHIPPED["questions"]["head"]
    assert q["low"] == SHIPPED["questions"]["full"]["low"]  # both were fitted to the same cells
    assert q["high"] == SHIPPED["questions"]["full"]["high"]
    slack = (q["high"][k] - q["low"][k]) / 4
    end = q[side][k] + (slack if side == "high" else -slack)
    beyond = end + (1e-6 if side == "high" else -1e-6)
    for value, outside in ((end, []), (beyond, [COVARIATES[k]])):
        x = [*q["mean"][:k], value, *q["mean"][k + 1 :]]
        forecast = of_covariates(x)
        for arm in forecast.arms:
            assert arm.outside == outside
            assert (arm.probability is None) == bool(outside)
            assert (arm.zone == "unknown") == bool(outside)


def of_covariates(x):
    """Forecast for covariates as they come: baselines and counts that give just these."""
    from unittest.mock import patch

    from shiftscope.analysis.forecast import foresee as module
    from shiftscope.analysis.forecast.covariates import Covariates

    with patch.object(module, "covariates_of", lambda *_: Covariates(*x)):
        return of_one(300, 200, 200)


def test_covariates_far_out_are_all_named_by_what_was_measured():
    # 4 000 images per class, all of them right, where pixels see next to nothing.
    n = 40_000
    how = {"n": n, "n_classes": 10, "largest": 0.1}
    forecast = told([scored("net", n, **how), fixed("net@r", 4000, **how), fixed("pixels", 4000, **how)])[0]
    assert [arm.outside for arm in forecast.arms] == [["gain_over_random", "gain_over_pixels", "ln_per_class"]] * 2
    assert [arm.probability for arm in forecast.arms] == [None, None]
    # The gains themselves stand.
    assert [e.gain for e in forecast.evidence] == pytest.approx([0.9, 0.9])


def test_gains_are_paired_differences_with_one_sided_p_values():
    mine, other = scored("net", 300, spread=0.03), scored("pixels", 280, spread=0.01)
    forecast = told([mine, other, fixed("net@r", 200)])[0]
    gain = forecast.over("pixels")
    # Both saw the same halves: spreads of .03 and .01 that move together differ by .02.
    assert (gain.gain, gain.high - gain.gain, gain.gain - gain.low) == pytest.approx(
        (0.05, 1.96 * 0.02, 1.96 * 0.02), rel=1e-3
    )
    assert gain.pvalue_holm == pytest.approx(norm.sf(0.05 / 0.02), rel=1e-9)
    assert (gain.level, gain.shown) == (0.95, True)
    worse = told([scored("net", 260, spread=0.03), other, fixed("net@r", 200)])[0].over("pixels")
    assert worse.pvalue_holm == pytest.approx(norm.sf(-0.05 / 0.02), rel=1e-9)
    assert not worse.shown


def test_p_values_are_adjusted_over_the_candidates_and_comparison_by_comparison():
    raw = {"a": 0.01, "b": 0.04, "c": 0.03}
    results = [fixed("pixels", 200)]
    for name, p in raw.items():
        mine = scored(name, 300, spread=0.1)
        value = 0.5 + 0.1 * norm.isf(p)
        estimate = mine.estimate.model_copy(update={"value": value, "draws": value + 0.1 * UNIT})
        results += [mine.model_copy(update={"estimate": estimate})]
    # Against the random copies c alone has a number, and nobody else counts.
    results += [fixed("c@r", 300)]
    found = {f.backbone: f for f in told(results, ranking("c", "a", "b"))}
    assert list(found) == ["c", "a", "b"]
    # Sorted .01, .03, .04 times 3, 2, 1, and never less than the one before.
    adjusted = {b: f.over("pixels").pvalue_holm for b, f in found.items()}
    assert adjusted == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06}, rel=1e-9)
    alone = found["c"].over("c@r")
    assert alone.pvalue_holm == pytest.approx(norm.sf(alone.gain / 0.1), rel=1e-9)
    assert found["a"].over("a@r") is None


@pytest.mark.parametrize(("p", "shown"), [(0.025, True), (0.0251, False)])
def test_a_gain_is_shown_at_the_level_itself(p, shown):
    made = Paired(measure="ridge", baseline="pixels", gain=0, low=0, high=0, level=0.95, pvalue_holm=p)
    assert made.shown == shown


def test_equal_draws_leave_no_doubt_and_no_p_value_of_zero():
    gains = [told([fixed("net", r), fixed("net@r", 200), fixed("pixels", 200)])[0].evidence[0] for r in (201, 200, 199)]
    assert [g.shown for g in gains] == [True, False, False]
    assert 0 < gains[0].pvalue_holm < 1e-9
    assert [g.pvalue_holm for g in gains[1:]] == [1, 1]
    assert all(g.low == g.gain == g.high for g in gains)
    (sure,) = told([scored("net", 399, spread=1e-6), fixed("pixels", 2)])[0].evidence
    assert 0 < sure.pvalue_holm < 1e-9


@pytest.mark.parametrize("lost", ["pixels", "net@r"])
def test_without_a_baseline_there_is_evidence_and_no_probability(lost):
    results = [scored("net", 300), fixed("net@r", 200), fixed("pixels", 250)]
    (forecast,) = told([r for r in results if r.backbone != lost])
    assert (forecast.arms, forecast.covariates) == ([], {})
    assert [e.baseline for e in forecast.evidence] == [{"pixels": "net@r", "net@r": "pixels"}[lost]]
    assert forecast.of("head") is None


def test_without_any_baseline_nothing_is_told():
    assert told([scored("net", 300)], ranking("net", copies=False, pixels=False)) == []
    assert told([fixed("pixels", 300), fixed("net@r", 300)]) == []


def test_neighbours_are_evidence_beside_the_probe_and_never_a_covariate():
    results = [scored("net", 300), fixed("net@r", 200), fixed("pixels", 250)]
    neighbours = [scored("net", 100, measure="knn"), fixed("pixels", 350, measure="knn")]
    (plain,), (more,) = told(results), told(results + neighbours)
    assert more.arms == plain.arms
    assert [(e.measure, e.baseline) for e in more.evidence] == [
        ("ridge", "pixels"), ("ridge", "net@r"), ("knn", "pixels")
    ]  # fmt: skip
    assert more.over("pixels", "knn").gain == pytest.approx(-250 / N)
    (alone,) = told(neighbours)
    assert (alone.arms, [e.measure for e in alone.evidence]) == ([], ["knn"])


def test_several_labels_and_real_targets_have_no_accuracy_to_forecast_from():
    results = [scored("net", 300), fixed("net@r", 200), fixed("pixels", 250)]
    bare = [
        r.model_copy(update={"estimate": r.estimate.model_copy(update={"details": {"n_labels": 3, "r2": 0.1}})})
        for r in results
    ]
    assert told(bare) == []


def test_results_of_another_target_do_not_count():
    results = [scored("net", 300), fixed("net@r", 200), fixed("pixels", 250)]
    elsewhere = [scored("net", 10, target="there"), fixed("pixels", 390, target="there")]
    assert told(elsewhere + results) == told(results)


def test_labelled_images_are_those_of_the_median_class():
    results = [scored("net", 300), fixed("net@r", 200), fixed("pixels", 250)]
    assert told(results, per_class={"a": 3, "b": 4, "c": 90})[0].per_class == 4
    assert told(results, per_class={"a": 3, "b": 4, "c": 5, "d": 90})[0].per_class == 4.5


@pytest.mark.parametrize(
    ("low", "high", "zone"),
    [(0.0, 0.19, "safe"), (0.0, 0.2, "unclear"), (0.71, 0.9, "hurts"), (0.7, 0.9, "unclear"), (0.1, 0.8, "unclear")],
)
def test_a_zone_holds_the_whole_interval(low, high, zone):
    assert ArmForecast(arm="head", probability=(low + high) / 2, low=low, high=high).zone == zone


def test_the_same_again_and_in_any_order():
    results = [scored("net", 300), fixed("net@r", 200), fixed("pixels", 250)]
    assert told(results) == told(results[::-1])
