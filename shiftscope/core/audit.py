"""What an audit found: what fine-tuning really gave, and how well the advice foresaw it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shiftscope.core.forecast import Calibration
from shiftscope.core.record import Z95, Finite, Probability, Record

__all__ = [
    "MARGIN",
    "QUESTIONS",
    "Accuracy",
    "Audit",
    "AuditedBackbone",
    "AuditedTarget",
    "ForetoldGap",
    "Gap",
    "Outcome",
    "Question",
    "Reliability",
    "Score",
    "SearchedRate",
]

# head_vs_scratch and full_vs_scratch are transfer gaps: same architecture, same data, same images. best_vs_pixels
# is a usefulness gap: whether the backbone is worth anything here, which is not a question of transfer.
Question = Literal["head_vs_scratch", "full_vs_scratch", "best_vs_pixels"]
QUESTIONS: tuple[Question, ...] = ("head_vs_scratch", "full_vs_scratch", "best_vs_pixels")
Outcome = Literal["negative", "indistinguishable", "positive"]

MARGIN = 0.01  # one point of accuracy
NonNegative = Annotated[float, Field(ge=0)]


class Gap(Record):
    """Accuracy of one way of using a backbone minus that of doing without it, on the same test images."""

    question: Question
    backbone: str
    target: str
    regime: str
    gap: Finite = Field(description="share of test images, -1 to 1")
    se: NonNegative = Field(description="standard error: images, seeds and splits")
    se_images: NonNegative = Field(description="of these, what the choice of test images adds")
    dof: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="degrees of freedom of se, for Student's t; None where se is known exactly"
    )
    n_runs: int = Field(description="seeds x splits on either side")
    n_images: int = Field(description="different test images over all runs")

    def interval(self) -> tuple[float, float]:
        """95 % interval of the gap: of the normal distribution, or of Student's t where se is an estimate."""
        from scipy.special import stdtrit

        reach = self.se * (Z95 if self.dof is None else float(stdtrit(self.dof, 0.975)))
        return self.gap - reach, self.gap + reach

    def outcome(self, margin: float = MARGIN) -> Outcome:
        """Negative if all of the interval lies below ``-margin``, positive if all of it lies above 0."""
        low, high = self.interval()
        if high < -margin:
            return "negative"
        return "positive" if low > 0 else "indistinguishable"


class Accuracy(Record):
    """Test accuracy of one arm, over its runs."""

    backbone: str = Field(description="name in the audit file; for scratch the backbone whose architecture it is")
    target: str
    regime: str
    arm: Literal["pixels", "linear", "last_stage", "full", "scratch", "best"] = Field(
        description="best: of linear, last_stage and full, run by run, the one with the best validation accuracy"
    )
    mean: Probability
    runs: list[Probability] = Field(description="one per seed, in the order of the audit's seeds")


class AuditedTarget(Record):
    """A target, and the group in which it counts as evidence."""

    group: str
    n: int
    classes: int


class AuditedBackbone(Record):
    """A backbone, and the family in which it counts as evidence."""

    family: str
    overlap: list[str] = Field(default=[], description="targets it was trained on: shown, never in a headline")
    constructed: str = ""
    architecture: str = Field(description="equal for backbones that share their scratch runs at one size")


class SearchedRate(Record):
    """How a learning rate was chosen: validation accuracy only."""

    architecture: str
    arm: str
    rate: Finite
    validation: dict[str, Probability] = Field(description="learning rate -> mean validation accuracy")


class Score(Record):
    """How well one predictor foresaw one truth, over all places (target, regime, seed) that count."""

    predictor: str = Field(description="a measure, 'aggregate', 'static_prior', 'random', …")
    truth: str = Field(description="what it was held against: accuracy of an arm, or a gap")
    statistic: str
    value: Finite
    low: Finite | None = None
    high: Finite | None = None
    n_places: int
    n_groups: int = Field(description="target groups that were resampled")


class Reliability(Record):
    """Forecasts of one range of probabilities against how often it happened."""

    forecast: Probability = Field(description="mean probability that was forecast")
    happened: Probability = Field(description="mean P(gap < -margin | data)")
    low: Probability | None = Field(default=None, description="95 % interval of happened, from resampled target groups")
    high: Probability | None = None
    n: int


class ForetoldGap(Record):
    """What was forecast of one gap by a model that saw neither its target group nor its source family."""

    question: Question
    backbone: str
    target: str
    regime: str
    forecast: Probability = Field(description="that the gap lies below -margin; mean over the splits looked at")
    happened: Probability = Field(description="P(gap < -margin | data)")


class Audit(Record):
    """The audit section of a run record."""

    margin: Finite = MARGIN
    targets: dict[str, AuditedTarget]
    backbones: dict[str, AuditedBackbone]
    n_cells: int
    n_planned: int
    failed: dict[str, str] = Field(default={}, description="cells that could not be made, and why")
    accuracies: list[Accuracy] = []
    gaps: list[Gap] = []
    spread: dict[str, Finite] = Field(
        default={}, description="'arm/regime' -> standard deviation of accuracy between seeds, pooled over cells"
    )
    rates: list[SearchedRate] = []
    scores: list[Score] = []
    decisions: list[Score] = Field(default=[], description="of the advice itself: sets, choices, strategy, findings")
    calibration: Calibration | None = Field(
        default=None, description="the forecast of negative transfer, fitted to these gaps; None for few targets"
    )
    foretold: list[ForetoldGap] = Field(
        default=[], description="gaps that count and whose covariates lay in the range of the model that foretold them"
    )
    reliability: dict[Question, list[Reliability]] = Field(
        default={}, description="of these forecasts, in bins of equal count from the lowest up"
    )
    curves: dict[str, dict[str, Probability]] = Field(
        default={}, description="'backbone on target, regime: arm' -> steps -> test accuracy"
    )

    def counts(self, gap: Gap) -> bool:
        """Whether a gap is natural evidence: no constructed weights, no target the weights were trained on."""
        backbone = self.backbones[gap.backbone]
        return not backbone.constructed and gap.target not in backbone.overlap
