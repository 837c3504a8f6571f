"""What cannot be used is one line that says so, exit code 2, and no file: for each way to go wrong."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from smallworld import feature_file, image_folder, manifest, shiftscope

from shiftscope import shift
from shiftscope.errors import InputError


@pytest.fixture
def refused(tmp_path):
    """Run a command that must be refused before anything is written, and return what it said."""

    def run(*words, writes=True):
        folder = tmp_path / "out"
        done = shiftscope(*words, *(("-o", folder) if writes else ()))
        assert done.code == 2
        assert done.out == ""
        assert done.err.startswith("error: ")
        assert done.err.endswith("\n")
        assert done.err.count("\n") == 1
        assert not folder.exists()
        return done.err

    return run


@pytest.fixture
def zoo_file(world, tmp_path):
    """A manifest of one's own, with a function that changes its first entry."""
    folder = Path(shutil.copytree(Path(world.zoo.partition(":")[2]).parent, tmp_path / "zoo"))
    file = folder / "manifest.json"

    def change(**fields):
        content = json.loads(file.read_text())
        content["backbones"][0] |= fields
        file.write_text(json.dumps(content))
        return f"checkpoint:{file}#ant"

    return change


# Data.


def test_missing_folder(refused, world, tmp_path):
    assert "nowhere: the folder does not exist" in refused(
        "rank", f"imagefolder:{tmp_path / 'nowhere'}", "-b", world.ant
    )


def test_data_without_a_scheme(refused, world):
    assert "write imagefolder:" in refused("rank", world.light.partition(":")[2], "-b", world.ant)


def test_one_class_only(refused, world, tmp_path):
    image_folder(tmp_path / "set", classes=("disc",))
    assert "one class only ('disc')" in refused("rank", f"imagefolder:{tmp_path / 'set'}", "-b", world.ant)


def test_one_image_in_a_class(refused, world, tmp_path):
    image_folder(tmp_path / "set", n=4)
    for file in sorted((tmp_path / "set" / "hill").iterdir())[1:]:
        file.unlink()
    said = refused("rank", f"imagefolder:{tmp_path / 'set'}", "-b", world.ant)
    assert "fewer than 2 samples ('hill')" in said


def test_target_without_labels(refused, world):
    assert "has no labels, and ranking needs them" in refused("rank", world.flat, "-b", world.ant)


def test_nan_features(refused, tmp_path):
    x = np.ones((6, 2), np.float32)
    x[4, 1] = np.nan
    np.savez(tmp_path / "bad.npz", x=x, y=np.arange(6) % 2)
    assert "1 of 6 feature rows hold NaN" in refused("rank", f"features:{tmp_path / 'bad.npz'}")


def test_unlabelled_features(refused, tmp_path):
    feature_file(tmp_path / "bare.npz", labels=False)
    assert "has no labels" in refused("rank", f"features:{tmp_path / 'bare.npz'}")


def test_feature_dimensions_that_differ(refused, tmp_path):
    a, b = (f"features:{feature_file(tmp_path / f'{d}.npz', d=d)}" for d in (4, 5))
    assert "has 4 features and 5 has 5" in refused("shift", a, b)


def test_feature_files_of_other_samples(refused, tmp_path):
    a, b = (feature_file(tmp_path / f"{n}.npz", n=n) for n in (30, 36))
    assert "has 30 rows" in refused("rank", f"features:{a}", "--features", f"b={b}")


def test_images_against_features(refused, world, tmp_path):
    file = f"features:{feature_file(tmp_path / 'f.npz')}"
    assert "Backbones need images" in refused("shift", world.light, file, "-b", world.ant)


def test_features_beside_a_target_of_images(refused, world, tmp_path):
    file = feature_file(tmp_path / "f.npz")
    said = refused("rank", world.light, "-b", world.ant, "--features", f"mine={file}")
    assert "Features of mine were given, and the target is not one file of features" in said


def test_features_that_are_images(refused, world, tmp_path):
    file = f"features:{feature_file(tmp_path / 'f.npz')}"
    assert "is not a file of features" in refused("rank", file, "--features", f"mine={world.light}")


def test_features_named_like_the_target(refused, tmp_path):
    file = feature_file(tmp_path / "f.npz")
    assert "Two feature files are named 'f'" in refused("rank", f"features:{file}", "--features", f"f={file}")


def test_features_beside_the_two_files_of_a_shift(tmp_path):
    a, b, more = (f"features:{feature_file(tmp_path / f'{name}.npz')}" for name in ("a", "b", "more"))
    assert shiftscope("shift", a, b, "--features", f"more={more}").code == 2
    with pytest.raises(InputError, match=r"Features of more were given.*compares one file with another"):
        shift(a, b, features={"more": more})


def test_features_without_a_name(refused, tmp_path):
    file = feature_file(tmp_path / "f.npz")
    assert "write NAME=FILE" in refused("rank", f"features:{file}", "--features", file)


# Backbones.


def test_no_backbone(refused, world):
    assert "There is no candidate" in refused("rank", world.light)


def test_only_a_baseline(refused, world):
    assert "There is no candidate" in refused("rank", world.light, "-b", "pixels:")


def test_unknown_scheme(refused, world):
    assert "Did you mean 'torchvision'?" in refused("rank", world.light, "-b", "torchvison:resnet18")


def test_backbone_without_a_scheme(refused, world):
    assert "write torchvision:resnet18" in refused("rank", world.light, "-b", "resnet18")


def test_unknown_torchvision_model(refused, world):
    assert "Did you mean 'resnet18'" in refused("rank", world.light, "-b", "torchvision:resnet81")


def test_unknown_entry(refused, world):
    assert "no entry named 'ann'" in refused("rank", world.light, "-b", world.ant[:-1] + "n")


def test_missing_manifest(refused, world, tmp_path):
    assert "cannot be read" in refused("rank", world.light, "-b", f"checkpoint:{tmp_path / 'no.json'}#*")


def test_weights_that_are_not_those_of_the_manifest(refused, world, zoo_file):
    assert "but the manifest says 00000" in refused("rank", world.light, "-b", zoo_file(sha256="0" * 64))


def test_weights_outside_the_folder(refused, world, zoo_file, tmp_path):
    shutil.copy(tmp_path / "zoo" / "ant.safetensors", tmp_path)
    assert "lies outside its folder" in refused("rank", world.light, "-b", zoo_file(file="../ant.safetensors"))


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"pretrained": True}, "'pretrained' is not allowed in kwargs"),
        ({"progress": False}, "'progress' is not among the architecture arguments"),
        ({"num_classes": "http://x.y"}, "give a number"),
    ],
)
def test_arguments_that_a_manifest_may_not_set(refused, world, zoo_file, kwargs, said):
    uri = zoo_file(library="torchvision", constructor="resnet18", kwargs=kwargs)
    assert said in refused("rank", world.light, "-b", uri)


def test_a_pickle_that_would_run_code(refused, world, zoo_file, tmp_path):
    import hashlib

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    file = tmp_path / "zoo" / "bomb.pth"
    file.write_bytes(pickle.dumps({"weight": Bomb()}))
    uri = zoo_file(file="bomb.pth", sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    assert "holds more than tensors" in refused("rank", world.light, "-b", uri)
    assert not (tmp_path / "ran").exists()


def test_user_code_without_trust(refused, world, zoo_file, tmp_path):
    (tmp_path / "zoo" / "mine.py").write_text("raise SystemExit('the file was run')")
    assert "add --trust-code" in refused("rank", world.light, "-b", zoo_file(library="mine", constructor="Net"))


def test_two_backbones_of_one_name(refused, world, tmp_path):
    other = manifest(tmp_path / "other", ("bee", "ant"))
    assert "Two backbones are named 'ant'" in refused(
        "rank", world.light, "-b", world.ant, "-b", f"checkpoint:{other}#*"
    )


# Measures and options.


def test_unknown_measure(refused, world):
    assert "Did you mean 'hscore'?" in refused("rank", world.light, "-b", world.ant, "-m", "h-score")


@pytest.mark.parametrize(("command", "measure"), [("rank", "mmd"), ("shift", "knn")])
def test_measure_that_does_not_answer(refused, world, command, measure):
    data = (world.light,) if command == "rank" else (world.light, world.dim)
    assert "None of the measures selected" in refused(command, *data, "-b", world.ant, "-m", measure)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "mmd.n_permutation=9",
            "measures.mmd: There is no option named 'n_permutation'. Did you mean 'n_permutations'",
        ),
        ("mmd.n_permutations=many", "measures.mmd.n_permutations: 'many' cannot be used"),
        ("nmd.n_permutations=9", "no measure named 'nmd'"),
        ("mmd=9", "write MEASURE.OPTION=VALUE"),
    ],
)
def test_option_that_cannot_be_set(refused, world, setting, said):
    assert said in refused("shift", world.light, world.dim, "-b", world.ant, "--set", setting)


# Files.


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("backbone = ['pixels:']", "There is no option named 'backbone'. Did you mean 'backbones'?"),
        ("[measures.mmd]\nn_permutation = 9", "measures.mmd: There is no option named 'n_permutation'. Did you mean"),
        ("seed = -1", "seed: -1 cannot be used"),
        ("per_class = 'few'", "per_class: 'few' cannot be used"),
        ("schema = 2", "schema: 2 cannot be used"),
        ("seed = ", "is not valid TOML"),
        ("", "There is no target"),
    ],
)
def test_toml_that_cannot_be_used(refused, tmp_path, line, said):
    file = tmp_path / "shift.toml"
    file.write_text(line)
    found = refused("run", file)
    assert said in found
    if "measures" not in line and line:
        assert str(file) in found


def test_missing_toml(refused, tmp_path):
    assert "no.toml cannot be read (No such file or directory)" in refused("run", tmp_path / "no.toml")


def test_missing_record(refused, tmp_path):
    assert "cannot be read" in refused("report", tmp_path / "run.json", writes=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "guess"}, "kind: input should be 'rank', 'shift', 'run', 'audit' or 'sources'"),
        ({"results": [{"measure": "knn"}]}, "results.0.kind: field required"),
        ({"surprise": 1}, "surprise: extra inputs are not permitted"),
        ({"schema_version": 7}, "has schema version 7"),
    ],
)
def test_altered_record(refused, ranked, tmp_path, change, said):
    content = json.loads((ranked.folder / "run.json").read_text()) | change
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert said in refused("report", tmp_path / "run.json", writes=False)
    assert not (tmp_path / "report.html").exists()


def test_record_that_is_not_json(refused, tmp_path):
    (tmp_path / "run.json").write_bytes(b"\xff\xfe")
    assert "is not JSON" in refused("report", tmp_path, writes=False)


@pytest.mark.parametrize("command", ["rank", "report", "embed"])
def test_folder_that_cannot_be_made(world, ranked, tmp_path, command):
    (tmp_path / "file").touch()
    into = tmp_path / "file" / "out"
    given = {
        "rank": ("rank", world.light, "-b", world.ant, "--cache", ranked.cache),
        "report": ("report", ranked.folder / "run.json"),
        "embed": ("embed", world.light, "-b", world.ant, "--cache", ranked.cache),
    }
    done = shiftscope(*given[command], "-o", into)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith(f"error: {into}")
    assert "cannot be written (" in done.err


# Words.


def test_unknown_command(refused):
    assert "There is no command named 'rnak'. Did you mean 'rank'?" in refused("rnak", writes=False)


@pytest.mark.parametrize(
    "words",
    [("rank", "--budgte", "3"), ("rank",), ("ls", "mesures"), ("rank", "imagefolder:x", "--seed", "x"), ("-x",)],
)
def test_words_that_click_refuses(words):
    done = shiftscope(*words)
    assert done.code == 2
    assert done.err.startswith("Usage: ")
    assert "Traceback" not in done.err


def test_debug_shows_where_an_error_came_from(world):
    from shiftscope.errors import InputError

    with pytest.raises(InputError, match="no candidate"):
        shiftscope("--debug", "rank", world.light)
