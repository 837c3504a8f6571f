"""Several correlated tests adjusted together by the same permutations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shiftscope.measures._permutation import pvalue
from shiftscope.measures._sides import Floats

__all__ = ["max_t"]


def max_t(statistics: Sequence[Floats]) -> list[float]:
    """Adjust the p-values of K permutation tests of one pair by step-down max-T.

    With z the statistics in standard deviations about their mean over all B + 1 exchanges, and tests in falling order
    of what was observed, p_k = #{b : max(z_kb, ..., z_Kb) >= z_k0}/(B + 1), made non-decreasing (Westfall and Young
    1993, algorithm 4.1). Whatever the tests have in common they have under every exchange, too: equal tests are
    adjusted by nothing, where Holm's method multiplies by their number. The chance of any false rejection is at most
    alpha.

    Parameters
    ----------
    statistics
        K arrays (B+1,), the observed one first, larger ones speaking against "no shift"; entry b of each must be of
        the same exchange of samples.

    Returns
    -------
    list of float
        In the order given; multiples of 1/(B + 1), never 0.

    Notes
    -----
    The observed exchange counts in means and standard deviations, so that these are the same whichever exchange was
    observed and the test stays exact. O(K B).

    Fails when nulls have very different shapes: the tests with the longer tails then decide the maximum, and the
    others lose power.
    """
    rows = np.array(statistics)
    spread = rows.std(axis=1, keepdims=True)
    z = np.divide(rows - rows.mean(axis=1, keepdims=True), spread, out=np.zeros_like(rows), where=spread > 0)
    order = np.argsort(-z[:, 0], kind="stable")
    adjusted = np.empty(len(rows))
    least = 0.0
    for step, test in enumerate(order):
        least = max(least, pvalue(z[order[step:]].max(axis=0)))
        adjusted[test] = least
    return [float(p) for p in adjusted]
