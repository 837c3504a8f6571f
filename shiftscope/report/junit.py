"""The findings of a record as JUnit XML: what the test pages of CI servers read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

from shiftscope.checks import CODES, unasked
from shiftscope.core.records import Finding, RunRecord
from shiftscope.core.text import shown
from shiftscope.report.sections import sorted_findings

__all__ = ["render_junit"]

SUITE = "shiftscope report"
# What XML cannot hold and ``shown`` lets stand.
NO_XML = re.compile("[\ufffe\uffff]")


def render_junit(record: RunRecord) -> str:
    """Return the findings of ``record`` as one test suite.

    Every code is a test case: it passes where nothing was found, is skipped where nothing could have been, and each
    error finding is a failure. Warnings and notes pass, and stand in the output of the suite. It says what was found:
    whether that is good enough is for the gate to judge.
    """
    cases = [*_cases(record)]
    suite = ET.Element("testsuite", {
        "id": "0",
        "name": SUITE,
        "package": "shiftscope",
        "hostname": "localhost",
        "timestamp": _stamp(record.provenance.created),
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": "0",
    })  # fmt: skip
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", {"name": "kind", "value": record.kind})
    suite.extend(cases)
    told = [_told(finding) for finding in sorted_findings(record, ()) if finding.severity != "error"]
    ET.SubElement(suite, "system-out").text = "\n".join(told)
    ET.SubElement(suite, "system-err")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _cases(record: RunRecord) -> Iterator[ET.Element]:
    found = sorted_findings(record, ())
    known = {finding.code for finding in found}
    yield from map(_case, found)
    for code, meaning in CODES.items():
        if code not in known:
            yield _none_found(code, meaning, unasked(code, record))


def _none_found(code: str, meaning: str, why_not: str) -> ET.Element:
    case = ET.Element("testcase", {"classname": code, "name": f"none: {meaning}", "time": "0"})
    if why_not:
        ET.SubElement(case, "skipped", {"message": _legal(f"could not be found: {why_not}"), "type": "unasked"})
    return case


def _case(finding: Finding) -> ET.Element:
    title, message = (_legal(words) for words in (finding.title, finding.message))
    case = ET.Element("testcase", {"classname": finding.code, "name": title, "time": "0"})
    if finding.severity == "error":
        ET.SubElement(case, "failure", {"message": title, "type": finding.severity}).text = message
    return case


def _told(finding: Finding) -> str:
    return _legal(f"{finding.severity} {finding.code}: {finding.title} {finding.message}")


def _stamp(created: str) -> str:
    """A time stamp as JUnit wants it, without a zone."""
    try:
        return datetime.fromisoformat(created).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "1970-01-01T00:00:00"


def _legal(words: str) -> str:
    return NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", shown(words))
