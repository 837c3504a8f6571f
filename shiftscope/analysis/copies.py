"""Copies across the sets: target samples that the source holds too, as the same content or re-encoded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.neighbours import Neighbours
from shiftscope.core.features import Pair
from shiftscope.core.shift import Copies, CopyPair
from shiftscope.measures._sides import Floats

__all__ = ["LEAST", "find_copies"]

# With fewer samples on a side, a rare kind of sample that occurs once on each looks like a copy.
LEAST = 20
# Pairs that chance is allowed in one comparison, and the largest ratio of distances that counts whatever chance says.
BY_CHANCE = 0.01
LARGEST = 0.25
EXAMPLES = 12


class _Rule(NamedTuple):
    limit: float
    typical: float


def find_copies(pair: Pair, some: Pair, near: Neighbours) -> Copies:
    """Find target samples with a copy in the source.

    Exact copies have equal content hashes. A near copy is a target sample whose distance to its nearest source
    sample, divided by the lesser of the distances that the two have to their nearest fellows on their own sides, is
    below a limit. The limit is taken from the same ratio within the sides (nearest against second nearest): where
    density is locally constant such ratios follow a power law, P(ratio < r) = p1 r^a, whose a grows with the
    intrinsic dimension (Facco et al., Sci. Rep. 2017: the two-nearest-neighbour estimator); the limit is the r at
    which ``BY_CHANCE`` pairs are expected, and at most a quarter. With fewer than ``LEAST`` samples on a side, or
    features that are mostly equal, only exact copies are looked for.

    Parameters
    ----------
    pair
        All samples: exact copies are looked for among them.
    some
        The samples among which near copies are looked for, and to which ``near`` belongs.

    Notes
    -----
    Samples of one group are no fellows: in two sets that share a patient or a video its other pictures count as
    copies, and they are a leak like any other.

    Fails when the original has a copy on its own side, too: then both are as near to that as to each other. Fails
    when re-encoding moves features further than samples lie apart, as with tiny pictures of one kind.
    """
    exact = np.flatnonzero(np.isin(pair.target.keys, pair.source.keys))
    rule, ratios = _rule(near, some), _across_ratios(near, some.source.n)
    ratios[np.isin(some.target.keys, pair.source.keys)] = np.inf
    close = np.flatnonzero(ratios < (0.0 if rule is None else rule.limit))
    close = close[np.argsort(ratios[close], kind="stable")]
    examples = [*(_exact(pair, i) for i in exact[:EXAMPLES]), *(_near(some, near, i) for i in close[:EXAMPLES])]
    return Copies(
        n_exact=len(exact),
        n_near=len(close),
        n_compared=0 if rule is None else some.target.n,
        limit=None if rule is None else rule.limit,
        typical=None if rule is None else rule.typical,
        examples=examples[:EXAMPLES],
    )


def _rule(near: Neighbours, pair: Pair) -> _Rule | None:
    """The limit, or None where the sides are too small or too degenerate for one."""
    if min(pair.source.n, pair.target.n) < LEAST:
        return None
    ratios = _within_ratios(near)
    below = ratios[ratios < 1]
    middle = float(np.median(below)) if len(below) else 0.0
    if middle <= 0:
        return None
    # (1/2) = middle^a for those below 1, so that r = (share allowed)^(1/a) = middle^(log2 of 1 over that share).
    allowed = BY_CHANCE / (pair.target.n * len(below) / len(ratios))
    return _Rule(min(LARGEST, middle ** float(-np.log2(allowed))), _typical(near))


def _typical(near: Neighbours) -> float:
    nearest = near.fellow_distances[:, 0]
    return float(np.median(nearest[np.isfinite(nearest)]))


def _across_ratios(near: Neighbours, n: int) -> Floats:
    """Distance of every target sample across over the distance of either to its nearest fellow (m,)."""
    own = near.fellow_distances[:, 0]
    return _over(near.across_distance[n:], np.minimum(own[n:], own[near.across[n:]]))


def _within_ratios(near: Neighbours) -> Floats:
    """The same between every sample and its nearest fellow (N,): how chance looks."""
    first, second = near.fellow_distances.T
    fellow, own = near.fellows[:, 0], np.arange(len(first))
    of_fellow = np.where(near.fellows[fellow, 0] == own, second[fellow], first[fellow])
    return _over(first, np.minimum(second, of_fellow))


def _over(distance: Floats, own: NDArray[np.float64]) -> Floats:
    """Distance over own; where own is 0 or unknown no pair is near, and equal ones say nothing: ratio 1."""
    known = (own > 0) & np.isfinite(own) & np.isfinite(distance)
    ratio = np.where(distance > 0, np.inf, 1.0)
    np.divide(distance, own, out=ratio, where=known)
    return ratio


def _exact(pair: Pair, i: int) -> CopyPair:
    twin = int(np.searchsorted(pair.source.keys, pair.target.keys[i]))
    return CopyPair(source=pair.source.ids[twin], target=pair.target.ids[i], exact=True)


def _near(pair: Pair, near: Neighbours, i: int) -> CopyPair:
    row = pair.source.n + i
    return CopyPair(
        source=pair.source.ids[near.across[row]],
        target=pair.target.ids[i],
        exact=False,
        distance=float(near.across_distance[row]),
    )
