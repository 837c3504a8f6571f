"""A ranking as it is read: candidates with their scores, costs and gains, in the record's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from shiftscope.core.forecast import ARMS, Forecast
from shiftscope.core.profile import LayerProfile
from shiftscope.core.records import BackboneCard, BackboneCost, Estimate, InputCard, Ranking, RankRow, RunRecord
from shiftscope.core.strategy import Strategy
from shiftscope.core.text import shown
from shiftscope.report.margins import Margin, margin
from shiftscope.report.vocabulary import MeasureWords, words_for

__all__ = ["Candidate", "RankReading", "first_places", "read_rankings", "recommended"]

# The measure whose value stands for quality in figures: the first of these that the ranking has.
QUALITY = ("ridge", "knn", "logme", "hscore")
# Rows a figure draws; the tables have all.
DRAWN = 20


# Compared by identity: estimates hold arrays.
@dataclass(frozen=True, eq=False)
class Candidate:
    """One row of a ranking, a candidate or a baseline, with everything the record says of it."""

    row: RankRow
    card: BackboneCard | None
    cost: BackboneCost
    scores: Mapping[str, Estimate]
    quality: Estimate | None
    over_pixels: Margin | None
    over_random: Margin | None
    random_quality: float | None
    forecast: Forecast | None
    in_best_set: bool
    has_error: bool

    @property
    def name(self) -> str:
        """The name as it may be shown."""
        return shown(self.row.backbone)

    @property
    def domain(self) -> str:
        """Where its weights come from, as far as its card says."""
        if self.card is None:
            return ""
        return "random weights" if self.card.random else shown(self.card.source_domain)

    @property
    def flops(self) -> int | None:
        """Operations per image; None when unknown or zero, which no log axis can show."""
        return self.cost.flops or None


@dataclass(frozen=True, eq=False)
class RankReading:
    """All candidates on one target, best first, then the baselines."""

    ranking: Ranking
    input: InputCard | None
    measures: tuple[str, ...]
    quality: str | None
    candidates: tuple[Candidate, ...]
    baselines: tuple[Candidate, ...]
    pixels: Candidate | None
    chance: float | None
    strategy: Strategy | None
    profiles: Mapping[str, LayerProfile]  # of the candidates that were read at several depths, best candidate first

    @property
    def target(self) -> str:
        """The target's name as it may be shown."""
        return shown(self.ranking.target)

    @property
    def words(self) -> MeasureWords:
        """The words of the quality measure."""
        return self.words_of(self.quality or "")

    def words_of(self, measure: str) -> MeasureWords:
        """The words of a measure on a target of this kind."""
        return words_for(measure, self.input.kind if self.input is not None else "class")

    @cached_property
    def best(self) -> Candidate | None:
        """The candidate in first place, if any was ranked; of several that share it, the one most often best."""
        return next((c for c in self.candidates if c.row.backbone == self.ranking.first), None)

    @cached_property
    def best_set(self) -> tuple[Candidate, ...]:
        """The best candidate, then those that cannot be told apart from it."""
        return tuple(sorted((c for c in self.candidates if c.in_best_set), key=lambda c: c is not self.best))

    @cached_property
    def not_above_pixels(self) -> tuple[Candidate, ...]:
        """Candidates that are not shown to beat raw pixels: level with them as far as one can tell, or below."""
        return tuple(c for c in self.candidates if c.over_pixels is not None and c.over_pixels.place != "above")

    @property
    def none_beats_pixels(self) -> bool:
        """Whether candidates were compared with raw pixels and none is shown to beat them; failed ones do not count."""
        places = [c.over_pixels.place for c in self.candidates if c.over_pixels is not None]
        return bool(places) and "above" not in places

    @property
    def has_paired_gains(self) -> bool:
        """Whether gains over raw pixels have intervals."""
        return any(c.over_pixels is not None and c.over_pixels.ends is not None for c in self.candidates)

    @property
    def has_forecasts(self) -> bool:
        """Whether harm was looked into at all, with or without a probability."""
        return any(c.forecast is not None for c in self.candidates)

    @cached_property
    def drawn(self) -> tuple[Candidate, ...]:
        """The candidates a figure shows: the first 20, and those with an error finding."""
        return tuple(c for i, c in enumerate(self.candidates) if i < DRAWN or c.has_error)

    @cached_property
    def level(self) -> float:
        """Nominal coverage of the quality's intervals."""
        levels = [c.quality.level for c in self.candidates if c.quality is not None]
        return next((level for level in levels if level is not None), 0.95)

    @property
    def has_intervals(self) -> bool:
        """Whether any candidate's quality has an interval."""
        return any(c.quality is not None and c.quality.low is not None for c in self.candidates)

    @cached_property
    def front(self) -> tuple[Candidate, ...]:
        """The Pareto front of quality against compute above raw pixels, in rising order of compute."""
        measured = [
            c
            for c in self.candidates
            if c.quality is not None and c.flops is not None and c not in self.not_above_pixels
        ]
        front: list[Candidate] = []
        for c in sorted(measured, key=lambda c: (c.flops or 0, -(c.quality.value if c.quality else 0.0))):
            if not front or _value(c) > _value(front[-1]):
                front.append(c)
        return tuple(front)


def _value(candidate: Candidate) -> float:
    assert candidate.quality is not None
    return candidate.quality.value


def read_rankings(record: RunRecord) -> list[RankReading]:
    """Read every ranking of ``record``, in its order."""
    return [_read(record, ranking) for ranking in record.rankings]


def recommended(views: Sequence[RankReading]) -> dict[str, str]:
    """Target -> backbone to start from, where one is in first place and some candidate is shown to beat raw pixels."""
    return first_places([view for view in views if not view.none_beats_pixels])


def first_places(views: Sequence[RankReading]) -> dict[str, str]:
    """Target -> backbone in first place, where candidates were ranked."""
    return {view.ranking.target: view.best.row.backbone for view in views if view.best is not None}


def _read(record: RunRecord, ranking: Ranking) -> RankReading:
    scores: dict[str, dict[str, Estimate]] = {row.backbone: {} for row in ranking.rows}
    mine = [r for r in record.results if r.kind == "transfer" and r.target == ranking.target and r.backbone in scores]
    several = len({r.source for r in mine if r.source is not None}) > 1
    for result in mine:
        if result.estimate is not None:
            # A measure that reads source data says something else of every source.
            name = f"{result.measure} from {result.source}" if several and result.source else result.measure
            scores[result.backbone][name] = result.estimate
    measures = _ordered({m for found in scores.values() for m in found})
    quality = measures[0] if measures else None
    values = {b: found[quality].value for b, found in scores.items() if quality is not None and quality in found}
    pixels = _pixels(record, ranking)
    best_set = ranking.best_set if ranking.measures else ()
    errors = _with_errors(record, ranking.target)
    forecasts = {f.backbone: f for f in record.forecasts if f.target == ranking.target}

    def candidate(row: RankRow) -> Candidate:
        value, at_random = values.get(row.backbone), values.get(row.random_copy or "")
        return Candidate(
            row=row,
            card=record.backbones.get(row.backbone),
            cost=record.costs.backbones.get(row.backbone, BackboneCost()),
            scores=scores[row.backbone],
            quality=scores[row.backbone].get(quality or ""),
            over_pixels=margin(row.over_pixels, quality, value, values.get(pixels or "")),
            over_random=margin(row.over_random, quality, value, at_random),
            random_quality=at_random,
            forecast=forecasts.get(row.backbone),
            in_best_set=row.backbone in best_set,
            has_error=row.backbone in errors,
        )

    rows = [candidate(row) for row in ranking.rows]
    profiles = {p.backbone: p for p in record.profiles if p.target == ranking.target}
    baselines = tuple(c for c in rows if c.row.baseline)
    card = record.inputs.get(ranking.target)
    return RankReading(
        ranking=ranking,
        input=card,
        measures=measures,
        quality=quality,
        candidates=tuple(c for c in rows if not c.row.baseline),
        baselines=baselines,
        pixels=next((c for c in baselines if c.row.backbone == pixels), None),
        chance=_chance(card) if quality in ("ridge", "knn") else None,
        strategy=next((s for s in record.strategies if s.target == ranking.target), None),
        profiles={row.backbone: profiles[row.backbone] for row in ranking.rows if row.backbone in profiles},
    )


def _ordered(measures: set[str]) -> tuple[str, ...]:
    """Known measures in the order of ``QUALITY``, then the others by name."""
    return tuple(sorted(measures, key=lambda m: (QUALITY.index(m) if m in QUALITY else len(QUALITY), m)))


def _pixels(record: RunRecord, ranking: Ranking) -> str | None:
    """Name of the raw-pixel baseline among the rows."""
    for row in ranking.rows:
        card = record.backbones.get(row.backbone)
        if row.baseline and card is not None and card.uri.startswith("pixels:"):
            return row.backbone
    return None


def _with_errors(record: RunRecord, target: str) -> set[str]:
    """Backbones that an error finding about this target names.

    One about a single way of using a backbone is no error of the backbone, which may do well used otherwise.
    """
    mine = [f for f in record.findings if f.severity == "error" and f.evidence.get("target", target) == target]
    hurt = {arm: {f.subject for f in mine if f.evidence.get("arm") == arm} for arm in ARMS}
    return {f.subject for f in mine if "arm" not in f.evidence} | set.intersection(*hurt.values())


def _chance(card: InputCard | None) -> float | None:
    """Accuracy of always naming the most frequent class."""
    if card is None or card.kind != "class" or not card.classes:
        return None
    return max(card.classes.values()) / max(1, sum(card.classes.values()))
