"""shiftscope from Python, as the README shows it, on small data."""

import subprocess
import sys

import numpy as np
import pytest
from smallworld import feature_file, numbers_of, shiftscope

import shiftscope as ss
from shiftscope.errors import InputError


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def sides(world, cache):
    return tuple(ss.embed(uri, world.ant, cache=cache) for uri in (world.light, world.dim))


def test_embed_gives_features_with_labels_and_card(sides):
    light, dim = sides
    assert (light.n, light.d, dim.n) == (36, 8, 30)
    assert (light.name, light.card.name) == ("light", "ant")
    assert light.target.class_names == ("disc", "hill", "rail")
    assert light.logits.shape == (36, 12)
    assert light.layer_stats


def test_embed_draws_per_class(world, cache):
    few = ss.embed(world.light, world.ant, per_class=4, cache=cache)
    assert list(few.target.counts) == [4, 4, 4]


def test_diagnose_prints_its_tables(sides):
    found = ss.diagnose(*sides)
    text = str(found)
    for words in ("MMD²", "Proxy A", "Wasserstein", "Fréchet", "hill", "Holm"):
        assert words in text
    (diagnosis,) = found.record.diagnoses
    assert (diagnosis.source, diagnosis.target, diagnosis.backbone) == ("light", "dim", "ant")
    # The sides are so far apart that they share no inputs: of the relation nothing can be said.
    assert [f.code for f in found.record.findings] == ["ST102", "ST101", "DQ305"]


def test_diagnose_says_what_the_command_line_says(world, sides, cache, tmp_path):
    # Features in memory have no images.
    words = ("shift", world.light, world.dim, "-b", world.ant, "--seed", "5", "--cache", cache, "--no-images")
    shiftscope(*words, "-m", "mmd", "--set", "mmd.n_permutations=99", "-o", tmp_path / "words")
    ss.diagnose(*sides, seed=5, select=["mmd"], measures={"mmd": {"n_permutations": 99}}).save(tmp_path / "python")
    by_words, by_python = (numbers_of(tmp_path / f) for f in ("words", "python"))
    for field in ("results", "diagnoses", "findings", "artifacts", "backbones"):
        assert by_words[field] == by_python[field]


def test_diagnose_takes_arrays():
    rng = np.random.default_rng(0)
    here, there = (ss.FeatureSet.of(rng.normal(size=(40, 3)) + by, name=n) for n, by in (("here", 0), ("there", 2)))
    (diagnosis,) = ss.diagnose(here, there, select=["mmd"]).record.diagnoses
    assert diagnosis.rows[0].pvalue == pytest.approx(0.001)


def test_diagnose_refuses_two_backbones(world, sides, cache):
    bee = world.ant.replace("#ant", "#bee")
    with pytest.raises(ss.ShiftscopeError, match="light was seen by ant and dim by bee"):
        ss.diagnose(sides[0], ss.embed(world.dim, bee, cache=cache))


def test_one_measure_gives_one_estimate(sides):
    pair = ss.Pair(*sides)
    estimate = ss.measures.mmd(pair, rng=0)
    assert isinstance(estimate, ss.Estimate)
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate == ss.measures.mmd(pair, rng=0)
    assert ss.measures.knn(sides[0], rng=0).value > 0.5


def test_unknown_measure_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nmd"):
        _ = ss.measures.nmd


def test_rank_report_and_save(world, cache, tmp_path):
    found = ss.rank(world.light, [world.zoo], per_class=8, select=["logme", "knn"], random=False, cache=cache)
    assert "All candidates on light, best first" in str(found)
    page = found.report(tmp_path / "rank.html")
    assert page == tmp_path / "rank.html"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    folder = found.save(tmp_path / "out")
    assert (folder / "report.html").is_file()
    loaded = ss.load(folder)
    assert loaded == ss.load(folder / "run.json")
    assert loaded.rankings == found.record.rankings
    assert sorted(loaded.artifacts) == ["arrays.safetensors"]


def test_rank_says_what_the_command_line_says(world, cache, tmp_path):
    ss.rank(world.light, [world.zoo], source=world.dim, seed=1, cache=cache).save(tmp_path / "python")
    words = ("rank", world.light, "-b", world.zoo, "--source", world.dim, "--seed", "1", "--cache", cache)
    shiftscope(*words, "-o", tmp_path / "words")
    assert numbers_of(tmp_path / "python") == numbers_of(tmp_path / "words")


def test_rank_takes_several_sources(world, cache):
    sources = {"bright": world.light, "dim": world.dim}
    found = ss.rank(world.light, [world.ant], source=sources, select=["knn", "mmd"], random=False, cache=cache).record
    assert [d.source for d in found.diagnoses] == ["bright", "dim"]
    assert found.spec["sources"] == sources


def test_shift_says_what_the_command_line_says(world, cache, tmp_path):
    ss.shift([world.light, world.dim], world.flat, [world.ant], seed=2, cache=cache).save(tmp_path / "python")
    words = ("shift", "--source", world.light, "--source", world.dim, world.flat, "-b", world.ant, "--seed", "2")
    shiftscope(*words, "--cache", cache, "-o", tmp_path / "words")
    assert numbers_of(tmp_path / "python") == numbers_of(tmp_path / "words")


def test_shift_of_one_source_says_what_the_command_line_says(world, cache, tmp_path):
    ss.shift(world.light, {"dim": world.dim}, [world.ant], select=["mmd"], cache=cache).save(tmp_path / "python")
    words = ("shift", world.light, world.dim, "-b", world.ant, "-m", "mmd", "--cache", cache)
    shiftscope(*words, "-o", tmp_path / "words")
    assert numbers_of(tmp_path / "python") == numbers_of(tmp_path / "words")


def test_diagnose_takes_several_of_either_side(world, sides, cache, tmp_path):
    """Arrays in memory give what their addresses give, in whatever order they come."""
    light, dim = sides
    flat = ss.embed(world.flat, world.ant, cache=cache)
    options = {"select": ["mmd", "frechet"], "measures": {"mmd": {"n_permutations": 99}}}
    # Arrays have no images.
    said_of = ss.shift([world.light, world.dim], world.flat, [world.ant], images=False, cache=cache, **options)
    said_of.save(tmp_path / "addresses")
    for i, sources in enumerate(([light, dim], [dim, light])):
        ss.diagnose(sources, flat, **options).save(tmp_path / str(i))
        made, said = (numbers_of(tmp_path / name) for name in (str(i), "addresses"))
        for field in ("results", "diagnoses", "source_orders", "findings", "artifacts"):
            assert made[field] == said[field]


def test_diagnose_refuses_two_of_one_name_and_none_at_all(sides):
    light, dim = sides
    with pytest.raises(ss.ShiftscopeError, match="Two sources are named 'light': give each a name of its own"):
        ss.diagnose([light, light], dim)
    with pytest.raises(ss.ShiftscopeError, match="Two targets are named 'dim'"):
        ss.diagnose(light, [dim, dim])
    with pytest.raises(ss.ShiftscopeError, match="There is no source: give at least one feature set"):
        ss.diagnose([], dim)


@pytest.mark.parametrize(
    "spec",
    [
        {"per_class": 5},
        {"budget": 3},
        {"backbones": ["torchvision:resnet18"]},
        {"targets": {"x": "imagefolder:nope"}},
        {"sources": {"x": "imagefolder:nope"}},
        {"features": {}},
        {"tap": "all"},
        {"random": False},
        {"selct": ["mmd"]},
    ],
)
def test_diagnose_refuses_what_would_change_nothing(sides, spec):
    (option,) = spec
    with pytest.raises(InputError, match=f"^diagnose: There is no option named '{option}'. [^\n]*$"):
        ss.diagnose(*sides, **spec)


def test_diagnose_keeps_a_policy_for_the_gate(sides):
    record = ss.diagnose(*sides, select=["frechet"], gate={"min_samples": 31}).record
    assert ss.gate(record).outcome == "fail"


def test_run_of_a_file(tmp_path):
    file = tmp_path / "shift.toml"
    features = feature_file(tmp_path / "target.npz")
    file.write_text(f'select = ["knn", "logme"]\n[targets]\nours = "features:{features}"\n', encoding="utf-8")
    found = ss.run(file)
    assert found.record.kind == "run"
    assert [r.target for r in found.record.rankings] == ["ours"]


def test_errors_are_raised_and_name_the_option(world):
    with pytest.raises(ss.ShiftscopeError, match="rank: There is no option named 'per_clas'"):
        ss.rank(world.light, [world.zoo], per_clas=3)


def test_report_that_cannot_be_written(sides, tmp_path):
    (tmp_path / "file").touch()
    found = ss.diagnose(*sides, select=["frechet"])
    with pytest.raises(ss.ShiftscopeError, match="cannot be written"):
        found.save(tmp_path / "file" / "out")


def test_every_public_name_resolves():
    for name in ss.__all__:
        assert getattr(ss, name) is not None
    assert dir(ss) == sorted(ss.__all__)
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        _ = ss.fit


def test_import_brings_in_nothing_else():
    command = "import sys, shiftscope; print({'numpy', 'pydantic', 'click', 'torch'} & set(sys.modules) or 'nothing')"
    done = subprocess.run([sys.executable, "-c", command], check=True, capture_output=True, text=True)
    assert done.stdout == "nothing\n"
