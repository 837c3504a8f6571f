"""Records that earlier versions wrote load for ever, and say what they said."""

from pathlib import Path

import pytest

from shiftscope.core.load import load_record

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_record_loads(path):
    assert load_record(path).schema_version == int(path.parent.name.removeprefix("v"))


def test_first_golden_record_says_what_it_said():
    record = load_record(GOLDEN / "v1")
    assert record.rankings[0].best_set == ("printed_digits",)
    assert (len(record.results), len(record.diagnoses)) == (120, 8)
    assert [finding.code for finding in record.findings] == ["ST101"]
