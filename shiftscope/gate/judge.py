"""A record held against a policy: the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal

from shiftscope.core.records import RunRecord
from shiftscope.core.verdict import DataCheck, Judged, Verdict
from shiftscope.gate.codes import judge_findings
from shiftscope.gate.limits import judge_limit
from shiftscope.gate.policy import Policy, Unclear
from shiftscope.gate.samples import judge_data, judge_samples

__all__ = ["judge"]


def judge(
    record: RunRecord,
    policy: Policy,
    *,
    policy_from: str = "",
    run: str = "",
    baseline: RunRecord | None = None,
    baseline_from: str = "",
    data: Sequence[DataCheck] = (),
    today: date | None = None,
) -> Verdict:
    """Hold ``record`` against ``policy``, rule by rule.

    Parameters
    ----------
    baseline
        The record that ``max_increase`` and ``max_decrease`` refer to; without one such rules are inconclusive.
    data
        What reading the data again has shown.
    today
        The day against which expiry dates are held; None for the current one in UTC.
    """
    day = today or datetime.now(UTC).date()
    held = policy.filled
    judged = [
        *(
            row
            for i, limit in enumerate(policy.limits)
            for row in judge_limit(limit, f"limits.{i}", record, candidates=held.candidates, baseline=baseline)
        ),
        *judge_findings(record, policy, day),
        *judge_samples(record, policy),
        *judge_data(data),
    ]
    return Verdict(
        outcome=_outcome(judged, held.inconclusive),
        run=run,
        baseline=baseline_from,
        policy=policy.in_force,
        policy_from=policy_from,
        judged_on=day,
        judged=judged,
    )


def _outcome(judged: Sequence[Judged], unclear: Unclear) -> Literal["pass", "fail", "inconclusive"]:
    """The worst that counts: a rule that failed, then one that cannot be decided where that is no pass."""
    outcomes = {row.outcome for row in judged}
    if "fail" in outcomes:
        return "fail"
    return "inconclusive" if "inconclusive" in outcomes and unclear == "fail" else "pass"
