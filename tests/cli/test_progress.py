"""What is said while work goes on."""

import sys
from contextlib import redirect_stderr
from io import StringIO

import pytest

from shiftscope.cli import _progress
from shiftscope.cli._progress import progress_bar


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


def test_log_gets_a_line_at_begin_and_end_and_one_every_ten_seconds(clock, capsys):
    with progress_bar() as progress:
        for second in range(25):
            clock[0] = 100.0 + second
            progress("features of light", second, 24, "ant")
    assert capsys.readouterr().err.splitlines() == [
        "features of light: 0/24 (ant)",
        "features of light: 10/24, 1/s, 14 s left (ant)",
        "features of light: 20/24, 1/s, 4 s left (ant)",
        "features of light: 24/24 (ant)",
    ]


def test_terminal_gets_a_bar_and_keeps_standard_output_clean(capsys):
    shown = Terminal()
    with redirect_stderr(shown), progress_bar() as progress:
        assert sys.stderr.isatty()
        progress("features of light", 0, 4)
        progress("features of light", 4, 4, "ant")
    assert "features of light" in shown.getvalue()
    assert "4/4" in shown.getvalue()
    assert capsys.readouterr().out == ""


def test_work_done_in_an_earlier_run_does_not_count_as_speed(clock, capsys):
    with progress_bar() as progress:
        for second, done in ((0, 1000), (60, 1010)):
            clock[0] = 100.0 + second
            progress("cells", done, 1100, "ant")
    assert capsys.readouterr().err.splitlines()[-1] == "cells: 1010/1100, 10/min, 9 min left (ant)"
