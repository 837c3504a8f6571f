"""NT2xx from records made by hand, at the very ends of each condition; and from what measures really say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shiftscope.checks import CODES, find
from shiftscope.core.features import FeatureSet
from shiftscope.core.forecast import ArmForecast, Forecast, Paired
from shiftscope.core.records import Estimate, MeasureResult, Provenance, Ranking, RankRow, RunRecord
from shiftscope.measures import MEASURES

DOCS = Path(__file__).parents[2] / "docs" / "findings.md"


def gain(baseline="pixels", *, shown=False, low=-0.05, high=0.15, measure="ridge"):
    return Paired(
        measure=measure,
        baseline=baseline,
        gain=(low + high) / 2,
        low=low,
        high=high,
        level=0.95,
        pvalue_holm=0.025 if shown else 0.0251,
    )


def forecast(*gains, head=None, full=None, per_class=20.0, backbone="net", target="here"):
    arms = [
        ArmForecast(arm=arm, probability=p, low=p / 2, high=(1 + p) / 2)
        for arm, p in (("head", head), ("full", full))
        if p is not None
    ]
    covariates = {"level": 0.3} if arms else {}
    return Forecast(
        target=target, backbone=backbone, arms=arms, covariates=covariates, evidence=list(gains), per_class=per_class
    )


def record(forecasts=(), results=(), rankings=()):
    return RunRecord(
        kind="run", spec={}, given={}, inputs={}, backbones={}, provenance=Provenance(created="now"),
        forecasts=list(forecasts), results=list(results), rankings=list(rankings),
    )  # fmt: skip


def told(*forecasts):
    return [f for f in find(record(forecasts)) if f.code.startswith("NT")]


def codes(*forecasts):
    return sorted(f.code for f in told(*forecasts))


SHOWN, NOT = gain(shown=True), gain()
COPY_SHOWN, COPY_NOT = gain("net@random", shown=True), gain("net@random")


@pytest.mark.parametrize("gains", [(NOT, COPY_SHOWN), (SHOWN, COPY_NOT), (NOT, COPY_NOT)])
def test_likely_harm_needs_one_half_and_a_gain_that_is_not_shown(gains):
    assert "NT201" in codes(forecast(*gains, head=0.5))
    assert "NT201" in codes(forecast(*gains, full=0.5))
    assert "NT201" not in codes(forecast(*gains, head=0.4999, full=0.4999))


def test_with_both_gains_shown_no_probability_makes_harm_likely():
    assert codes(forecast(SHOWN, COPY_SHOWN, head=0.99, full=0.99)) == []


@pytest.mark.parametrize(
    ("low", "high", "likely"),
    [(0.43, 0.79, False), (0.7, 0.95, False), (0.71, 0.95, True), (None, None, False)],
)
def test_likely_is_said_only_where_the_zone_of_the_same_probability_says_so(low, high, likely):
    arm = ArmForecast(arm="full", probability=0.75, low=low, high=high)
    (found,) = (f for f in told(forecast(NOT, COPY_NOT).model_copy(update={"arms": [arm]})) if f.code == "NT201")
    assert (arm.zone == "hurts") == likely == ("will likely hurt" in found.title) == ("unclear" not in found.title)
    assert found.severity == "error"


def test_without_a_probability_harm_is_not_likely():
    arms = [ArmForecast(arm=a, probability=None, outside=["level"]) for a in ("head", "full")]
    assert codes(forecast(NOT, COPY_NOT).model_copy(update={"arms": arms})) == ["NT202"]
    assert codes(forecast(NOT, COPY_NOT)) == ["NT202"]


def test_gains_of_neighbours_neither_excuse_nor_accuse():
    near = gain(measure="knn", shown=True)
    assert codes(forecast(NOT, COPY_NOT, near, head=0.9)) == ["NT201", "NT202"]
    assert codes(forecast(SHOWN, COPY_SHOWN, gain(measure="knn", low=-0.5, high=0.5), head=0.9)) == []
    # Without the probe nothing is told.
    assert codes(forecast(gain(measure="knn"), head=0.9, per_class=2)) == []


def test_likely_harm_is_told_arm_by_arm_with_its_numbers():
    (head,) = told(forecast(gain(low=-0.031, high=0.049), COPY_SHOWN, head=0.62, full=0.3))
    assert (head.code, head.severity, head.subject) == ("NT201", "error", "net")
    assert head.title == "net: a frozen head on here is more likely to hurt than not, though that is unclear."
    assert head.message.replace("\N{NO-BREAK SPACE}", " ") == (
        "With a probability of 0.62 [0.31, 0.81] it ends below training from scratch, and the probe is not shown to do "
        "better: +0.9 points [\N{MINUS SIGN}3.1, +4.9] over pixels, Holm p = 0.025. Take another candidate, or "
        "fine-tune it."
    )
    assert head.evidence == {
        "target": "here", "arm": "head", "probability": 0.62, "level": 0.3,
        "over_pixels": pytest.approx(0.009), "over_pixels_low": -0.031, "over_pixels_high": 0.049,
        "over_random": pytest.approx(0.05), "over_random_low": -0.05, "over_random_high": 0.15,
    }  # fmt: skip


def test_fine_tuning_is_no_way_out_where_it_will_hurt_too():
    both = [f for f in told(forecast(NOT, COPY_SHOWN, head=0.9, full=0.6)) if f.code == "NT201"]
    assert [f.evidence["arm"] for f in both] == ["head", "full"]
    assert both[1].title == "net: fine-tuning on here is more likely to hurt than not, though that is unclear."
    assert all(f.message.endswith("Take another candidate, or train from scratch.") for f in both)


@pytest.mark.parametrize(
    ("gains", "fires"),
    [
        ((NOT, COPY_NOT), True),
        ((SHOWN, COPY_NOT), False),
        ((NOT, COPY_SHOWN), False),
        ((NOT,), True),
        ((SHOWN,), False),
    ],
)
def test_no_evidence_of_benefit_where_neither_gain_is_shown(gains, fires):
    found = told(forecast(*gains, head=0.1, full=0.1))
    assert [f.code for f in found] == ["NT202"] * fires
    if fires:
        assert (found[0].severity, found[0].subject) == ("warning", "net")
        assert found[0].title == "net: no evidence of benefit over cheap baselines on here."
        assert all(g.baseline in found[0].message for g in gains)


def test_few_samples_are_fewer_than_five_in_the_median_class():
    (few,) = told(forecast(SHOWN, COPY_SHOWN, per_class=4.5))
    assert (few.code, few.severity, few.subject) == ("NT203", "warning", "here")
    assert "The median class has 4.5 labelled samples, and 5 are needed" in few.message
    assert codes(forecast(SHOWN, COPY_SHOWN, per_class=5)) == []
    assert codes(forecast(SHOWN, COPY_SHOWN, per_class=None)) == []


def test_few_samples_are_told_once_for_a_target_and_not_again_as_width():
    wide = gain(low=-0.5, high=0.5, shown=True)
    many = [forecast(wide, COPY_SHOWN, per_class=4, backbone=b, target=t) for b in "abc" for t in ("here", "there")]
    assert sorted((f.code, f.subject) for f in told(*many)) == [("NT203", "here"), ("NT203", "there")]


def test_points_have_a_real_minus_and_zero_has_no_sign():
    (found,) = [f for f in told(forecast(gain(low=-0.12, high=0.1203), head=0.9)) if f.code == "NT202"]
    assert "0.0\N{NO-BREAK SPACE}points [\N{MINUS SIGN}12.0,\N{NO-BREAK SPACE}+12.0] over pixels" in found.message


def test_an_interval_wider_than_twenty_points_says_nothing():
    narrow, wide = gain(low=-0.125, high=0.075, shown=True), gain(low=-0.125, high=0.0751, shown=True)
    assert narrow.high - narrow.low == 0.2
    assert codes(forecast(narrow, COPY_SHOWN)) == []
    (finding,) = told(forecast(COPY_SHOWN, wide))
    assert (finding.code, finding.severity, finding.subject) == ("NT203", "warning", "net")
    # Only what is wide is told.
    assert "over pixels" in finding.message
    assert "net@random" not in finding.message
    assert set(finding.evidence) == {"target", "over_pixels", "over_pixels_low", "over_pixels_high"}
    other = gain("net@random", low=-0.2, high=0.1, shown=True)
    assert codes(forecast(SHOWN, other)) == ["NT203"]


def probed(measure, features, *, backbone="net", target="here"):
    return MEASURES[measure].run(features, target=target, backbone=backbone, rng=0)


def results_of(x, logits=None):
    features = FeatureSet.of(x, np.arange(len(x)) % 2, logits=logits)
    return [probed(m, features) for m in ("ridge", *(("leep",) if logits is not None else ()))]


def broken(results, rankings=()):
    return [f for f in find(record(results=results, rankings=rankings)) if f.code == "NT204"]


RNG = np.random.default_rng(0)
ROUND = RNG.normal(size=(40, 6))
HEAD = RNG.normal(size=(40, 5))


def test_constant_features_in_the_words_of_the_probe():
    (finding,) = broken(results_of(np.ones((40, 6))))
    assert (finding.severity, finding.subject) == ("error", "net")
    assert finding.title == "net: features or head are degenerate on here."
    assert finding.message.startswith("All samples have equal features: check channel order")
    # Another measure of them does not tell it again, and another reason of the probe is another matter.
    constant = FeatureSet.of(np.ones((40, 6)), np.arange(40) % 2)
    assert len(broken([probed("ridge", constant), probed("logme", constant), probed("knn", constant)])) == 1
    assert broken([probed("ridge", FeatureSet.of(ROUND))]) == []


def test_features_along_one_direction():
    line = RNG.normal(size=(40, 1)) * np.arange(1, 7)
    (finding,) = broken(results_of(line + 1e-3 * ROUND))
    assert finding.message.startswith("The features have an effective rank of 1.0")
    assert (finding.evidence["target"], finding.evidence["dim"]) == ("here", 6)
    assert finding.evidence["effective_rank"] == pytest.approx(1.0, abs=0.01)
    assert broken(results_of(ROUND)) == []


@pytest.mark.parametrize("d", [1, 2, 3])
def test_few_features_are_not_degenerate_for_being_few(d):
    # The effective rank of two columns reaches 2 only where both weigh the same.
    assert broken(results_of(ROUND[:, :d])) == []


@pytest.mark.parametrize(("rank", "fires"), [(1.999, True), (2.0, False), (2, False), (1, True), (None, False)])
def test_an_effective_rank_below_two(rank, fires):
    details = {} if rank is None else {"effective_rank": rank}
    estimate = Estimate(value=0.5, details=details)
    result = MeasureResult(measure="ridge", kind="transfer", target="here", backbone="net", estimate=estimate)
    assert bool(broken([result])) == fires
    # Only the probe is asked.
    assert broken([result.model_copy(update={"measure": "logme"})]) == []


def test_the_probe_says_the_effective_rank_of_its_features():
    features = FeatureSet.of(ROUND, np.arange(40) % 2)
    x = features.features.astype(float)
    sigma = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    p = sigma / sigma.sum()
    details = MEASURES["ridge"](features, rng=0).details
    assert details["effective_rank"] == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-9)
    assert details["effective_rank"] == MEASURES["rankme"](features, rng=0).value


def test_a_head_that_puts_everything_into_one_class_in_the_words_of_leep():
    dead = HEAD.copy()
    dead[:, 3] = 99
    (finding,) = broken(results_of(ROUND, dead))
    assert finding.message.startswith("The source head puts all samples into one class: check")
    assert finding.evidence["measure"] == "leep"
    assert broken(results_of(ROUND, HEAD)) == []
    # A head of one output, or none at all, is a matter of the architecture.
    assert broken(results_of(ROUND, HEAD[:, :1])) == []
    assert broken([probed("leep", FeatureSet.of(ROUND, np.arange(40) % 2))]) == []


def test_baselines_may_be_as_degenerate_as_they_like():
    constant = FeatureSet.of(np.ones((40, 6)), np.arange(40) % 2)
    rows = [RankRow(backbone="net", rank=1), RankRow(backbone="net@random", baseline=True)]
    ranking = Ranking(target="here", measures=["knn"], rows=rows, n_draws=4, level=0.9)
    assert broken([probed("ridge", constant, backbone="net@random")], [ranking]) == []
    assert len(broken([probed("ridge", constant)], [ranking])) == 1
    # The same network on another target is no baseline there.
    assert len(broken([probed("ridge", constant, backbone="net@random", target="there")], [ranking])) == 1


def test_every_code_is_listed_and_explained():
    text = DOCS.read_text(encoding="utf-8")
    found = told(
        forecast(NOT, gain("net@random", low=-0.5, high=0.5), head=0.9, full=0.9),
        forecast(SHOWN, COPY_SHOWN, per_class=2, target="there"),
    ) + broken(results_of(np.ones((40, 6))))
    assert sorted({f.code for f in found}) == ["NT201", "NT202", "NT203", "NT204"]
    for finding in found:
        assert finding.code in CODES
        assert f"\n## {finding.anchor.removeprefix('findings.md#').upper()}\n" in text


def test_messages_are_one_clear_line():
    wild = forecast(NOT, gain("net@random", low=-0.5, high=0.5), head=0.9, full=0.9)
    for finding in told(wild, forecast(SHOWN, per_class=1)) + broken(results_of(np.ones((40, 6)))):
        for text in (finding.title, finding.message):
            assert text.endswith(".")
            assert "\n" not in text
            assert "  " not in text
            assert "None" not in text
            assert "nan" not in text


HEAVY = ("torch", "torchvision", "numba", "sklearn", "ot", "scipy", "matplotlib")


def test_findings_are_made_without_any_library_that_computes():
    script = f"""
import sys
from shiftscope.checks import find
from shiftscope.core import forecast, records, strategy
made = records.RunRecord.model_validate_json(sys.stdin.read())
print([f.code for f in find(made)], [m for m in {HEAVY} if m in sys.modules])
"""
    made = record([forecast(NOT, COPY_NOT, head=0.9)], results_of(np.ones((40, 6))))
    done = subprocess.run(
        [sys.executable, "-c", script], input=made.model_dump_json(), check=True, capture_output=True, text=True
    )
    assert done.stdout == "['NT201', 'NT204', 'NT202', 'DQ305'] []\n"
