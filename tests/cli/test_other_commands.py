"""``ls``, ``doctor``, ``schema``, ``embed``, ``report`` and ``demo``."""

import hashlib
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from smallworld import manifest, record_of, shiftscope

from shiftscope.backbones import BACKBONES
from shiftscope.checks import CODES
from shiftscope.data import SOURCES
from shiftscope.measures import CAUSES, DEFAULT_SHIFT, DEFAULT_TRANSFER, MEASURES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("measures", MEASURES),
        ("backbones", [f"{b}:" for b in BACKBONES]),
        ("data", [f"{s}:" for s in SOURCES]),
        ("checks", CODES),
    ],
)
def test_ls_has_a_row_for_everything(what, names):
    done = shiftscope("ls", what)
    assert done.code == 0
    assert {line.split()[0] for line in done.out.splitlines()} >= set(names)


def test_ls_says_which_measures_run_unasked():
    runs = [line.split() for line in shiftscope("ls", "measures").out.splitlines()]
    runs = {words[0]: words for words in runs if words and words[0] in MEASURES}
    for name, words in runs.items():
        if name in CAUSES:
            assert words[2:5] == ["default", "in", "shift"]
        elif name in {*DEFAULT_SHIFT, *DEFAULT_TRANSFER}:
            assert words[2:4] in (["default", "higher"], ["default", "lower"])
        else:
            assert words[2:4] == ["by", "name"]


def test_demo_says_where_it_writes():
    said = " ".join(shiftscope("demo", "--help").out.split())
    assert "Folder for run.json and report.html; default: shiftscope-demo/." in said
    assert "runs/" not in said
    assert "default: runs/<name>." in " ".join(shiftscope("rank", "--help").out.split())


def test_doctor_finds_nothing_wrong_here():
    done = shiftscope("doctor")
    assert done.code == 0, done.out
    assert "compiled and reference agree" in done.out
    assert "problem" not in done.out


def test_doctor_says_what_is_broken(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHIFTSCOPE_CACHE", str(tmp_path / "file" / "cache"))
    done = shiftscope("doctor")
    assert done.code == 2
    (line,) = (line for line in done.out.splitlines() if line.startswith("problem"))
    assert "cannot be written: set SHIFTSCOPE_CACHE" in line


@pytest.mark.parametrize(
    ("package", "lines"),
    [("torch", {"devices"}), ("numba", {"kernels"}), ("pydantic", {"devices", "store"})],
)
def test_doctor_names_what_cannot_be_imported(package, lines, tmp_path):
    code = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['shiftscope', 'doctor']\n"
        "from shiftscope.__main__ import main\nmain()"
    )
    place = {**os.environ, "SHIFTSCOPE_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=place)
    problems = [line.split(maxsplit=2) for line in done.stdout.splitlines() if line.startswith("problem")]
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert {what: package in says for _, what, says in problems} == dict.fromkeys(lines, True)


def test_doctor_asks_the_metadata_of_the_package_what_it_needs(monkeypatch):
    needs = [
        "click>=8",
        "no-such.one>=2; python_version >= '3'",
        "no_such_extra>=2; extra == 'more'",
        "ruff; extra == 'test'",
    ]
    monkeypatch.setattr("shiftscope.cli.doctor.requires", {"shiftscope": needs}.get)
    done = shiftscope("doctor")
    assert done.code == 2
    lines = done.out.splitlines()
    assert f"ok       click          {version('click')}" in lines
    assert "problem  no-such.one    missing: pip install no-such.one" in lines
    assert "ok       no_such_extra  not installed (optional: pip install 'shiftscope[more]')" in lines
    assert not any("ruff" in line for line in lines)


@pytest.mark.parametrize("what", ["run", "spec", "audit", "cell"])
def test_committed_schema_is_the_one_in_force(what):
    printed = json.loads(shiftscope("schema", what).out)
    assert json.loads((ROOT / "docs" / "schema" / f"{what}.json").read_text(encoding="utf-8")) == printed


def test_every_code_is_explained():
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "findings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(CODES)


def test_embed_fills_the_store_once(world, tmp_path):
    words = ("embed", world.light, "-b", world.zoo, "--cache", tmp_path / "store")
    first, second = shiftscope(*words), shiftscope(*words)
    assert first.out.endswith("0 of 2 feature sets from the store; 36 images decoded, 72 forward passes\n")
    assert second.out.endswith("2 of 2 feature sets from the store; 0 images decoded, 0 forward passes\n")
    assert re.search(r"^ant  36 x 8  [0-9a-f]{64}$", first.out, re.MULTILINE)
    assert first.out.splitlines()[:-1] == second.out.splitlines()[:-1]


def test_embedded_features_rank_as_the_images_do(world, tmp_path):
    shiftscope("embed", world.light, "-b", world.zoo, "-o", tmp_path)
    with np.load(tmp_path / "ant.npz") as arrays:
        assert {name: a.shape for name, a in arrays.items()} == {
            "x": (36, 8),
            "y": (36,),
            "ids": (36,),
            "keys": (36,),
            "logits": (36, 12),
        }
        assert set(arrays["y"]) == {"disc", "hill", "rail"}
        assert "hill/03.png" in arrays["ids"]
    words = ("rank", f"features:{tmp_path / 'ant.npz'}", "--features", f"bee={tmp_path / 'bee.npz'}")
    done = shiftscope(*words, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    ranks = {r["backbone"]: r["rank"] for r in record_of(tmp_path / "out")["rankings"][0]["rows"]}
    assert sorted(ranks) == ["ant", "bee"]
    # The file keeps the order of the images, and with it folds and draws: every number is the same.
    assert shiftscope("rank", world.light, "-b", world.zoo, "-o", tmp_path / "images").code == 0
    values = [
        {(r["backbone"], r["measure"]): r["estimate"] for r in record_of(tmp_path / name)["results"]}
        for name in ("out", "images")
    ]
    assert {key: values[1][key] for key in values[0]} == values[0]


def test_embed_without_labels(world, tmp_path):
    shiftscope("embed", world.flat, "-b", world.ant, "-o", tmp_path)
    with np.load(tmp_path / "ant.npz") as arrays:
        assert "y" not in arrays
        assert arrays["x"].shape == (15, 8)


def test_embed_takes_images_only(tmp_path, world):
    np.savez(tmp_path / "f.npz", x=np.ones((4, 2)))
    done = shiftscope("embed", f"features:{tmp_path / 'f.npz'}", "-b", world.ant)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "holds features already" in done.err


def test_a_name_from_a_manifest_does_not_lead_out_of_the_folder(world, tmp_path):
    def rename(entries):
        entries[0]["name"] = "../../ant"

    zoo = manifest(tmp_path / "zoo", change=rename)
    assert shiftscope("embed", world.flat, "-b", f"checkpoint:{zoo}#*", "-o", tmp_path / "a" / "b" / "c").code == 0
    assert sorted(f.name for f in (tmp_path / "a").rglob("*.npz")) == ["..-..-ant.npz", "bee.npz"]
    assert {f.parent for f in (tmp_path / "a").rglob("*.npz")} == {tmp_path / "a" / "b" / "c"}


def test_report_is_made_again_from_the_record(ranked, tmp_path):
    done = shiftscope("report", ranked.folder, "-o", tmp_path / "again.html")
    assert done.code == 0
    assert (tmp_path / "again.html").read_bytes() == (ranked.folder / "report.html").read_bytes()


def test_report_as_a_table(ranked):
    done = shiftscope("report", ranked.folder / "run.json", "--table")
    assert done.code == 0
    assert done.out.splitlines()[0] == ranked.printed.splitlines()[0]
    assert "5 of 5" not in done.out.splitlines()[-1]


def test_version_and_help():
    assert shiftscope("--version").out.startswith("shiftscope, version ")
    assert shiftscope("-h").out == shiftscope("--help").out
    assert "Rank pretrained models" in shiftscope("-h").out


def test_demo_says_where_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    there = tmp_path / "file" / "demo"
    done = shiftscope("demo", "-o", there)
    assert done.code == 2
    assert done.err == f"error: {there} cannot be written (Not a directory): name another folder with -o.\n"


def test_demo(tmp_path):
    done = shiftscope("demo", "-o", tmp_path)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    order = [r["backbone"] for r in found["rankings"][0]["rows"] if not r["baseline"]]
    assert order[0] == "printed_digits"
    assert "shuffled_digits" in order[1:]
    assert len(order) == 8
    assert len(found["diagnoses"]) == 8
    # The one that the report draws is that of the recommended model, which is not the first by name.
    assert [d["backbone"] for d in found["diagnoses"] if d["projection"]] == ["printed_digits"]
    assert any(f["code"] == "ST101" for f in found["findings"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "printed_digits" in page
    beside = ("arrays.safetensors", "thumbnails.safetensors")
    digests = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in beside}
    assert found["artifacts"] == digests
    assert order[0] not in {f["subject"] for f in found["findings"] if f["severity"] == "error"}
