"""``shiftscope run``: the same numbers from a file as from the command line."""

import json

import jsonschema
import pytest
from smallworld import numbers_of, record_of, shiftscope


@pytest.fixture
def toml(tmp_path):
    def write(text):
        file = tmp_path / "shift.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_file_and_command_line_give_the_same(world, ranked, toml, tmp_path):
    file = toml(
        f"""
        schema = 1
        seed = 3
        source = "{world.dim}"
        backbones = ["{world.zoo}"]
        per_class = 8
        [targets]
        light = "{world.light}"
        [measures.mmd]
        n_permutations = 99
        """
    )
    words = ("rank", world.light, "-b", world.zoo, "--source", world.dim, "--seed", "3", "--per-class", "8")
    assert shiftscope("run", file, "-o", tmp_path / "a", "--cache", ranked.cache).code == 0
    assert shiftscope(*words, "--set", "mmd.n_permutations=99", "-o", tmp_path / "b", "--cache", ranked.cache).code == 0
    by_file, by_words = numbers_of(tmp_path / "a"), numbers_of(tmp_path / "b")
    assert (by_file.pop("kind"), by_words.pop("kind")) == ("run", "rank")
    assert by_file.pop("given") == {"schema": 1, **by_words.pop("given")}
    assert by_file == by_words


def test_several_targets(world, ranked, toml, tmp_path):
    file = toml(
        f"""
        source = "{world.light}"
        backbones = ["{world.zoo}"]
        random = false
        select = ["knn", "mmd"]
        [targets]
        evening = "{world.dim}"
        again = "{world.light}"
        bare = "{world.flat}"
        [measures.mmd]
        n_permutations = 9
        """
    )
    done = shiftscope("run", file, "-o", tmp_path / "out", "--cache", ranked.cache)
    assert done.code == 0, done.err
    found = record_of(tmp_path / "out")
    # Without labels there is nothing to rank by, but the shift is still there.
    assert [r["target"] for r in found["rankings"]] == ["again", "evening"]
    assert [(d["target"], d["backbone"]) for d in found["diagnoses"]] == [
        (t, b) for t in ("again", "bare", "evening") for b in ("ant", "bee")
    ]
    # Three tests of nine permutations cannot reach 5 % together: said once for each backbone.
    assert [f["evidence"]["n_tests"] for f in found["findings"] if f["code"] == "PW403"] == [3, 3]


def test_seed_of_the_command_line_wins(world, ranked, toml, tmp_path):
    lines = f'seed = 3\nbackbones = ["{world.zoo}"]\nselect = ["knn"]\nrandom = false\n'
    file = toml(f'{lines}targets.light = "{world.light}"')
    shiftscope("run", file, "--seed", "1", "-o", tmp_path / "out", "--cache", ranked.cache)
    found = record_of(tmp_path / "out")
    assert found["spec"]["seed"] == 1
    assert found["given"]["seed"] == 3


def test_the_printed_schema_accepts_the_file_in_force(ranked):
    schema = json.loads(shiftscope("schema", "spec").out)
    jsonschema.validate(record_of(ranked.folder)["spec"], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"backbone": []}, schema)
