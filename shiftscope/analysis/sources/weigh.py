"""Source data for a target: which of them hurt, and how much each should count, on frozen features of one backbone."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from shiftscope.analysis.shift import ALPHA
from shiftscope.analysis.sources.probe import Floats
from shiftscope.analysis.sources.study import Scored, Study, study
from shiftscope.core.features import FeatureSet
from shiftscope.core.sources import SCHEMES, Contrast, Scheme, SchemeRow, SourceRow, SourcesReport, Verdict
from shiftscope.kernels import Kernels
from shiftscope.measures._holm import holm
from shiftscope.measures._resampling import LEVEL, Z, half_samples

__all__ = ["report", "weigh_sources"]


def weigh_sources(
    target: FeatureSet, sources: Mapping[str, FeatureSet], *, seed: int = 0, kernels: Kernels | None = None
) -> SourcesReport:
    """Judge every source by its negative-transfer gap, and weigh all of them together.

    The probe is ridge regression on one-hot classes, the intercept free, fitted to the target and to weighted source
    samples. Every number is held out: a fold of the target is predicted from the other folds and the sources, with a
    penalty, and learned weights, that were chosen without it. All schemes share the folds, so differences are paired.

    The gap is that of Wang et al. (CVPR 2019, eq. 1), R(A(S, T)) - R(A(0, T)), with the error as risk R and the probe,
    choice of penalty included, as algorithm A. Weight 1 means one sample of a source counts as one of the target.
    Similarity weights are 1 / (1 + MMD^2 / floor), with the effect and noise floor that ``shiftscope shift`` shows:
    1 for a source that cannot be told from the target, 1/2 one noise floor away. They read features, never labels.
    Learned weights minimise the held-out squared loss of the target.

    Raises
    ------
    InputError
        If data have no class labels, a source and the target share no class or are the same samples, or there are too
        few samples.

    Notes
    -----
    O(d^3 + d^2 (n + S K F)) for each of some 9 (S + 3) + 300 fits, F = 10 folds: minutes at d = 2048.

    Fails when samples of a source and of the target depend on each other (frames of one video): what looks like help
    is then a leak. The intervals are about these samples and folds, not about other training samples.
    """
    return report(study(target, sources, seed=seed, kernels=kernels), seed=seed)


def report(found: Study, *, seed: int) -> SourcesReport:
    """Say what ``found`` shows, with intervals over the half-samples of ``seed``."""
    target = found.target
    compare = _Compare(target.n, half_samples(target, seed).astype(np.float64))
    return SourcesReport(
        target=target.name,
        backbone="features" if target.card is None else target.card.name,
        n=target.n,
        classes=list(target.target.class_names),
        n_folds=len(found.data.members),
        level=LEVEL,
        alpha=ALPHA,
        sources=_source_rows(found, compare),
        schemes=[_scheme_row(name, found.schemes, compare) for name in SCHEMES],
    )


class _Compare(NamedTuple):
    """Means and paired differences over the half-samples that all schemes share."""

    n: int
    halves: Floats  # (R, n)

    def of(self, values: Floats, *, added: float = 0.0) -> Contrast:
        """Mean of per-sample ``values`` with a normal interval; ``added`` is variance that they do not show."""
        value, reach = float(values.mean()), Z * self.standard_error(values, added)
        return Contrast(value=value, low=value - reach, high=value + reach)

    def share(self, values: Floats) -> Contrast:
        """Mean of values of 0 and 1, whose interval ends there too."""
        made = self.of(values, added=self.unseen)
        return made.model_copy(update={"low": max(made.low, 0.0), "high": min(made.high, 1.0)})

    def standard_error(self, values: Floats, added: float) -> float:
        """Standard error of the mean of ``values``."""
        draws = self.halves @ values / self.halves.sum(axis=1)
        return float(np.sqrt(draws.var(ddof=1) + added))

    @property
    def unseen(self) -> float:
        """Variance of one more disagreement on either side, without which a handful of them would seem certain.

        Bonett and Price, Journal of Educational and Behavioral Statistics 2012.
        """
        return 2.0 / self.n**2

    def errors(self, ours: Scored, theirs: Scored) -> Contrast:
        """Our error less theirs."""
        return self.of(ours.errors - theirs.errors, added=self.unseen)

    def pvalue(self, ours: Scored, theirs: Scored) -> float:
        """Two-sided p-value of that difference."""
        difference = ours.errors - theirs.errors
        z = abs(float(difference.mean())) / self.standard_error(difference, self.unseen)
        return 2.0 * NormalDist().cdf(-z)


def _source_rows(found: Study, compare: _Compare) -> list[SourceRow]:
    without = found.schemes["target"]
    pvalues = [compare.pvalue(scored, without) for scored in found.alone]
    return [
        _source_row(found, s, compare, pvalue=pvalues[s], adjusted=adjusted)
        for s, adjusted in enumerate(holm(pvalues))
        if adjusted is not None
    ]


def _source_row(found: Study, s: int, compare: _Compare, *, pvalue: float, adjusted: float) -> SourceRow:
    name, part = list(found.parts.items())[s]
    mine, without, learned = found.alone[s], found.schemes["target"], found.schemes["learned"]
    gap = compare.errors(mine, without)
    nested = [float(choice.weights[s]) for choice in learned.choices]
    return SourceRow(
        name=name,
        n=part.n,
        n_used=part.features.n,
        n_copies=part.n_copies,
        classes=list(part.features.target.class_names),
        gap=gap,
        loss_gap=compare.of(mine.losses - without.losses),
        pvalue=pvalue,
        pvalue_holm=adjusted,
        verdict=_verdict(gap.value, adjusted),
        distance=found.distances[s],
        similarity=float(found.schemes["similarity"].final.weights[s]),
        weight=float(learned.final.weights[s]),
        weight_low=min(nested),
        weight_high=max(nested),
    )


def _verdict(gap: float, adjusted: float) -> Verdict:
    if adjusted > ALPHA:
        return "cannot be told"
    return "hurts" if gap > 0 else "helps"


def _scheme_row(name: Scheme, schemes: Mapping[Scheme, Scored], compare: _Compare) -> SchemeRow:
    mine, target, equal = schemes[name], schemes["target"], schemes["equal"]
    against_equal = name in ("similarity", "learned")
    return SchemeRow(
        scheme=name,
        error=compare.share(mine.errors),
        loss=compare.of(mine.losses),
        penalty=mine.final.penalty,
        over_target=None if name == "target" else compare.errors(target, mine),
        over_equal=compare.errors(equal, mine) if against_equal else None,
        loss_over_target=None if name == "target" else compare.of(target.losses - mine.losses),
        loss_over_equal=compare.of(equal.losses - mine.losses) if against_equal else None,
    )
