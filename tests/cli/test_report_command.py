"""``shiftscope report``: one record, two records, a folder of them, in every format."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from altered import DEMO, demo, plain, saved
from safetensors.numpy import load_file, save_file
from smallworld import shiftscope

from shiftscope.core.files import sha256_of
from shiftscope.core.load import dump_record


@pytest.fixture
def pair(tmp_path):
    """Two records, one of which has another seed and lacks a finding."""
    b = plain()
    b["findings"], b["spec"]["seed"] = [], 9
    return saved(plain(), tmp_path / "a.json"), saved(b, tmp_path / "b.json")


@pytest.mark.parametrize(
    ("form", "begins"),
    [("html", "<!doctype html>"), ("md", "# "), ("json", "{"), ("junit", "<?xml")],
)
def test_every_format_of_one_record(form, begins, tmp_path):
    file = tmp_path / "out"
    assert shiftscope("report", DEMO, "--format", form, "-o", file).code == 0
    text = file.read_text(encoding="utf-8")
    assert text.lstrip().startswith(begins)
    printed = shiftscope("report", saved(plain(), tmp_path / "run.json"), "--format", form)
    if form == "html":
        assert printed.out == f"report: {tmp_path / 'report.html'}\n"
        assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    else:
        assert printed.out == text


@pytest.mark.parametrize(("name", "begins"), [("r.md", "# "), ("r.json", "{"), ("r.xml", "<?xml"), ("r.htm", "<!doc")])
def test_the_name_of_the_file_says_the_format(name, begins, tmp_path):
    assert shiftscope("report", DEMO, "-o", tmp_path / name).out == f"report: {tmp_path / name}\n"
    assert (tmp_path / name).read_text(encoding="utf-8").lstrip().startswith(begins)


def test_json_is_the_record_itself():
    assert shiftscope("report", DEMO, "--format", "json").out == dump_record(demo())


def test_junit_fails_on_error_findings_only():
    root = ET.fromstring(shiftscope("report", DEMO, "--format", "junit").out)  # noqa: S314  # our own output
    assert (root[0].get("failures"), root[0].findtext("system-out")[:13]) == ("0", "warning ST101")


def test_two_records_are_compared(pair, tmp_path):
    done = shiftscope("report", *pair)
    assert (done.code, done.out) == (0, f"report: {tmp_path / 'comparison.html'}\n")
    found = json.loads(shiftscope("report", *pair, "--format", "json").out)
    assert [f["state"] for f in found["findings"]] == ["went"]
    assert {s["path"]: s["b"] for s in found["settings"]} == {"seed": "9"}
    assert {s["how"] for s in found["scores"]} == {"equal"}
    assert (found["a"]["name"], found["b"]["name"]) == tuple(map(str, pair))
    # A finding went: equal scores are not all.
    assert "what differs is one finding" in shiftscope("report", *pair, "--format", "md").out
    assert "what differs is one finding" in " ".join(shiftscope("report", *pair, "--table").out.split())
    assert "Nothing changed" in shiftscope("report", pair[0], pair[0], "--format", "md").out


def test_draws_beside_both_records_are_paired(ranked, tmp_path):
    """The same run with one score and its draws moved; where arrays were altered they are not used."""
    record = json.loads((ranked.folder / "run.json").read_text(encoding="utf-8"))
    arrays = load_file(ranked.folder / "arrays.safetensors")
    one = next(r for r in record["results"] if r["measure"] == "ridge" and r["estimate"])
    for end in ("value", "low", "high"):
        one["estimate"][end] -= 0.001
    arrays[f"{one['target']}/{one['backbone']}/ridge/draws"] -= 0.001
    save_file(arrays, tmp_path / "arrays.safetensors")
    record["artifacts"]["arrays.safetensors"] = sha256_of(tmp_path / "arrays.safetensors")
    saved(record, tmp_path / "run.json")

    def how():
        found = json.loads(shiftscope("report", ranked.folder, tmp_path, "--format", "json").out)
        return {s["how"] for s in found["scores"] if s["how"] != "equal"}

    assert how() == {"paired"}
    save_file({"other": np.zeros(3)}, tmp_path / "arrays.safetensors")
    assert how() == {"independent"}


def test_a_folder_of_runs_gets_an_index(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        saved(plain(), tmp_path / name / "run.json")
    done = shiftscope("report", tmp_path)
    assert (done.code, done.out) == (0, f"report: {tmp_path / 'index.html'}\n")
    assert 'href="one/run.json"' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "[two](two/run.json)" in shiftscope("report", tmp_path, "--format", "md").out
    assert "printed_digits" in shiftscope("report", tmp_path, "--table").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "b", "c"], "3 records were given: give one, or two to compare, or a folder of runs."),
        (["{a}", "{b}", "--format", "junit"], "A comparison cannot be told as JUnit"),
        (["{folder}", "--format", "json"], "is a folder of runs, whose index is html or md"),
        (["{empty}"], "holds no run.json, nor do the folders in it"),
        (["{a}", "nowhere.json"], "nowhere.json cannot be read"),
        (["{a}", "-o", "{a}/x.html"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(words, said, pair, tmp_path):
    folders = {"folder": tmp_path / "runs", "empty": tmp_path / "empty"}
    (folders["folder"] / "one").mkdir(parents=True)
    saved(plain(), folders["folder"] / "one" / "run.json")
    folders["empty"].mkdir()
    done = shiftscope("report", *(w.format(a=pair[0], b=pair[1], **folders) for w in words))
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


@pytest.mark.parametrize("which", [0, 1])
def test_a_record_altered_by_hand_is_refused_with_the_field(which, pair, tmp_path):
    content = plain()
    content["results"][3]["status"] = "great"
    given = list(pair)
    given[which] = saved(content, tmp_path / "altered.json")
    done = shiftscope("report", *given)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "altered.json: results.3.status: input should be 'ok', 'not_applicable' or 'failed'" in done.err


def test_an_audit_is_not_compared(pair, tmp_path):
    content = plain()
    content["kind"] = "audit"
    done = shiftscope("report", pair[0], saved(content, tmp_path / "c.json"))
    assert done.code == 2
    assert "only rankings and shifts can be compared" in done.err
