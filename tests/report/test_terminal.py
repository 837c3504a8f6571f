import io

import pytest
from rich.console import Console

from shiftscope.report import print_record, render_text

RECORDS = (
    "rank_record",
    "shift_record",
    "full_record",
    "hostile_record",
    "sparse_record",
    "lone_record",
    "paired_record",
    "advised_record",
    "hostile_advised_record",
    "copyless_record",
    "large_advised_record",
    "empty_record",
    "audit_record",
    "unfinished_audit_record",
    "hostile_audit_record",
)


def lines(record, width=110):
    return render_text(record, width).splitlines()


def test_ranking_is_a_table_with_ranks(full_record):
    found = lines(full_record)
    assert found[0].startswith("Start from mnv1_100_imagenet_embed")
    row = next(line for line in found if line.lstrip().startswith("2 "))
    assert "mnv1_075_imagenet" in row
    assert "79.5" in row
    assert "[76.6, 82.4]" in row.replace("\N{NO-BREAK SPACE}", " ")
    last = next(line for line in found if line.lstrip().startswith("18 "))
    assert "mnv1_025_vww_person" in last
    assert any(line.lstrip().startswith("\N{EN DASH}") and "pixels" in line for line in found)


def test_shift_findings_and_store_are_told(full_record):
    text = render_text(full_record)
    for words in (
        "Holm\N{NO-BREAK SPACE}p",
        "guitar",
        "DQ303",
        "Proxy A",
        "3 samples are too few",
        "20 of 20 feature sets from the store",
    ):
        assert words in text
    assert "0 images decoded, 0 forward passes." in text


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_tables_keep_to_the_width(name, width, request):
    text = render_text(request.getfixturevalue(name), width)
    assert text == render_text(request.getfixturevalue(name), width)
    assert max(map(len, [line for line in text.splitlines() if "──" in line] or [""])) <= width
    assert text.strip()


def test_names_are_never_markup(hostile_record):
    out = io.StringIO()
    print_record(hostile_record, Console(file=out, width=200, color_system=None))
    assert "[bold]" in out.getvalue()
    assert "\u202e" not in out.getvalue()
