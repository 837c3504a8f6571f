"""The pipelines under ``examples/``: their shell steps are run as a server would run them, on the committed record."""

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from altered import DEMO, FIRST, plain, saved

import shiftscope as ss
from shiftscope.gate.policy import parse_policy

EXAMPLES = Path(__file__).parents[1] / "examples" / "pipelines"
# What a pipeline that follows the examples has installed.
INSTALLED = {"click", "numpy", "pydantic", "rich"}
PROBE = """
import sys
from importlib.metadata import packages_distributions
from shiftscope.__main__ import main
try:
    main()
except SystemExit as left:
    code = left.code
loaded = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(code, *sorted({d for name in loaded for d in packages_distributions().get(name, ())}))
"""


@pytest.fixture
def checkout(tmp_path):
    """A repository that has a record and a policy, cloned from an origin with the same on its main branch."""
    origin = tmp_path / "origin"
    (origin / "reports").mkdir(parents=True)
    shutil.copy(DEMO, origin / "reports" / "run.json")
    shutil.copy(EXAMPLES / "gate.toml", origin / "gate.toml")
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(origin))
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "record")):
        subprocess.run([*git, *words], check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(tmp_path / "checkout")], check=True)
    return tmp_path / "checkout"


@pytest.fixture
def shell(tmp_path, checkout):
    """Run shell steps in the checkout, with this shiftscope on the path and a pip that only notes what it is asked."""
    programs, asked = tmp_path / "bin", tmp_path / "pip.txt"
    programs.mkdir()
    for name, line in {
        "shiftscope": f'exec "{sys.executable}" -m shiftscope "$@"',
        "pip": f'echo "$@" >> "{asked}"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(stat.S_IRWXU)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "CI_"))}
    environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(script, variables):
        given = environment | {key: str(value) for key, value in variables.items()}
        command = ["bash", "-e", "-c", script]
        return subprocess.run(command, cwd=checkout, env=given, capture_output=True, text=True, check=False)

    run.pip = asked
    return run


@pytest.fixture
def github(shell, tmp_path):
    """Run every shell step of the job in turn; returns the last that ran, and the summary page of the job."""
    job = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["gate"]
    page = tmp_path / "summary.md"

    def run():
        for step in (step for step in job["steps"] if "run" in step):
            # GitHub's own way to call bash where a step names no shell.
            done = shell(step["run"], job["env"] | {"GITHUB_STEP_SUMMARY": page})
            if done.returncode:
                break
        return done, page

    run.job = job
    return run


def worse(checkout):
    """The record of the checkout with a first candidate that has lost 16 points."""
    content = plain()
    for result in content["results"]:
        if (result["measure"], result["backbone"]) == ("ridge", FIRST):
            result["estimate"] |= {"value": 0.70, "low": 0.65, "high": 0.74}
    return saved(content, checkout / "reports" / "run.json")


def test_github_job_passes_on_the_committed_record(github, shell, checkout):
    done, page = github()
    assert done.returncode == 0, done.stdout + done.stderr
    assert page.read_text(encoding="utf-8").startswith("## Gate passed")
    assert "Baseline: baseline.json" in page.read_text(encoding="utf-8")
    assert ET.parse(checkout / "gate.xml").getroot().tag == "testsuites"  # noqa: S314  # our own output
    assert shell.pip.read_text() == "install click numpy pydantic rich\ninstall --no-deps shiftscope\n"


def test_github_job_fails_and_annotates_where_the_record_got_worse(github, checkout):
    worse(checkout)
    done, page = github()
    assert done.returncode == 1
    errors = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert len(errors) == 2
    assert "decrease" in errors[1]
    assert page.read_text(encoding="utf-8").startswith("## Gate failed: 2 of")


def test_github_job_without_a_record_on_main_cannot_decide(github, checkout):
    origin = checkout.parent / "origin"
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(origin))
    for words in (("rm", "-q", "-r", "reports"), ("commit", "-q", "-m", "no record")):
        subprocess.run([*git, *words], check=True)
    done, page = github()
    assert done.returncode == 3
    assert not (checkout / "baseline.json").exists()
    assert "no baseline record was given" in page.read_text(encoding="utf-8")


def test_github_job_keeps_what_it_writes(github):
    kept = [step["with"]["path"] for step in github.job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept == ["gate.xml"]


def test_gitlab_job_runs_and_keeps_what_it_writes(shell, checkout):
    job = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))["gate"]
    # GitLab runs both lists in one shell and stops at the first line that fails.
    script = "\n".join([*job["before_script"], *job["script"]])
    done = shell(script, job["variables"])
    assert done.returncode == job["allow_failure"]["exit_codes"] == 3, done.stderr
    for file in (job["artifacts"]["reports"]["junit"], *job["artifacts"]["paths"]):
        assert (checkout / file).stat().st_size > 500
    assert shell.pip.read_text() == "install click numpy pydantic rich\ninstall --no-deps shiftscope\n"
    worse(checkout)
    assert shell(script, job["variables"]).returncode == 1


def test_what_the_pipelines_install_is_enough(tmp_path):
    words = ["gate", DEMO, "--policy", EXAMPLES / "gate.toml", "--explain", "--baseline", DEMO]
    words += ["--junit", tmp_path / "j.xml", "--summary", tmp_path / "s.md"]
    environment = os.environ | {"GITHUB_STEP_SUMMARY": str(tmp_path / "step.md")}
    command = [sys.executable, "-c", PROBE, *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    code, *distributions = done.stdout.splitlines()[-1].split()
    of_pydantic = {"pydantic_core", "annotated-types", "typing_extensions", "typing-inspection"}
    assert code == "0"
    assert {d.lower() for d in distributions} - of_pydantic - {"shiftscope", "setuptools"} == INSTALLED


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.name)
def test_example_policies_can_be_used(file):
    assert parse_policy(tomllib.loads(file.read_text(encoding="utf-8")), at=file.name).limits


def test_example_policy_before_training_asks_for_the_forecast():
    verdict = ss.gate(DEMO, EXAMPLES / "before_training.toml")
    assert verdict.judged[0].asks == "the probability that fine-tuning hurts at most 0.5"
