"""The fixture ``shiftscope_gate``: a run held against a policy inside a test suite.

pytest loads this file at every start, so it imports nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from shiftscope.core.records import RunRecord
    from shiftscope.core.verdict import Verdict
    from shiftscope.gate import HasRecord

__all__ = ["Gate", "shiftscope_gate"]


class Gate(Protocol):
    """What the fixture is: ``shiftscope.gate``, which fails the test where the gate does not pass."""

    def __call__(
        self,
        run: RunRecord | HasRecord | str | Path,
        policy: Mapping[str, Any] | str | Path | None = None,
        *,
        baseline: RunRecord | HasRecord | str | Path | None = None,
        profile: str | None = None,
    ) -> Verdict:
        """Return the verdict where the gate passed; fail the test otherwise."""


@pytest.fixture
def shiftscope_gate() -> Gate:
    """Hold a run against a policy and fail the test where it does not pass, with every reason.

    ``shiftscope_gate("out/run.json", "gate.toml")`` takes what ``shiftscope.gate`` takes, and returns the verdict.
    """

    def held(run: Any, policy: Any = None, **options: Any) -> Verdict:
        from shiftscope.gate import gate

        verdict = gate(run, policy, **options)
        if verdict.outcome != "pass":
            reasons = [f"{row.outcome}: {row.because}" for row in verdict.worst_first if row.outcome in COUNTED]
            pytest.fail("\n".join([verdict.headline, *reasons]), pytrace=False)
        return verdict

    return held


COUNTED = ("fail", "inconclusive")
