"""``shiftscope gate`` on committed records: exit codes, files, and what a pipeline reads."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import numpy as np
import pytest
from altered import DEMO, FIRST, HOSTILE, hostile, plain, saved
from smallworld import CLASSES, feature_file, image_folder, shiftscope
from test_start_up import loaded, processor_seconds

import shiftscope as ss
from shiftscope.core.load import load_record
from shiftscope.core.verdict import Verdict
from shiftscope.data.hashes import hash_pictures
from shiftscope.errors import InputError

POLICIES = {
    "pass": '[[limits]]\nmeasure = "ridge"\nmin = 0.8\ncandidates = "first"\n',
    "fail": '[[limits]]\nmeasure = "ridge"\nmin = 0.9\ncandidates = "first"\n',
    "inconclusive": '[[limits]]\nmeasure = "ridge"\non = "interval"\nmin = 0.85\ncandidates = "first"\n',
    "usage": '[[limits]]\nmeasure = "ridge"\nleast = 0.9\n',
}
ROOT = Path(__file__).parents[2]
CODES = {"pass": 0, "fail": 1, "usage": 2, "inconclusive": 3}


@pytest.fixture(autouse=True)
def away(tmp_path, monkeypatch):
    """Outside any project, and outside GitHub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture
def policy(tmp_path):
    def written(name):
        file = tmp_path / f"{name}.toml"
        file.write_text(POLICIES.get(name, name if "=" in name else ""), encoding="utf-8")
        return file

    return written


@pytest.mark.parametrize("outcome", POLICIES)
def test_exit_code_is_the_verdict(outcome, policy):
    done = shiftscope("gate", DEMO, "--policy", policy(outcome))
    assert done.code == CODES[outcome]
    if outcome == "usage":
        assert done.out == ""
        assert done.err.startswith("error: ")
        assert "limits.0: There is no option named 'least'" in done.err
        assert done.err.count("\n") == 1
    else:
        verb = {"pass": "passed", "fail": "failed"}.get(outcome, outcome)
        assert done.out.startswith(f"Gate {verb}")
        assert "0.8625 [0.8253, 0.8928]" in done.out
        assert done.err == ""


@pytest.mark.parametrize("outcome", POLICIES)
def test_committed_demo_passes_fails_or_neither_as_the_policy_has_it(outcome, tmp_path):
    record = load_record(ROOT / "reports" / "demo")
    first = next(row.backbone for row in record.rankings[0].rows if row.rank == 1)
    found = next(r.estimate for r in record.results if (r.measure, r.backbone) == ("ridge", first))
    rule = {
        "pass": f'min = {found.low}, on = "interval"',
        "fail": f"min = {found.value + 0.001}",
        "inconclusive": f'min = {found.value}, on = "interval"',
        "usage": 'min = "a lot"',
    }[outcome]
    file = tmp_path / "gate.toml"
    file.write_text(f'fail_on = []\nlimits = [{{ measure = "ridge", {rule} }}]\n', encoding="utf-8")
    done = shiftscope("gate", ROOT / "reports" / "demo", "--policy", file)
    assert done.code == CODES[outcome], done.out + done.err


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive"])
def test_json_is_the_verdict_and_nothing_else(outcome, policy):
    done = shiftscope("gate", DEMO, "--policy", policy(outcome), "--json")
    assert done.code == CODES[outcome]
    verdict = Verdict.model_validate_json(done.out)
    assert (verdict.outcome, verdict.run) == (outcome, str(DEMO))
    schema = json.loads(shiftscope("schema", "verdict").out)
    jsonschema.validate(json.loads(done.out), schema)


def test_files_hold_the_same_verdict(policy, tmp_path):
    folder = tmp_path / "new"
    words = ("--junit", folder / "j.xml", "--summary", folder / "s.md")
    done = shiftscope("gate", DEMO, "--policy", policy("fail"), *words, "--explain")
    assert done.code == 1
    (suite,) = ET.parse(folder / "j.xml").getroot()  # noqa: S314  # our own output
    (failure,) = suite.iter("failure")
    assert failure.get("message") in done.out
    assert (folder / "s.md").read_text(encoding="utf-8").startswith("## Gate failed: 1 of")


def test_explain_tells_why_with_numbers(policy):
    plain_words = shiftscope("gate", DEMO, "--policy", policy("inconclusive")).out
    explained = shiftscope("gate", DEMO, "--policy", policy("inconclusive"), "--explain").out
    assert "which lies on both sides of 0.85." in explained
    assert "which lies on both sides of 0.85." not in plain_words


def test_baseline_and_profile(policy, tmp_path):
    file = policy('limits = [{ measure = "ridge", max_decrease = 0.01, candidates = "first" }]')
    worse = plain()
    for result in worse["results"]:
        if (result["measure"], result["backbone"]) == ("ridge", FIRST):
            result["estimate"] |= {"value": 0.7, "low": 0.65, "high": 0.75}
    worse = saved(worse, tmp_path / "worse.json")
    assert shiftscope("gate", DEMO, "--policy", file).code == 3
    assert shiftscope("gate", DEMO, "--policy", file, "--baseline", DEMO.parent).code == 0
    assert shiftscope("gate", worse, "--policy", file, "--baseline", DEMO).code == 1
    assert shiftscope("gate", DEMO, "--policy", file, "--profile", "explore").code == 0
    assert shiftscope("gate", DEMO, "--profile", "strict").code == 1


def test_missing_measure_never_passes(policy, tmp_path):
    file = policy('limits = [{ measure = "ridge", min = 0.8, candidates = "first" }]')
    content = plain()
    content["results"] = [r for r in content["results"] if r["measure"] != "ridge"]
    gone = saved(content, tmp_path / "gone.json")
    done = shiftscope("gate", gone, "--policy", file, "--json")
    assert done.code == 3
    assert Verdict.model_validate_json(done.out).judged[0].because.startswith("The record does not give ridge.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "There is no policy"),
        (("--policy", "no.toml"), "no.toml cannot be read"),
        (("--profile", "explore", "--baseline", "no.json"), "no.json cannot be read"),
        (("--profile", "explore", "--junit", "file/j.xml"), "file/j.xml cannot be written"),
        (("--profile", "explore", "--summary", "file/s.md"), "file/s.md cannot be written"),
    ],
)
def test_what_cannot_be_used_is_one_line(words, said, tmp_path):
    (tmp_path / "file").touch()
    done = shiftscope("gate", DEMO, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert said in done.err


@pytest.mark.parametrize(
    "change", [{"kind": "guess"}, {"surprise": 1}, {"results": [{"measure": "knn"}]}, {"schema_version": 7}]
)
def test_altered_record_is_refused(change, tmp_path):
    done = shiftscope("gate", saved(plain() | change, tmp_path / "run.json"), "--profile", "explore")
    assert (done.code, done.out) == (2, "")
    assert next(iter(change)) in done.err or "schema version 7" in done.err


def test_policy_in_the_project_and_in_the_record(tmp_path):
    own = plain()
    own["spec"]["gate"] = {"min_samples": 401}
    own = saved(own, tmp_path / "own.json")
    assert shiftscope("gate", own).code == 1
    (tmp_path / "pyproject.toml").write_text("[tool.shiftscope.gate]\nmin_samples = 400\n")
    assert shiftscope("gate", own).code == 0
    assert shiftscope("gate", DEMO).code == 0


@pytest.mark.parametrize("what", ["policy", "verdict"])
def test_committed_schema_is_the_one_in_force(what):
    printed = json.loads(shiftscope("schema", what).out)
    assert json.loads((ROOT / "docs" / "schema" / f"{what}.json").read_text(encoding="utf-8")) == printed


# GitHub.


def test_in_github_the_step_is_summarised_and_annotated(policy, tmp_path, monkeypatch):
    page = tmp_path / "step.md"
    page.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    done = shiftscope("gate", DEMO, "--policy", policy("fail"))
    assert done.code == 1
    begin, *table, end, error, warning = done.out.splitlines()
    assert begin == f"::stop-commands::{end.strip(':')}"
    assert not any(line.startswith("::") for line in table)
    assert error.startswith("::error title=shiftscope gate%3A fail (limits.0)::")
    assert warning.startswith("::warning title=shiftscope gate%3A warn (warn_on ST1)::")
    assert page.read_text(encoding="utf-8").startswith("before\n\n## Gate failed: 1 of")
    as_json = shiftscope("gate", DEMO, "--policy", policy("fail"), "--json")
    Verdict.model_validate_json(as_json.out)
    assert as_json.err.startswith("::error ")


def test_hostile_names_are_text_everywhere(tmp_path, monkeypatch):
    record = saved(hostile(), tmp_path / "run.json")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    file = tmp_path / "gate.toml"
    file.write_text('fail_on = ["DQ3"]\nlimits = [{ measure = "ridge", min = 0.9, backbone = "*" }]')
    done = shiftscope("gate", record, "--policy", file, "--explain", "--junit", "j.xml")
    assert done.code == 1
    begin, *lines = done.out.splitlines()
    end = lines.index(f"::{begin.removeprefix('::stop-commands::')}::")
    assert all(line.startswith(("::error ", "::warning ")) for line in lines[end + 1 :])
    assert not any(control in done.out for control in ("\x00", "\x1b", "\u202e"))
    (suite,) = ET.parse("j.xml").getroot()  # noqa: S314  # our own output
    assert any(HOSTILE[0] in case.get("name") for case in suite.iter("testcase"))
    assert "<script>" not in (tmp_path / "step.md").read_text(encoding="utf-8").replace("\\<script\\>", "")


# The data.


def checked(record):
    """Exit code and outcome per data set of ``--verify-data``."""
    done = shiftscope("gate", record, "--profile", "explore", "--verify-data", "--json")
    verdict = Verdict.model_validate_json(done.out)
    return done.code, {r.subject: r.outcome for r in verdict.judged if r.rule == "--verify-data"}


def test_data_are_compared_with_the_record(world, tmp_path):
    near, far = image_folder(tmp_path / "near"), image_folder(tmp_path / "far", dark=True, n=14)
    words = ("shift", f"imagefolder:{near}", f"imagefolder:{far}", "-b", world.ant, "-m", "frechet", "--per-class", "9")
    assert shiftscope(*words, "-o", tmp_path / "out", "--cache", tmp_path / "store").code == 0
    record = tmp_path / "out" / "run.json"
    assert checked(record) == (0, {"far": "pass", "near": "pass"})
    # A name is not content, and a picture in another class is.
    (far / CLASSES[0] / "00.png").rename(far / CLASSES[0] / "renamed.png")
    assert checked(record) == (0, {"far": "pass", "near": "pass"})
    drawn = json.loads(record.read_text())["inputs"]["near"]
    assert drawn["n"] == 27
    for picture in sorted((near / CLASSES[0]).iterdir()):
        picture.rename(near / CLASSES[1] / f"moved_{picture.name}")
    shutil.copy(far / CLASSES[0] / "renamed.png", near / CLASSES[0] / "other.png")
    shutil.rmtree(far)
    assert checked(record) == (1, {"far": "inconclusive", "near": "fail"})


def test_content_changed_behind_size_and_time_is_seen(world, tmp_path, monkeypatch):
    monkeypatch.setenv("SHIFTSCOPE_CACHE", str(tmp_path / "cache"))
    near, far = image_folder(tmp_path / "near"), image_folder(tmp_path / "far", dark=True)
    words = ("shift", f"imagefolder:{near}", f"imagefolder:{far}", "-b", world.ant, "-m", "frechet")
    assert shiftscope(*words, "-o", tmp_path / "out").code == 0
    picture = near / CLASSES[0] / "00.png"
    times, before = picture.stat(), picture.read_bytes()
    data = bytearray(before)
    data[-20] ^= 1
    picture.write_bytes(data)
    os.utime(picture, ns=(times.st_atime_ns, times.st_mtime_ns))
    # The memory of hashes says that nothing has changed, and it is not asked.
    name = f"{CLASSES[0]}/00.png"
    assert hash_pictures(near, [name])[0] == {name: hashlib.sha256(before).hexdigest()}
    assert checked(tmp_path / "out")[1]["near"] == "fail"


def test_feature_files_are_compared_too(tmp_path):
    one, two = feature_file(tmp_path / "one.npz"), feature_file(tmp_path / "two.npz", d=7)
    words = ("rank", f"features:{one}", "--features", f"two={two}", "--per-class", "8", "-m", "knn")
    assert shiftscope(*words, "-o", tmp_path / "out").code == 0
    assert checked(tmp_path / "out") == (0, {"one": "pass"})
    arrays = dict(np.load(one))
    arrays["x"][0] += 1
    np.savez(one, **arrays)
    assert checked(tmp_path / "out") == (1, {"one": "fail"})


def test_data_that_cannot_be_found_cannot_be_decided():
    code, found = checked(DEMO)
    assert (code, set(found.values())) == (0, {"inconclusive"})
    assert shiftscope("gate", DEMO, "--profile", "default", "--verify-data").code == 3


# Start.


def test_gate_needs_no_library_that_computes(policy, tmp_path):
    words = ["gate", DEMO, "--policy", policy("pass"), "--explain", "--junit", tmp_path / "j.xml"]
    assert loaded(words) == []
    assert processor_seconds(words) < 1.5


def test_help_says_every_exit_code():
    done = shiftscope("gate", "--help")
    assert done.code == 0
    for code in ("0 passed", "1 failed", "2 wrong usage", "3 cannot be decided"):
        assert code in " ".join(done.out.split())


def test_run_refuses_a_gate_that_cannot_be_used_before_the_work(world, tmp_path):
    file = tmp_path / "shift.toml"
    text = f'targets = {{ light = "{world.light}" }}\nbackbones = ["{world.ant}"]\n[gate]\nmin_sample = 3\n'
    file.write_text(text)
    done = shiftscope("run", file, "-o", tmp_path / "out")
    assert done.code == 2
    assert "shift.toml: gate: There is no option named 'min_sample'. Did you mean 'min_samples'?" in done.err
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=r"shift\.toml: gate: There is no option named 'min_sample'"):
        ss.run(file)


def test_run_keeps_its_gate_in_the_record(world, ranked, tmp_path):
    file = tmp_path / "shift.toml"
    ignored = '[[gate.ignore]]\ncode = "PW4"\nreason = "few pictures"\nuntil = 2027-06-30\n'
    text = f'select = ["knn"]\nrandom = false\ntargets = {{ light = "{world.light}" }}\nbackbones = ["{world.ant}"]\n'
    file.write_text(f"{text}[gate]\nmin_samples = 37\n{ignored}")
    assert shiftscope("run", file, "-o", tmp_path / "out", "--cache", ranked.cache).code == 0
    done = shiftscope("gate", tmp_path / "out", "--json")
    verdict = Verdict.model_validate_json(done.out)
    assert (done.code, verdict.policy_from) == (1, "the record: spec.gate")
    assert verdict.policy["ignore"][0]["until"] == "2027-06-30"


def test_the_whole_command_line_is_a_process_with_that_exit_code(policy):
    command = [sys.executable, "-m", "shiftscope", "gate", str(DEMO), "--policy", str(policy("inconclusive"))]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 3
