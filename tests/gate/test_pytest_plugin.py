"""The fixture, in pytest runs of its own."""

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from altered import DEMO

ROOT = Path(__file__).parents[2]
POLICIES = {
    "good": '{"limits": [{"measure": "ridge", "min": 0.8, "candidates": "first"}]}',
    "bad": '{"limits": [{"measure": "ridge", "min": 0.9, "candidates": "first"}]}',
    "unclear": '{"limits": [{"measure": "nope", "min": 0.9}]}',
}


def run_pytest(folder, text, *words):
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "shiftscope.gate.pytest_plugin", *words]
    # Only the plugin named above: where the package is installed, its entry point would load it a second time.
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("policy", POLICIES)
def test_fixture_fails_the_test_with_every_reason(policy, tmp_path):
    text = f"def test_it(shiftscope_gate):\n    verdict = shiftscope_gate({str(DEMO)!r}, {POLICIES[policy]})\n"
    done = run_pytest(tmp_path, text + "    assert verdict.outcome == 'pass'\n", "-W", "error")
    if policy == "good":
        assert done.returncode == 0, done.stdout
        return
    assert done.returncode == 1
    outcome = {"bad": "fail", "unclear": "inconclusive"}[policy]
    assert f"{outcome}: " in done.stdout
    assert "Traceback" not in done.stdout
    assert "test_it.py" in done.stdout


def test_what_cannot_be_used_is_an_error_with_its_line(tmp_path):
    text = f"def test_it(shiftscope_gate):\n    shiftscope_gate({str(DEMO)!r}, {{'limit': []}})\n"
    done = run_pytest(tmp_path, text)
    assert done.returncode == 1
    assert "There is no option named 'limit'. Did you mean 'limits'?" in done.stdout


def test_starting_pytest_loads_no_library(tmp_path):
    heavy = ("torch", "numba", "sklearn", "ot", "scipy", "numpy", "pydantic", "rich")
    text = f"import sys\n\ndef test_it():\n    assert not [m for m in {heavy} if m in sys.modules]\n"
    done = run_pytest(tmp_path, text)
    assert done.returncode == 0, done.stdout


def test_entry_point_names_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    place = project["entry-points"]["pytest11"]["shiftscope"]
    assert import_module(place).shiftscope_gate.__name__ == "shiftscope_gate"
