"""Required numbers of samples, and whether the data are still those of the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from shiftscope.core.records import InputCard, RunRecord
from shiftscope.core.text import shown
from shiftscope.core.verdict import DataCheck, Judged, Outcome
from shiftscope.gate.policy import Policy

__all__ = ["judge_data", "judge_samples"]

Key = Literal["min_samples", "min_per_class"]
ASKS: dict[Key, str] = {"min_samples": "samples of each data set", "min_per_class": "samples of each class"}
STATES: dict[str, tuple[Outcome, str]] = {
    "same": ("pass", "is what it was when the record was made"),
    "changed": ("fail", "is not what it was when the record was made"),
    "unknown": ("inconclusive", "cannot be compared with the record"),
}


def judge_samples(record: RunRecord, policy: Policy) -> Iterator[Judged]:
    """Hold ``min_samples`` and ``min_per_class`` against every data set of the record, the source included."""
    asked: dict[Key, int | None] = {"min_samples": policy.min_samples, "min_per_class": policy.min_per_class}
    for key, least in asked.items():
        if least is None:
            continue
        for name, card in record.inputs.items():
            yield _judge(key, least, shown(name), card)
        if not record.inputs:
            yield _judged(key, least, "the record", None, "The record names no data set.")


def judge_data(checks: Sequence[DataCheck]) -> Iterator[Judged]:
    """Say of every data set that was read again whether it is the one of the record."""
    for check in checks:
        outcome, said = STATES[check.state]
        reason = f": {shown(check.reason).removesuffix('.')}" if check.reason else ""
        yield Judged(
            rule="--verify-data",
            asks="the data of the record",
            subject=shown(check.name),
            found=check.state,
            outcome=outcome,
            because=f"{shown(check.name)} {said}{reason}.",
        )


def _judge(key: Key, least: int, name: str, card: InputCard) -> Judged:
    if key == "min_samples":
        return _judged(key, least, name, card.n, f"{name} has {card.n} samples")
    if not card.classes:
        return _judged(key, least, name, None, f"{name} has no classes to count.")
    smallest = min(card.classes, key=lambda c: card.classes[c])
    n = card.classes[smallest]
    return _judged(key, least, name, n, f"The smallest class of {name}, '{shown(smallest)}', has {n} samples")


def _judged(key: Key, least: int, name: str, n: int | None, said: str) -> Judged:
    """The rule held against ``n``; where there is nothing to count it cannot be decided."""
    outcome: Outcome = "inconclusive" if n is None else "pass" if n >= least else "fail"
    required = "" if n is None else f"; at least {least} are required."
    return Judged(
        rule=key,
        asks=f"at least {least} {ASKS[key]}",
        subject=name,
        found="missing" if n is None else str(n),
        outcome=outcome,
        because=f"{said}{required}",
        value=n,
        limit=least,
    )
