"""A verdict as JUnit XML: what the test pages of CI servers read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from shiftscope.core.verdict import Judged, Verdict

__all__ = ["render_junit"]

SUITE = "shiftscope gate"
# What XML 1.0 cannot hold in any form.
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(verdict: Verdict) -> str:
    """Return the verdict as one test suite with a test case per rule and what it was held against.

    A rule that failed is a failure. One that cannot be decided is an error where the policy says that this does not
    pass, and skipped otherwise, as is what the policy ignores. Warnings pass, and stand in the suite's output.
    """
    unclear = "error" if verdict.policy["inconclusive"] == "fail" else "skipped"
    kinds = {"fail": "failure", "inconclusive": unclear, "ignored": "skipped"}
    counted = [kinds.get(row.outcome) for row in verdict.judged]
    suite = _attributes(
        id="0",
        name=SUITE,
        package="shiftscope",
        hostname="localhost",
        timestamp=f"{verdict.judged_on}T00:00:00",
        tests=str(len(counted)),
        failures=str(counted.count("failure")),
        errors=str(counted.count("error")),
        skipped=str(counted.count("skipped")),
        time="0",
    )
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<testsuites>",
            f" <testsuite{suite}>",
            *_properties(verdict),
            *(line for row in verdict.judged for line in _case(row, kinds.get(row.outcome))),
            f"  <system-out>{_text(_warnings(verdict))}</system-out>",
            "  <system-err/>",
            " </testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _properties(verdict: Verdict) -> Iterator[str]:
    found = {
        "run": verdict.run,
        "baseline": verdict.baseline,
        "policy": verdict.policy_from,
        "profile": verdict.policy["profile"],
        "outcome": verdict.outcome,
    }
    yield "  <properties>"
    yield from (f"   <property{_attributes(name=name, value=value)}/>" for name, value in found.items() if value)
    yield "  </properties>"


def _case(row: Judged, kind: str | None) -> Iterator[str]:
    name = f"{row.asks}: {row.subject}"
    case = _attributes(classname=f"{SUITE}.{row.rule}", name=name, time="0")
    if kind is None:
        yield f"  <testcase{case}/>"
        return
    yield f"  <testcase{case}>"
    yield f"   <{kind}{_attributes(message=row.because, type=row.outcome)}>{_text(row.because)}</{kind}>"
    yield "  </testcase>"


def _warnings(verdict: Verdict) -> str:
    return "\n".join(row.because for row in verdict.judged if row.outcome == "warn")


def _attributes(**given: str) -> str:
    return "".join(f" {name}={quoteattr(_legal(value))}" for name, value in given.items())


def _text(words: str) -> str:
    return escape(_legal(words))


def _legal(words: str) -> str:
    return NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", words)
