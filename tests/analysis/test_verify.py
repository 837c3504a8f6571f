"""Data read again: the same, changed, or not to be compared, for every kind of record."""

import numpy as np
import pytest
from smallworld import CLASSES, audit_file, feature_file, image_folder, shiftscope

import shiftscope as ss
from shiftscope.analysis.verify import verify_inputs


def states(folder_or_record):
    record = ss.load(folder_or_record) if not isinstance(folder_or_record, ss.RunRecord) else folder_or_record
    return {check.name: check.state for check in verify_inputs(record)}


def test_features_in_memory_have_no_address():
    rng = np.random.default_rng(0)
    here, there = (ss.FeatureSet.of(rng.normal(size=(20, 3)), name=name) for name in ("here", "there"))
    record = ss.diagnose(here, there, select=["frechet"]).record
    assert states(record) == {"here": "unknown", "there": "unknown"}


def test_sources_are_read_again(tmp_path):
    target, source = feature_file(tmp_path / "target.npz", n=60), feature_file(tmp_path / "source.npz", n=60, seed=1)
    words = ("sources", f"features:{target}", "--source", f"other=features:{source}", "-o", tmp_path / "out")
    done = shiftscope(*words)
    assert done.code == 0, done.err
    assert states(tmp_path / "out") == {"target": "same", "other": "same"}
    feature_file(source, n=60, seed=2)
    assert states(tmp_path / "out") == {"target": "same", "other": "changed"}


def test_targets_of_an_audit_are_read_again(tmp_path):
    file = audit_file(tmp_path)
    done = shiftscope("audit", file, "-o", tmp_path / "out", "--max-minutes", "0", "--workers", "1", "--device", "cpu")
    assert done.code == 3, done.err
    assert states(tmp_path / "out") == {"bright": "same", "dusk": "same"}
    (tmp_path / "dusk" / CLASSES[0] / "00.png").unlink()
    assert states(tmp_path / "out") == {"bright": "same", "dusk": "changed"}


@pytest.fixture
def shifted(world, tmp_path):
    """A shift of pictures one of which has a good header and no end."""
    near, far = image_folder(tmp_path / "near", n=40), image_folder(tmp_path / "far", dark=True)
    cut = near / CLASSES[1] / "07.png"
    cut.write_bytes(cut.read_bytes()[:-300])
    words = ("shift", f"imagefolder:{near}", f"imagefolder:{far}", "-b", world.ant, "-m", "frechet")
    done = shiftscope(*words, "-o", tmp_path / "out", "--cache", tmp_path / "store")
    assert done.code == 0, done.err
    return tmp_path


def test_pictures_that_could_not_be_decoded_are_left_out_again(shifted):
    record = ss.load(shifted / "out")
    assert (record.inputs["near"].n, len(record.inputs["near"].skipped)) == (119, 1)
    assert states(record) == {"far": "same", "near": "same"}
    (shifted / "near" / CLASSES[1] / "08.png").unlink()
    assert states(record) == {"far": "same", "near": "changed"}


def test_subsample_of_a_race_cannot_be_drawn_again(shifted):
    record = ss.load(shifted / "out")
    raced = record.model_copy(update={"spec": record.spec | {"budget": 90}})
    assert set(states(raced).values()) == {"unknown"}


def test_specification_that_was_altered_is_no_reason_to_trust(shifted):
    record = ss.load(shifted / "out")
    altered = record.model_copy(update={"spec": record.spec | {"per_class": "few"}})
    assert set(states(altered).values()) == {"unknown"}
