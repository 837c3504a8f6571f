import pytest

from shiftscope.core.text import shown
from shiftscope.report.numerals import (
    NBSP,
    TIMES,
    alike,
    count,
    day,
    drawn,
    fixed,
    listed,
    mega,
    percent,
    points,
    probability,
    pvalue,
    ratio,
    significant,
    tick,
)

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("share", "n", "text"),
    [
        (1.0, 100, f">{NBSP}0.97"),
        (0.0, 100, f"<{NBSP}0.03"),
        (0.997, 100, f">{NBSP}0.97"),
        (1.0, 20, f">{NBSP}0.86"),
        (1.0, 10_000, f">{NBSP}0.99"),
        (0.0, 10_000, f"<{NBSP}0.01"),
        (0.99, 100, "0.99"),
        (0.01, 100, "0.01"),
        (1.0, 0, f">{NBSP}0.99"),
    ],
)
def test_what_all_draws_agree_on_is_no_surer_than_their_number(share, n, text):
    assert drawn(share, n) == text


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (count, 2700, f"2{THIN}700"),
        (count, 12, "12"),
        (percent, 0.79949, "79.9"),
        (points, -0.049, f"{MINUS}4.9"),
        (points, 0.388, "+38.8"),
        (points, 0.0, "0.0"),
        (points, -0.0001, "0.0"),
        (probability, 0.58, "0.58"),
        (probability, 0.0, f"<{NBSP}0.01"),
        (probability, 1.0, f">{NBSP}0.99"),
        (pvalue, 0.001, "0.001"),
        (pvalue, 0.51, "0.510"),
        (pvalue, 1e-4, "0.0001"),
        (pvalue, 1.0, "1.000"),
        (significant, 0.214, "0.214"),
        (significant, 31.2, "31.2"),
        (significant, 0.0045, "0.00450"),
        (significant, 9.999, "10.0"),
        (significant, -1234.0, f"{MINUS}1{THIN}230"),
        (significant, 1.2e-6, f"1.20{THIN}{TIMES}{THIN}10⁻⁶"),
        (significant, 0.0, "0"),
        (ratio, 47.6, f"48{TIMES}"),
        (ratio, 1.44, f"1.4{TIMES}"),
        (ratio, 0.75, f"0.75{TIMES}"),
        (mega, 580e6, "580"),
        (mega, 78186, "0.08"),
        (tick, 0.15, "0.15"),
        (tick, 0.2, "0.2"),
        (tick, 0.0, "0"),
        (day, "2026-11-21T07:40:12+00:00", f"21{NBSP}November{NBSP}2026"),
        (day, "yesterday", "yesterday"),
    ],
)
def test_form(form, value, text):
    assert form(value) == text


def test_a_column_has_one_number_of_decimals():
    form = alike([0.379, -0.0284, 0.0])
    assert [form(v) for v in (0.379, -0.0284, 0.0)] == ["0.379", f"{MINUS}0.028", "0.000"]
    assert fixed(-0.004, 2) == "0.00"


def test_sentences():
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_names_cannot_turn_a_line_around():
    assert shown("a\u202eb\x07") == "a\\u202eb\\u0007"
    assert shown("\u05d0\u05d1") == "\u2068\u05d0\u05d1\u2069"
    assert shown("plain <b> name") == "plain <b> name"
