"""What shift measures do to both sides alike: equal sizes, halves that keep groups whole, variances over groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.seeds import stream
from shiftscope.errors import NotApplicableError

__all__ = [
    "Split",
    "debiased",
    "demand_units",
    "equal_size",
    "excess",
    "first_rows",
    "halves_of",
    "over_splits",
    "pooled_units",
    "rows_of",
    "splits",
    "units",
    "variance_of_mean",
]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Distance = Callable[[Rows, Rows], float]
# Options that many measures have; limits are part of the type, so that they are checked before anything runs.
Permutations = Annotated[int, Field(ge=0)]
Points = Annotated[int, Field(ge=16)]
# A measure's options, checked, with defaults filled in.
Options = Mapping[str, Any]

N_SPLITS = 5
N_HALVES = 40


class Split(NamedTuple):
    """Two halves of each side as rows of ``Pair.pooled``, all four of the same size (k,)."""

    x1: Rows
    x2: Rows
    y1: Rows
    y2: Rows


def units(side: FeatureSet) -> NDArray[np.int64]:
    """Number what may be treated as independent (n,): the groups of a side, or its samples."""
    if side.groups is None:
        return np.arange(side.n)
    return np.unique(side.groups, return_inverse=True)[1].astype(np.int64)


def pooled_units(pair: Pair) -> NDArray[np.int64]:
    """Number what is independent over both sides (n + m,); groups of the two sides are different groups."""
    source = units(pair.source)
    return np.concatenate([source, source.max() + 1 + units(pair.target)])


def demand_units(pair: Pair, measure: str) -> None:
    """Demand two independent samples on each side.

    Raises
    ------
    NotApplicableError
        If a side has one sample, or all of its samples belong to one group.
    """
    for side in (pair.source, pair.target):
        if side.n < 2:
            raise NotApplicableError(f"{side.name} has one sample: {measure} needs at least 2 on each side.")
        if units(side).max() == 0:
            raise NotApplicableError(
                f"all samples of {side.name} belong to one group: {measure} needs at least 2 groups on each side."
            )


def equal_size(pair: Pair, max_points: int | None = None) -> int:
    """Samples per side when both sides get as many, and at most ``max_points`` together; see :func:`first_rows`."""
    size = min(pair.source.n, pair.target.n)
    return size if max_points is None else min(size, max_points // 2)


def first_rows(side: FeatureSet, size: int) -> Rows:
    """Choose at most ``size`` rows of one side, ascending: those with the lowest content hashes.

    That is a random choice which depends on nothing but the samples themselves. Equal samples hash alike and would
    stay or go together (a side of two values would keep one), so copies after the first hash with their number.
    """
    if size >= side.n:
        return np.arange(side.n)
    _, start, place = np.unique(side.keys, return_index=True, return_inverse=True)
    copy = np.arange(side.n) - start[place]  # equal keys stand side by side
    hashes = side.keys.copy()
    for row in np.flatnonzero(copy):
        # In hexadecimal, as keys are: other bytes would stand before or after them all.
        hashes[row] = sha256(side.keys[row] + str(copy[row]).encode()).hexdigest().encode()[: hashes.itemsize]
    return np.sort(np.argsort(hashes, kind="stable")[:size])


def splits(pair: Pair, seed: int, n_splits: int, max_points: int | None = None, *, share: float = 1.0) -> list[Split]:
    """Halve both sides, or a random ``share`` of both, ``n_splits`` times: whole groups together, parts equal.

    Raises
    ------
    NotApplicableError
        If a part would have fewer than two samples.
    """
    rng = stream(seed, "splits", f"{share:g}")
    kept = [first_rows(s, s.n if max_points is None else max_points // 2) for s in (pair.source, pair.target)]
    found = []
    for _ in range(n_splits):
        source, target = (
            halves_of(side, rows, rng, share=share) for side, rows in zip((pair.source, pair.target), kept, strict=True)
        )
        parts = (*source, *(rows + pair.source.n for rows in target))
        size = min(len(part) for part in parts)
        if size < 2:
            raise NotApplicableError(
                f"{pair.source.name} ({pair.source.n} samples) and {pair.target.name} ({pair.target.n}) cannot be "
                f"cut into {2 / share:g} parts: each needs at least 2 samples, and whole groups."
            )
        found.append(Split(*(part[:size] for part in parts)))
    return found


def halves_of(side: FeatureSet, rows: Rows, rng: np.random.Generator, *, share: float = 1.0) -> tuple[Rows, Rows]:
    """Cut ``rows`` of one side, or a ``share`` of them, into random halves: whole groups together."""
    first, second = _halves(units(side)[rows], share, rng)
    return rows[first], rows[second]


def _halves(unit: NDArray[np.int64], share: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Cut rows, units in random order, at the borders between units nearest to share/2 and to share."""
    rank = rng.permutation(int(unit.max()) + 1)[unit]
    order = np.argsort(rank, kind="stable")
    borders = np.append(np.flatnonzero(np.diff(rank[order])) + 1, len(order))
    middle, end = (int(borders[np.argmin(np.abs(borders - len(order) * part))]) for part in (share / 2, share))
    return order[:middle], order[middle:end]


def rows_of(halves: list[Split]) -> Rows:
    """All rows that occur in ``halves``, ascending."""
    return np.unique(np.concatenate([part for split in halves for part in split]))


def over_splits(distance: Distance, halves: list[Split]) -> Floats:
    """Evaluate a distance between row sets as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3)."""
    return np.array([[distance(s.x1, s.y1), distance(s.x1, s.x2), distance(s.y1, s.y2)] for s in halves])


def excess(terms: Floats) -> Floats:
    """T(X1, Y1) - [T(X1, X2) + T(Y1, Y2)]/2 of each split (S,): T without its bias for parts of that size."""
    return np.asarray(terms[:, 0] - terms[:, 1:].mean(axis=1))


def debiased(distance: Distance, pair: Pair, seed: int, max_points: int) -> tuple[float, Floats]:
    """A distance without its small-sample bias, and the same of random half-samples (R,), for an interval.

    D = mean of T(X_i, Y_j) over i, j = 1, 2 - [T(X1, X2) + T(Y1, Y2)]/2, averaged over splits. Every half stands
    on both sides of the difference, so what T sees of single samples (their norms, in many dimensions) cancels
    within each split. The half-samples are cut into quarters; their noise of second order is that of quarters,
    which makes the interval too wide rather than too narrow where the shift is small.

    Raises
    ------
    NotApplicableError
        If a quarter of a side would have fewer than two samples, or no whole group.
    """
    quarters = splits(pair, seed, N_HALVES, max_points, share=0.5)
    values = [_symmetric_excess(distance, split) for split in splits(pair, seed, N_SPLITS, max_points)]
    return float(np.mean(values)), np.array([_symmetric_excess(distance, split) for split in quarters])


def _symmetric_excess(distance: Distance, s: Split) -> float:
    between = [distance(x, y) for x in (s.x1, s.x2) for y in (s.y1, s.y2)]
    return sum(between) / 4 - (distance(s.x1, s.x2) + distance(s.y1, s.y2)) / 2


def variance_of_mean(values: Floats, unit: NDArray[np.int64]) -> float:
    """Variance of the mean of ``values`` (n,) whose ``unit`` (n,) are independent; s^2/n where each has its own."""
    sums = np.bincount(unit, weights=values - values.mean())
    return float(sums @ sums) / len(values) ** 2 * len(sums) / (len(sums) - 1)
