"""A verdict as JUnit XML, Markdown, GitHub lines and a table: valid, small, and names are text in each."""

import io
import json
import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from altered import HOSTILE, demo, hostile
from rich.cells import cell_len
from rich.console import Console

from shiftscope.core.records import RunRecord
from shiftscope.core.verdict import Judged
from shiftscope.gate.github import annotation_lines, append_summary, commands_off
from shiftscope.gate.judge import judge
from shiftscope.gate.junit import render_junit
from shiftscope.gate.markdown import MOST_BYTES, render_summary
from shiftscope.gate.policy import parse_policy
from shiftscope.gate.terminal import print_verdict

SCHEMA = json.loads((Path(__file__).parent / "junit.schema.json").read_text(encoding="utf-8"))
MIXED = {
    "profile": "strict",
    "min_samples": 300,
    "warn_on": ["DQ301"],
    "ignore": [{"code": "ST101", "reason": "known", "until": "2027-01-01"}],
    "limits": [
        {"measure": "ridge", "min": 0.7},
        {"measure": "proxy_a", "max": 1.5, "on": "interval", "candidates": "first"},
        {"measure": "nope", "max": 1},
    ],
}


def verdict(record=None, **changes):
    policy = parse_policy({**MIXED, **changes}, at="policy")
    return judge(record or demo(), policy, run="run.json", policy_from="gate.toml", today=date(2026, 11, 21))


@pytest.fixture(scope="module")
def hostile_verdict():
    record = RunRecord.model_validate(hostile())
    found = verdict(record, limits=[{"measure": "ridge", "min": 0.7, "backbone": "*"}, {"measure": "leep", "min": -3}])
    return found.model_copy(update={"run": HOSTILE[5], "policy_from": HOSTILE[0], "baseline": HOSTILE[6]})


@pytest.fixture(scope="module")
def large_verdict():
    row = Judged(rule="limits.0", asks="m", subject="s", found="f", outcome="pass", because="w" * 5000)
    rows = [row.model_copy(update={"subject": f"s{i}"}) for i in range(4000)]
    last = row.model_copy(update={"outcome": "fail", "subject": "the one that matters"})
    return verdict().model_copy(update={"judged": [*rows, last]})


def as_data(element):
    return {
        "tag": element.tag,
        "attributes": dict(element.attrib),
        "text": (element.text or "").strip(),
        "order": "".join(f"{child.tag} " for child in element),
        "children": [as_data(child) for child in element],
    }


def parsed(text):
    return ET.fromstring(text)  # noqa: S314  # our own output


# JUnit.


def test_junit_keeps_to_its_schema(hostile_verdict, large_verdict):
    for found in (verdict(), verdict(inconclusive="warn"), hostile_verdict, large_verdict):
        jsonschema.validate(as_data(parsed(render_junit(found))), SCHEMA)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(' time="0"', "", 1),
        lambda text: text.replace("<system-err/>", ""),
        lambda text: text.replace("<failure", "<broken").replace("</failure", "</broken"),
        lambda text: text.replace('tests="', 'tests="x'),
    ],
)
def test_the_schema_refuses_what_is_no_junit(damage):
    text = damage(render_junit(verdict()))
    assert text != render_junit(verdict())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_data(parsed(text)), SCHEMA)


@pytest.mark.parametrize(("unclear", "errors"), [("fail", 2), ("warn", 0), ("pass", 0)])
def test_junit_counts_what_it_holds(unclear, errors):
    found = verdict(inconclusive=unclear)
    (suite,) = parsed(render_junit(found))
    count = found.counts
    assert (count["fail"], count["inconclusive"], count["ignored"]) == (4, 2, 1)
    cases = suite.findall("testcase")
    held = {kind: sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error", "skipped")}
    assert held == {"failure": 4, "error": errors, "skipped": 3 - errors}
    told = {kind: int(suite.get(name)) for kind, name in zip(held, ("failures", "errors", "skipped"), strict=True)}
    assert told == held
    assert int(suite.get("tests")) == len(cases) == len(found.judged)


def test_names_in_junit_are_text(hostile_verdict):
    (suite,) = parsed(render_junit(hostile_verdict))
    said = [*(case.get("name") for case in suite.iter("testcase")), suite.find("system-out").text]
    for name in HOSTILE[:2]:
        assert any(name in words for words in said)
    assert "\\u000d\\u000a" in " ".join(said)
    assert "\\ufffe" in " ".join(said)
    assert suite.find("script") is None


# Markdown.


def test_summary_stays_under_a_megabyte_and_keeps_the_worst(large_verdict):
    text = render_summary(large_verdict)
    assert 900_000 < len(text.encode()) <= MOST_BYTES
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows[0].startswith("| **fail** | m | the one that matters |")
    assert f"And {4001 - len(rows)} more" in text.splitlines()[-1]


@pytest.mark.parametrize("most", [0, 100, 400, 700, 2000, 10_000])
def test_summary_keeps_to_the_room_there_is(hostile_verdict, most):
    assert len(render_summary(hostile_verdict, most=most).encode()) <= most


def test_summary_tables_are_rectangular_and_nothing_is_markup(hostile_verdict):
    text = render_summary(hostile_verdict)
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}
    assert widths == {5}
    assert not re.search(r"(?<!\\)[<`\[!]", text)
    assert not re.search("[\x00\x1b\u202e\r]", text)
    lines = text.splitlines()
    assert sum(line.startswith("|") for line in lines) == len(hostile_verdict.judged) + 2


def test_summary_has_no_picture_and_no_link(hostile_verdict):
    for found in (verdict(), hostile_verdict):
        assert not re.search(r"(?<!\\)!?\[[^\]]*\]\(", render_summary(found))


# GitHub.


def test_annotations_are_one_line_each_and_escaped(hostile_verdict):
    lines = list(annotation_lines(hostile_verdict))
    assert lines
    for line in lines:
        assert re.fullmatch(r"::(error|warning) title=[^:,\r\n]+::[^\r\n]+", line)
        assert not re.search("%(?!25|0A|0D|3A|2C)", line)
    assert any("%250A" in line or "%25" in line for line in lines)


def test_newlines_and_percents_are_escaped_even_where_they_got_through():
    row = Judged(rule="a:b,c", asks="m", subject="s", found="f", outcome="fail", because="100 %\r\n::warning::pwned")
    (line,) = annotation_lines(verdict().model_copy(update={"judged": [row]}))
    assert line == "::error title=shiftscope gate%3A fail (a%3Ab%2Cc)::100 %25%0D%0A::warning::pwned"


@pytest.mark.parametrize(
    ("unclear", "levels"), [("fail", ("error", "error")), ("warn", ("error", "warning")), ("pass", ("error", None))]
)
def test_annotations_are_as_severe_as_the_policy_says(unclear, levels):
    found = verdict(inconclusive=unclear)
    lines = list(annotation_lines(found))
    for outcome, level in zip(("fail", "inconclusive"), levels, strict=True):
        told = {line.split(" ")[0] for line in lines if f"shiftscope gate%3A {outcome}" in line}
        assert told == (set() if level is None else {f"::{level}"})
    assert not any("%3A pass" in line or "%3A ignored" in line for line in lines)


def test_no_more_annotations_than_github_shows():
    row = Judged(rule="limits.0", asks="m", subject="s", found="f", outcome="fail", because="It is.")
    lines = list(annotation_lines(verdict().model_copy(update={"judged": [row] * 25})))
    assert len(lines) == 10
    assert lines[-1].endswith("::It is. And 15 more, see the summary.")
    assert lines[0].endswith("::It is.")


def test_summary_is_appended_within_what_github_takes(tmp_path, large_verdict):
    file = tmp_path / "summary.md"
    file.write_bytes(b"x" * 600_000)
    append_summary(large_verdict, file)
    assert 900_000 < file.stat().st_size <= MOST_BYTES + 1
    assert file.read_bytes().startswith(b"x" * 600_000 + b"\n## Gate failed")
    append_summary(large_verdict, file)
    assert file.stat().st_size <= MOST_BYTES + 2


def test_names_are_no_commands_between_the_markers():
    out = io.StringIO()
    with commands_off(out):
        out.write("::error::pwned\n")
    first, _, last = out.getvalue().splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) >= 32
    assert last == f"::{token}::"


# Terminal.


def printed(found, width=100, **options):
    out = io.StringIO()
    print_verdict(found, Console(file=out, width=width, color_system=None), **options)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_table_keeps_to_the_width_and_has_a_row_for_everything(width, hostile_verdict):
    for found in (verdict(), hostile_verdict):
        lines = printed(found, width).splitlines()
        table = lines[1:-2]
        assert max(map(cell_len, table)) <= width
        outcomes = [line.split()[0] for line in table if line[1:2].strip() and not line.lstrip().startswith("─")]
        assert outcomes[1:] == [row.outcome for row in found.worst_first]


def test_controls_never_reach_the_terminal(hostile_verdict):
    text = printed(hostile_verdict, 300, explain=True)
    assert "[bold] `code` $x$ on handwritten_digits" in printed(hostile_verdict, 300)
    assert not re.search("[\x00\x1b\r\u202e]", text)


def test_reasons_are_told_where_they_are_asked_for():
    found = verdict()
    plain, explained = printed(found, 300), printed(found, 300, explain=True)
    for row in found.judged:
        assert f"  {row.outcome}: {row.because}\n" in explained
    assert found.judged[0].because not in plain
    assert "policy: gate.toml (profile strict, inconclusive = fail)" in plain
