"""Records that earlier versions wrote load for ever, and say what they said."""

from pathlib import Path

import pytest

from shiftscope.core.load import load_record
from shiftscope.core.spec import RunSpec, checked

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_record_loads(path):
    assert load_record(path).schema_version == int(path.parent.name.removeprefix("v"))


def test_golden_specification_is_read_as_it_was():
    """A specification of one source says ``source``, as it did before there could be several."""
    asked = load_record(GOLDEN / "v1").spec
    spec = checked(RunSpec, asked, at="spec")
    assert spec.source == "npz:out/demo/data/printed_digits.npz"
    assert (spec.n_sources, spec.sources) == (1, {})
    assert spec.model_dump(mode="json", by_alias=True).items() >= asked.items()


def test_golden_record_of_several_sources_says_what_it_said():
    record = load_record(GOLDEN / "v1" / "several_sources.json")
    assert [(d.source, d.target, d.n_tests) for d in record.diagnoses] == [
        (source, target, 8) for target in ("s", "t") for source in ("far", "near")
    ]
    assert [(order.target, order.nearest) for order in record.source_orders] == [("s", "near"), ("t", "near")]
    assert checked(RunSpec, record.spec, at="spec").n_sources == 2


def test_first_golden_record_says_what_it_said():
    record = load_record(GOLDEN / "v1")
    assert record.rankings[0].best_set == ("printed_digits",)
    assert (len(record.results), len(record.diagnoses)) == (120, 8)
    assert [finding.code for finding in record.findings] == ["ST101"]
