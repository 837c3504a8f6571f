"""The shift of one target from one source under one backbone: measures against their noise floor, classes, samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftscope.core.projection import Projection
from shiftscope.core.record import Z95, Finite, Probability, Record

__all__ = ["BANDS", "Band", "ClassShift", "Copies", "CopyPair", "ShiftDiagnosis", "ShiftRow", "Witness"]

Band = Literal["within noise", "small", "far", "very far"]
# How many noise floors the whole interval of an effect must exceed to be called so.
BANDS: dict[Band, float] = {"very far": 10.0, "far": 3.0, "small": 1.0}


class ShiftRow(Record):
    """One shift measure against its noise floor.

    What a verdict says of the size of a shift is ``band``, which goes by the interval of the effect: a p-value says
    nothing of size, and with many samples all of them get small.
    """

    measure: str
    value: Finite
    low: Finite | None = None
    high: Finite | None = None
    pvalue: Probability | None = None
    pvalue_holm: Probability | None = None
    pvalue_max_t: Probability | None = Field(
        default=None,
        description="adjusted by step-down max-T over the tests of this pair and backbone that exchange the same "
        "samples; None for the others",
    )
    effect: Finite | None = Field(default=None, description="mean over splits of T(X1, Y1) - [T(X1, X2) + T(Y1, Y2)]/2")
    effect_se: Finite | None = None
    floor: Finite | None = Field(
        default=None, description="95th percentile of |T - its mean| between halves of one side, of the same size"
    )
    n_splits: int = 0
    size: int | None = Field(default=None, description="samples in each half that effect and floor belong to")
    detectable: Finite | None = Field(
        default=None,
        description="effect that the test finds with 80 % power at these numbers of samples and the corrected level",
    )

    @property
    def ratio(self) -> float | None:
        """Effect over noise floor; 1 is what no shift looks like at most. None where the floor is 0 or unknown."""
        return self._over_floor(self.effect)

    @property
    def ratio_ends(self) -> tuple[float, float] | None:
        """Ends of a 95 % interval of ``ratio``; the floor counts as known."""
        if self.effect_se is None or (ends := self._effect_ends) is None:
            return None
        low, high = map(self._over_floor, ends)
        return None if low is None or high is None else (low, high)

    @property
    def band(self) -> Band | None:
        """The largest band that the whole 95 % interval of the effect exceeds; the effect itself without one."""
        ends = self._effect_ends
        if ends is None or self.floor is None:
            return None
        return next((band for band, times in BANDS.items() if ends[0] > times * self.floor), "within noise")

    @property
    def beyond(self) -> bool:
        """Whether the whole interval of the effect lies beyond the noise floor."""
        return self.band not in (None, "within noise")

    @property
    def _effect_ends(self) -> tuple[float, float] | None:
        if self.effect is None:
            return None
        reach = Z95 * (self.effect_se or 0.0)
        return self.effect - reach, self.effect + reach

    def _over_floor(self, effect: float | None) -> float | None:
        return None if effect is None or not self.floor or self.floor < 0 else effect / self.floor


class ClassShift(Record):
    """The shift within one class that both sides have."""

    name: str
    n_source: int
    n_target: int
    value: Finite | None = Field(description="unbiased MMD^2 within the class")
    pvalue: Probability | None = None
    pvalue_holm: Probability | None = None
    reason: str = ""


class Witness(Record):
    """A sample that is unlike the other side, by the witness function of MMD."""

    side: Literal["source", "target"]
    id: str = Field(description="file name, or row")
    label: str = Field(default="", description="its class, where it has one")
    value: Finite = Field(description="mean kernel to the source minus mean kernel to the target, itself left out")
    nearest: str = Field(description="id of the nearest sample of the other side")
    distance: Finite = Field(description="1 - cosine to it, about the mean of both sides")
    thumbnail: str = Field(default="", description="name of its small picture beside the record, where there is one")


class CopyPair(Record):
    """A target sample that the source holds too: the same file content, or nearly the same features."""

    source: str = Field(description="id of the source sample")
    target: str = Field(description="id of the target sample")
    exact: bool
    distance: Finite | None = Field(default=None, description="1 - cosine, about the mean of both sides")


class Copies(Record):
    """Target samples that have a copy in the source."""

    n_exact: int = Field(ge=0, description="target samples with the content of some source sample")
    n_near: int = Field(ge=0, description="others that are much nearer to a source sample than their fellows are")
    n_compared: int = Field(default=0, ge=0, description="target samples among which near copies were looked for")
    limit: Finite | None = Field(default=None, description="how much nearer: largest ratio of distances that counts")
    typical: Finite | None = Field(
        default=None, description="median distance of a sample to its nearest fellow on its own side"
    )
    examples: list[CopyPair] = []


class ShiftDiagnosis(Record):
    """How far one target is from one source under one backbone."""

    source: str
    target: str
    backbone: str
    n_source: int
    n_target: int
    rows: list[ShiftRow]
    per_class: list[ClassShift] = []
    not_compared: dict[str, list[str]] = Field(default={}, description="classes that only one side has")
    alpha: Probability = 0.05
    n_tests: int | None = Field(
        default=None,
        description="tests that pvalue_holm of rows is adjusted over: those of all pairs of the run under this "
        "backbone; None in records from before there were several sources, which adjust over rows alone",
    )
    witnesses: list[Witness] = Field(default=[], description="of each side those most unlike the other, most first")
    copies: Copies | None = None
    projection: Projection | None = Field(
        default=None, description="both sides in one plane; of each source and target, under the backbone that leads"
    )

    @property
    def n_adjusted(self) -> int:
        """How many tests share the level: ``n_tests``, or those of ``rows`` where a record does not say."""
        return self.n_tests or sum(row.pvalue is not None for row in self.rows)

    @property
    def rejects(self) -> bool:
        """Whether some test rejects "no shift" at the level ``alpha``, after Holm correction where there is one."""
        counted = (row.pvalue if row.pvalue_holm is None else row.pvalue_holm for row in self.rows)
        return any(p is not None and p <= self.alpha for p in counted)
