"""An audit as it is read: gaps by question and kind of evidence, scores by what they were held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Literal

from shiftscope.core.audit import Audit, Gap, Outcome, Question, Score
from shiftscope.report.audit_words import BASELINES, STATISTICS, TRANSFER, TRUTHS

__all__ = ["AuditReading", "Evidence", "Tally"]

# Natural gaps are counted; weights trained on the target's own images or domain, and weights that nobody would
# publish, are shown apart.
Evidence = Literal["natural", "overlap", "constructed"]
# What advice is judged by first: the order of the backbones, then what following it gives up.
ORDER, COST = "weighted_tau", "regret@1"
FEW_GROUPS = 10


@dataclass(frozen=True)
class Tally:
    """How many gaps had each outcome."""

    worse: int
    unclear: int
    better: int
    median: float | None

    @property
    def n(self) -> int:
        """All gaps."""
        return self.worse + self.unclear + self.better


@dataclass(frozen=True, eq=False)
class AuditReading:
    """The audit of a record, in the orders in which a report tells of it.

    A record read back from JSON may hold mappings in another order, so every order is made here: backbones by family
    and name, targets by group and name, regimes by size, gaps from the lowest.
    """

    audit: Audit

    @cached_property
    def backbones(self) -> list[str]:
        """Names of all backbones, those of a family together."""
        return sorted(self.audit.backbones, key=lambda name: (self.audit.backbones[name].family, name))

    @cached_property
    def targets(self) -> list[str]:
        """Names of all targets, those of a group together."""
        return sorted(self.audit.targets, key=lambda name: (self.audit.targets[name].group, name))

    @cached_property
    def _by_kind(self) -> dict[tuple[Question, Evidence], list[Gap]]:
        found: dict[tuple[Question, Evidence], list[Gap]] = {}
        for gap in sorted(self.audit.gaps, key=lambda g: (g.gap, g.backbone, g.target, g.regime)):
            found.setdefault((gap.question, self.evidence(gap)), []).append(gap)
        return found

    def evidence(self, gap: Gap) -> Evidence:
        """What a gap is evidence of; constructed weights are that first."""
        if self.audit.counts(gap):
            return "natural"
        return "constructed" if self.audit.backbones[gap.backbone].constructed else "overlap"

    def gaps(self, question: Question, evidence: Evidence = "natural", regime: str | None = None) -> list[Gap]:
        """Gaps of one question and kind of evidence, the lowest first."""
        found = self._by_kind.get((question, evidence), [])
        return [gap for gap in found if regime in (None, gap.regime)]

    def regimes(self, gaps: Sequence[Gap]) -> list[str]:
        """Regimes of ``gaps``, the fewest labels first."""
        return sorted({gap.regime for gap in gaps}, key=by_size)

    def outcome(self, gap: Gap) -> Outcome:
        """Outcome at the margin of the audit."""
        return gap.outcome(self.audit.margin)

    def tally(self, gaps: Sequence[Gap]) -> Tally:
        """Count ``gaps`` by outcome."""
        seen = [self.outcome(gap) for gap in gaps]
        worse, unclear, better = (seen.count(o) for o in ("negative", "indistinguishable", "positive"))
        return Tally(worse, unclear, better, median(gap.gap for gap in gaps) if gaps else None)

    @property
    def foretold(self) -> list[Question]:
        """Questions of which harm was forecast, in the order of the report."""
        return [q for q in TRANSFER if self.audit.reliability.get(q)]

    def foretold_gaps(self, question: Question) -> list[tuple[Gap, float]]:
        """Gaps of one question with what was forecast of each."""
        told = {(f.backbone, f.target, f.regime): f.forecast for f in self.audit.foretold if f.question == question}
        found = [(gap, told.get((gap.backbone, gap.target, gap.regime))) for gap in self.gaps(question)]
        return [(gap, forecast) for gap, forecast in found if forecast is not None]

    @property
    def missing(self) -> int:
        """Planned cells that are neither made nor known to have failed."""
        return max(0, self.audit.n_planned - self.audit.n_cells - len(self.audit.failed))

    @cached_property
    def truths(self) -> list[str]:
        """What predictors were held against: accuracies before gaps, unknown ones last."""
        known = list(TRUTHS)
        found = {score.truth for score in self.audit.scores}
        return sorted(found, key=lambda t: (known.index(t) if t in known else len(known), t))

    @cached_property
    def _scores(self) -> dict[tuple[str, str, str], Score]:
        return {(s.truth, s.predictor, s.statistic): s for s in self.audit.scores}

    def score(self, truth: str, predictor: str, statistic: str) -> Score | None:
        """One score, if the record has it."""
        return self._scores.get((truth, predictor, statistic))

    def statistics(self, truth: str) -> list[str]:
        """Statistics against one truth, in the order of the report."""
        known = list(STATISTICS)
        found = {s.statistic for s in self.audit.scores if s.truth == truth}
        return sorted(found, key=lambda s: (known.index(s) if s in known else len(known), s))

    def advisers(self, truth: str) -> list[str]:
        """Predictors that look at the target, best order of the backbones first."""
        found = {s.predictor for s in self.audit.scores if s.truth == truth} - set(BASELINES)
        return sorted(found, key=lambda p: self._place(truth, p))

    def baselines(self, truth: str) -> list[str]:
        """Predictors that advice is to be held against."""
        found = {s.predictor for s in self.audit.scores if s.truth == truth}
        return [p for p in BASELINES if p in found]

    def leader(self, truth: str) -> str | None:
        """Adviser with the best order of the backbones, where one was scored by it."""
        return next((p for p in self.advisers(truth) if self.score(truth, p, ORDER) is not None), None)

    def _place(self, truth: str, predictor: str) -> tuple[float, float, str]:
        """Place by the first statistic of this truth, by what the first choice costs, and by name."""
        first, cost = (self.score(truth, predictor, s) for s in (self.statistics(truth)[0], COST))
        rising = first is not None and (first.statistic not in STATISTICS or STATISTICS[first.statistic].rising)
        value = float("inf") if first is None else -first.value if rising else first.value
        return (value, cost.value if cost else float("inf"), predictor)

    @property
    def n_groups(self) -> int:
        """Groups of targets."""
        return len({target.group for target in self.audit.targets.values()})

    @property
    def n_families(self) -> int:
        """Families of backbones that are not constructed."""
        return len({b.family for b in self.audit.backbones.values() if not b.constructed})


def by_size(regime: str) -> tuple[bool, int, str]:
    """Order of regimes: labels per class, then all images."""
    return (not regime.isdecimal(), int(regime) if regime.isdecimal() else 0, regime)
