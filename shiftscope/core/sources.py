"""What source data are worth for one target under one backbone: the sources section of a run record."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shiftscope.core.record import Finite, Probability, Record

__all__ = ["SCHEMES", "Contrast", "Role", "Scheme", "SchemeRow", "SourceRow", "SourcesReport", "SourcesSpec", "Verdict"]

Scheme = Literal["target", "equal", "similarity", "learned"]
SCHEMES: tuple[Scheme, ...] = ("target", "equal", "similarity", "learned")
Verdict = Literal["hurts", "helps", "cannot be told"]
Role = Literal["use", "weigh down", "drop"]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Contrast(Record):
    """A mean held-out loss, or the mean difference of two on the same samples, with its interval."""

    value: Finite
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _holds_its_value(self) -> Contrast:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the interval [{self.low}, {self.high}] does not contain {self.value}")
        return self


class SourceRow(Record):
    """One source: how much of it can be used, whether pooling it with the target hurts, and what weight suits it."""

    name: str
    n: int = Field(ge=0, description="samples")
    n_used: int = Field(ge=1, description="of these, samples of classes that the target has, copies left out")
    n_copies: int = Field(ge=0, description="samples that are the target's own, left out")
    classes: list[str] = Field(description="classes that the target has too, by name")
    gap: Contrast = Field(
        description="negative-transfer gap: held-out error of a probe trained on source and target less that of one "
        "trained on the target alone; positive: it hurts"
    )
    loss_gap: Contrast = Field(description="the same for the squared loss")
    pvalue: Probability = Field(description="two-sided, for the gap in error")
    pvalue_holm: Probability
    verdict: Verdict = Field(description="of the gap in error, after Holm over the sources")
    distance: Finite | None = Field(default=None, description="MMD^2 to the target, in units of its noise floor")
    similarity: NonNegative = Field(description="weight 1 / (1 + distance); 1 where there is no noise floor")
    weight: NonNegative = Field(description="learned weight of one of its samples, from all of the target")
    weight_low: NonNegative = Field(description="least weight learned with one fold of the target left out")
    weight_high: NonNegative

    @property
    def role(self) -> Role:
        """What to do with it: drop it at weight 0, use it only with its weight where pooling it as it is hurts."""
        if self.weight == 0:
            return "drop"
        return "weigh down" if self.verdict == "hurts" else "use"


class SchemeRow(Record):
    """One way of weighing all sources, scored on samples of the target that had no part in its choices."""

    scheme: Scheme
    error: Contrast = Field(description="share of held-out samples that are wrong")
    loss: Contrast = Field(description="squared loss of the scores against the one-hot class")
    penalty: NonNegative = Field(description="chosen from all of the target, in units of its total variance")
    over_target: Contrast | None = Field(default=None, description="error of the target alone less this error")
    over_equal: Contrast | None = Field(default=None, description="error of equal weights less this error")
    loss_over_target: Contrast | None = None
    loss_over_equal: Contrast | None = None


class SourcesReport(Record):
    """Source data for one target: every source by itself, and four ways of weighing them together."""

    target: str
    backbone: str
    n: int = Field(description="labelled samples of the target")
    classes: list[str]
    n_folds: int
    level: Probability = Field(description="nominal coverage of every interval")
    alpha: Probability = Field(description="level of the verdicts, over all sources together")
    sources: list[SourceRow]
    schemes: list[SchemeRow]

    def scheme(self, name: Scheme) -> SchemeRow:
        """The row of one scheme."""
        return next(row for row in self.schemes if row.scheme == name)

    @property
    def gains(self) -> bool:
        """Whether learned weights are shown to err less often than the target alone."""
        gain = self.scheme("learned").over_target
        return gain is not None and gain.low > 0

    @property
    def hurting(self) -> tuple[str, ...]:
        """Sources that hurt when they are pooled with the target as they are."""
        return tuple(row.name for row in self.sources if row.verdict == "hurts")

    @property
    def dropped(self) -> tuple[str, ...]:
        """Sources that the learned weights leave out."""
        return tuple(row.name for row in self.sources if row.role == "drop")


class SourcesSpec(Record):
    """What ``shiftscope sources`` is asked to do."""

    seed: int = Field(default=0, ge=0)
    target: str = Field(description="data URI")
    sources: dict[str, str] = Field(description="name -> data URI")
    backbone: str | None = Field(default=None, description="backbone URI; None for extracted features")
    per_class: int | None = Field(default=None, ge=2, description="samples drawn per class, of every data set")
