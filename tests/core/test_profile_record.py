"""A layer profile as a record: what it says of itself, and that it is read as it was written."""

import json

import pytest
from pydantic import ValidationError

from shiftscope.core.profile import LayerGain, LayerProfile, LayerScore, LayerTap
from shiftscope.core.records import Provenance, RunRecord


def profile(best="c", gain=None, spread=0.01, noise=0.02, **more):
    taps = [
        LayerTap(name=name, depth=(i + 1) / 3, dim=4, scores={"ridge": LayerScore(value=0.5, low=0.4, high=0.6)})
        for i, name in enumerate("abc")
    ]
    return LayerProfile(
        target="t", backbone="net", measure="ridge", level=0.95, taps=taps, best=best, gain=gain, spread=spread,
        noise=noise, **more,
    )  # fmt: skip


SHOWN = LayerGain(value=0.1, low=0.02, high=0.18)
NOT_SHOWN = LayerGain(value=0.1, low=-0.02, high=0.22)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"best": "a", "gain": SHOWN, "spread": 0.2}, "earlier"),
        ({"best": "a", "gain": SHOWN}, "earlier"),
        ({"best": "a", "gain": NOT_SHOWN}, "flat"),
        ({"best": "a", "gain": NOT_SHOWN, "spread": 0.2}, "unclear"),
        ({}, "flat"),
        ({"spread": 0.02}, "flat"),
        ({"spread": 0.2}, "last"),
        ({"spread": None, "noise": None}, "last"),
    ],
)
def test_verdict(given, verdict):
    assert profile(**given).verdict == verdict


def test_best_and_last():
    found = profile(best="a", gain=SHOWN)
    assert (found.best_tap.name, found.last.name) == ("a", "c")


def test_a_profile_is_read_as_it_was_written():
    found = profile(best="a", gain=SHOWN, left_out={"d": "why"})
    record = RunRecord(
        kind="rank", spec={}, given={}, inputs={}, backbones={}, profiles=[found],
        provenance=Provenance(created="2026-11-21T07:40:12+00:00"),
    )  # fmt: skip
    assert RunRecord.model_validate(json.loads(record.model_dump_json())).profiles == [found]


def test_numbers_are_finite_and_depths_are_shares():
    with pytest.raises(ValidationError):
        LayerScore(value=float("nan"))
    with pytest.raises(ValidationError):
        LayerTap(name="a", depth=1.1, dim=1, scores={})
