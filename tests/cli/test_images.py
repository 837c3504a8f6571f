"""Thumbnails from the command line: kept beside the record, shown from there, and left out on request."""

import re

import pytest
from smallworld import record_of, shiftscope

from shiftscope.core.artifacts import THUMBNAILS, read_thumbnails
from shiftscope.core.files import sha256_of
from shiftscope.core.load import load_record


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def shift(world, cache, tmp_path):
    """Run ``shift`` into a folder, which is returned."""

    def run(*more):
        words = ("-m", "mmd", "-o", tmp_path / "out", "--cache", cache, *more)
        done = shiftscope("shift", world.light, world.dim, "-b", world.zoo, *words)
        assert done.code == 0, done.err
        return tmp_path / "out"

    return run


def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def test_at_most_24_are_kept_and_shown(shift):
    folder = shift()
    found = record_of(folder)
    names = {w["thumbnail"] for d in found["diagnoses"] for w in d["witnesses"]} - {""}
    assert found["artifacts"][THUMBNAILS] == sha256_of(folder / THUMBNAILS)
    kept = read_thumbnails(load_record(folder), folder)
    assert set(kept) == names
    assert all(file.startswith(b"\xff\xd8\xff") and len(file) < 5000 for file in kept.values())
    assert page(folder).count("<img ") == 24
    assert re.search(r'alt="[a-z]+/\d\d\.png, class [a-z]+, target dim"', page(folder))
    # Only the first of two backbones is drawn.
    assert [d["projection"] is None for d in found["diagnoses"]] == [False, True]


def test_report_shows_them_again_and_leaves_them_out_when_asked(shift):
    folder = shift()
    first = page(folder)
    assert shiftscope("report", folder).code == 0
    assert page(folder) == first
    assert shiftscope("report", folder, "--no-images").code == 0
    assert "<img" not in page(folder)
    assert (folder / THUMBNAILS).exists()


def test_a_run_without_images_makes_none_and_takes_away_old_ones(shift):
    before = record_of(shift())
    folder = shift("--no-images")
    found = record_of(folder)
    assert THUMBNAILS not in found["artifacts"]
    assert not (folder / THUMBNAILS).exists()
    assert "<img" not in page(folder)
    for d in before["diagnoses"]:
        for w in d["witnesses"]:
            w["thumbnail"] = ""
    assert found["diagnoses"] == before["diagnoses"]
    assert found["results"] == before["results"]


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_thumbnails_that_are_not_those_of_the_record_are_not_shown(harm, shift):
    folder = shift()
    if harm == "changed":
        data = bytearray((folder / THUMBNAILS).read_bytes())
        data[-9] ^= 1
        (folder / THUMBNAILS).write_bytes(bytes(data))
    else:
        (folder / THUMBNAILS).unlink()
    assert shiftscope("report", folder).code == 0
    assert "<img" not in page(folder)
    assert "most unlike" in page(folder)


def test_rank_with_a_source_has_them_and_draws_the_recommended(world, cache, tmp_path):
    words = ("-b", world.zoo, "--source", world.light, "--no-random", "--cache", cache, "-o", tmp_path)
    assert shiftscope("rank", world.dim, *words).code == 0
    found = record_of(tmp_path)
    best = found["rankings"][0]["rows"][0]["backbone"]
    assert [d["backbone"] for d in found["diagnoses"] if d["projection"]] == [best]
    assert page(tmp_path).count("<img ") == 24
    assert shiftscope("rank", world.dim, *words, "--no-images").code == 0
    assert "<img" not in page(tmp_path)


@pytest.mark.parametrize("command", ["rank", "shift", "run", "demo", "report"])
def test_help_says_what_thumbnails_are(command):
    words = " ".join(shiftscope(command, "--help").out.split())
    assert "--no-images" in words
    assert re.search(r"small copies of (at most 24 of your )?images", words)
