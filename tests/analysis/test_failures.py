"""One backbone or one measure that fails is said to have failed, and the others go on."""

import dataclasses
import functools

import numpy as np
import pytest
from smallworld import image_folder, manifest, record_of, shiftscope

from shiftscope.measures import CAUSES, DEFAULT_SHIFT, DEFAULT_TRANSFER, MEASURES


@pytest.fixture
def half_broken(tmp_path):
    """A manifest whose second network is not the one that its weights are of."""

    def misdescribe(entries):
        entries[1]["kwargs"] = {**entries[1]["kwargs"], "width": 9}

    return f"checkpoint:{manifest(tmp_path / 'zoo', ('ant', 'bee', 'cat'), change=misdescribe)}#*"


def statuses(record, backbone):
    return {(r["measure"], r["status"]) for r in record["results"] if r["backbone"] == backbone}


def test_backbone_that_fails_in_a_ranking(world, half_broken, tmp_path):
    done = shiftscope("rank", world.light, "-b", half_broken, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    found = record_of(tmp_path / "out")
    assert statuses(found, "bee") == {(m, "failed") for m in DEFAULT_TRANSFER}
    assert [r["backbone"] for r in found["rankings"][0]["rows"] if r["rank"]] in (["ant", "cat"], ["cat", "ant"])
    (finding,) = (f for f in found["findings"] if f["code"] == "DQ303")
    assert (finding["subject"], finding["severity"]) == ("bee", "error")
    assert finding["evidence"]["measures"] == sorted(DEFAULT_TRANSFER)
    assert "do not fit the architecture" in finding["message"]
    assert finding["message"].endswith(". Other backbones and measures stand.")
    assert "bee" in done.out


def test_backbone_that_fails_in_a_diagnosis(world, half_broken, tmp_path):
    done = shiftscope("shift", world.light, world.dim, "-b", half_broken, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    found = record_of(tmp_path / "out")
    assert [d["backbone"] for d in found["diagnoses"]] == ["ant", "cat"]
    assert statuses(found, "bee") == {(m, "failed") for m in (*DEFAULT_SHIFT, *CAUSES)}
    assert {(r["source"], r["kind"]) for r in found["results"]} == {("light", "shift")}
    assert [f["subject"] for f in found["findings"] if f["code"] == "DQ303"] == ["bee"]


def test_backbone_that_fails_on_the_source_only(world, tmp_path, monkeypatch):
    from shiftscope.extraction.runner import Runner

    run = Runner.run

    def fussy(self, batch):
        # The source has 30 pictures, the target 36.
        if len(batch.rows) == 30 and self.parameters < 1000:
            raise RuntimeError("too dark")
        return run(self, batch)

    monkeypatch.setattr(Runner, "run", fussy)
    done = shiftscope("rank", world.light, "-b", world.zoo, "--source", world.dim, "-o", tmp_path)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    assert len([r for r in found["rankings"][0]["rows"] if r["rank"]]) == 2
    assert [d["backbone"] for d in found["diagnoses"]] == ["bee"]
    assert statuses(found, "ant") >= {("mmd", "failed"), ("knn", "ok")}
    (finding,) = (f for f in found["findings"] if f["code"] == "DQ303")
    assert finding["message"] == "too dark. Other backbones and measures stand."


def test_source_failures_are_not_the_targets_where_both_have_one_name(world, tmp_path, monkeypatch):
    from shiftscope.extraction.runner import Runner

    run = Runner.run

    def fussy(self, batch):
        if len(batch.rows) == 21 and self.parameters < 1000:
            raise RuntimeError("too few")
        return run(self, batch)

    monkeypatch.setattr(Runner, "run", fussy)
    source = image_folder(tmp_path / "light", n=7, seed=3)
    words = ("rank", world.light, "-b", world.zoo, "--source", f"imagefolder:{source}", "-m", "knn", "-m", "mmd")
    done = shiftscope(*words, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert statuses(record_of(tmp_path / "out"), "ant") == {("knn", "ok"), ("mmd", "failed")}


def test_measure_that_fails(world, tmp_path, monkeypatch):
    hscore = MEASURES["hscore"]

    @functools.wraps(hscore.function)
    def broken(data, **options):
        if data.d == 8:
            raise np.linalg.LinAlgError("eigenvalues did not converge")
        return hscore.function(data, **options)

    monkeypatch.setitem(MEASURES._loaded, "hscore", dataclasses.replace(hscore, function=broken))
    done = shiftscope("rank", world.light, "-b", world.zoo, "--no-random", "-o", tmp_path)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    assert ("hscore", "failed") in statuses(found, "ant")
    assert ("hscore", "ok") in statuses(found, "bee")
    assert found["rankings"][0]["measures"] == ["logme", "knn"]
    (finding,) = (f for f in found["findings"] if f["code"] == "DQ303")
    assert finding["title"] == "ant: hscore could not be computed on light."


def test_no_candidate_is_left(world, tmp_path):
    zoo = manifest(tmp_path / "zoo", kwargs={"width": 9})
    done = shiftscope("rank", world.light, "-b", f"checkpoint:{zoo}#*", "-o", tmp_path / "out")
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("error: ant: ")
    assert "; bee: " in done.err
    assert not (tmp_path / "out").exists()
