import json

import numpy as np
import pytest
from pydantic import ValidationError

from shiftscope.core.load import dump_record, load_record
from shiftscope.core.records import Estimate, MeasureResult, Provenance, RunRecord
from shiftscope.core.spec import load_spec
from shiftscope.errors import InputError, RecordError, UnknownNameError


def record(**changes):
    base = {
        "kind": "rank",
        "spec": {},
        "given": {},
        "inputs": {},
        "backbones": {},
        "provenance": Provenance(created="2026-01-01T00:00:00+00:00"),
    }
    return RunRecord(**base | changes)


def test_interval_must_contain_its_point():
    with pytest.raises(ValidationError, match="does not contain"):
        Estimate(value=1.0, low=2.0, high=3.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_floats_are_finite(value):
    with pytest.raises(ValidationError):
        Estimate(value=value)


def test_a_pvalue_is_never_zero():
    with pytest.raises(ValidationError):
        Estimate(value=1.0, pvalue=0.0)


@pytest.mark.parametrize("part", ["draws", "losses", "exchanged"])
def test_estimates_are_equal_where_all_of_them_is(part):
    one, same, other, longer = (
        Estimate(value=1.0, **{part: np.array(x)}) for x in ([1.0, 2], [1.0, 2], [1.0, 3], [1.0])
    )
    assert one == same
    assert one not in (other, longer, Estimate(value=1.0), 1.0)
    assert one != Estimate(value=2.0, **{part: np.array([1.0, 2])})


def test_a_result_without_estimate_says_why():
    with pytest.raises(ValidationError, match="says why"):
        MeasureResult(measure="m", kind="shift", target="t", backbone="b", status="failed")


def test_record_survives_a_round_trip(tmp_path):
    result = MeasureResult(
        measure="mmd", kind="shift", target="t", backbone="b", estimate=Estimate(value=0.5, draws=np.arange(3.0))
    )
    written = record(results=[result])
    (tmp_path / "run.json").write_text(dump_record(written), encoding="utf-8")
    back = load_record(tmp_path)
    assert dump_record(back) == dump_record(written)
    assert "draws" not in json.loads(dump_record(back))["results"][0]["estimate"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "schema version None"),
        ('{"schema_version": 99}', "schema version 99"),
        ('{"schema_version": 1, "kind": "rank"}', "spec: field required"),
    ],
)
def test_altered_records_are_refused_with_the_field_named(tmp_path, text, words):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RecordError, match=words):
        load_record(tmp_path / "run.json")


def test_missing_record_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"nowhere\.json cannot be read"):
        load_record(tmp_path / "nowhere.json")


def test_spec_from_toml(tmp_path):
    file = tmp_path / "shift.toml"
    file.write_text('schema = 1\nseed = 7\n[targets]\na = "imagefolder:a"\n[measures.mmd]\nn_permutations = 99\n')
    spec, given = load_spec(file)
    assert (spec.seed, spec.targets, spec.measures) == (7, {"a": "imagefolder:a"}, {"mmd": {"n_permutations": 99}})
    assert given["seed"] == 7


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("sed = 7", UnknownNameError, "Did you mean 'seed'"),
        ("seed = -1", InputError, "seed: -1 cannot be used"),
        ("seed = ", InputError, "not valid TOML"),
        ("schema = 2", InputError, "schema"),
        ("backbones = ['a', 1]", InputError, r"toml: backbones\.1: 1 cannot be used"),
        ("targets = {a = 1}", InputError, r"toml: targets\.a: 1 cannot be used"),
    ],
)
def test_wrong_toml_is_one_line_that_names_the_place(tmp_path, text, error, words):
    file = tmp_path / "shift.toml"
    file.write_text(text)
    with pytest.raises(error, match=words) as caught:
        load_spec(file)
    assert "\n" not in str(caught.value)
    assert "shift.toml" in str(caught.value)


def test_an_estimate_is_compared_and_not_hashed():
    with pytest.raises(TypeError, match="its details are a mapping"):
        hash(Estimate(value=1.0))
