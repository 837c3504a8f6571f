"""What a run leaves behind: frozen records, and ``RunRecord``, the only thing reports and gates read.

Floats are finite everywhere: a value that could not be computed is a status with a reason, never NaN. Wall times
live in ``costs`` and ``provenance`` only, so that two equal runs are byte-equal elsewhere.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from shiftscope.core.audit import Audit
from shiftscope.core.forecast import Forecast
from shiftscope.core.image import InputTransform
from shiftscope.core.nearest import SourceOrder
from shiftscope.core.profile import LayerProfile
from shiftscope.core.race import Race
from shiftscope.core.record import Finite, Probability, Record
from shiftscope.core.shift import ClassShift, ShiftDiagnosis, ShiftRow
from shiftscope.core.sources import SourcesReport
from shiftscope.core.strategy import Strategy

__all__ = [
    "PIXELS_URI",
    "BackboneCard",
    "BackboneCost",
    "Choice",
    "ClassShift",
    "Costs",
    "Estimate",
    "Finding",
    "Gain",
    "InputCard",
    "MeasureResult",
    "Provenance",
    "Published",
    "RankRow",
    "Ranking",
    "RunRecord",
    "ShiftDiagnosis",
    "ShiftRow",
    "Skipped",
    "SourceOrder",
    "Status",
]

SCHEMA_VERSION: Final = 1

Status = Literal["ok", "not_applicable", "failed"]
Detail = int | Finite | bool | str | None
Details = dict[str, Detail | list[Detail] | dict[str, Detail]]
# What an estimate holds beside its numbers, and JSON does not.
ARRAY_FIELDS = ("draws", "losses", "exchanged")


class Estimate(Record):
    """One number with its uncertainty.

    ``draws`` (R,) are replicates of ``value`` made with indices shared by all candidates of a target, and
    ``losses`` (n,) held-out losses per sample in canonical order; both are for paired comparisons, stay out of
    JSON and are kept beside ``run.json`` as arrays. ``exchanged`` (B+1,) is what a permutation test compared, the
    observed statistic first and larger ones against the null, where samples or groups of the whole pair changed sides
    as the seed says: equal exchanges for every measure. It is not kept.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    value: Finite
    low: Finite | None = None
    high: Finite | None = None
    level: Probability | None = Field(default=None, description="nominal coverage of [low, high]")
    pvalue: Annotated[float, Field(gt=0, le=1)] | None = None
    details: Details = {}
    draws: SkipJsonSchema[NDArray[np.float64] | None] = Field(default=None, exclude=True, repr=False)
    losses: SkipJsonSchema[NDArray[np.float64] | None] = Field(default=None, exclude=True, repr=False)
    exchanged: SkipJsonSchema[NDArray[np.float64] | None] = Field(default=None, exclude=True, repr=False)

    @model_validator(mode="after")
    def _interval_contains_value(self) -> Estimate:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval needs both ends")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"the interval [{self.low}, {self.high}] does not contain {self.value}")
        return self

    def __eq__(self, other: object) -> bool:
        """Whether all fields are equal, arrays in all their entries."""
        if not isinstance(other, Estimate):
            return NotImplemented
        return self.model_dump() == other.model_dump() and all(
            np.array_equal(getattr(self, part), getattr(other, part)) for part in ARRAY_FIELDS
        )

    def __hash__(self) -> int:
        """Refuse: details are a mapping, which has no hash."""
        raise TypeError("an Estimate cannot be hashed: its details are a mapping.")


class Published(Record):
    """Top-1 accuracy that was published with a model; only figures of one ``dataset`` can be compared."""

    dataset: str
    top1: Probability


# Address of the baseline that needs no network.
PIXELS_URI = "pixels:"


class BackboneCard(Record):
    """What is known of a model: how to build it, how to feed it, where it comes from."""

    name: str = Field(description="short, unique within a run")
    uri: str
    library: str
    constructor: str
    kwargs: dict[str, Any] = {}
    transform: InputTransform | None = Field(description="None for baselines that read pixels themselves")
    num_classes: int = Field(default=0, description="classes of the source head; 0 for an embedding network")
    source_domain: str = ""
    licence: str = ""
    origin: str = ""
    weights: str = Field(default="", description="sha256 of the weights file, or the name of published weights")
    published: Published | None = Field(default=None, description="accuracy on the source, where it is known")
    random: bool = Field(default=False, description="random weights: a baseline, never ranked")
    identity: str = Field(description="sha256 over weights, constructor, code and seed: the store's key part")

    @property
    def is_baseline(self) -> bool:
        """Whether it is what a candidate has to beat, and no candidate itself: random weights, or raw pixels."""
        return self.random or self.uri == PIXELS_URI


class Skipped(Record):
    """A file that was left out, and why."""

    file: str
    reason: str


class InputCard(Record):
    """One data set as it was used."""

    name: str
    uri: str
    role: Literal["source", "target"]
    n: int = Field(ge=0)
    n_available: int = Field(ge=0, description="samples before any subsample")
    kind: Literal["class", "multilabel", "real", "none"]
    classes: dict[str, int] = Field(default={}, description="samples per class")
    fingerprint: str = Field(description="sha256 over contents and labels in canonical order")
    skipped: list[Skipped] = []
    n_identical: int = Field(default=0, ge=0, description="samples whose content another sample has too")
    n_conflicting: int = Field(default=0, ge=0, description="of these, samples whose twin has another label")


class MeasureResult(Record):
    """One measure of one backbone on one target (against one source)."""

    measure: str
    kind: Literal["shift", "transfer"]
    target: str
    backbone: str
    source: str | None = None
    options: dict[str, Any] = {}
    status: Status = "ok"
    reason: str = ""
    warning: str = Field(default="", description="why the measure is not in the default set, where that is so")
    estimate: Estimate | None = None

    @model_validator(mode="after")
    def _ok_means_a_number(self) -> MeasureResult:
        if (self.status == "ok") != (self.estimate is not None):
            raise ValueError("a result has an estimate exactly when its status is ok")
        if self.status != "ok" and not self.reason:
            raise ValueError("a result without an estimate says why")
        return self


class Gain(Record):
    """How far a candidate's held-out score lies above a baseline's on the same samples, with a paired interval."""

    measure: str
    value: Finite
    low: Finite
    high: Finite
    level: Probability


class RankRow(Record):
    """One candidate in a ranking; baselines carry no rank."""

    backbone: str
    baseline: bool = False
    rank: int | None = None
    mean_rank: Finite | None = Field(default=None, description="over the measures in Ranking.measures")
    mean_rank_low: Finite | None = None
    mean_rank_high: Finite | None = None
    p_best: Probability | None = Field(default=None, description="share of draws in which it comes first")
    p_rank: list[Probability] = Field(default=[], description="share of draws at rank 1, 2, …")
    ranks: dict[str, Finite] = Field(default={}, description="rank by each measure")
    random_copy: str | None = Field(default=None, description="the same architecture with random weights")
    over_pixels: Gain | None = None
    over_random: Gain | None = None


class Choice(Record):
    """Some candidates to fine-tune, and what may be lost by trying no others."""

    backbones: list[str]
    why: str = Field(description="how the last of them was chosen")
    expected_regret: Finite | None = Field(
        description="in the unit of Gain: over all others, probability of being best times how much better they score"
    )


class Ranking(Record):
    """All candidates on one target, best first; then the baselines."""

    target: str
    measures: list[str] = Field(description="what the mean rank is taken over")
    rows: list[RankRow]
    n_draws: int
    level: Probability
    kendall_w: Probability | None = Field(
        default=None, description="agreement of the measures on the order: 0 none, 1 all the same (Kendall's W)"
    )
    choices: list[Choice] = Field(default=[], description="trying the first alone, and the two that are advised")
    race: Race | None = Field(
        default=None, description="under a budget: the race that left the candidates in rows, and who was dropped"
    )

    @property
    def first(self) -> str | None:
        """The candidate in first place, if any was ranked; of several that share it, the one most often best."""
        shared = [row for row in self.rows if not row.baseline and row.rank == 1 and self.measures]
        best = max(shared, key=lambda row: row.p_best or 0.0, default=None)
        return None if best is None else best.backbone

    @property
    def best_set(self) -> tuple[str, ...]:
        """Candidates that cannot be told from the best: the smallest set that held first place in ``level`` of draws.

        All that share the first rank belong to it, whatever their draws say.
        """
        ranked = [row for row in self.rows if not row.baseline]
        chosen = [row for row in ranked if row.rank == 1]
        held = sum(row.p_best or 0.0 for row in chosen)
        for row in sorted(ranked, key=lambda row: -(row.p_best or 0.0)):
            # Shares are sums of floats: dust must not add a candidate.
            if held >= self.level - 1e-9 or not row.p_best:
                break
            if row not in chosen:
                chosen.append(row)
                held += row.p_best
        return tuple(row.backbone for row in chosen)


class Finding(Record):
    """Something a person should know, like a linter's message."""

    code: str = Field(pattern=r"^(ST1|NT2|DQ3|PW4)\d\d$")
    severity: Literal["error", "warning", "note"]
    title: str
    message: str
    subject: str = Field(default="", description="backbone, target or class it concerns")
    evidence: Details = {}

    @property
    def anchor(self) -> str:
        """Place in the docs that explains the code."""
        return f"findings.md#{self.code.lower()}"


class BackboneCost(Record):
    """What a backbone costs to run; FLOPs are exact, images/s is this machine's."""

    parameters: int | None = None
    flops: int | None = Field(default=None, description="floating-point operations per image (2 x multiply-adds)")
    dim: int | None = None
    images_per_second: Finite | None = None
    cached: bool = False


class Costs(Record):
    """Time and work; differs between equal runs."""

    n_decoded: int = 0
    n_forward: int = Field(default=0, description="images passed through a network, over all backbones")
    n_store_hits: int = 0
    n_store_misses: int = 0
    backbones: dict[str, BackboneCost] = {}
    seconds: dict[str, Finite] = Field(default={}, description="wall seconds per stage and per measure")


class Provenance(Record):
    """Where and when a run was made; differs between equal runs."""

    created: str
    command: list[str] = []
    versions: dict[str, str] = {}
    platform: str = ""
    device: str = "cpu"
    threads: int = 1
    git: str = ""


class RunRecord(Record):
    """Everything a run found: what report, gate and export read, and nothing else."""

    schema_version: Literal[1] = SCHEMA_VERSION
    kind: Literal["rank", "shift", "run", "audit", "sources"]
    spec: dict[str, Any] = Field(description="the specification in force, defaults filled in")
    given: dict[str, Any] = Field(description="the specification as written")
    inputs: dict[str, InputCard]
    backbones: dict[str, BackboneCard]
    results: list[MeasureResult] = []
    rankings: list[Ranking] = []
    forecasts: list[Forecast] = []
    strategies: list[Strategy] = []
    profiles: list[LayerProfile] = []
    diagnoses: list[ShiftDiagnosis] = []
    source_orders: list[SourceOrder] = Field(
        default=[], description="of every target with several sources: which of them is nearest"
    )
    findings: list[Finding] = []
    audit: Audit | None = None
    sources: SourcesReport | None = None
    artifacts: dict[str, str] = Field(default={}, description="files beside the record and their sha256")
    costs: Costs = Costs()
    provenance: Provenance
