"""Coverage: does the target lie where the source has samples, and which part of the source does it take up?"""

from __future__ import annotations

from math import comb
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, derive, seed_of, stream
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._neighbours import inside, nearest_rows, squares
from shiftscope.measures._permutation import null_of, permuted_members, pvalue
from shiftscope.measures._resampling import LEVEL, Z, half_samples
from shiftscope.measures._sides import (
    N_SPLITS,
    Floats,
    Options,
    Permutations,
    Points,
    Rows,
    Split,
    demand_units,
    equal_size,
    over_splits,
    pooled_units,
    rows_of,
    splits,
    units,
)

__all__ = ["between_halves", "coverage"]

Marks = NDArray[np.uint8]
# Coverages are multiples of 1/n and often equal; then the share of source neighbours decides which is lower.
TIE_BREAK = 1e-3
# Half-samples look for their k nearest among so many times k: half of those are expected to be among them.
REACH = 8


@measure(
    asks="Which share of the target has a source sample among its nearest neighbours?",
    kind="shift",
    better="higher",
    unit="share of target samples",
    bounds=(0.0, 1.0),
    null="1 - C(n - 1, k)/C(2n - 1, k) for n samples a side, about 1 - 2^-k",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    pvalue="exact",
    reference="Naeem et al., ICML 2020; precision and recall: Kynkaanniemi et al., NeurIPS 2019",
)
def coverage(
    pair: Pair,
    *,
    k: Annotated[int, Field(ge=1)] = 5,
    max_points: Points = 4000,
    n_permutations: Permutations = 999,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Share of target samples that have a source sample among their k nearest neighbours in the pooled sample.

    In other words: the ball around a target sample that reaches to its k-th nearest fellow holds a source sample.
    Low coverage comes from a target that lies outside the source, or that crowds into a small part of it. Which of
    the two it is, balls around *source* samples tell. Let the ball of a sample reach to its k-th nearest fellow of
    the same side:

    - ``precision``, the share of target samples in the ball of some source sample: low only where the target lies
      outside the source;
    - ``recall``, the share of source samples in the ball of some target sample: low where the target leaves out
      parts of the source;
    - ``density``, the mean number of source balls around a target sample, divided by k: 1 without a shift, low
      outside, above 1 where the target keeps to the thick of the source.

    High precision and low recall: the target is a part of the source. Low precision: it lies outside.

    Parameters
    ----------
    pair
        At least 2 (k + 1) samples on each side. As many samples (groups) of either side are used, those of the
        larger one at random.
    k
        Neighbours. Samples of one group are never neighbours.
    max_points
        Samples used at most, both sides together.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        The p-value is (1 + #{coverage_b <= coverage})/(B + 1) over B random exchanges of samples, or of whole groups
        where a side has groups; among equal coverages, fewer source neighbours count as lower. The interval is
        ``value`` +- 1.96 standard deviations of the coverage of 100 random halves of both sides (delete-half
        jackknife), cut at 0 and 1.
        ``details``: ``null``, the coverage expected without a shift and groups; ``source_coverage``, the share of
        source samples that have a target sample among their k nearest; ``precision``, ``recall`` and ``density``
        between random halves of the sides, and of halves of one side, ``precision_null`` (source against
        source) and ``recall_null`` (target against target); ``half_size``, samples, or groups, of the smallest of
        these halves; ``size``, samples used of the smaller side; with permutations ``smallest_pvalue``, quantiles and
        histogram of the null.

    Raises
    ------
    InputError
        For k below 1, fewer than 16 points or a negative number of permutations.
    NotApplicableError
        If a side has one group, or fewer than 2 (k + 1) samples, or a half of it, whole groups, fewer than k + 1; with
        a test, if groups are so few that no p-value could reach 0.05.

    Notes
    -----
    O(N^2 (d + 1)) for N = 2 min(n, m, max_points/2) and O(N k B) for B permutations: neighbours are looked for once.
    Memory 8 N^2 bytes.

    Fails when many features are noise: all samples are then about as far apart, and what differs in few features
    moves no neighbour. Precision and recall take one outlier of a side for a large part of it.
    """
    demand_units(pair, "coverage")
    seed = seed_of(rng)
    n_given, pair = pair.source.n + pair.target.n, _equal_sides(pair, max_points, k, seed)
    unit = pooled_units(pair)
    square = squares(pair.pooled, unit)
    members = permuted_members(pair, seed, n_permutations, kernels or choose())
    n, m = pair.source.n, pair.target.n
    nearest = nearest_rows(square, min(REACH * k, n, m), stream(seed, "ties"))
    sources = _sources(members, nearest[:, :k])
    statistics = _shares(sources > 0, 1 - members)
    value, reach = float(statistics[0]), Z * _standard_error(pair, nearest, k, seed)
    details: Details = {
        "null": 1 - comb(m - 1, k) / comb(n + m - 1, k),
        "source_coverage": float(_shares(sources < k, members)[0]),
        **_balls(square, unit, splits(pair, seed, N_SPLITS), k),
        "size": min(n, m),
    }
    if n_permutations:
        # Exchanged sides have another coverage.
        details |= null_of(pair, statistics, symmetric=False)
    against = -statistics - TIE_BREAK * _shares(sources / k, 1 - members)
    return Estimate(
        value=value,
        low=max(value - reach, 0.0),
        high=min(value + reach, 1.0),
        level=LEVEL,
        pvalue=pvalue(against) if n_permutations else None,
        # Of parts, other samples are exchanged than other measures exchange.
        exchanged=against if n_permutations and n + m == n_given else None,
        details=details,
    )


def _equal_sides(pair: Pair, max_points: int, k: int, seed: int) -> Pair:
    """A random part of each side, equally large, and small enough."""
    parts = []
    for name, side, kept in zip(("source", "target"), (pair.source, pair.target), _kept(pair, max_points), strict=True):
        unit = units(side)
        rank = stream(seed, "part", name).permutation(int(unit.max()) + 1)
        parts.append(side.take(np.flatnonzero(rank[unit] < kept)))
    size = min(part.n for part in parts)
    if size < 2 * (k + 1):
        raise NotApplicableError(
            f"coverage with k = {k} needs {2 * (k + 1)} samples on each side, and of {pair.source.name} "
            f"({pair.source.n}) and {pair.target.name} ({pair.target.n}), at most {max_points} points together, {size} "
            "can be used."
        )
    part = Pair(*parts)
    demand_units(part, "coverage")
    return part


def _kept(pair: Pair, max_points: int) -> tuple[int, int]:
    """How many samples, or groups where a side has groups, to keep of either side.

    Of groups as many: cut to as many samples, those of the larger side would be thinner than those they are exchanged
    with. A side with groups is cut to about as many samples as one without.
    """
    sides = pair.source, pair.target
    n, m = (int(units(side).max()) + 1 for side in sides)
    if (sides[0].groups is None) == (sides[1].groups is None):
        kept = min(n, m, int(max_points / 2 * (n + m) / (sides[0].n + sides[1].n)))
        return kept, kept
    size = equal_size(pair, max_points)
    return n * size // sides[0].n, m * size // sides[1].n


def _sources(members: Marks, nearest: Rows) -> NDArray[np.int16]:
    """How many of the nearest rows of every row play the source, for every permutation (N, B+1)."""
    return np.asarray(sum(members[column].astype(np.int16) for column in nearest.T))


def _shares(counted: NDArray[Any], among: Marks) -> Floats:
    """Mean of ``counted`` (N, B+1) over the rows that ``among`` (N, B+1) marks."""
    return np.asarray((counted * among).sum(axis=0, dtype=np.float64) / among.sum(axis=0, dtype=np.float64))


def _standard_error(pair: Pair, nearest: Rows, k: int, seed: int) -> float:
    """Standard deviation of the coverage over random halves of both sides (delete-half jackknife)."""
    sides = (("source", pair.source), ("target", pair.target))
    halves = np.hstack([half_samples(side, derive(str(seed), "halves", name)[0]) for name, side in sides])
    first = pair.is_source
    draws = []
    for half in halves:
        there = half[nearest]
        covered = (there & first[nearest] & (there.cumsum(axis=1) <= k)).any(axis=1)
        draws.append(covered[half & ~first].mean())
    # Where all halves agree the deviation is not 0: of n samples one in n may be otherwise.
    return max(float(np.std(draws, ddof=1)), 1 / (float(units(pair.target).max()) + 1))


def _balls(square: Floats, unit: NDArray[np.int64], halves: list[Split], k: int) -> Details:
    """Precision, recall and density between halves, and what halves of one side give."""
    _demand(halves, k)
    size = min(len(np.unique(unit[part])) for split in halves for part in split)
    # From the source's balls to target and source, and from the target's to source and target.
    found = [[inside(square, a, b, c, k) for a, b, c in ((s.x1, s.y1, s.x2), (s.y1, s.x1, s.y2))] for s in halves]
    (precision, density, precision_null), (recall, _, recall_null) = np.mean(found, axis=0).tolist()
    return {
        "precision": precision,
        "precision_null": precision_null,
        "recall": recall,
        "recall_null": recall_null,
        "density": density,
        "half_size": size,
    }


def _demand(halves: list[Split], k: int) -> None:
    size = min(len(split.x1) for split in halves)
    if size <= k:
        raise NotApplicableError(
            f"coverage with k = {k} needs {k + 1} samples in each half of a side, whole groups, and one has {size}."
        )


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """Share *not* covered as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3): it grows with the shift."""
    rows, k = rows_of(halves), options["k"]
    _demand(halves, k)
    square = squares(pair.pooled[rows], pooled_units(pair)[rows])
    rng = stream(0, "halves")

    def distance(a: Rows, b: Rows) -> float:
        part = np.searchsorted(rows, np.append(a, b))
        first = np.repeat([[1], [0]], [len(a), len(b)], axis=0).astype(np.uint8)
        nearest = nearest_rows(square[np.ix_(part, part)], k, rng)
        return 1 - float(_shares(_sources(first, nearest) > 0, 1 - first)[0])

    return over_splits(distance, halves)
