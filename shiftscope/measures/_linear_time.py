"""MMD in linear time: every sample is compared once, in quadruples of two from either side."""

from __future__ import annotations

import numpy as np

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.seeds import stream
from shiftscope.errors import NotApplicableError
from shiftscope.measures._kernel import Kernel, of_pairs
from shiftscope.measures._sides import Floats, Rows, units

__all__ = ["flipped", "quadruples"]

BLOCK = 2048


def quadruples(pair: Pair, kernel: Kernel, bandwidth: float, seed: int) -> Floats:
    """Compare random quadruples (q,): the mean of h = k(x, x') + k(y, y') - k(x, y') - k(x', y) estimates MMD^2.

    Each sample occurs at most once, and of each group one sample.

    Raises
    ------
    NotApplicableError
        If a side has fewer than four samples or groups: one quadruple has no spread.
    """
    rng = stream(seed, "quadruples")
    x, y = _one_of_each_unit(pair.source, rng), _one_of_each_unit(pair.target, rng)
    q = min(len(x), len(y)) // 2
    if q < 2:
        raise NotApplicableError(
            f"{pair.source.name} and {pair.target.name} have {len(x)} and {len(y)} independent samples: "
            "mmd.variant 'linear' needs at least 4 on each side."
        )
    h = np.empty(q)
    for start in range(0, q, BLOCK):
        some = slice(start, min(start + BLOCK, q))
        a, b = (pair.source.features[rows[some]] for rows in (x[:q], x[q : 2 * q]))
        c, d = (pair.target.features[rows[some]] for rows in (y[:q], y[q : 2 * q]))
        within = of_pairs(a, b, kernel, bandwidth) + of_pairs(c, d, kernel, bandwidth)
        h[some] = within - of_pairs(a, d, kernel, bandwidth) - of_pairs(b, c, kernel, bandwidth)
    return h


def _one_of_each_unit(side: FeatureSet, rng: np.random.Generator) -> Rows:
    """Rows of one random sample of every unit, in random order."""
    order = rng.permutation(side.n)
    first = np.unique(units(side)[order], return_index=True)[1]
    return rng.permutation(order[first])


def flipped(h: Floats, seed: int, n_permutations: int) -> Floats:
    """Mean of h (q,) as observed and with random signs (B+1,).

    To exchange x and y in a quadruple turns h into -h, so these are permutations of the pooled sample.
    """
    rng = stream(seed, "signs")
    sums = np.full(n_permutations + 1, -h.sum())
    sums[0] = h.sum()
    for start in range(0, len(h), BLOCK):
        some = h[start : start + BLOCK]
        sums[1:] += 2 * some @ rng.integers(2, size=(len(some), n_permutations), dtype=np.int8)
    return sums / len(h)
