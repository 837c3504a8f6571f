"""Findings held against the codes of a policy; the longest code that fits decides, as in a linter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal, NamedTuple

from shiftscope.core.records import Finding, RunRecord
from shiftscope.core.text import shown
from shiftscope.core.verdict import Judged, Outcome
from shiftscope.gate.answers import not_raised, unanswered, unasked
from shiftscope.gate.policy import Candidates, Ignore, Policy

__all__ = ["judge_findings"]

Action = Literal["ignore", "fail_on", "warn_on"]
OUTCOMES: dict[Action, Outcome] = {"ignore": "ignored", "fail_on": "fail", "warn_on": "warn"}
# Of equally long codes the first of these decides.
ORDER: tuple[Action, ...] = ("ignore", "fail_on", "warn_on")


class _Entry(NamedTuple):
    """One code of the policy and what it does."""

    code: str
    action: Action
    ignore: Ignore | None = None

    def fits(self, finding: Finding) -> bool:
        """Whether a finding is one of those meant."""
        return finding.code.startswith(self.code)


def judge_findings(record: RunRecord, policy: Policy, today: date) -> Iterator[Judged]:
    """Judge every finding that a code of the policy fits, and say which codes were looked for in vain.

    Findings about candidates that the policy does not judge are left out. An ignore holds to the end of its last day;
    once it has ended it ignores nothing, and a warning says so.
    """
    entries = _entries(policy, today)
    meant = [f for f in record.findings if _is_meant(f, record, policy.filled.candidates)]
    for entry in entries:
        if entry.action == "fail_on" and not any(map(entry.fits, meant)):
            yield from _none_found(entry, record, policy)
    for finding in meant:
        fitting = [entry for entry in entries if entry.fits(finding)]
        if fitting:
            yield _judge(finding, min(fitting, key=lambda entry: (-len(entry.code), ORDER.index(entry.action))))
    for i, ignore in enumerate(policy.ignore):
        if ignore.until < today:
            yield _ended(i, ignore, meant)


def _entries(policy: Policy, today: date) -> list[_Entry]:
    held = policy.filled
    return [
        *(_Entry(ignore.code, "ignore", ignore) for ignore in policy.ignore if today <= ignore.until),
        *(_Entry(code, "fail_on") for code in dict.fromkeys(held.fail_on)),
        *(_Entry(code, "warn_on") for code in dict.fromkeys(held.warn_on)),
    ]


def _is_meant(finding: Finding, record: RunRecord, candidates: Candidates) -> bool:
    """Whether a finding counts: all do, but those about a candidate that is not ranked first where only that one does.

    A finding is about a candidate when its evidence names a target on which its subject was ranked.
    """
    target = finding.evidence.get("target")
    if candidates == "every" or finding.subject == target:
        return True
    rows = [row for ranking in record.rankings if ranking.target == target for row in ranking.rows]
    return all(row.rank == 1 or row.baseline for row in rows if row.backbone == finding.subject)


def _judge(finding: Finding, entry: _Entry) -> Judged:
    said = f"{finding.code}: {shown(finding.title)} {shown(finding.message)}".rstrip()
    if entry.ignore is not None:
        said = f"{said} Ignored until {entry.ignore.until} ({shown(entry.ignore.reason)})."
    return Judged(
        rule=f"{entry.action} {entry.code}",
        asks=f"no finding {entry.code}",
        subject=shown(finding.subject) or "the record",
        found=finding.code,
        outcome=OUTCOMES[entry.action],
        because=said,
    )


def _none_found(entry: _Entry, record: RunRecord, policy: Policy) -> Iterator[Judged]:
    """Say that there is no such finding; where none was looked for, or could be found, that is no reason to pass."""
    candidates = policy.filled.candidates
    elsewhere = unasked(entry.code, record)
    # What only the profile asks of every record is left out where a record is about something else.
    if elsewhere and policy.fail_on is None:
        return
    undecided = unanswered(entry.code, record, candidates)
    yield Judged(
        rule=f"fail_on {entry.code}",
        asks=f"no finding {entry.code}",
        subject="the record",
        found="nothing looked for" if elsewhere else "undecided" if undecided else "none",
        outcome="inconclusive" if undecided else "pass",
        because=undecided or _none(entry, record, candidates),
    )


def _none(entry: _Entry, record: RunRecord, candidates: Candidates) -> str:
    """Say that there is no such finding, and which of those meant were not looked for."""
    others = sum(map(entry.fits, record.findings))
    about = f" about what is judged, and {others} about other candidates" if others else ""
    missing = not_raised(entry.code, record, candidates)
    besides = f" The record could not have raised {', '.join(missing)}." if missing else ""
    return f"There is no {entry.code}{about}.{besides}"


def _ended(i: int, ignore: Ignore, findings: Sequence[Finding]) -> Judged:
    n = sum(finding.code.startswith(ignore.code) for finding in findings)
    return Judged(
        rule=f"ignore.{i}",
        asks=f"ignore {ignore.code}",
        subject="the policy",
        found=f"ended {ignore.until}",
        outcome="warn",
        because=f"The ignore of {ignore.code} ({shown(ignore.reason)}) ended on {ignore.until} and no longer holds; "
        f"it would have covered {n} finding{'' if n == 1 else 's'}. Remove it, or renew it with a reason.",
    )
