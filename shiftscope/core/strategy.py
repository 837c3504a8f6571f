"""What to do with the first candidate of a target: which part of it to train, and why."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftscope.core.record import Finite, Probability, Record

__all__ = ["Action", "LearningPoint", "Reason", "Strategy"]

Action = Literal["head", "last_stage", "full", "scratch"]


class Reason(Record):
    """One rule that applied, with the numbers it read."""

    rule: str = Field(description="its name in docs/advice.md")
    says: str
    scored: bool = Field(description="whether following it was held against ground truth")


class LearningPoint(Record):
    """Held-out accuracy of the probe on a part of the labelled samples."""

    n: int
    accuracy: Probability


class Strategy(Record):
    """The advice for one target: what to start from, what of it to train, at which learning rates."""

    target: str
    backbone: str
    action: Action
    rates: tuple[Finite, Finite] | None = Field(
        default=None,
        description="learning rates of AdamW to search between; None for a head, which needs no search, and for a "
        "network of unknown size",
    )
    reasons: list[Reason] = Field(description="the rule that decided, then what else to think of")
    curve: list[LearningPoint] = Field(default=[], description="a quarter, half and all of the labelled samples")
