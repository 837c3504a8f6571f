"""Whether starting from a backbone will likely hurt: the forecast of one pair, and the calibration behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftscope.core.record import Finite, Probability, Record

__all__ = [
    "ARMS",
    "HURTS",
    "SAFE",
    "Arm",
    "ArmForecast",
    "Basis",
    "Calibration",
    "Forecast",
    "Paired",
    "QuestionModel",
    "Zone",
]

Arm = Literal["head", "full"]
# A frozen head and fine-tuning, each against training the same architecture from scratch.
ARMS: dict[Arm, Literal["head_vs_scratch", "full_vs_scratch"]] = {"head": "head_vs_scratch", "full": "full_vs_scratch"}
Zone = Literal["safe", "unclear", "hurts", "unknown"]

SAFE = 0.2  # the whole interval of the probability lies below
HURTS = 0.7  # the whole interval lies above
SHOWN = 0.025  # one-sided level of a gain that is shown, after Holm's adjustment over the candidates


class QuestionModel(Record):
    """Logistic regression of one question; lists have one entry per covariate."""

    mean: list[Finite]
    scale: list[Finite]
    weights: list[Finite] = Field(description="of standardised covariates")
    intercept: Finite
    low: list[Finite] = Field(description="range of the cells it was fitted to")
    high: list[Finite]
    penalty: Finite
    base_rate: Probability = Field(description="mean chance of the cells it was fitted to")
    n_cells: int
    auroc: tuple[Probability, Probability, Probability] | None = Field(
        default=None,
        description="of cells whose target group and source family it never saw, with the ends of a 95 % interval",
    )
    resampled: list[list[Finite]] = Field(
        description="intercept and weights again, fitted to resampled target groups: the spread of the forecast"
    )


class Calibration(Record):
    """A forecast as it was fitted to ground truth: all that turns covariates into probabilities."""

    schema_version: Literal[1] = 1
    recipe: str = Field(description="how it was fitted, in words")
    covariates: list[str]
    margin: Finite = Field(description="share of test images by which a gap must fall below 0 to count as harm")
    cells: str = Field(description="sha256 over the cells and the covariates it was fitted to")
    groups: list[str] = Field(description="target groups of these cells")
    families: list[str] = Field(description="source families of these cells")
    questions: dict[Arm, QuestionModel]


class Paired(Record):
    """How far a candidate's held-out accuracy lies above a baseline's, on the same images."""

    measure: str
    baseline: str = Field(description="name of a row of the ranking")
    gain: Finite
    low: Finite
    high: Finite
    level: Probability
    pvalue_holm: Probability = Field(description="that it is no better; one-sided, Holm over the candidates")

    @property
    def shown(self) -> bool:
        """Whether the gain is shown to be above 0."""
        return self.pvalue_holm <= SHOWN


class Basis(Record):
    """What a probability was learnt from, and how good such probabilities were found to be."""

    base_rate: Probability = Field(description="mean chance of harm of the cells: what to expect of any pair")
    n_cells: int
    auroc: tuple[Probability, Probability, Probability] | None = Field(
        default=None,
        description="of cells whose target group and source family were never seen, with the ends of a 95 % interval; "
        "0.5 is chance",
    )


class ArmForecast(Record):
    """Chance that one way of using a backbone ends below training its architecture from scratch."""

    arm: Arm
    probability: Probability | None = Field(description="None where covariates lie outside the calibrated range")
    low: Probability | None = None
    high: Probability | None = None
    level: Probability | None = Field(default=None, description="nominal coverage of [low, high]")
    outside: list[str] = Field(default=[], description="covariates outside the calibrated range")
    basis: Basis | None = None

    @property
    def zone(self) -> Zone:
        """Safe or hurts where the whole interval says so; unknown without a probability."""
        if self.probability is None or self.low is None or self.high is None:
            return "unknown"
        if self.high < SAFE:
            return "safe"
        return "hurts" if self.low > HURTS else "unclear"


class Forecast(Record):
    """What to expect of one candidate on one target, arm by arm, and the evidence it rests on."""

    target: str
    backbone: str
    arms: list[ArmForecast] = Field(description="the frozen head, then fine-tuning; empty without covariates")
    covariates: dict[str, Finite] = {}
    evidence: list[Paired] = Field(default=[], description="gains over raw pixels and over the random copy")
    per_class: Finite | None = Field(default=None, description="labelled images of the median class")

    def of(self, arm: Arm) -> ArmForecast | None:
        """Return the forecast of one arm, if there is one."""
        return next((a for a in self.arms if a.arm == arm), None)

    def over(self, baseline: str, measure: str = "ridge") -> Paired | None:
        """Return the gain over one baseline by one measure, if it was measured."""
        return next((e for e in self.evidence if (e.baseline, e.measure) == (baseline, measure)), None)
