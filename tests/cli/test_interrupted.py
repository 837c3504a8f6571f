"""Stopped in the middle: exit code 130, no record, and nothing to be done twice."""

import signal
import subprocess
import sys

from smallworld import record_of, shiftscope

# Interrupts itself as Ctrl-C does, when the second network is about to run.
PROBE = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process is born deaf to it
from shiftscope.extraction.runner import Runner
run, calls = Runner.run, []
def stopped(self, batch):
    calls.append(batch)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGINT)
    return run(self, batch)
Runner.run = stopped
from shiftscope.__main__ import main
main()
"""


def test_interrupt_in_extraction(world, tmp_path):
    words = ["rank", world.light, "-b", world.zoo, "--no-random", "-o", str(tmp_path / "out"), "--cache", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "interrupted; finished parts stay in the store"
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    # What the first network gave is not computed again.
    assert shiftscope(*words).code == 0
    assert record_of(tmp_path / "out")["costs"]["n_forward"] == 2 * 36


def test_interrupt_before_any_work(world, monkeypatch, tmp_path):
    def stop(*_args, **_options):
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    monkeypatch.setattr("shiftscope.analysis.run.open_inputs", stop)
    try:
        done = shiftscope("rank", world.light, "-b", world.ant, "-o", tmp_path / "out")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == 130
    assert not (tmp_path / "out").exists()
