"""What a command may cost before it does anything: processor time and libraries, each in a process of its own."""

import resource
import subprocess
import sys

import pytest

HEAVY = ("torch", "numba", "sklearn", "ot", "scipy", "matplotlib")
LIGHT_COMMANDS = [
    ["--help"],
    *(["ls", what] for what in ("measures", "backbones", "data", "checks")),
    *(["schema", what] for what in ("run", "spec")),
]
PROBE = """
import sys
from shiftscope.__main__ import main
try:
    main()
except SystemExit as left:
    code = left.code or 0
print("loaded:", *(name for name in {heavy} if name in sys.modules))
sys.exit(code)
"""


def processor_seconds(words):
    """Least user and system time of three runs: what other work on this machine adds is not the command's."""
    found = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "shiftscope", *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def loaded(words):
    command = [sys.executable, "-c", PROBE.format(heavy=HEAVY), *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[-1].removeprefix("loaded:").split()


@pytest.mark.parametrize("words", LIGHT_COMMANDS, ids=" ".join)
def test_light_commands_start_at_once(words):
    assert loaded(words) == []
    assert processor_seconds(words) < 0.6


@pytest.mark.parametrize("form", ["md", "json", "junit"])
def test_reports_without_pictures_load_no_library_that_draws(form, ranked, tmp_path):
    words = ["report", ranked.folder, "--format", form, "-o", tmp_path / "out"]
    # The words of a page are made with its pictures.
    assert loaded(words) == (["matplotlib"] if form == "md" else [])


def test_comparing_and_listing_need_no_library_that_computes(ranked, tmp_path):
    assert set(loaded(["report", ranked.folder, ranked.folder, "-o", tmp_path / "c.html"])) <= {"matplotlib"}
    assert loaded(["report", ranked.folder.parent, "-o", tmp_path / "i.html"]) == []
    assert (tmp_path / "i.html").stat().st_size > 5_000


def test_report_needs_no_library_that_computes(ranked, tmp_path):
    words = ["report", ranked.folder / "run.json", "-o", tmp_path / "report.html"]
    # What draws the figures is there, so the probe does see what is loaded.
    assert loaded(words) == ["matplotlib"]
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert processor_seconds(words) < 2.5
