"""Whether the data of a record are still those it was made from: read again, and compared by fingerprint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np

from shiftscope.analysis.cards import input_card
from shiftscope.analysis.inputs import Candidates, Inputs, open_inputs
from shiftscope.core.features import FeatureSet
from shiftscope.core.records import InputCard, RunRecord
from shiftscope.core.spec import RunSpec, checked
from shiftscope.core.verdict import DataCheck
from shiftscope.data import ImageSource
from shiftscope.errors import ShiftscopeError

__all__ = ["verify_inputs"]

MEMORY = "memory"  # where features lay that were given to a function


def verify_inputs(record: RunRecord) -> list[DataCheck]:
    """Open every data set of ``record`` again, draw the same samples, and compare contents and labels.

    Every file is read: hashes that an earlier run remembered by size and time are not trusted. Paths are relative to
    the working directory, as they were when the record was made. No network runs and nothing is extracted.

    Returns
    -------
    list of DataCheck
        One for each data set: ``same``, ``changed``, or ``unknown`` with the reason why it cannot be compared.
    """
    with _nothing_remembered():
        return [_check(record, name, card) for name, card in record.inputs.items()]


def _check(record: RunRecord, name: str, card: InputCard) -> DataCheck:
    if card.uri == MEMORY:
        return DataCheck(name=name, state="unknown", reason="it was in memory and has no address")
    if record.spec.get("budget") is not None:
        return DataCheck(name=name, state="unknown", reason="only the subsample of a race was used")
    try:
        found = _audited(record, name) if record.kind == "audit" else _fingerprint(record, card)
    except ShiftscopeError as reason:
        return DataCheck(name=name, state="unknown", reason=str(reason))
    if found == card.fingerprint:
        return DataCheck(name=name, state="same")
    return DataCheck(name=name, state="changed", reason=f"{card.uri} gives {found[:16]}…, not {card.fingerprint[:16]}…")


def _fingerprint(record: RunRecord, card: InputCard) -> str:
    """Fingerprint of the samples that ``card`` describes, as they are now."""
    asked = record.spec
    given = {
        "targets": {card.name: card.uri},
        # Rows of feature files without keys are ordered by all files of a target.
        "features": asked.get("features", {}) if card.role == "target" else {},
        "per_class": asked.get("per_class"),
        "seed": asked.get("seed", 0),
    }
    spec = checked(RunSpec, given, at="spec")
    inputs = open_inputs(spec)
    (data,) = inputs.targets.values()
    if isinstance(data, ImageSource):
        return _of_images(data, card)
    return _of_features(spec, inputs)


def _of_images(source: ImageSource, card: InputCard) -> str:
    """Pictures that could not be decoded were left out of the record after they had been drawn."""
    left_out = {skipped.file for skipped in card.skipped}
    kept = source.take(np.array([i for i, name in enumerate(source.ids) if name not in left_out], dtype=np.intp))
    samples = FeatureSet.of(np.zeros((kept.n, 1)), kept.target, keys=kept.keys.tolist(), name=card.name)
    return input_card({card.name: samples}, role=card.role, uri=card.uri).fingerprint


def _of_features(spec: RunSpec, inputs: Inputs) -> str:
    from shiftscope.analysis.features import extract_all

    found = extract_all(spec, inputs, Candidates((), frozenset(), {}), device="cpu", cache=None, progress=None)
    (card,) = found.inputs.values()
    return card.fingerprint


def _audited(record: RunRecord, name: str) -> str:
    from shiftscope.analysis.audit.workshop import Workshop
    from shiftscope.core.audit_spec import AuditSpec

    return Workshop(checked(AuditSpec, record.spec, at="spec")).fingerprint(name)


@contextmanager
def _nothing_remembered() -> Iterator[None]:
    before = os.environ.get("SHIFTSCOPE_CACHE")
    with TemporaryDirectory() as folder:
        os.environ["SHIFTSCOPE_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["SHIFTSCOPE_CACHE"]
            else:
                os.environ["SHIFTSCOPE_CACHE"] = before
