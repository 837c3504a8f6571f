"""Kolmogorov-Smirnov tests: in which single features and principal directions do source and target differ?"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._permutation import null_of, permuted_members, pvalue
from shiftscope.measures._sides import Floats, Options, Permutations, Rows, Split, demand_units, over_splits, rows_of

__all__ = ["between_halves", "ks"]

FALSE_DISCOVERIES = 0.05
# Coordinates along a direction, at most 1, that differ by less are equal up to rounding.
DIGITS = 9
BLOCK = 64
# Largest gaps are multiples of 1/(nm) or more and often equal; then the mean gap decides which is more extreme.
TIE_BREAK = 1e-3


@measure(
    asks="In which single features and principal directions do source and target differ?",
    kind="shift",
    better="lower",
    unit="largest gap between the shares of source and target below one value",
    bounds=(0.0, 1.0),
    null="about sqrt((1/n + 1/m) ln(2c) / 2) for c features and directions",
    invariant=("order", "scale", "dead", "duplicate"),
    pvalue="exact",
    reference="Smirnov, 1939; max-T: Westfall and Young, 1993; lists: Benjamini and Hochberg, J. R. Stat. Soc. B 1995",
)
def ks(
    pair: Pair,
    *,
    n_directions: Annotated[int, Field(ge=0)] = 32,
    n_permutations: Permutations = 999,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Largest two-sample Kolmogorov-Smirnov statistic of all features and leading principal directions.

    For one feature, KS = max over t of |share of the source up to t - share of the target up to t|. The value is
    the largest KS of all features that vary and of the leading principal directions of the pooled sample. Its
    p-value (1 + #{max_b >= max})/(B + 1) compares it with the largest KS after each of B random exchanges of
    samples, or of whole groups where a side has groups (max-T): however many features there are and however they
    depend on each other, it needs no correction. Among equal maxima the larger mean KS counts as the larger.

    Parameters
    ----------
    pair
        At least two samples (two groups) on each side; the sides may differ in size.
    n_directions
        Principal directions at most. They see shifts that are spread over many features.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        No interval: the largest of many statistics is too high by a margin that only its null shows.
        ``details``: ``feature``, the most different one (from 0), and ``feature_ks``; ``feature_share``, the share of
        varying features that differ at a false discovery rate of 5 % (Benjamini-Hochberg); ``direction`` (from 1),
        ``direction_ks`` and ``direction_share`` likewise; with permutations ``smallest_pvalue``, quantiles and
        histogram of the null. The p-values behind the shares are Kolmogorov's. With groups these would be too
        small, and those of the permutations stand in for them: no share below 20/(B + 1) can then show.

    Raises
    ------
    InputError
        For a negative number of directions or permutations.
    NotApplicableError
        If a side has fewer than two samples or groups, or no feature varies; with a test, if groups are so few that
        no p-value could reach 0.05.

    Notes
    -----
    O(N c (log N + B)) for N = n + m and c features and directions, and one eigendecomposition of the pooled sample;
    memory O(c (N + B) + N B).

    Fails when the difference shows in no single feature or leading direction: a changed correlation of two features
    of many. Exact with ties too, but then with less power. Which features stand for a shift that many
    share is for the reader to judge: after a rotation they would be others.
    """
    demand_units(pair, "ks")
    kernels = kernels or choose()
    members = permuted_members(pair, seed_of(rng), n_permutations, kernels)
    varying, columns = _columns(pair.pooled, n_directions, kernels)
    gaps = _gaps(columns, members)
    largest, single, v = gaps.max(axis=0), _marginal(gaps, pair), len(varying)
    details: Details = {
        **_most_different("feature", varying, gaps[:v, 0], None if single is None else single[:v]),
        **_most_different(
            "direction", 1 + np.arange(len(gaps) - v), gaps[v:, 0], None if single is None else single[v:]
        ),
    }
    if n_permutations:
        details |= null_of(pair, largest)
    against = largest + TIE_BREAK * gaps.mean(axis=0)
    return Estimate(
        value=float(largest[0]),
        pvalue=pvalue(against) if n_permutations else None,
        exchanged=against if n_permutations else None,
        details=details,
    )


def _columns(z: NDArray[np.floating[Any]], n_directions: int, kernels: Kernels) -> tuple[Rows, Floats]:
    """Which features vary (v,), and these features followed by principal coordinates (N, v + directions)."""
    varying = np.flatnonzero(z.min(axis=0) < z.max(axis=0))
    if not len(varying):
        raise NotApplicableError("no feature varies over source and target: there is nothing to compare.")
    along = kernels.eigh_gram(z)[1][:, :n_directions]
    # Equal samples get equal coordinates: rounding would order them by where they stand.
    along = np.round(along / np.abs(along).max(axis=0), DIGITS)
    return varying, np.column_stack([z[:, varying], along])


def _gaps(columns: Floats, members: NDArray[np.uint8]) -> Floats:
    """KS of every column (N, c) for every column of ``members`` (N, B+1), as (c, B+1).

    All columns and permutations walk up their samples side by side: one step up for a member and one down for
    another, weighted so that every walk ends at 0. KS is the farthest that a walk gets from 0 between ties.
    """
    total, (n_columns, n_draws) = len(columns), (columns.shape[1], members.shape[1])
    order = np.argsort(columns, axis=0, kind="stable")
    ordered = np.take_along_axis(columns, order, axis=0)
    within_tie = np.zeros(columns.shape, dtype=np.bool_)
    within_tie[:-1] = ordered[1:] == ordered[:-1]
    n_tied = within_tie.sum(axis=1)
    kind = np.dtype(np.int32 if total < 2**16 else np.int64)
    sizes = members.sum(axis=0, dtype=kind)
    gaps = np.empty((n_columns, n_draws))
    for start in range(0, n_draws, BLOCK):
        block = slice(start, min(start + BLOCK, n_draws))
        steps = members[:, block].astype(kind) * total - sizes[block]
        step, walk, highest, lowest = np.zeros((4, n_columns, steps.shape[1]), dtype=kind)
        for i in range(total):
            np.take(steps, order[i], axis=0, out=step, mode="clip")
            walk += step
            here = np.where(within_tie[i, :, None], 0, walk) if n_tied[i] else walk
            np.maximum(highest, here, out=highest)
            np.minimum(lowest, here, out=lowest)
        gaps[:, block] = np.maximum(highest, -lowest)
    products = sizes.astype(np.float64) * (total - sizes)
    gaps /= products
    return gaps


def _marginal(gaps: Floats, pair: Pair) -> Floats | None:
    """A p-value for each column alone (c,), or None where groups forbid the formula and there are no permutations."""
    from scipy.stats import kstwo

    n, m = pair.source.n, pair.target.n
    if pair.source.groups is None and pair.target.groups is None:
        return np.asarray(kstwo.sf(gaps[:, 0], max(round(n * m / (n + m)), 1)))
    return np.array([pvalue(row) for row in gaps]) if gaps.shape[1] > 1 else None


def _most_different(name: str, labels: Rows, observed: Floats, pvalues: Floats | None) -> Details:
    """Which of some columns differs most, how much, and which share of them differs."""
    from scipy.stats import false_discovery_control

    if not len(observed):
        return {}
    worst = int(np.argmax(observed))
    details: Details = {name: int(labels[worst]), f"{name}_ks": float(observed[worst])}
    if pvalues is not None:
        details[f"{name}_share"] = float(np.mean(false_discovery_control(pvalues) <= FALSE_DISCOVERIES))
    return details


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:
    """Largest KS as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), along the directions of all halves."""
    rows = rows_of(halves)
    _, columns = _columns(pair.pooled[rows], options["n_directions"], kernels or choose())

    def distance(a: Rows, b: Rows) -> float:
        first = np.repeat([[1], [0]], [len(a), len(b)], axis=0).astype(np.uint8)
        return float(_gaps(columns[np.searchsorted(rows, np.append(a, b))], first).max())

    return over_splits(distance, halves)
