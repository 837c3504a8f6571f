"""What the measures of a shift left to be drawn: how well the sides can be told apart, and how far they overlap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shiftscope.checks.causes import half_size
from shiftscope.core.records import Estimate, MeasureResult, RunRecord, ShiftDiagnosis

__all__ = ["Curve", "Support", "read_curve", "read_supports"]

# Measures that train a classifier of the domains, and their values where it has learnt nothing.
CLASSIFIERS = {"proxy_a": 0.0, "c2st": 0.5}


@dataclass(frozen=True)
class Curve:
    """ROC curve of a classifier of the domains: share of the target found against share of the source taken for it."""

    measure: str
    auc: float
    clear: bool  # whether the interval of the measure leaves out a classifier that has learnt nothing
    wrong: tuple[float, ...]
    right: tuple[float, ...]

    def found(self, share: float) -> float:
        """Share of the target that is found when at most this share of the source is taken for it."""
        at = max(i for i, w in enumerate(self.wrong) if w <= share)
        if at + 1 == len(self.wrong):
            return self.right[at]
        along = (share - self.wrong[at]) / (self.wrong[at + 1] - self.wrong[at])
        return self.right[at] + along * (self.right[at + 1] - self.right[at])


@dataclass(frozen=True)
class Support:
    """How far the sides overlap under one backbone: shares of samples, and what halves of one side give."""

    backbone: str
    precision: float
    precision_null: float
    recall: float
    recall_null: float
    half_size: float

    @property
    def place(self) -> tuple[float, float]:
        """Recall and precision, each as a share of what halves of one side give."""
        return self.recall / self.recall_null, self.precision / self.precision_null


def read_curve(record: RunRecord, diagnosis: ShiftDiagnosis) -> Curve | None:
    """Read the curve that belongs to ``diagnosis``, if a measure left one."""
    found = {r.measure: r.estimate for r in _results(record, diagnosis) if r.backbone == diagnosis.backbone}
    for measure, null in CLASSIFIERS.items():
        estimate = found.get(measure)
        if estimate is None:
            continue
        wrong, right = _shares(estimate, "roc_false"), _shares(estimate, "roc_true")
        auc = estimate.value if measure == "c2st" else estimate.details.get("auc")
        if isinstance(auc, int | float) and len(wrong) == len(right) > 1 and wrong[0] == 0 and _rises(wrong, right):
            clear = estimate.low is not None and estimate.low > null
            return Curve(measure, float(auc), clear, wrong, right)
    return None


def read_supports(record: RunRecord, diagnosis: ShiftDiagnosis) -> tuple[Support, ...]:
    """Read the overlap of the sides of ``diagnosis`` under every backbone, its own first; none without its own."""
    found = [support for r in _results(record, diagnosis) if r.measure == "coverage" for support in _support(r)]
    ordered = sorted(found, key=lambda s: (s.backbone != diagnosis.backbone, s.backbone))
    return tuple(ordered) if ordered and ordered[0].backbone == diagnosis.backbone else ()


def _results(record: RunRecord, diagnosis: ShiftDiagnosis) -> Iterator[MeasureResult]:
    where = (diagnosis.source, diagnosis.target)
    return (r for r in record.results if (r.source, r.target) == where and r.estimate is not None)


def _support(result: MeasureResult) -> Iterator[Support]:
    details = result.estimate.details if result.estimate is not None else {}
    known = [details.get(name) for name in ("precision", "precision_null", "recall", "recall_null")]
    shares = [float(share) for share in known if isinstance(share, int | float)]
    if len(shares) == len(known) and shares[1] > 0 and shares[3] > 0:
        yield Support(result.backbone, *[*shares, half_size(details)])


def _shares(estimate: Estimate, name: str) -> tuple[float, ...]:
    values = estimate.details.get(name)
    return tuple(float(v) for v in values if isinstance(v, int | float)) if isinstance(values, list) else ()


def _rises(*shares: Sequence[float]) -> bool:
    """Whether both run from 0 to 1 at most and never fall, as a curve does."""
    return all(s[0] >= 0 and s[-1] <= 1 and all(a <= b for a, b in itertools.pairwise(s)) for s in shares)
