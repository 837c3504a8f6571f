"""A run record held against a policy: reads the record and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from shiftscope.core.records import RunRecord
    from shiftscope.core.verdict import Verdict

__all__ = ["HasRecord", "gate"]


class HasRecord(Protocol):
    """A finished run, as ``shiftscope.rank`` and the others return it."""

    @property
    def record(self) -> RunRecord:
        """What the run found."""


def gate(
    run: RunRecord | HasRecord | str | Path,
    policy: Mapping[str, Any] | str | Path | None = None,
    *,
    baseline: RunRecord | HasRecord | str | Path | None = None,
    profile: str | None = None,
) -> Verdict:
    """Hold a run against a policy; same as ``shiftscope gate``.

    ``shiftscope.gate("run.json", "gate.toml").raise_for_status()`` before a training script stops it where the policy
    says so.

    Parameters
    ----------
    run
        A run, its record, or the path of a ``run.json`` or its folder.
    policy
        The path of a TOML file, or what would stand in one; None for the policy of the project (``pyproject.toml``)
        or else that of the run's own specification.
    baseline
        The run that ``max_increase`` and ``max_decrease`` refer to.
    profile
        ``"strict"``, ``"default"`` or ``"explore"`` instead of the one that the policy names.

    Raises
    ------
    InputError
        If the record or the policy cannot be used.
    """
    from shiftscope.gate.judge import judge
    from shiftscope.gate.places import Found, find_policy
    from shiftscope.gate.policy import parse_policy

    record = _record(run)
    if isinstance(policy, Mapping):
        found = Found(parse_policy(policy, at="policy", profile=profile), "policy")
    else:
        found = find_policy(None if policy is None else Path(policy), record, profile=profile)
    return judge(
        record,
        found.policy,
        policy_from=found.place,
        run=_named(run),
        baseline=None if baseline is None else _record(baseline),
        baseline_from="" if baseline is None else _named(baseline),
    )


def _record(run: RunRecord | HasRecord | str | Path) -> RunRecord:
    from shiftscope.core.load import load_record
    from shiftscope.core.records import RunRecord

    if isinstance(run, RunRecord):
        return run
    return load_record(Path(run)) if isinstance(run, str | Path) else run.record


def _named(run: RunRecord | HasRecord | str | Path) -> str:
    return str(run) if isinstance(run, str | Path) else "a record in memory"
