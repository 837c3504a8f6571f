"""An audit at work: every finished cell is kept, equal runs are equal, and a kill at any moment costs nothing else."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from smallworld import AUDIT, audit_file, record_of, shiftscope

PLANNED = 36  # cells of the small audit
SEARCHED = 5  # cells with the learning rates that were not chosen


def cells_of(folder):
    """Cells by file, without what may differ between equal runs."""
    found = {}
    for path in sorted(folder.glob("cells/**/*.json")):
        cell = json.loads(path.read_text())
        found[path.relative_to(folder).as_posix()] = {k: v for k, v in cell.items() if k not in ("seconds", "made_by")}
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished audit: its TOML file and its folder."""
    root = tmp_path_factory.mktemp("audit")
    file = audit_file(root)
    done = shiftscope("audit", file, "-o", root / "out", "--workers", 2)
    assert done.code == 0, done.err
    return file, root / "out"


def test_all_cells_advice_and_record_are_there(finished):
    _, folder = finished
    assert len(cells_of(folder)) == PLANNED + SEARCHED
    assert len(list(folder.glob("advice/**/*.json"))) == 4
    audit = record_of(folder)["audit"]
    assert (audit["n_cells"], audit["n_planned"], audit["failed"]) == (PLANNED, PLANNED, {})
    assert (folder / "report.html").read_text().startswith("<!")


def test_a_second_run_trains_nothing(finished):
    file, folder = finished
    before = {path: path.stat().st_mtime_ns for path in folder.glob("cells/**/*.json")}
    record = record_of(folder)
    done = shiftscope("audit", file, "-o", folder, "--workers", 1)
    assert done.code == 0
    assert {path: path.stat().st_mtime_ns for path in folder.glob("cells/**/*.json")} == before
    again = record_of(folder)
    assert {k: again[k] for k in again if k not in ("provenance", "costs")} == {
        k: record[k] for k in record if k not in ("provenance", "costs")
    }


def test_two_runs_with_equal_seeds_give_equal_cells(finished, tmp_path):
    file, folder = finished
    done = shiftscope("audit", file, "-o", tmp_path / "again", "--workers", 1)
    assert done.code == 0
    assert cells_of(tmp_path / "again") == cells_of(folder)


def test_no_time_reads_what_is_finished_and_says_that_it_is_not_all(finished, tmp_path):
    file, _ = finished
    done = shiftscope("audit", file, "-o", tmp_path, "--max-minutes", 0)
    assert done.code == 3
    audit = record_of(tmp_path)["audit"]
    assert (audit["n_cells"], audit["n_planned"]) == (0, PLANNED)


def test_a_changed_recipe_makes_its_cells_anew(finished, tmp_path):
    _, folder = finished
    file = audit_file(tmp_path, AUDIT.replace("6 = 4", "6 = 3"))
    assert shiftscope("audit", file, "-o", tmp_path / "out").code == 0
    keys = {cell["key"] for cell in cells_of(tmp_path / "out").values() if cell["arm"] in ("full", "scratch")}
    assert not keys & {cell["key"] for cell in cells_of(folder).values()}


def test_training_that_fails_takes_nothing_else_with_it(tmp_path):
    file = audit_file(tmp_path, AUDIT.replace("rates = [1e-3, 1e-2]", "rates = [1e30]"))
    done = shiftscope("audit", file, "-o", tmp_path / "out", "--workers", 2)
    assert done.code == 3
    audit = record_of(tmp_path / "out")["audit"]
    assert {cell["arm"] for cell in cells_of(tmp_path / "out").values()} == {"pixels", "linear"}
    assert audit["failed"]
    assert all("training diverged at a learning rate of 1e+30" in why for why in audit["failed"].values())


@pytest.mark.parametrize(
    ("measures", "says"), [('["hscor"]', "Did you mean 'hscore'"), ('["mmd"]', "mmd compares two data sets")]
)
def test_measures_that_cannot_be_asked_are_refused_before_any_work(tmp_path, measures, says):
    file = audit_file(tmp_path, AUDIT.replace("regimes = [6]", f"regimes = [6]\nmeasures = {measures}"))
    done = shiftscope("audit", file, "-o", tmp_path / "out")
    assert done.code == 2
    assert says in done.err
    assert not (tmp_path / "out").exists()


def test_a_folder_is_worked_on_by_one_audit_at_a_time(finished):
    from filelock import FileLock

    file, folder = finished
    with FileLock(folder / ".lock"):
        done = shiftscope("audit", file, "-o", folder)
    assert done.code == 2
    assert "Another audit is at work" in done.err


def test_a_file_among_the_cells_that_is_none_is_named(finished, tmp_path):
    file, _ = finished
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "notes.json").write_text("{}")
    done = shiftscope("audit", file, "-o", tmp_path)
    assert done.code == 2
    assert "notes.json is no part of an audit" in done.err


def test_ten_kills_at_random_moments_lose_no_finished_cell_and_corrupt_none(finished, tmp_path):
    """Each start is killed some random time after its first new cell; what was whole before stays as it was.

    A grid that got finished between kills is checked, and another one is begun: ten kills always fall into work.
    """
    file, folder = finished
    rng = np.random.default_rng(20)
    out, seen = tmp_path / "0", {}
    for kill in range(10):
        process = subprocess.Popen(audit_into(file, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_more(out, len(seen), process)
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        now = cells_of(out)  # every file is whole JSON, or this fails
        assert {name: now[name] for name in seen} == seen
        assert len(now) > len(seen)
        seen = now
        if len(seen) == PLANNED + SEARCHED:
            assert seen == cells_of(folder)
            out, seen = tmp_path / str(kill + 1), {}
    subprocess.run(audit_into(file, out), check=True, stdout=subprocess.DEVNULL)
    assert cells_of(out) == cells_of(folder)
    assert not [path for path in tmp_path.rglob(".*.json*") if path.is_file()]


def audit_into(file, folder):
    return [sys.executable, "-m", "shiftscope", "audit", str(file), "-o", str(folder), "--workers", "2"]


def wait_for_more(folder, n, process):
    deadline = time.monotonic() + 60
    while len(list(folder.glob("cells/**/[!.]*.json"))) <= n:
        assert process.poll() is None, "the audit ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc, which this system lacks")
def test_killed_audits_leave_no_worker_running(finished, tmp_path):
    file, _ = finished
    process = subprocess.Popen(audit_into(file, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_more(tmp_path, 0, process)
    workers = [at for at in Path("/proc").glob("[0-9]*") if stat_of(at)[1:2] == [str(process.pid)]]
    assert workers
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(stat_of(at)[:1] not in ([], ["Z"]) for at in workers):
        assert time.monotonic() < deadline, "a worker outlived its audit"
        time.sleep(0.1)


def stat_of(process):
    """State and parent of a process by its folder in /proc; empty when it is gone."""
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[:2]
    except OSError:
        return []
