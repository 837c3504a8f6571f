"""``shiftscope.gate`` from Python."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from altered import DEMO, demo

import shiftscope as ss
from shiftscope.errors import InconclusiveError, InputError

GOOD = {"limits": [{"measure": "ridge", "min": 0.8, "candidates": "first"}]}
BAD = {"limits": [{"measure": "ridge", "min": 0.9, "candidates": "first"}]}


@pytest.mark.parametrize("run", [demo(), DEMO, str(DEMO), DEMO.parent, SimpleNamespace(record=demo())])
def test_run_comes_in_many_forms(run):
    ss.gate(run, GOOD).raise_for_status()
    with pytest.raises(ss.GateError, match=r"ridge is 0\.8625"):
        ss.gate(run, BAD).raise_for_status()


def test_policy_is_a_dictionary_or_a_path(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text('limits = [{ measure = "ridge", min = 0.8, candidates = "first" }]')
    found = [ss.gate(DEMO, policy) for policy in (GOOD, file, str(file))]
    assert [v.policy_from for v in found] == ["policy", str(file), str(file)]
    assert all(isinstance(v, ss.Verdict) and v.judged == found[0].judged for v in found)


def test_policy_of_the_project_holds_where_none_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="There is no policy"):
        ss.gate(DEMO)
    assert ss.gate(DEMO, profile="explore").outcome == "pass"
    (tmp_path / "pyproject.toml").write_text("[tool.shiftscope.gate]\nmin_samples = 401")
    assert ss.gate(DEMO).outcome == "fail"


@pytest.mark.parametrize("baseline", [demo(), DEMO])
def test_baseline_comes_in_many_forms(baseline):
    policy = {"limits": [{"measure": "ridge", "max_decrease": 0, "candidates": "first"}]}
    ss.gate(DEMO, policy, baseline=baseline).raise_for_status()
    with pytest.raises(InconclusiveError, match="no baseline record was given"):
        ss.gate(DEMO, policy).raise_for_status()


def test_what_cannot_be_used_says_where(tmp_path):
    with pytest.raises(InputError, match=r"policy: limits\.0: There is no option named 'mim'"):
        ss.gate(DEMO, {"limits": [{"measure": "m", "mim": 1}]})
    with pytest.raises(InputError, match=r"no\.json cannot be read"):
        ss.gate(tmp_path / "no.json", GOOD)


@pytest.mark.parametrize(
    "first", ["import shiftscope.gate.judge", "import shiftscope.gate", "from shiftscope.gate import policy", ""]
)
def test_the_function_stays_what_its_name_means(first):
    # The room behind the function is called the same: loading it must not put the module in the function's place.
    lines = [first, "import shiftscope", f"print(shiftscope.gate({str(DEMO)!r}, profile='explore').outcome)"]
    lines.append("import shiftscope.gate.junit; import sys; print(callable(shiftscope.gate))")
    lines.append("print(*(m for m in ('torch', 'numba', 'sklearn', 'ot', 'scipy', 'matplotlib') if m in sys.modules))")
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["pass", "True"]
