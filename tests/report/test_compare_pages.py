"""Comparisons, indexes and JUnit as pages and files: valid, self-contained, and names are text in each."""

import io
import json
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from altered import FIRST, HOSTILE, demo, hostile, with_findings
from handmade_audit import small_audit
from handmade_pairs import changed, moved
from rich.console import Console
from test_page import Page, page_json

from shiftscope.checks import CODES
from shiftscope.core.load import dump_record
from shiftscope.core.records import RunRecord
from shiftscope.report.compare.differ import compare
from shiftscope.report.compare.records import Comparison
from shiftscope.report.compare.render import (
    comparison_html,
    comparison_json,
    comparison_markdown,
    print_comparison,
)
from shiftscope.report.html import render_html
from shiftscope.report.index import index_html, index_markdown, read_runs
from shiftscope.report.junit import render_junit

JUNIT = json.loads((Path(__file__).parents[1] / "gate" / "junit.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def different():
    b = with_findings(moved(moved(demo(), -0.3), 0.2, "shapes"), "ST101", "DQ303")
    return compare(demo(), changed(b, "gratings", "knn", low=None, high=None, level=None, value=0.1))


@pytest.fixture(scope="module")
def strange():
    """Names of all kinds, in both records, with scores that changed and findings that came."""
    record = RunRecord.model_validate(hostile())
    b = moved(record, -0.3, backbone=HOSTILE[0])
    return compare(record.model_copy(update={"findings": []}), b, names=(HOSTILE[5], HOSTILE[0]))


def test_page_is_whole_and_closes_what_it_opens(different):
    html = comparison_html(different)
    page = Page(html)
    assert html == comparison_html(different)
    assert page.all("h1")[0]["text"] == "printed_digits comes first in both; two of 118 scores changed beyond noise."
    ids = [e["attrs"]["id"] for e in page.elements if "id" in e["attrs"]]
    assert len(ids) == len(set(ids))
    anchors = [e["attrs"]["href"][1:] for e in page.all("a") if e["attrs"]["href"].startswith("#")]
    assert set(anchors) <= set(ids)
    assert Comparison.model_validate(json.loads(page_json(page))) == different
    assert not [e for e in page.elements if "style" in e["attrs"]]


def test_figure_tells_up_from_down_and_noise(different):
    wide = re.search(r'<svg class="wide".*?</svg>', comparison_html(different), re.DOTALL).group(0)
    assert [css for css in ("dot p", "dot b", "dot n") if f'class="{css}"' in wide] == ["dot p", "dot b", "dot n"]
    assert "Ridge accuracy rose with one and fell with one of eight candidates, beyond noise." in comparison_html(
        different
    )


def test_equal_records_have_no_figure():
    html = comparison_html(compare(demo(), demo()))
    assert "<figure" not in html
    assert "every score is equal" in html.lower()


def test_markdown_and_terminal_say_the_same(different):
    text = comparison_markdown(different)
    console = Console(width=120, record=True, file=io.StringIO())
    print_comparison(different, console)
    told = console.export_text()
    for words in ("two of 118 scores changed beyond noise", "DQ303", "The data are the same."):
        assert words in text
        assert words in told
    assert "| ridge" not in text
    assert "**All**" in text


def test_json_reads_back(different):
    assert Comparison.model_validate_json(comparison_json(different)) == different


def test_strange_names_stay_text_in_a_comparison(strange):
    html = comparison_html(strange)
    page = Page(html)
    assert not [e for e in page.elements if e["tag"] in ("img", "i")]
    assert len(page.all("script")) == 2
    assert "<script>alert" not in html
    text = "".join(page.text)
    assert HOSTILE[0] in text
    assert "\u202e" not in html.split('<script type="application/json"')[0]
    assert "<script>" not in comparison_markdown(strange)


@pytest.fixture
def folder(tmp_path):
    """Runs of every kind, one damaged, one whose folder has a strange name, one of an audit."""
    made = {"b": demo(), "<i>c d": RunRecord.model_validate(hostile()), "deeper/audit": small_audit()}
    for name, record in made.items():
        place = tmp_path / "runs" / name
        place.mkdir(parents=True)
        (place / "run.json").write_text(dump_record(record), encoding="utf-8")
    (tmp_path / "runs" / "b" / "report.html").write_text(render_html(demo()), encoding="utf-8")
    (tmp_path / "runs" / "bad").mkdir()
    (tmp_path / "runs" / "bad" / "run.json").write_text('{"schema_version": 1, "kind": "rank"}')
    return tmp_path / "runs"


def test_index_has_a_row_for_every_run(folder):
    runs = read_runs(folder, folder / "index.html")
    assert {run.place for run in runs} == {"b", "bad", "<i>c d", "deeper/audit"}
    assert runs[-1].place == "bad"
    page = Page(index_html(runs, folder.name))
    rows = {e["text"] for e in page.all("tr")}
    assert sum(FIRST in row and "1 warning" in row for row in rows) == 1
    (bad,) = (row for row in rows if "damaged" in row)
    assert "spec: field required" in bad
    assert not page.all("i")


def test_links_of_an_index_lead_to_files(folder, tmp_path):
    for index in (folder / "index.html", tmp_path / "elsewhere" / "index.html"):
        page = Page(index_html(read_runs(folder, index), folder.name))
        links = [e["attrs"]["href"] for e in page.all("a") if not e["attrs"]["href"].startswith("#")]
        assert len(links) == 4
        for link in links:
            assert (index.parent / unquote(link)).resolve().is_file()
    assert sum(link.endswith("report.html") for link in links) == 1
    text = index_markdown(read_runs(folder, folder / "index.md"), folder.name)
    assert "[b](b/report.html)" in text
    assert "](%3Ci%3Ec%20d/run.json)" in text


def as_data(element):
    return {
        "tag": element.tag,
        "attributes": dict(element.attrib),
        "text": (element.text or "").strip(),
        "order": "".join(f"{child.tag} " for child in element),
        "children": [as_data(child) for child in element],
    }


@pytest.mark.parametrize("name", ["rank_record", "shift_record", "hostile_record", "empty_record", "audit_record"])
def test_junit_keeps_to_its_schema(name, request):
    root = ET.fromstring(render_junit(request.getfixturevalue(name)))  # noqa: S314  # our own output
    jsonschema.validate(as_data(root), JUNIT)


def test_junit_has_a_case_for_every_code():
    record = with_findings(demo(), "NT201", "NT201", "DQ303")
    warned = record.findings[2].model_copy(update={"severity": "warning", "message": "\ufffe<look> & see"})
    root = ET.fromstring(render_junit(record.model_copy(update={"findings": [*record.findings[:2], warned]})))  # noqa: S314
    (suite,) = root
    cases = suite.findall("testcase")
    assert {case.get("classname") for case in cases} == set(CODES)
    failed = [case.get("classname") for case in cases if case.find("failure") is not None]
    assert failed == ["NT201", "NT201"]
    assert (suite.get("tests"), suite.get("failures")) == (str(len(cases)), "2")
    assert suite.findtext("system-out") == "warning DQ303: DQ303 happened. \\ufffe<look> & see"


def test_junit_skips_what_could_not_be_found(shift_record):
    """Of a shift alone nobody can say that a candidate will not hurt."""
    (suite,) = ET.fromstring(render_junit(shift_record))  # noqa: S314  # our own output
    said = {case.get("classname"): case.find("skipped") for case in suite.findall("testcase")}
    assert said["NT201"].get("message") == "could not be found: the record has no forecast"
    assert said["ST101"] is None
    assert suite.get("skipped") == str(sum(skip is not None for skip in said.values()))


def test_a_time_stamp_that_is_none_is_replaced():
    record = demo().model_copy(update={"provenance": demo().provenance.model_copy(update={"created": "now"})})
    assert 'timestamp="1970-01-01T00:00:00"' in render_junit(record)
