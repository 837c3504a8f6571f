"""What a race under a budget did: who was embedded on how many images, who was dropped, when and why."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftscope.core.record import Finite, Probability, Record

__all__ = ["Entrant", "Race", "Stage"]


class Stage(Record):
    """One comparison of the candidates that were still in, on one subsample that all of them saw."""

    n: int = Field(ge=1, description="images of the subsample; those of the stage before are among them")
    n_candidates: int = Field(ge=1, description="candidates that were still in")
    limit: Finite | None = Field(
        default=None, description="standard errors behind another at which one was dropped; None where none could be"
    )


class Entrant(Record):
    """One candidate of a race; without ``stage`` it went on to the end."""

    backbone: str
    n: int = Field(ge=0, description="images it was embedded on")
    stage: int | None = Field(default=None, ge=1, description="stage after which it was dropped, from 1")
    behind: str | None = Field(default=None, description="the candidate it was behind; None where it had no number")
    difference: Finite | None = Field(default=None, description="of mean ranks over the draws")
    z: Finite | None = Field(
        default=None, description="standard errors it is behind, in the mean rank or in the measure where least"
    )


class Race(Record):
    """How a budget was spent; the ranking beside it is of those who went on to the end, on the last subsample."""

    budget: int = Field(ge=1, description="images that might be embedded in total, over candidates and baselines")
    level: Probability = Field(description="chance, at least, that no stage drops the best")
    stages: list[Stage]
    entrants: list[Entrant] = Field(description="those who went on to the end by name, then the others as they fell")
    n_embedded: int = Field(ge=0, description="images embedded in total, over candidates and baselines")
    n_full: int = Field(ge=0, description="the same had all of them been embedded on the full sample")
    n_available: int = Field(ge=1, description="images of the full sample")
    stopped: Literal["one left", "full sample", "budget"]

    @property
    def dropped(self) -> tuple[Entrant, ...]:
        """The candidates that did not see the last subsample, in the order they fell."""
        return tuple(e for e in self.entrants if e.stage is not None)
