"""``shiftscope shift`` of two data sets, with labels and without."""

import pytest
from smallworld import numbers_of, record_of, shiftscope


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def shifted(world, cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shifted")
    done = shiftscope("shift", world.light, world.dim, "-b", world.zoo, "-o", folder, "--cache", cache)
    assert done.code == 0, done.err
    return folder


def holm(pvalues):
    """Holm's adjustment by its definition: the k-th smallest of m times m - k + 1, never less than one before it."""
    ordered = sorted(pvalues)
    steps = [min(1.0, (len(ordered) - k) * p) for k, p in enumerate(ordered)]
    return [max(steps[: ordered.index(p) + 1]) for p in pvalues]


def test_every_measure_stands_beside_its_floor(shifted):
    found = record_of(shifted)
    assert [(d["source"], d["target"], d["backbone"]) for d in found["diagnoses"]] == [
        ("light", "dim", "ant"),
        ("light", "dim", "bee"),
    ]
    for diagnosis in found["diagnoses"]:
        measures = ["mmd", "proxy_a", "wasserstein", "frechet", "coverage", "label_shift"]
        assert [r["measure"] for r in diagnosis["rows"]] == measures
        assert (diagnosis["n_source"], diagnosis["n_target"]) == (36, 30)
        *inputs, labels = diagnosis["rows"]
        assert all(row["effect"] > row["floor"] > 0 for row in inputs)
        assert labels["effect"] <= labels["floor"]  # as many of each class on both sides
    assert not found["rankings"]


def test_pvalue_is_the_least_that_permutations_allow(shifted):
    (row,) = (r for r in record_of(shifted)["diagnoses"][0]["rows"] if r["measure"] == "mmd")
    result = next(r for r in record_of(shifted)["results"] if r["measure"] == "mmd")
    assert row["pvalue"] == 1 / (result["options"]["n_permutations"] + 1)


def test_classes_are_compared_and_adjusted(shifted):
    classes = record_of(shifted)["diagnoses"][0]["per_class"]
    assert {(c["name"], c["n_source"], c["n_target"]) for c in classes} == {
        (c, 12, 10) for c in ("disc", "hill", "rail")
    }
    assert [c["value"] for c in classes] == sorted((c["value"] for c in classes), reverse=True)
    assert [c["pvalue_holm"] for c in classes] == pytest.approx(holm([c["pvalue"] for c in classes]))


def test_a_moved_target_is_found(shifted):
    (finding,) = (f for f in record_of(shifted)["findings"] if f["code"] == "ST101")
    assert finding["evidence"]["n_backbones_moved"] == 2


def test_baselines_take_no_part(shifted):
    assert sorted(record_of(shifted)["backbones"]) == ["ant", "bee"]


def test_cached_and_cold_runs_are_equal(world, shifted, cache, tmp_path):
    command = ("shift", world.light, world.dim, "-b", world.zoo)
    for folder, store in ((tmp_path / "cached", cache), (tmp_path / "cold", tmp_path / "store")):
        shiftscope(*command, "-o", folder, "--cache", store)
        assert numbers_of(folder) == numbers_of(shifted)
    assert record_of(tmp_path / "cached")["costs"]["n_forward"] == 0
    assert record_of(tmp_path / "cold")["costs"]["n_forward"] == 132


def test_target_without_labels(world, cache, tmp_path):
    done = shiftscope("shift", world.light, world.flat, "-b", world.ant, "-o", tmp_path, "--cache", cache)
    assert done.code == 0, done.err
    (diagnosis,) = record_of(tmp_path)["diagnoses"]
    assert diagnosis["per_class"] == []
    assert diagnosis["not_compared"] == {}
    assert record_of(tmp_path)["inputs"]["flat"]["kind"] == "none"


def test_selected_measure_and_its_options(world, cache, tmp_path):
    command = ("shift", world.light, world.dim, "-b", world.ant, "-o", tmp_path, "--cache", cache)
    shiftscope(*command, "-m", "mmd", "--set", "mmd.n_permutations=49")
    (result,) = record_of(tmp_path)["results"]
    assert result["options"]["n_permutations"] == 49
    assert result["estimate"]["pvalue"] == 1 / 50


def test_per_class_takes_as_many_of_each_side(world, tmp_path):
    command = ("shift", world.light, world.dim, "-b", world.ant, "-m", "mmd", "-o", tmp_path)
    shiftscope(*command, "--per-class", "6")
    assert {n: c["n"] for n, c in record_of(tmp_path)["inputs"].items()} == {"light": 18, "dim": 18}


def test_source_and_target_of_one_name(world, tmp_path):
    done = shiftscope("shift", world.light, world.light, "-b", world.ant, "-m", "mmd", "-o", tmp_path)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    assert {name: card["role"] for name, card in found["inputs"].items()} == {
        "light": "target",
        "light (source)": "source",
    }
    assert not [f for f in found["findings"] if f["code"] == "ST101"]
