"""Limits on shift measures where a target has several sources: about all of them, or about those that are named."""

import numpy as np
import pytest

import shiftscope as ss
from shiftscope.core.records import MeasureResult
from shiftscope.gate.limits import judge_limit
from shiftscope.gate.policy import Limit

FLOOR = {"near": 0.25, "far": 3.0}


@pytest.fixture(scope="module")
def record():
    rng = np.random.default_rng(0)

    def side(name, at):
        return ss.FeatureSet.of(rng.normal(size=(40, 3)) + at, name=name)

    sources = [side(name, at) for name, at in FLOOR.items()]
    options = {"mmd": {"n_permutations": 99}}
    return ss.diagnose(sources, [side("sketch", 0)], select=["mmd", "frechet"], measures=options).record


def judged(record, **limit):
    rows = judge_limit(Limit(**limit), "limits.0", record, candidates="every")
    return {row.subject.rpartition(" from ")[2]: row for row in rows}


def outcomes(record, **limit):
    return {source: row.outcome for source, row in judged(record, **limit).items()}


def test_a_limit_is_about_every_source(record):
    assert outcomes(record, measure="mmd", max=0.2) == {"near": "pass", "far": "fail"}


def test_a_limit_is_about_the_source_that_it_names(record):
    assert outcomes(record, measure="mmd", max=0.2, source="near") == {"near": "pass"}
    assert outcomes(record, measure="mmd", max=0.2, source=["near", "f*"]) == {"near": "pass", "far": "fail"}
    assert outcomes(record, measure="mmd", max=0.2, source="sketches") == {"sketches": "inconclusive"}


def test_effect_and_adjusted_p_are_those_of_the_pair(record):
    rows = {d.source: next(row for row in d.rows if row.measure == "mmd") for d in record.diagnoses}
    for on, of in (("effect", "effect"), ("pvalue_holm", "pvalue_holm")):
        found = judged(record, measure="mmd", max=100, on=on)
        assert {s: row.value for s, row in found.items()} == {s: getattr(row, of) for s, row in rows.items()}
    assert rows["far"].pvalue_holm == pytest.approx(0.02)  # the lesser of two tests, one on either pair


def test_a_source_without_a_number_does_not_pass(record):
    results = [r for r in record.results if (r.source, r.measure) != ("near", "mmd")]
    failed = MeasureResult(
        measure="mmd",
        kind="shift",
        target="sketch",
        backbone="features",
        source="near",
        status="failed",
        reason="broken",
    )
    damaged = record.model_copy(update={"results": [*results, failed]})
    assert outcomes(damaged, measure="mmd", max=100) == {"near": "inconclusive", "far": "pass"}


def test_increases_are_held_against_the_same_source(record):
    """The record before knew one of the two: of the other no increase can be told."""
    before = record.model_copy(update={"results": [r for r in record.results if r.source == "near"]})
    rows = judge_limit(Limit(measure="mmd", max_increase=0.01), "limits.0", record, candidates="every", baseline=before)
    assert {row.subject.rpartition(" from ")[2]: row.outcome for row in rows} == {"near": "pass", "far": "inconclusive"}
