"""``shiftscope rank`` from pictures and weights to files and tables."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from safetensors.numpy import load_file
from smallworld import image_folder, numbers_of, record_of, shiftscope

import shiftscope as package
from shiftscope.measures import DEFAULT_TRANSFER

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "run.json"


def test_record_validates_and_loads(ranked):
    jsonschema.validate(record_of(ranked.folder), json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert package.load(ranked.folder).kind == "rank"


def test_every_entry_is_ranked_and_baselines_are_not(ranked):
    rows = record_of(ranked.folder)["rankings"][0]["rows"]
    assert {r["backbone"]: r["rank"] is None for r in rows} == {
        "ant": False,
        "bee": False,
        "pixels": True,
        "ant@random": True,
        "bee@random": True,
    }
    assert sum(r["p_best"] for r in rows if not r["baseline"]) == pytest.approx(1)


def test_every_measure_has_an_interval_around_its_point(ranked):
    results = record_of(ranked.folder)["results"]
    assert {r["measure"] for r in results} == set(DEFAULT_TRANSFER)
    # The head of bee puts all pictures into one class.
    headless = {(r["backbone"], r["measure"]) for r in results if r["status"] != "ok"}
    assert headless == {(b, m) for b in ("bee", "pixels") for m in ("nce", "leep")}
    for estimate in (r["estimate"] for r in results if r["status"] == "ok"):
        assert estimate["low"] <= estimate["value"] <= estimate["high"]


def test_arrays_are_those_the_record_names(ranked):
    data = (ranked.folder / "arrays.safetensors").read_bytes()
    assert record_of(ranked.folder)["artifacts"] == {"arrays.safetensors": hashlib.sha256(data).hexdigest()}
    assert "light/ant/logme/draws" in load_file(ranked.folder / "arrays.safetensors")
    assert sorted(f.name for f in ranked.folder.iterdir()) == ["arrays.safetensors", "report.html", "run.json"]


def test_files_and_the_ranking_are_printed(ranked):
    assert f"record: {ranked.folder / 'run.json'}" in ranked.printed
    assert re.search(r"1 +(ant|bee)\b", ranked.printed)
    assert "36 images decoded, 180 forward passes" in ranked.printed


def test_second_run_does_no_work_and_says_so(world, ranked, tmp_path):
    done = shiftscope("rank", world.light, "-b", world.zoo, "-o", tmp_path, "--cache", ranked.cache)
    costs = record_of(tmp_path)["costs"]
    assert (costs["n_decoded"], costs["n_forward"], costs["n_store_misses"]) == (0, 0, 0)
    assert "5 of 5 feature sets from the store; 0 images decoded, 0 forward passes." in done.out
    assert numbers_of(tmp_path) == numbers_of(ranked.folder)


def test_two_cold_runs_are_equal(world, ranked, tmp_path):
    shiftscope("rank", world.light, "-b", world.zoo, "-o", tmp_path / "out", "--cache", tmp_path / "cache")
    assert record_of(tmp_path / "out")["costs"]["n_decoded"] == 36
    assert numbers_of(tmp_path / "out") == numbers_of(ranked.folder)


def test_names_and_order_of_files_do_not_matter(world, tmp_path):
    """But for the names themselves: witnesses call the same pictures by the names they have now."""
    data = image_folder(tmp_path / "set", n=8)
    command = ("rank", f"imagefolder:{data}", "-b", world.zoo, "--source", world.dim, "--per-class", "6")
    assert shiftscope(*command, "-o", tmp_path / "before").code == 0
    numbers = np.random.default_rng(0).permutation(50)
    was = {}
    for folder in data.iterdir():
        for file, number in zip(sorted(folder.iterdir()), numbers, strict=False):
            now = file.rename(folder / f"again-{number:02d}.png")
            was[f"{folder.name}/{now.name}"] = f"{folder.name}/{file.name}"
    shutil.rmtree(os.environ["SHIFTSCOPE_CACHE"])
    assert shiftscope(*command, "-o", tmp_path / "after").code == 0
    assert record_of(tmp_path / "after")["costs"]["n_decoded"] > 0
    after = numbers_of(tmp_path / "after")
    for witness in (w for d in after["diagnoses"] for w in d["witnesses"]):
        name = "id" if witness["id"] in was else "nearest"
        witness[name] = was[witness[name]]
    assert after == numbers_of(tmp_path / "before")


@pytest.mark.parametrize("seed", [1, 2])
def test_seed_changes_the_draws(world, ranked, tmp_path, seed):
    command = ("rank", world.light, "-b", world.zoo, "--cache", ranked.cache, "-m", "logme", "--no-random")
    shiftscope(*command, "-o", tmp_path, "--seed", seed)
    assert record_of(tmp_path)["spec"]["seed"] == seed
    here, there = (load_file(f / "arrays.safetensors")["light/ant/logme/draws"] for f in (tmp_path, ranked.folder))
    assert not np.array_equal(here, there)


def test_per_class_draws_by_seed(world, tmp_path):
    prints = set()
    for seed in ("0", "1"):
        folder = tmp_path / seed
        command = ("rank", world.light, "-b", world.zoo, "-m", "logme", "--no-random", "--per-class", "5")
        shiftscope(*command, "-o", folder, "--seed", seed)
        card = record_of(folder)["inputs"]["light"]
        assert card["classes"] == {"disc": 5, "hill": 5, "rail": 5}
        assert card["n_available"] == 36
        prints.add(card["fingerprint"])
    assert len(prints) == 2


def test_no_random_leaves_the_copies_out(world, ranked, tmp_path):
    shiftscope("rank", world.light, "-b", world.zoo, "--no-random", "-o", tmp_path, "--cache", ranked.cache)
    rows = record_of(tmp_path)["rankings"][0]["rows"]
    assert [r["backbone"] for r in rows if r["baseline"]] == ["pixels"]
    assert all(r["random_copy"] is None for r in rows)


def test_source_adds_a_diagnosis_and_changes_no_rank(world, ranked, tmp_path):
    command = ("rank", world.light, "-b", world.zoo, "--source", world.dim, "-o", tmp_path, "--cache", ranked.cache)
    assert shiftscope(*command).code == 0
    found = record_of(tmp_path)
    assert found["rankings"] == record_of(ranked.folder)["rankings"]
    assert [(d["source"], d["target"], d["backbone"]) for d in found["diagnoses"]] == [
        ("dim", "light", "ant"),
        ("dim", "light", "bee"),
    ]
    assert found["inputs"]["dim"]["role"] == "source"


def test_selected_measures_and_their_options(world, ranked, tmp_path):
    command = ("rank", world.light, "-b", world.zoo, "-o", tmp_path, "--cache", ranked.cache)
    shiftscope(*command, "-m", "hscore", "-m", "knn", "--set", "hscore.variant=raw")
    found = record_of(tmp_path)
    assert {(r["measure"], r["options"].get("variant")) for r in found["results"]} >= {("hscore", "raw")}
    assert {r["measure"] for r in found["results"]} == {"hscore", "knn"}
    assert found["rankings"][0]["measures"] == ["knn", "hscore"]
    assert found["spec"]["measures"] == {"hscore": {"variant": "raw"}}


def test_a_measure_outside_the_mean_rank_ranks_when_it_is_alone(world, ranked, tmp_path):
    command = ("rank", world.light, "-b", world.zoo, "-o", tmp_path, "--cache", ranked.cache)
    assert shiftscope(*command, "-m", "ridge").code == 0
    ranking = record_of(tmp_path)["rankings"][0]
    assert ranking["measures"] == ["ridge"]
    assert [r["rank"] for r in ranking["rows"] if not r["baseline"]] == [1, 2]


def test_unreadable_file_is_left_out_and_listed(world, tmp_path):
    data = image_folder(tmp_path / "set", n=34)
    (data / "hill" / "07.png").write_bytes((data / "hill" / "07.png").read_bytes()[:200])
    words = ("rank", f"imagefolder:{data}", "-b", world.ant, "--no-random", "-m", "knn", "-o", tmp_path / "out")
    done = shiftscope(*words)
    assert done.code == 0, done.err
    found = record_of(tmp_path / "out")
    card = found["inputs"]["set"]
    assert card["classes"] == {"disc": 34, "hill": 33, "rail": 34}
    assert [s["file"] for s in card["skipped"]] == ["hill/07.png"]
    assert [f["code"] for f in found["findings"]] == ["DQ301"]


def test_json_prints_the_record_and_nothing_else(world, ranked, tmp_path):
    command = ("rank", world.light, "-b", world.zoo, "-o", tmp_path, "--cache", ranked.cache, "--json")
    assert json.loads(shiftscope(*command).out) == record_of(tmp_path)


def test_without_an_output_folder_equal_runs_share_one(world, ranked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert shiftscope("rank", world.light, "-b", world.zoo, "--cache", ranked.cache).code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"rank-light-[0-9a-f]{8}", folder.name)
    assert numbers_of(folder) == numbers_of(ranked.folder)
