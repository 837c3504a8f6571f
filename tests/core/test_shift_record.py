"""How large an effect is, in words: one rule for record, findings and report."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftscope.core.load import load_record
from shiftscope.core.shift import BANDS, ShiftRow


def row(effect=1.0, floor=0.1, se=None):
    return ShiftRow(measure="mmd", value=effect or 0.0, effect=effect, effect_se=se, floor=floor)


@pytest.mark.parametrize(
    ("effect", "se", "band"),
    [
        (-0.3, None, "within noise"),
        (0.1, None, "within noise"),
        (0.11, None, "small"),
        (0.31, None, "far"),
        (1.01, None, "very far"),
        # The lower end of the interval decides: 1.96 standard errors below the effect.
        (1.19, 0.1, "far"),
        (1.20, 0.1, "very far"),
        (0.40, 0.06, "small"),
        (0.40, 0.20, "within noise"),
        (0.11, 0.0, "small"),
    ],
)
def test_band_is_the_largest_that_the_whole_interval_exceeds(effect, se, band):
    assert row(effect, se=se).band == band
    assert row(effect, se=se).beyond == (band != "within noise")


def test_what_is_not_known_has_no_band():
    for unknown in (row(None), row(floor=None)):
        assert (unknown.band, unknown.ratio, unknown.ratio_ends, unknown.beyond) == (None, None, None, False)


def test_floor_of_zero_is_no_division():
    assert (row(0.2, floor=0.0).ratio, row(0.2, floor=0.0).band) == (None, "very far")
    assert (row(0.2, floor=0.0, se=0.2).band, row(0.2, floor=0.0, se=0.2).ratio_ends) == ("within noise", None)


def test_ratio_and_its_ends():
    assert row(0.4, se=0.05).ratio == pytest.approx(4)
    assert row(0.4, se=0.05).ratio_ends == pytest.approx((4 - 0.5 * 1.959964, 4 + 0.5 * 1.959964))
    assert row(0.4).ratio_ends is None


@given(st.floats(-5, 5), st.floats(0.001, 1), st.floats(0, 1))
def test_band_agrees_with_the_ratio_and_a_wider_interval_never_raises_it(effect, floor, se):
    made, sure = row(effect, floor, se), row(effect, floor)
    assert BANDS.get(made.band, 0.0) <= BANDS.get(sure.band, 0.0)
    assert BANDS.get(sure.band, 0.0) <= max(0.0, sure.ratio)


def test_records_of_before_have_bands_and_no_samples():
    diagnosis = load_record(Path(__file__).parents[1] / "golden" / "v1").diagnoses[0]
    assert diagnosis.witnesses == []
    assert diagnosis.copies is None
    assert all(r.detectable is None for r in diagnosis.rows)
    assert {r.band for r in diagnosis.rows} <= {*BANDS, "within noise"}
