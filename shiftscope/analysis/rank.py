"""Which candidate comes first, and how sure that is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from shiftscope.analysis.choices import choices, kendall_w
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Estimate, Gain, MeasureResult, Published, Ranking, RankRow
from shiftscope.measures import DEFAULT_TRANSFER, MEASURES
from shiftscope.measures._resampling import LEVEL as HALVES_LEVEL
from shiftscope.measures._resampling import Z

__all__ = [
    "AGGREGATE",
    "GAIN_MEASURE",
    "LEVEL",
    "PIXELS",
    "Standings",
    "difference",
    "measure_candidates",
    "rank_candidates",
    "standings",
    "voting",
]

# The mean rank is taken over measures of different kinds, each with a true zero and the same answer whatever
# the feature dimension; ridge is shown beside them because its unit, accuracy, is the one people know. Of nce and
# leep, which read the same head, only leep has a vote.
AGGREGATE = ("logme", "knn", "hscore", "leep")
HEAD_BASED = ("leep",)
# What a head of few outputs says of the target is about their number as much as about the features behind it.
LEAST_OUTPUTS = 10
LEVEL = 0.90
# Gains over the baselines are told in the measure whose unit people know.
GAIN_MEASURE = "ridge"
PIXELS = "pixels"

Array = NDArray[np.float64]


def measure_candidates(
    features: Mapping[str, FeatureSet],
    *,
    target: str,
    measures: Sequence[str] = DEFAULT_TRANSFER,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    sources: Mapping[str, Mapping[str, FeatureSet]] | None = None,
    seed: int = 0,
    kernels: Any = None,
) -> list[MeasureResult]:
    """Run every measure on every backbone's features of one target.

    All of them get the same seed, and with it the same folds and half-samples, which pairs them. ``sources`` are
    the features of every source under the same backbones, for measures that take a pair: these give a result for each.
    """
    given, where = options or {}, {"target": target, "rng": seed, "kernels": kernels}
    results: list[MeasureResult] = []
    for backbone, fs in sorted(features.items()):
        pairs = [Pair(seen[backbone], fs) for seen in (sources or {}).values() if backbone in seen]
        for name in measures:
            # What needs a source and has none says so itself.
            several: Sequence[Pair | FeatureSet] = pairs if pairs and MEASURES[name].takes is Pair else [fs]
            for data in several:
                source = data.source.name if isinstance(data, Pair) else None
                results.append(
                    MEASURES[name].run(data, backbone=backbone, source=source, **where, **given.get(name, {}))
                )
    return results


def rank_candidates(
    results: Sequence[MeasureResult],
    *,
    target: str,
    baselines: Collection[str] = (),
    random_copies: Mapping[str, str] | None = None,
    published: Mapping[str, Published | None] | None = None,
    aggregate: Sequence[str] = AGGREGATE,
) -> Ranking:
    """Order the candidates of one target by their mean rank over the measures that all of them have.

    Parameters
    ----------
    results
        Results of this target, of candidates and baselines.
    baselines
        Names that are shown and never ranked.
    random_copies
        Candidate -> name of the baseline that is its architecture with random weights.
    published
        Candidate -> accuracy that was published with it: shown, and used for the second of two to try; never for
        the order.
    aggregate
        Measures to take ranks by; one that any candidate lacks is left out for all, and so is one that reads the
        source head where a candidate's head has fewer than 10 outputs. A candidate that has none of them is
        shown after the others without a rank.

    Notes
    -----
    The probability of being best is the share of draws in which a candidate's mean rank is the least; ties share
    it. A draw is one half-sample, the same for all candidates (see ``measures._resampling``; draws are centred on the
    point estimates): it says how far sampling noise alone could reorder these candidates on this target. How far the
    measures agree is said by Kendall's W beside it. Cost O(R M C log C) for C candidates, M measures, R draws.
    """
    estimates = _estimates(results, target)
    names = sorted({r.backbone for r in results if r.target == target})
    copies = random_copies or {}
    stood = standings(results, target=target, baselines=baselines, aggregate=aggregate)
    rows: list[RankRow] = []
    if stood is not None:
        rows = _rows(stood, copies)
        if len(stood.candidates) == 1:
            # With nothing to choose between, being the best of one says nothing.
            rows = [rows[0].model_copy(update={"p_best": None, "p_rank": []})]
    ranked = {row.backbone for row in rows}
    rows += [RankRow(backbone=b, random_copy=copies.get(b)) for b in names if b not in ranked and b not in baselines]
    rows = [row.model_copy(update=_gains(row, estimates, baselines)) for row in rows]
    rows += [RankRow(backbone=b, baseline=True) for b in names if b in baselines]
    accuracy = {b: e.value for (b, m), e in estimates.items() if m == GAIN_MEASURE}
    return Ranking(
        target=target,
        measures=stood.measures if stood is not None else [],
        rows=rows,
        n_draws=stood.drawn.shape[2] if stood is not None else 0,
        level=LEVEL,
        kendall_w=kendall_w(stood.ranks[:, :, 0]) if stood is not None else None,
        choices=choices([row for row in rows if row.rank is not None], accuracy, published or {}),
    )


@dataclass(frozen=True, eq=False)
class Standings:
    """Where the candidates of one target stand by every measure that has a vote; more is better in all of them."""

    candidates: list[str]
    measures: list[str]
    point: Array  # (measures, candidates, 1)
    drawn: Array  # (measures, candidates, draws), in draws that all share

    @cached_property
    def ranks(self) -> Array:
        """Rank of each candidate by each measure (measures, candidates, 1), 1 for the best; ties share the mean."""
        ranked: Array = rankdata(-self.point, axis=1)
        return ranked

    @cached_property
    def drawn_ranks(self) -> Array:
        """The same in every draw (measures, candidates, draws)."""
        ranked: Array = rankdata(-self.drawn, axis=1)
        return ranked


def standings(
    results: Sequence[MeasureResult],
    *,
    target: str,
    baselines: Collection[str] = (),
    aggregate: Sequence[str] = AGGREGATE,
) -> Standings | None:
    """Compare the candidates of one target by each voting measure; None where no measure can rank them."""
    estimates = _estimates(results, target)
    names = sorted({r.backbone for r in results if r.target == target})
    candidates = [b for b in names if b not in baselines and any((b, m) in estimates for m in aggregate)]
    used = voting({m: [e for b in candidates if (e := estimates.get((b, m)))] for m in aggregate}, len(candidates))
    if not used:
        return None
    points = np.array([[[estimates[b, m].value] for b in candidates] for m in used])
    draws = np.array([[estimates[b, m].draws for b in candidates] for m in used])
    sign = np.array([1.0 if MEASURES[m].better == "higher" else -1.0 for m in used])[:, None, None]
    return Standings(candidates, used, sign * points, sign * draws)


def _estimates(results: Sequence[MeasureResult], target: str) -> dict[tuple[str, str], Estimate]:
    """Estimates of transfer measures that have draws, by backbone and measure."""
    return {
        (r.backbone, r.measure): r.estimate
        for r in results
        if r.target == target and r.kind == "transfer" and r.estimate is not None and r.estimate.draws is not None
    }


def voting(estimates: Mapping[str, Sequence[Estimate]], n_candidates: int) -> list[str]:
    """Return the measures that enter the mean rank: those that all candidates have, and can be compared by.

    A measure that reads the source head has a vote only where every head has at least 10 outputs, or where no other
    measure has one.
    """
    complete = [m for m, found in estimates.items() if 0 < len(found) == n_candidates]
    wide = [m for m in complete if m not in HEAD_BASED or all(_outputs(e) >= LEAST_OUTPUTS for e in estimates[m])]
    return wide or complete


def _outputs(estimate: Estimate) -> int:
    """Outputs of the source head that an estimate was made from."""
    outputs = estimate.details["outputs"]
    assert isinstance(outputs, int)
    return outputs


def _gains(
    row: RankRow, estimates: Mapping[tuple[str, str], Estimate], baselines: Collection[str]
) -> dict[str, Gain | None]:
    """Gains of a candidate over the pixel baseline and over its random copy, where they were scored."""
    pairs = {"over_pixels": PIXELS if PIXELS in baselines else None, "over_random": row.random_copy}
    mine = estimates.get((row.backbone, GAIN_MEASURE))
    found = {name: estimates.get((other, GAIN_MEASURE)) for name, other in pairs.items() if other is not None}
    return {name: _gain(mine, other) for name, other in found.items() if mine is not None and other is not None}


def _gain(mine: Estimate, other: Estimate) -> Gain:
    value, spread = difference(mine, other)
    low, high = value - Z * spread, value + Z * spread
    return Gain(measure=GAIN_MEASURE, value=value, low=low, high=high, level=HALVES_LEVEL)


def difference(mine: Estimate, other: Estimate) -> tuple[float, float]:
    """Difference of two estimates and its standard error from paired half-sample draws: both saw the same halves."""
    assert mine.draws is not None
    assert other.draws is not None
    return mine.value - other.value, float((mine.draws - other.draws).std(ddof=1))


def _rows(stood: Standings, copies: Mapping[str, str]) -> list[RankRow]:
    candidates = stood.candidates
    mean_rank = stood.ranks.mean(axis=0)[:, 0]
    drawn_mean = stood.drawn_ranks.mean(axis=0)
    low, high = np.quantile(drawn_mean, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    shares = _rank_shares(drawn_mean)
    # Equal mean ranks are ordered by the draws, then by name: never by how candidates were listed.
    order = np.lexsort((np.array(candidates), -shares[:, 0], mean_rank))
    place = rankdata(mean_rank, method="min").astype(int)
    return [
        RankRow(
            backbone=candidates[c],
            rank=int(place[c]),
            mean_rank=mean_rank[c],
            # Ranks pile up at the ends, so quantiles of draws may miss the point: the interval is widened to it.
            mean_rank_low=min(low[c], mean_rank[c]),
            mean_rank_high=max(high[c], mean_rank[c]),
            p_best=shares[c, 0],
            p_rank=[float(p) for p in shares[c]],
            ranks={m: float(stood.ranks[i, c, 0]) for i, m in enumerate(stood.measures)},
            random_copy=copies.get(candidates[c]),
        )
        for c in order
    ]


def _rank_shares(mean_ranks: Array) -> Array:
    """Share of draws (candidates, places) in which each candidate takes each place; tied ones share their places."""
    n_candidates, n_draws = mean_ranks.shape
    first = rankdata(mean_ranks, method="min", axis=0).astype(int) - 1
    last = rankdata(mean_ranks, method="max", axis=0).astype(int) - 1
    places = np.arange(n_candidates)
    inside = (first[:, :, None] <= places) & (places <= last[:, :, None])
    shares: Array = (inside / (last - first + 1)[:, :, None]).sum(axis=1) / n_draws
    return np.minimum(shares, 1.0)
