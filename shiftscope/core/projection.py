"""Source and target in one plane: the two directions in which the pooled sample varies most."""

from __future__ import annotations

from pydantic import Field, model_validator

from shiftscope.core.record import Finite, Probability, Record

__all__ = ["ClassPlace", "Points", "Projection"]

Place = tuple[Finite, Finite]


class Points(Record):
    """Places of some samples of one side."""

    x: list[Finite]
    y: list[Finite]

    @model_validator(mode="after")
    def _as_many(self) -> Points:
        if len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} places along x and {len(self.y)} along y")
        return self


class ClassPlace(Record):
    """Where the mean of a class lies on either side; None on a side that lacks it."""

    name: str
    source: Place | None = None
    target: Place | None = None


class Projection(Record):
    """Principal components of as many source as target samples, about the mean of both.

    Both axes are in one unit, the standard deviation along the first, so that distances in the plane can be compared.
    The target's mean lies to the right of the source's and above it.
    """

    explained: tuple[Probability, Probability] = Field(description="share of the pooled variance along either axis")
    n_fit: int = Field(ge=1, description="samples of each side that the axes are fitted to")
    source: Points
    target: Points
    classes: list[ClassPlace] = Field(default=[], description="the most common, at most 20")
