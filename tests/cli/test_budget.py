"""``shiftscope rank --budget``: a race from pictures and weights to the record, its tables and its page."""

import json
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from smallworld import feature_file, image_folder, manifest, numbers_of, record_of, shiftscope

import shiftscope as package
from shiftscope.analysis.inputs import open_candidates, open_inputs
from shiftscope.analysis.raced import race_and_rank
from shiftscope.core.spec import parse_spec
from shiftscope.extraction import Store, extract

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "run.json"
NAMES = ("ant", "bee", "cat", "dog", "eel")
MEASURES = ("-m", "logme", "-m", "knn", "-m", "ridge")


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """Five networks raced on 210 pictures, of which two are the same network under two names."""
    root = tmp_path_factory.mktemp("raced")
    data = f"imagefolder:{image_folder(root / 'many', n=70)}"

    def change(entries):
        for field in ("file", "sha256", "kwargs"):
            entries[4][field] = entries[1][field]

    zoo = f"checkpoint:{manifest(root / 'zoo', NAMES, change=change)}#*"
    command = ("rank", data, "-b", zoo, "--budget", "900", *MEASURES, "--cache", root / "cache")
    done = shiftscope(*command, "-o", root / "out")
    assert done.code == 0, done.err
    return SimpleNamespace(
        data=data, zoo=zoo, command=command, folder=root / "out", printed=done.out, record=record_of(root / "out")
    )


def test_record_validates_and_loads(raced):
    jsonschema.validate(raced.record, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert package.load(raced.folder).rankings[0].race is not None


def test_race_is_accounted_for_to_the_image(raced):
    (ranking,) = raced.record["rankings"]
    race = ranking["race"]
    n = race["stages"][-1]["n"]
    assert len(race["stages"]) > 1
    assert {e["backbone"] for e in race["entrants"]} == {*NAMES}
    # What was embedded is what was passed through networks and the pixel baseline.
    assert race["n_embedded"] == raced.record["costs"]["n_forward"] <= race["budget"] == 900
    assert sum(e["n"] for e in race["entrants"]) + n == race["n_embedded"]
    assert race["n_full"] == 6 * 210
    assert raced.record["inputs"]["many"]["n"] == n
    assert raced.record["inputs"]["many"]["n_available"] == 210


def test_only_those_who_saw_the_last_subsample_are_ranked(raced):
    (ranking,) = raced.record["rankings"]
    stayed = {e["backbone"] for e in ranking["race"]["entrants"] if e["stage"] is None}
    assert {r["backbone"] for r in ranking["rows"] if not r["baseline"]} == stayed
    assert [r["backbone"] for r in ranking["rows"] if r["baseline"]] == ["pixels"]
    assert {r["backbone"] for r in raced.record["results"]} == {*stayed, "pixels"}
    fallen = [e for e in ranking["race"]["entrants"] if e["stage"] is not None]
    assert fallen
    assert all(e["z"] > ranking["race"]["stages"][e["stage"] - 1]["limit"] for e in fallen)
    assert all(e["n"] == ranking["race"]["stages"][e["stage"] - 1]["n"] for e in fallen)


def test_one_network_under_two_names_is_not_told_apart(raced):
    (ranking,) = raced.record["rankings"]
    stages = {e["backbone"]: e["stage"] for e in ranking["race"]["entrants"]}
    assert stages["bee"] == stages["eel"]


def test_second_run_does_no_work_and_finds_the_same(raced, tmp_path):
    done = shiftscope(*raced.command, "-o", tmp_path)
    costs = record_of(tmp_path)["costs"]
    assert (costs["n_decoded"], costs["n_forward"], costs["n_store_misses"]) == (0, 0, 0)
    assert "0 images decoded, 0 forward passes." in done.out
    assert numbers_of(tmp_path) == numbers_of(raced.folder)


def test_race_is_printed_and_on_the_page(raced):
    page = (raced.folder / "report.html").read_text(encoding="utf-8")
    assert "<h3>Who stayed</h3>" in page
    assert "<h3>Who was dropped</h3>" in page
    assert "5 candidates" in page
    for text in (raced.printed, page):
        flat = " ".join(text.replace("\N{THIN SPACE}", " ").split())
        assert "Raced under a budget of 900 images" in flat
        assert "The candidates that stayed on many, best first" in flat
        assert "Dropped by the race, in the order they fell" in flat


def test_stages_join_to_the_features_of_one_extraction(raced, tmp_path):
    spec = parse_spec({"targets": {"many": raced.data}, "backbones": [raced.zoo], "budget": 900}, at="test")
    inputs, candidates = open_inputs(spec), open_candidates(spec, trust_code=False, baselines=True)
    where = {"device": "cpu", "cache": tmp_path, "progress": None}
    found, _, (ranking,) = race_and_rank(spec, inputs, candidates, measures=("logme", "knn"), **where)
    features = found.targets["many"]
    best = ranking.rows[0].backbone
    source = inputs.targets["many"]
    index = np.flatnonzero(np.isin(source.ids, features[best].ids))
    (backbone,) = (b for b in candidates.ranked if b.card.name == best)
    whole = extract(source.take(index), [backbone], store=Store(tmp_path / "other"), device="cpu").features[best]
    assert features[best].ids == whole.ids == features["pixels"].ids
    assert features[best].target.names() == whole.target.names()
    np.testing.assert_allclose(features[best].features, whole.features, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(features[best].logits, whole.logits, rtol=1e-5, atol=1e-6)
    assert whole.layer_stats
    for layer, stats in whole.layer_stats.items():
        for name in ("mean", "var", "running_mean", "running_var"):
            joined = getattr(features[best].layer_stats[layer], name)
            np.testing.assert_allclose(joined, getattr(stats, name), rtol=1e-5, atol=1e-7)


def test_from_python_and_from_a_file(raced, tmp_path):
    select = [*MEASURES[1::2]]
    made = package.rank(raced.data, [raced.zoo], budget=900, select=select, cache=raced.folder.parent / "cache")
    assert made.record.rankings[0].race.model_dump(mode="json") == raced.record["rankings"][0]["race"]
    assert "Raced under a budget" in repr(made)
    file = tmp_path / "race.toml"
    file.write_text(f'backbones = ["{raced.zoo}"]\nbudget = 900\nselect = {select}\n[targets]\nmany = "{raced.data}"\n')
    done = shiftscope("run", file, "-o", tmp_path / "out", "--cache", raced.folder.parent / "cache")
    assert done.code == 0, done.err
    assert record_of(tmp_path / "out")["rankings"] == raced.record["rankings"]


def test_a_network_that_fails_takes_nobody_with_it(raced, tmp_path):
    def change(entries):
        # The weights do not fit such a network.
        entries[1]["kwargs"] = entries[1]["kwargs"] | {"in_chans": 1}

    broken = f"checkpoint:{manifest(tmp_path / 'zoo', NAMES[:3], change=change)}#*"
    done = shiftscope("rank", raced.data, "-b", broken, "--budget", "700", *MEASURES, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    found = record_of(tmp_path / "out")
    fallen = {e["backbone"]: e for e in found["rankings"][0]["race"]["entrants"] if e["stage"] is not None}
    assert fallen["bee"]["behind"] is None
    assert {(r["backbone"], r["status"]) for r in found["results"]} >= {("bee", "failed")}


# What cannot be raced.


def refused(*words, folder):
    done = shiftscope(*words, "-o", folder)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert not folder.exists()
    return done.err


def test_a_budget_below_the_first_stage_says_the_least_that_works(raced, tmp_path):
    command = ("rank", raced.data, "-b", raced.zoo, "--budget")
    said = refused(*command, "239", folder=tmp_path / "out")
    assert "embeds 40 images under each of 5 candidates and 1 baseline: give at least 240" in said
    assert shiftscope(*command, "240", *MEASURES, "-o", tmp_path / "out").code == 0


@pytest.mark.parametrize("budget", ["0", "-5", "many"])
def test_a_budget_that_is_no_count(world, tmp_path, budget):
    done = shiftscope("rank", world.light, "-b", world.ant, "--budget", budget, "-o", tmp_path / "out")
    assert done.code == 2
    assert "Invalid value for '--budget'" in done.err


def test_a_budget_beside_a_source(world, tmp_path):
    words = ("rank", world.light, "-b", world.ant, "--source", world.dim, "--budget", "500")
    assert "A budget and a source do not go together" in refused(*words, folder=tmp_path / "out")


def test_a_budget_for_features(tmp_path):
    file = f"features:{feature_file(tmp_path / 'f.npz')}"
    assert "holds features, so nothing is left to embed" in refused(
        "rank", file, "--budget", "500", folder=tmp_path / "out"
    )


def test_a_budget_for_two_targets(world, tmp_path):
    file = tmp_path / "two.toml"
    file.write_text(f'backbones = ["{world.ant}"]\nbudget = 500\n[targets]\na = "{world.light}"\nb = "{world.dim}"\n')
    assert "A budget is for one target, not 2" in refused("run", file, folder=tmp_path / "out")


def test_a_budget_without_a_ranking(world, tmp_path):
    file = tmp_path / "none.toml"
    file.write_text(f'backbones = ["{world.ant}"]\nbudget = 500\nselect = ["mmd"]\n[targets]\na = "{world.light}"\n')
    assert "none of the measures selected ranks" in refused("run", file, folder=tmp_path / "out")
