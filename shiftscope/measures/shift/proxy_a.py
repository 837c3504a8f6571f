"""Proxy A-distance: can a linear classifier tell source from target?"""

from __future__ import annotations

import numpy as np

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._domain_classifier import (
    centred,
    error_variance,
    gcv_penalty,
    outranked,
    over_halves,
    roc,
    side_folds,
    standardised,
)
from shiftscope.measures._resampling import LEVEL, Z
from shiftscope.measures._sides import Floats, Options, Split, demand_units, equal_size, first_rows, units

__all__ = ["between_halves", "proxy_a"]


@measure(
    asks="How well can a linear classifier tell source from target?",
    kind="shift",
    better="lower",
    unit="2 (1 - 2 error), from -2 to 2",
    bounds=(-2.0, 2.0),
    null="0, values below 0 included",
    invariant=("order", "scale", "dead", "duplicate"),
    reference="Ben-David et al., NeurIPS 2007; ridge classifier cross-fitted in closed form",
)
def proxy_a(pair: Pair, *, rng: RngLike = None, kernels: Kernels | None = None) -> Estimate:
    """Proxy A-distance, PAD = 2 (1 - 2 err), of a cross-fitted ridge classifier of the two domains.

    ``err`` is the balanced held-out error over 10 folds, stratified by side and with groups kept whole. Features
    are standardised on the pooled sample, the penalty is chosen by generalised cross-validation. 2 means that
    the sides can be told apart without error; 0 that they cannot be told apart; values below 0 are as likely there
    as values above and are not clipped, since clipping would bias averages.

    Parameters
    ----------
    pair
        Both sides are used at equal size, the larger one cut by content hash: a classifier trained on unequal
        sides leans to the larger one, and its error falls with their size.

    Returns
    -------
    Estimate
        The interval is ``value`` +- 1.96 standard errors from the held-out errors of the two sides (summed over
        groups), widened by 1.45 for training data that folds share, and cut at -2 and 2. That width is right where
        the sample decides the classifier, as without a shift, and too large where d is small and the shift clear.
        ``details``: ``err``, held-out ``auc``, ``penalty`` (per sample, for standardised features), ``size`` per
        side, and the held-out ROC curve as ``roc_false`` and ``roc_true``, at most 40 corners of it.

    Raises
    ------
    NotApplicableError
        If a side has fewer than two samples or groups, or no feature varies.

    Notes
    -----
    O(N d min(N, d)) for N = 2 min(n, m): one eigendecomposition serves all folds and penalties. Measured without
    a shift: mean within 0.02 of 0, standard deviation 0.26, 0.14 and 0.08 at 50, 200 and 500 samples a side.

    Fails when the domains differ in a way that is not linear in the features (MMD sees those), and when groups
    exist but are not given: a classifier then recognises the patient, not the domain. PAD grows with n and d:
    compare backbones on the same samples only. The one penalty has seen all labels, which lifts PAD by about 0.1
    at 4 samples a side and by less than 0.03 from 10 on.
    """
    demand_units(pair, "proxy_a")
    kernels, seed, size = kernels or choose(), seed_of(rng), equal_size(pair)
    sides = [side.take(first_rows(side, size)) for side in (pair.source, pair.target)]
    demand_units(Pair(*sides), "proxy_a")
    eigenvalues, left = kernels.eigh_gram(standardised(np.concatenate([side.features for side in sides])))
    y = np.repeat([1.0, -1.0], size)
    penalty = gcv_penalty(eigenvalues, left, y, kernels)
    fold = side_folds(sides, seed)
    scores = centred(kernels.ridge_held_out(left, eigenvalues, y[:, None], fold, penalty)[:, 0], y, fold)
    errors = _errors(scores, y)
    value = _distance(errors)
    reach = Z * float(np.sqrt(sum(_error_variance(e, side) for e, side in zip(errors, sides, strict=True))))
    return Estimate(
        value=value,
        low=max(value - reach, -2.0),
        high=min(value + reach, 2.0),
        level=LEVEL,
        details={
            "err": float(errors.mean()),
            "auc": float(outranked(scores[:size], scores[size:]).mean()),
            "penalty": penalty / len(y),
            "size": size,
            **roc(scores[:size], scores[size:]),
        },
    )


def _errors(scores: Floats, y: Floats) -> Floats:
    """Held-out errors (2, size) of source and target; a score of exactly 0 is half an error."""
    return np.where(scores == 0, 0.5, scores * y < 0).reshape(2, -1)


def _distance(errors: Floats) -> float:
    return float(2 * (1 - 2 * errors.mean()))


def _error_variance(errors: Floats, side: FeatureSet) -> float:
    """What one side adds to the variance of PAD = 2 - 2 (err_x + err_y)."""
    return 4 * error_variance(errors, units(side))


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """PAD as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), at one scale and one penalty."""
    return over_halves(pair, halves, kernels, lambda scores, y: _distance(_errors(scores, y)))
