"""What a comparison of two records, A and B, finds: frozen records, which are its JSON too."""

from __future__ import annotations

from typing import Literal

from shiftscope.core.record import Finite, Probability, Record
from shiftscope.core.records import Finding

__all__ = [
    "Comparison",
    "FindingChange",
    "How",
    "Matched",
    "OrderChange",
    "Place",
    "ScoreChange",
    "Setting",
    "Side",
    "State",
    "Uncompared",
]

State = Literal["same", "changed", "only in A", "only in B"]
How = Literal["equal", "paired", "independent", "no interval"]
Order = Literal["same", "within noise", "beyond noise", "other candidates"]


class Side(Record):
    """One of the two records."""

    name: str
    kind: str
    created: str


class Matched(Record):
    """A data set or a model by its name, and whether it is the same in both: by fingerprint, or by identity."""

    name: str
    role: Literal["target", "source", "model"]
    state: State
    n_a: int | None = None
    n_b: int | None = None


class Setting(Record):
    """Something asked for, or a version of a library, that differs; None where one side does not have it."""

    path: str
    a: str | None
    b: str | None


class Place(Record):
    """Where one candidate stands in either ranking of a target."""

    backbone: str
    rank_a: int | None = None
    rank_b: int | None = None
    p_best_a: Probability | None = None
    p_best_b: Probability | None = None
    in_set_a: bool = False
    in_set_b: bool = False

    @property
    def moved(self) -> bool:
        """Whether both have a rank, and not the same."""
        return self.rank_a is not None and self.rank_b is not None and self.rank_a != self.rank_b


class OrderChange(Record):
    """The rankings of one target that both records have."""

    target: str
    first_a: str | None
    first_b: str | None
    first: Order
    n_draws_a: int = 0
    n_draws_b: int = 0
    places: list[Place]


class ScoreChange(Record):
    """One number that both records have, measured the same way in both."""

    about: str
    kind: Literal["transfer", "shift", "forecast"]
    target: str
    backbone: str
    source: str | None = None
    a: Finite
    b: Finite
    low: Finite | None = None
    high: Finite | None = None
    how: How

    @property
    def change(self) -> float:
        """B less A."""
        return self.b - self.a

    @property
    def beyond(self) -> bool:
        """Whether the whole interval of the change lies on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class Uncompared(Record):
    """A number that only one record has, or that the two measured in different ways."""

    about: str
    target: str
    backbone: str
    source: str | None = None
    reason: str


class FindingChange(Record):
    """A finding that only one record has."""

    state: Literal["came", "went"]
    finding: Finding


class Comparison(Record):
    """What B says that A does not, and the other way around."""

    schema_version: Literal[1] = 1
    a: Side
    b: Side
    level: Probability
    inputs: list[Matched]
    models: list[Matched]
    settings: list[Setting]
    versions: list[Setting]
    orders: list[OrderChange]
    scores: list[ScoreChange]
    uncompared: list[Uncompared]
    findings: list[FindingChange]
    n_findings_kept: int

    @property
    def beyond(self) -> list[ScoreChange]:
        """Scores that changed beyond noise."""
        return [score for score in self.scores if score.beyond]

    @property
    def n_unequal(self) -> int:
        """Scores that are not the same number in both: what the intervals hold for together."""
        return sum(score.how != "equal" for score in self.scores)
