"""From measured features to forecasts of all candidates and advice for the first of them."""

import numpy as np
import pytest

from shiftscope.analysis.advice import tell
from shiftscope.analysis.cards import input_card
from shiftscope.analysis.rank import measure_candidates, rank_candidates
from shiftscope.analysis.strategy import learning_curve
from shiftscope.core.features import FeatureSet
from shiftscope.core.records import BackboneCost, Estimate, MeasureResult, ShiftDiagnosis

BASELINES = {"pixels", "good@r", "poor@r"}
COPIES = {"good": "good@r", "poor": "poor@r"}
APART = {"good": 3.0, "poor": 1.0, "pixels": 1.2, "good@r": 0.5, "poor@r": 0.5}


def features(apart, *, n=120, labels=None, seed=0):
    rng, y = np.random.default_rng(seed), np.arange(n) % 3
    x = rng.normal(size=(n, 8)) + apart * np.eye(8)[y]
    return FeatureSet.of(x, y if labels is None else labels, name="here", keys=[b"%06d" % i for i in range(n)])


def run(names=tuple(APART), *, measures=("ridge", "knn", "logme"), options=None, labels=None, n=120, **how):
    sets = {b: features(APART[b], seed=i, n=n, labels=labels) for i, b in enumerate(APART) if b in names}
    results = measure_candidates(sets, target="here", measures=measures, options=options)
    ranking = rank_candidates(results, target="here", baselines=BASELINES & set(names), random_copies=COPIES)
    card = input_card(sets, role="target", uri="memory")
    costs = {"good": BackboneCost(parameters=1_000_000)}
    extra = how.pop("results", [])
    told = tell(results + extra, [ranking], features={"here": sets}, inputs={"here": card}, costs=costs, seed=0, **how)
    return told, sets, {(r.backbone, r.measure): r.estimate for r in results}


def test_every_candidate_is_forecast_and_the_first_one_advised_on():
    told, sets, estimates = run()
    assert [f.backbone for f in told.forecasts] == ["good", "poor"]
    assert all([arm.arm for arm in f.arms] == ["head", "full"] for f in told.forecasts)
    assert told.forecasts[0].per_class == 40
    (advice,) = told.strategies
    assert (advice.target, advice.backbone, advice.rates) == ("here", "good", (3e-3, 3e-2))
    whole = estimates["good", "ridge"].value
    assert [p.accuracy for p in advice.curve] == [*(p.accuracy for p in learning_curve(sets["good"], seed=0)), whole]
    assert [p.n for p in advice.curve] == [30, 60, 120]


def test_the_curve_ends_in_an_accuracy_whatever_was_asked_of_the_probe():
    y = np.repeat(["a", "b", "c"], [80, 24, 16])
    told, _, estimates = run(options={"ridge": {"balanced": True}}, labels=y)
    probe = estimates["good", "ridge"]
    assert probe.value != probe.details["accuracy"]
    assert told.strategies[0].curve[-1].accuracy == probe.details["accuracy"]


def test_without_random_copies_there_is_evidence_and_advice_but_no_probability():
    told, _, _ = run(("good", "poor", "pixels"))
    assert [f.arms for f in told.forecasts] == [[], []]
    assert [{e.baseline for e in f.evidence} for f in told.forecasts] == [{"pixels"}] * 2
    assert [s.backbone for s in told.strategies] == ["good"]


@pytest.mark.parametrize(
    "how",
    [
        {"names": ("good", "poor")},
        {"measures": ("logme",)},
        {"labels": np.eye(3)[np.arange(120) % 3] + np.eye(3)[np.arange(120) // 40] > 0.5},
        {"labels": np.random.default_rng(0).normal(size=120)},
    ],
    ids=["no baseline", "no accuracy", "several labels", "real"],
)
def test_nothing_is_told_where_nothing_can_be_compared(how):
    told, _, _ = run(**how)
    assert (told.forecasts, told.strategies) == ([], [])


def test_without_the_probe_there_is_evidence_and_no_advice():
    told, _, _ = run(measures=("knn",))
    assert [f.backbone for f in told.forecasts] == ["good", "poor"]
    assert {e.measure for f in told.forecasts for e in f.evidence} == {"knn"}
    assert told.strategies == []


def test_a_target_without_ranked_candidates_gets_no_advice():
    results = measure_candidates({"pixels": features(1.0)}, target="here", measures=("ridge", "knn"))
    ranking = rank_candidates(results, target="here", baselines={"pixels"})
    card = input_card({"pixels": features(1.0)}, role="target", uri="memory")
    told = tell(results, [ranking], features={"here": {}}, inputs={"here": card}, costs={})
    assert (told.forecasts, told.strategies) == ([], [])
    assert tell([], [], features={}, inputs={}, costs={}).strategies == []


def test_shift_from_a_source_is_read_for_the_first_candidate_only():
    def shift(backbone, low):
        return MeasureResult(
            measure="alignability",
            kind="shift",
            target="here",
            source="photo",
            backbone=backbone,
            estimate=Estimate(value=0.5, low=low, high=0.9, level=0.95),
        )

    def diagnosis(backbone):
        return ShiftDiagnosis(source="photo", target="here", backbone=backbone, n_source=9, n_target=9, rows=[])

    told, _, _ = run(results=[shift("good", 0.2)], diagnoses=[diagnosis("poor"), diagnosis("good")])
    assert [r.rule for r in told.strategies[0].reasons][-2:] == ["align-first", "weigh-sources"]
    told, _, _ = run(results=[shift("poor", 0.2)], diagnoses=[diagnosis("poor")])
    assert {r.rule for r in told.strategies[0].reasons}.isdisjoint({"align-first", "weigh-sources"})
