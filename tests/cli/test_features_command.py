"""Features that were extracted elsewhere: ``features:FILE`` and ``--features NAME=FILE``."""

import shutil

import numpy as np
import pytest
from smallworld import feature_file, record_of, shiftscope


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three files of the same samples, in one order, and one of other samples that lie elsewhere."""
    root = tmp_path_factory.mktemp("features")
    good = feature_file(root / "good.npz", seed=0)
    with np.load(good) as arrays:
        x, y = arrays["x"], arrays["y"]
    noise = np.random.default_rng(7).normal(size=(len(x), 4)).astype(np.float32)
    np.savez(root / "noise.npz", x=noise, y=y)
    np.savez(root / "bare.npz", x=x * 2)
    feature_file(root / "other.npz", seed=5, shift=2.0)
    return root


def test_rank_of_files(files, tmp_path):
    words = ("--features", f"noise={files / 'noise.npz'}", "--features", f"twice=features:{files / 'bare.npz'}")
    done = shiftscope("rank", f"features:{files / 'good.npz'}", *words, "-o", tmp_path)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    ranks = {r["backbone"]: r["rank"] for r in found["rankings"][0]["rows"]}
    assert ranks["noise"] == 3
    assert set(ranks) == {"good", "noise", "twice"}
    assert found["backbones"]["noise"]["library"] == "features"
    assert (found["costs"]["n_decoded"], found["costs"]["n_forward"]) == (0, 0)
    # Twice the features: the same neighbours, and labels from the other files.
    values = {(r["backbone"], r["measure"]): r["estimate"]["value"] for r in found["results"] if r["estimate"]}
    assert values["twice", "knn"] == values["good", "knn"]


def test_order_of_rows_does_not_matter(files, tmp_path):
    order = np.random.default_rng(0).permutation(36)
    for name in ("good", "noise"):
        with np.load(files / f"{name}.npz") as arrays:
            np.savez(tmp_path / f"{name}.npz", **{k: v[order] for k, v in arrays.items()})
    for folder, root in (("a", files), ("b", tmp_path)):
        words = ("rank", f"features:{root / 'good.npz'}", "--features", f"noise={root / 'noise.npz'}")
        shiftscope(*words, "-o", tmp_path / folder)
    a, b = (record_of(tmp_path / f) for f in "ab")
    for field in ("results", "rankings", "findings", "artifacts"):
        assert a[field] == b[field]


def test_source_does_not_change_the_ranking(files, tmp_path):
    words = ("rank", f"features:{files / 'good.npz'}", "--features", f"noise={files / 'noise.npz'}")
    shiftscope(*words, "-o", tmp_path / "a")
    done = shiftscope(*words, "--source", f"features:{files / 'other.npz'}", "-o", tmp_path / "b")
    assert done.code == 0, done.err
    a, b = (record_of(tmp_path / f) for f in "ab")
    assert a["rankings"] == b["rankings"]
    assert [(d["source"], d["target"], d["backbone"]) for d in b["diagnoses"]] == [("other", "good", "good")]


@pytest.mark.parametrize("more", [(), ("noise",), ("noise", "bare")])
def test_source_that_is_the_target_is_found_whatever_files_stand_beside(files, tmp_path, more):
    shutil.copy(files / "good.npz", tmp_path / "same.npz")
    words = [word for name in more for word in ("--features", f"{name}={files / name}.npz")]
    same = ("--source", f"features:{tmp_path / 'same.npz'}", "-m", "knn", "-m", "mmd")
    done = shiftscope("rank", f"features:{files / 'good.npz'}", *words, *same, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    found = record_of(tmp_path / "out")
    assert "DQ304" in [finding["code"] for finding in found["findings"]]
    assert [(d["copies"]["n_exact"], d["n_target"]) for d in found["diagnoses"]] == [(36, 36)]


def test_features_that_the_source_lacks_are_said_to_be_missing(files, tmp_path):
    words = ("--features", f"noise={files / 'noise.npz'}", "--features", f"twice={files / 'bare.npz'}", "-m", "knn")
    source = ("--source", f"features:{files / 'other.npz'}", "-m", "mmd")
    assert shiftscope("rank", f"features:{files / 'good.npz'}", *words, *source, "-o", tmp_path).code == 0
    record = record_of(tmp_path)
    found = [(r["backbone"], r["source"], r["status"]) for r in record["results"] if r["measure"] == "mmd"]
    assert found == [("good", "other", "ok"), *((b, "other", "not_applicable") for b in ("noise", "twice"))]
    (said,) = [f for f in record["findings"] if f["code"] == "DQ305"]
    assert said["title"] == "good: no mmd under 2 backbones."
    assert said["message"].startswith("No features of other were given to compare with.")


def test_shift_of_two_files(files, tmp_path):
    words = ("shift", f"features:{files / 'other.npz'}", f"features:{files / 'good.npz'}", "-o", tmp_path)
    assert shiftscope(*words).code == 0
    (diagnosis,) = record_of(tmp_path)["diagnoses"]
    assert diagnosis["backbone"] == "features"
    assert len(diagnosis["per_class"]) == 3
    assert any(f["code"] == "ST101" for f in record_of(tmp_path)["findings"])


def test_shift_needs_no_labels(files, tmp_path):
    words = ("shift", f"features:{files / 'other.npz'}", f"features:{files / 'bare.npz'}", "-m", "mmd", "-o", tmp_path)
    assert shiftscope(*words).code == 0
    assert record_of(tmp_path)["diagnoses"][0]["not_compared"] == {}


def test_per_class_draws_the_same_rows_of_every_file(files, tmp_path):
    words = ("rank", f"features:{files / 'good.npz'}", "--features", f"twice={files / 'bare.npz'}", "--per-class", "5")
    assert shiftscope(*words, "-o", tmp_path).code == 0
    found = record_of(tmp_path)
    assert found["inputs"]["good"]["classes"] == {"disc": 5, "hill": 5, "rail": 5}
    assert found["inputs"]["good"]["n_available"] == 36
    values = {(r["backbone"], r["measure"]): r["estimate"]["value"] for r in found["results"] if r["estimate"]}
    assert values["twice", "knn"] == values["good", "knn"]
