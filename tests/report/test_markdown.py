"""Records as Markdown, read back by a parser that is not ours."""

import re
from itertools import pairwise

import pytest
from test_terminal import RECORDS

from shiftscope.report.markdown import render_markdown
from shiftscope.report.ranked import read_rankings
from shiftscope.report.sections import target_sections


@pytest.mark.parametrize("name", RECORDS)
def test_tables_are_rectangular_and_the_bytes_repeat(name, request):
    text = render_markdown(request.getfixturevalue(name))
    assert text == render_markdown(request.getfixturevalue(name))
    widths = []
    for line in text.splitlines():
        if line.startswith("|"):
            widths.append(len(re.findall(r"(?<!\\)\|", line)))
        else:
            assert len(set(widths)) <= 1
            widths = []


@pytest.mark.parametrize("name", RECORDS)
def test_headings_come_in_order(name, request):
    text = render_markdown(request.getfixturevalue(name))
    levels = [len(h) for h in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_names_from_outside_are_no_markup(hostile_record, hostile_audit_record):
    for record in (hostile_record, hostile_audit_record):
        text = render_markdown(record)
        assert not re.search(r"(?<!\\)<", text)
        assert not re.search(r"(?<!\\)!?\[[^\]]*\]\(", text)


def test_ranking_and_findings_are_told(full_record):
    text = render_markdown(full_record)
    assert text.startswith(r"# Start from mnv1\_100\_imagenet\_embed")
    assert "- **DQ303** " in text
    assert r"| 2 | mnv1\_075\_imagenet |" in text.replace("**", "")


def test_why_it_is_advised_and_what_baselines_are_is_told(advised_record):
    text = render_markdown(advised_record)
    reasons = advised_record.strategies[0].reasons
    assert len(reasons) > 1
    told = re.findall(r"^\d+\. (.*)$", text, flags=re.MULTILINE)
    for line, reason in zip(told, reasons, strict=True):
        assert line.replace("\\", "").startswith(f"{reason.says} (rule {reason.rule}, ")
    sections = target_sections(read_rankings(advised_record), [])
    baselines = next(section.baselines for section in sections if section.baselines)
    assert f"Baselines. {baselines}" in text.replace("\\", "")


def test_audit_holds_a_matrix_of_gaps_and_what_is_apart(audit_record):
    text = render_markdown(audit_record)
    for words in ("Did transfer help?", "Who foresaw it?", "How steady are the numbers?", "What is in none of these"):
        assert words in text
