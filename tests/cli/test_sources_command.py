"""``shiftscope sources`` from folders, arrays and feature files to record, tables and page."""

import json
import shutil

import numpy as np
import pytest
from smallworld import CLASSES, feature_file, image_folder, numbers_of, record_of, shiftscope

import shiftscope as ss


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Feature files: a target, more of the same, permuted labels, and classes that the target lacks."""
    root = tmp_path_factory.mktemp("features")
    feature_file(root / "target.npz", n=48)
    feature_file(root / "same.npz", n=60, seed=1)
    with np.load(feature_file(root / "twin.npz", n=150, seed=2)) as arrays:
        np.savez(root / "permuted.npz", x=arrays["x"], y=np.random.default_rng(0).permutation(arrays["y"]))
    feature_file(root / "wide.npz", n=60, seed=3, classes=("disc", "hill", "cone"))
    feature_file(root / "other.npz", n=30, seed=4, classes=("cone", "cube", "ring"))
    feature_file(root / "bare.npz", n=30, seed=5, labels=False)
    feature_file(root / "few.npz", n=15, seed=6)
    feature_file(root / "broad.npz", n=30, seed=7, d=9)
    return root


def words(files, *names, target="target"):
    named = [("--source", f"{name}=features:{files / name}.npz") for name in names]
    return ("sources", f"features:{files / target}.npz", *(word for pair in named for word in pair))


@pytest.fixture(scope="module")
def weighed(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weighed")
    done = shiftscope(*words(files, "same", "permuted", "wide"), "-o", folder)
    assert done.code == 0, done.err
    return folder, done.out


def test_record_says_who_hurts_and_what_weights_gain(weighed):
    found = record_of(weighed[0])
    assert found["kind"] == "sources"
    report = found["sources"]
    assert (report["target"], report["backbone"], report["n"]) == ("target", "features", 48)
    assert [row["name"] for row in report["sources"]] == ["same", "permuted", "wide"]
    same, permuted, wide = report["sources"]
    assert permuted["verdict"] == "hurts"
    assert permuted["weight"] == 0
    assert same["weight"] > permuted["weight"]
    assert (wide["n"], wide["n_used"], wide["classes"]) == (60, 40, ["disc", "hill"])
    assert [row["scheme"] for row in report["schemes"]] == ["target", "equal", "similarity", "learned"]
    assert {name: card["role"] for name, card in found["inputs"].items()} == {
        "target": "target",
        "same": "source",
        "permuted": "source",
        "wide": "source",
    }
    assert found["spec"]["sources"]["same"].endswith("same.npz")


def test_tables_are_printed(weighed):
    _, out = weighed
    for part in (
        "permuted hurts when pooled as it is",
        "Verdict",
        "Learned",
        "target alone",
        "learned weights",
        "run.json",
    ):
        assert part in out


def test_page_and_markdown_say_the_same(weighed):
    folder, out = weighed
    page = (folder / "report.html").read_text(encoding="utf-8")
    title = out.splitlines()[0]
    assert title in page
    for part in (
        "Which sources hurt target?",
        "How much should each source count?",
        "Can I trust this?",
        "unknown to the target",
    ):
        assert part in page
    assert shiftscope("report", folder, "-o", folder / "again.html").code == 0
    assert (folder / "again.html").read_text(encoding="utf-8") == page
    assert shiftscope("report", folder, "-o", folder / "report.md").code == 0
    assert title.removesuffix(".") in (folder / "report.md").read_text(encoding="utf-8")


def test_names_are_text_wherever_they_stand(files, tmp_path):
    done = shiftscope(*words(files)[:2], "--source", f"[red]<b>&=features:{files / 'same'}.npz", "-o", tmp_path)
    assert done.code == 0, done.err
    assert "[red]<b>&" in done.out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>&" not in page
    assert "[red]&lt;b&gt;&amp;" in page


def test_json_is_the_record(files, tmp_path):
    done = shiftscope(*words(files, "same"), "--json", "-o", tmp_path)
    assert json.loads(done.out) == record_of(tmp_path)


def test_the_same_specification_always_gets_the_same_folder(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for more in ((), ("--seed", "0")):  # 0 is what the seed is unless told otherwise
        assert shiftscope(*words(files, "same"), *more).code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("sources-target-")


def test_order_of_rows_does_not_matter(files, weighed, tmp_path):
    for name in ("target", "same", "permuted", "wide"):
        with np.load(files / f"{name}.npz") as arrays:
            order = np.random.default_rng(1).permutation(len(arrays["x"]))
            np.savez(tmp_path / f"{name}.npz", **{key: values[order] for key, values in arrays.items()})
    shiftscope(*words(tmp_path, "same", "permuted", "wide"), "-o", tmp_path / "out")
    assert record_of(tmp_path / "out")["sources"] == record_of(weighed[0])["sources"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def test_folders_cold_and_cached(world, cache, tmp_path):
    command = ("sources", world.dim, "--source", f"day={world.light}", "-b", world.ant, "--cache", cache)
    for folder in ("cold", "cached"):
        done = shiftscope(*command, "-o", tmp_path / folder)
        assert done.code == 0, done.err
    assert numbers_of(tmp_path / "cold") == numbers_of(tmp_path / "cached")
    found = record_of(tmp_path / "cached")
    assert found["costs"]["n_forward"] == 0
    assert found["sources"]["backbone"] == "ant"
    assert list(found["backbones"]) == ["ant"]
    assert found["sources"]["classes"] == list(CLASSES)


def test_python_says_the_same(world, cache, tmp_path):
    command = ("sources", world.dim, "--source", f"day={world.light}", "-b", world.ant, "--cache", cache)
    shiftscope(*command, "--seed", "3", "--per-class", "8", "-o", tmp_path)
    found = ss.sources(world.dim, {"day": world.light}, world.ant, seed=3, per_class=8, cache=cache)
    assert found.record.sources.model_dump(mode="json") == record_of(tmp_path)["sources"]
    assert found.record.sources.n == 24
    assert "day" in str(found)


@pytest.fixture
def refused(tmp_path):
    """Run a command that must be refused in one line before anything is written."""

    def run(*given):
        done = shiftscope(*given, "-o", tmp_path / "out")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: ")
        assert done.err.count("\n") == 1
        assert not (tmp_path / "out").exists()
        return done.err

    return run


def test_no_shared_class(refused, files):
    assert "other and target share no class ('cone', 'cube', 'ring' against 'disc'" in refused(*words(files, "other"))


def test_unlabelled_source(refused, files):
    assert "bare has no labels" in refused(*words(files, "same", "bare"))


def test_unlabelled_target(refused, files):
    assert "bare has no labels" in refused(*words(files, "same", target="bare"))


def test_few_target_samples(refused, files):
    assert "few has 15 labelled samples: at least 20" in refused(*words(files, "same", target="few"))


def test_one_source_given_twice(refused, files, tmp_path):
    given = words(files, "same")
    assert "names 'same' twice" in refused(*given, "--source", "same=features:x.npz")
    assert "same and again are one source given twice" in refused(
        *given, "--source", f"again={given[3].partition('=')[2]}"
    )
    copy = shutil.copy(files / "same.npz", tmp_path / "copy.npz")
    assert "same and copy are one source given twice" in refused(*given, "--source", f"copy=features:{copy}")


def test_the_target_as_a_source(refused, files, tmp_path):
    given = words(files)
    assert "itself is the target itself" in refused(*given, "--source", f"itself={given[1]}")
    assert "so is a source" in refused(*given, "--source", f"target=features:{files / 'same'}.npz")
    copy = shutil.copy(files / "target.npz", tmp_path / "copy.npz")
    said = refused(*given, "--source", f"copy=features:{copy}")
    assert "All samples of copy that could be used are samples of target" in said


@pytest.mark.parametrize("text", ["same", "=features:x.npz", "features:x.npz?x=a", "same="])
def test_source_without_a_name(refused, files, text):
    assert "write NAME=URI" in refused(*words(files), "--source", text)


def test_other_feature_dimensions(refused, files):
    assert "broad has 9 features and target has 5" in refused(*words(files, "broad"))


def test_backbones_that_cannot_be_used(refused, files, world):
    assert "There is no backbone" in refused("sources", world.dim, "--source", f"day={world.light}")
    assert "names 2 backbones" in refused("sources", world.dim, "--source", f"day={world.light}", "-b", world.zoo)
    mixed = ("sources", world.dim, "--source", f"f=features:{files / 'same'}.npz", "-b", world.ant)
    assert "A backbone needs images" in refused(*mixed)


def test_a_class_of_one(refused, world, tmp_path):
    folder = image_folder(tmp_path / "set", n=10)
    for file in sorted((folder / "hill").iterdir())[1:]:
        file.unlink()
    said = refused("sources", f"imagefolder:{folder}", "--source", f"day={world.light}", "-b", world.ant)
    assert "fewer than 2 samples ('hill')" in said


def test_no_source(files):
    done = shiftscope("sources", f"features:{files / 'target'}.npz")
    assert done.code == 2
    assert "--source" in done.err
