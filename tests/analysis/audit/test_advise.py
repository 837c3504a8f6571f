"""When advice that lies in the folder of an audit still holds."""

import shutil
from pathlib import Path

import pytest
from smallworld import audit_file

from shiftscope import measures
from shiftscope.analysis.audit.advise import Place
from shiftscope.analysis.audit.workshop import Workshop
from shiftscope.core.audit_spec import load_audit


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A copy of the files of the measures, read in place of the installed ones."""
    copy = tmp_path / "measures"
    shutil.copytree(Path(measures.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(measures, "__path__", [str(copy)])
    return copy


@pytest.mark.parametrize(
    ("file", "holds"),
    [
        ("shift/novel.py", True),
        ("shift/mmd.py", True),
        ("from_moments.py", True),
        ("__init__.py", True),
        ("_noise_floor.py", True),  # no transfer measure reads it
        ("transfer/ridge.py", False),
        ("transfer/novel.py", False),
        ("_spectrum.py", False),
        ("_declare.py", False),
    ],
)
def test_advice_holds_until_what_decides_it_changes(code, tmp_path, file, holds):
    shop = Workshop(load_audit(audit_file(tmp_path / "audit"))[0])
    place = Place("bright", 6, 0)
    before = place.key(shop)
    with (code / file).open("a", encoding="utf-8") as changed:
        changed.write("# changed\n")
    assert (place.key(shop) == before) is holds
