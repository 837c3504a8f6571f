"""``--tap all``: the layers of every candidate, from the same decode and the same forward passes."""

import json
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
from smallworld import feature_file, numbers_of, record_of, shiftscope

import shiftscope as package
from shiftscope.analysis.features import extract_all
from shiftscope.analysis.inputs import open_candidates, open_inputs
from shiftscope.core.spec import parse_spec

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "run.json"


@pytest.fixture(scope="module")
def tapped(world, tmp_path_factory):
    """The ranking of ``ranked`` once more, with all layers, into a store of its own."""
    cache, folder = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("tapped") / "out"
    command = ("rank", world.light, "-b", world.zoo, "--tap", "all", "--cache", cache)
    done = shiftscope(*command, "-o", folder)
    assert done.code == 0, done.err
    return SimpleNamespace(command=command, cache=cache, folder=folder, printed=done.out, record=record_of(folder))


def test_record_validates_and_loads(tapped):
    jsonschema.validate(tapped.record, json.loads(SCHEMA.read_text(encoding="utf-8")))
    loaded = package.load(tapped.folder)
    assert [p.model_dump(mode="json") for p in loaded.profiles] == tapped.record["profiles"]


def test_every_candidate_has_its_layers(tapped):
    profiles = {p["backbone"]: p for p in tapped.record["profiles"]}
    assert {*profiles} == {"ant", "bee"}
    for name, width in (("ant", 4), ("bee", 6)):
        taps = profiles[name]["taps"]
        assert [(t["name"], t["depth"], t["dim"]) for t in taps] == [
            ("features.0", 0.5, width),
            ("features.1", 1.0, 2 * width),
        ]
        # All default measures but those that read the head.
        assert [*taps[0]["scores"]] == [*taps[1]["scores"]]
        assert {*taps[0]["scores"]} == {"logme", "hscore", "ridge", "knn", "gbc", "parc"}


def test_the_last_layer_is_what_the_ranking_reads(tapped):
    estimates = {(r["backbone"], r["measure"]): r["estimate"] for r in tapped.record["results"]}
    for profile in tapped.record["profiles"]:
        for measure, score in profile["taps"][-1]["scores"].items():
            known = estimates[profile["backbone"], measure]
            assert score == {end: known[end] for end in ("value", "low", "high")}


def test_the_ranking_is_that_without_layers(tapped, ranked):
    plain = record_of(ranked.folder)
    for part in ("rankings", "results", "findings", "inputs", "backbones", "forecasts", "strategies", "diagnoses"):
        assert tapped.record[part] == plain[part]
    assert plain["profiles"] == []


def test_one_decode_and_one_pass_for_each_image(tapped, ranked):
    costs, plain = tapped.record["costs"], record_of(ranked.folder)["costs"]
    for count in ("n_decoded", "n_forward", "n_store_hits", "n_store_misses"):
        assert costs[count] == plain[count]
    # Two networks, their two random copies and raw pixels.
    assert (costs["n_decoded"], costs["n_forward"]) == (36, 5 * 36)


def test_a_second_run_does_no_work_and_finds_the_same(tapped, tmp_path):
    done = shiftscope(*tapped.command, "-o", tmp_path)
    assert "0 images decoded, 0 forward passes." in done.out
    assert numbers_of(tmp_path) == numbers_of(tapped.folder)


def test_a_plain_run_after_it_finds_what_it_needs(tapped, ranked, tmp_path):
    done = shiftscope(*(w for w in tapped.command if w not in ("--tap", "all")), "-o", tmp_path)
    assert "5 of 5 feature sets from the store; 0 images decoded, 0 forward passes." in done.out
    assert record_of(tmp_path)["results"] == record_of(ranked.folder)["results"]


def test_best_layers_are_printed(tapped, ranked):
    assert "Which layer to use on light" in tapped.printed
    assert "For a frozen head" in tapped.printed
    assert "Best layer" in tapped.printed
    assert "Best layer" not in ranked.printed


def test_the_page_has_a_section_only_where_layers_were_read(tapped, ranked):
    page, plain = ((run.folder / "report.html").read_text(encoding="utf-8") for run in (tapped, ranked))
    assert '<section id="layers"><h2>Which layer should I use?</h2>' in page
    assert '<a href="#layers">' in page
    assert "held-out accuracy by depth on light" in page.lower()
    assert "Measures by layer on light" in page
    assert "layer should I use" not in plain
    assert 'id="layers"' not in plain


def test_from_a_file_and_from_python(tapped, world, tmp_path):
    file = tmp_path / "tap.toml"
    file.write_text(f'backbones = ["{world.zoo}"]\ntap = "all"\n[targets]\nlight = "{world.light}"\n')
    done = shiftscope("run", file, "-o", tmp_path / "out", "--cache", tapped.cache)
    assert done.code == 0, done.err
    assert record_of(tmp_path / "out")["profiles"] == tapped.record["profiles"]
    made = package.rank(world.light, [world.zoo], tap="all", cache=tapped.cache)
    assert [p.model_dump(mode="json") for p in made.record.profiles] == tapped.record["profiles"]
    assert made.record.costs.n_forward == 0


def test_only_the_measures_asked_for(tapped, world, tmp_path):
    words = ("-m", "knn", "-m", "leep", "--no-random", "--cache", tapped.cache)
    assert shiftscope("rank", world.light, "-b", world.ant, "--tap", "all", *words, "-o", tmp_path).code == 0
    (profile,) = record_of(tmp_path)["profiles"]
    assert profile["measure"] == "knn"
    assert {m for tap in profile["taps"] for m in tap["scores"]} == {"knn"}


def test_layers_are_those_of_candidates_on_targets(world, tmp_path):
    given = {"targets": {"light": world.light}, "source": world.dim, "backbones": [world.zoo], "tap": "all"}
    spec = parse_spec(given, at="test")
    inputs, candidates = open_inputs(spec), open_candidates(spec, trust_code=False, baselines=True)
    found = extract_all(spec, inputs, candidates, device="cpu", cache=tmp_path, progress=None)
    assert {target: {*layers} for target, layers in found.layers.items()} == {"light": {"ant", "bee"}}


# What cannot be done.


def refused(*words, folder):
    done = shiftscope(*words, "-o", folder)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert not folder.exists()
    return done.err


def test_under_a_budget(world, tmp_path):
    words = ("rank", world.light, "-b", world.zoo, "--tap", "all", "--budget", "500")
    said = refused(*words, folder=tmp_path / "out")
    assert "A budget and all layers do not go together: leave out --budget, or --tap all" in said


def test_for_features(tmp_path):
    file = f"features:{feature_file(tmp_path / 'f.npz')}"
    said = refused("rank", file, "--tap", "all", folder=tmp_path / "out")
    assert "The layers of a network cannot be read from features: give images" in said


def test_with_measures_of_the_head_only(world, tmp_path):
    words = ("rank", world.light, "-b", world.zoo, "--tap", "all", "-m", "leep", "-m", "nce")
    said = refused(*words, folder=tmp_path / "out")
    assert "None of the measures selected can be read at every layer (leep, nce): select logme, hscore, ridge" in said


def test_a_place_that_is_none(world, tmp_path):
    done = shiftscope("rank", world.light, "-b", world.ant, "--tap", "middle", "-o", tmp_path / "out")
    assert done.code == 2
    assert "Invalid value for '--tap'" in done.err
    file = tmp_path / "tap.toml"
    file.write_text(f'backbones = ["{world.zoo}"]\ntap = "middle"\n[targets]\nlight = "{world.light}"\n')
    assert "tap: 'middle' cannot be used" in refused("run", file, folder=tmp_path / "out")
