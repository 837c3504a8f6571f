"""What the measures said about a target of an audit, before anything was trained on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftscope.core.forecast import Paired
from shiftscope.core.record import Record
from shiftscope.core.records import MeasureResult, Ranking

__all__ = ["Advice"]


class Advice(Record):
    """Every measure of every backbone and baseline on the labelled images of one place; no test image is among them."""

    schema_version: Literal[1] = 1
    key: str = Field(description="sha256 over all that decides it, the code of the measures included")
    target: str
    regime: str
    seed: int
    results: list[MeasureResult]
    random_copies: dict[str, str] = Field(description="backbone -> its architecture with random weights")
    ranking: Ranking | None = Field(
        default=None,
        description="of the natural backbones that were not trained on the target; None for fewer than two",
    )
    gains: dict[str, list[Paired]] = Field(default={}, description="their gains over raw pixels and random copies")

    @property
    def address(self) -> str:
        """Path of the file in the folder of advice."""
        return f"{self.target}/{self.regime}.seed{self.seed}.json"
