"""Checks read a finished record and return findings: what a person should know, with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shiftscope.checks.asked import unasked
from shiftscope.checks.causes import check_causes
from shiftscope.checks.copies import check_copies
from shiftscope.checks.data import check_data
from shiftscope.checks.order import place
from shiftscope.checks.power import check_power
from shiftscope.checks.shift import check_shift
from shiftscope.checks.transfer import check_transfer
from shiftscope.core.records import Finding, RunRecord

__all__ = ["CHECKS", "CODES", "find", "unasked"]

CHECKS: tuple[Callable[[RunRecord], Iterator[Finding]], ...] = (
    check_shift,
    check_causes,
    check_copies,
    check_transfer,
    check_data,
    check_power,
)
CODES = {
    "ST101": "inputs have moved: the test rejects and the effect is clearly beyond the noise floor",
    "ST102": "the target lies outside of the source, or reaches beyond it",
    "ST103": "the target is a part of the source",
    "ST110": "classes come in other proportions",
    "ST120": "the relation of labels to inputs differs",
    "ST130": "the shift sits in few classes",
    "ST140": "samples of the target have copies in the source",
    "NT201": "starting from a candidate is more likely to hurt than not",
    "NT202": "no evidence that a candidate beats cheap baselines",
    "NT203": "not enough data to say whether a candidate helps",
    "NT204": "features or head are degenerate",
    "DQ301": "unreadable files were left out",
    "DQ302": "samples have exact copies",
    "DQ303": "a measure could not be computed",
    "DQ304": "source and target are the same samples",
    "DQ305": "a measure has no meaning for these samples",
    "DQ306": "a measure was asked for that comes with a warning",
    "PW401": "the first candidates cannot be told apart",
    "PW402": "classes with very few samples",
    "PW403": "too few permutations to reach the level",
    "PW404": "too few samples to see a large shift",
}


def find(record: RunRecord) -> list[Finding]:
    """Return all findings of ``record`` in the order in which they are read, those of one code by subject."""
    found = [finding for check in CHECKS for finding in check(record)]
    return sorted(found, key=lambda f: (place(f), f.subject))
