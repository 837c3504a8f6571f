"""What a gate says of a record: every rule with its outcome and the numbers behind it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import Any, Literal

from pydantic import Field

from shiftscope.core.record import Finite, Record
from shiftscope.errors import ExitCode, GateError, InconclusiveError

__all__ = ["DataCheck", "Judged", "Outcome", "Verdict", "dump_verdict"]

Outcome = Literal["fail", "inconclusive", "warn", "ignored", "pass"]
WORST_FIRST: tuple[Outcome, ...] = ("fail", "inconclusive", "warn", "ignored", "pass")
NAMED = 3  # rules that an error names


class DataCheck(Record):
    """Whether one data set of a record is still what it was when the record was made."""

    name: str
    state: Literal["same", "changed", "unknown"]
    reason: str = ""


class Judged(Record):
    """One rule on one thing it asks about. Names inside the words are safe to print as they are."""

    rule: str = Field(description="where the rule stands in the policy: limits.0, fail_on NT2, min_samples")
    asks: str = Field(description="the rule in words")
    subject: str = Field(description="what it was held against: backbone, target and source, or a data set")
    found: str = Field(description="what the record has there, in short")
    outcome: Outcome
    because: str = Field(description="why, in a sentence with its numbers")
    value: Finite | None = None
    limit: Finite | None = None


class Verdict(Record):
    """A record held against a policy."""

    schema_version: Literal[1] = 1
    outcome: Literal["pass", "fail", "inconclusive"]
    run: str = Field(description="the record that was judged")
    baseline: str = Field(default="", description="the record it was compared with, if any")
    policy: dict[str, Any] = Field(description="the policy in force, what its profile fills in included")
    policy_from: str = Field(description="where the policy stands")
    judged_on: date = Field(description="the day against which expiry dates were held")
    judged: list[Judged] = Field(description="in the order of the policy")

    @property
    def exit_code(self) -> ExitCode:
        """What the command line returns."""
        codes = {"pass": ExitCode.OK, "fail": ExitCode.GATE_FAILED, "inconclusive": ExitCode.INCONCLUSIVE}
        return codes[self.outcome]

    @property
    def counts(self) -> Counter[Outcome]:
        """How often each outcome occurs."""
        return Counter(rule.outcome for rule in self.judged)

    @property
    def worst_first(self) -> list[Judged]:
        """The rules by outcome, those that failed first; otherwise in the order of the policy."""
        return sorted(self.judged, key=lambda rule: WORST_FIRST.index(rule.outcome))

    @property
    def headline(self) -> str:
        """The verdict as one sentence."""
        count, n = self.counts, len(self.judged)
        failed, unclear = count["fail"], count["inconclusive"]
        match self.outcome:
            case "fail":
                said = f"Gate failed: {failed} of {_checks(n)} failed"
            case "inconclusive":
                said = f"Gate inconclusive: {unclear} of {_checks(n)} cannot be decided"
            case "pass":
                said = f"Gate passed: none of {_checks(n)} failed" if n else "Gate passed: nothing was asked"
        others = [
            f"{unclear} cannot be decided" if unclear and self.outcome != "inconclusive" else "",
            f"{count['warn']} with a warning" if count["warn"] else "",
            f"{count['ignored']} ignored" if count["ignored"] else "",
        ]
        return f"{', '.join([said, *filter(None, others)])}."

    def raise_for_status(self) -> None:
        """Do nothing where the gate passed.

        Raises
        ------
        GateError
            If it failed.
        InconclusiveError
            If no rule is broken, some cannot be decided, and the policy says that this does not pass.
        """
        if self.outcome == "pass":
            return
        named = [rule.because for rule in self.judged if rule.outcome == self.outcome]
        more = f" And {len(named) - NAMED} more." if len(named) > NAMED else ""
        error = GateError if self.outcome == "fail" else InconclusiveError
        raise error(f"{self.headline} {' '.join(named[:NAMED])}{more}")


def dump_verdict(verdict: Verdict) -> str:
    """Canonical JSON of a verdict: sorted keys, one line per value, a newline at the end."""
    return json.dumps(verdict.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _checks(n: int) -> str:
    return f"{n} check{'' if n == 1 else 's'}"
