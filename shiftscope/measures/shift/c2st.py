"""Classifier two-sample test: can a linear classifier tell source from target better than chance lets it?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of, stream
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._domain_classifier import (
    SHARED_TRAINING,
    centred,
    error_variance,
    outranked,
    over_halves,
    roc,
    standardised,
)
from shiftscope.measures._permutation import null_of, permuted_members, pvalue
from shiftscope.measures._resampling import LEVEL, N_FOLDS, Z
from shiftscope.measures._sides import (
    Floats,
    Options,
    Permutations,
    Split,
    demand_units,
    pooled_units,
    units,
    variance_of_mean,
)

__all__ = ["between_halves", "c2st"]

Folds = NDArray[np.int64]
Units = tuple[NDArray[np.int64], NDArray[np.int64]]
# Eigenvalues (r,) and left vectors (N, r), as kernels.eigh_gram gives them.
Spectrum = tuple[Floats, Floats]

# Penalties tried, as multiples of the mean eigenvalue; from 100 on the classifier is that of the nearest mean.
PENALTIES = np.logspace(-4, 2, 7)
# Held-out scores, of order 1, that differ by less are equal up to rounding.
DIGITS = 10


@measure(
    asks="Can a linear classifier tell source from target better than chance lets it?",
    kind="shift",
    better="lower",
    unit="area under the ROC curve",
    bounds=(0.0, 1.0),
    null="0.5, values below 0.5 included",
    invariant=("order", "scale", "dead", "duplicate"),
    pvalue="exact",
    reference="Lopez-Paz and Oquab, ICLR 2017; Kim, Ramdas, Singh and Wasserman, Ann. Statist. 2021",
)
def c2st(
    pair: Pair, *, n_permutations: Permutations = 999, rng: RngLike = None, kernels: Kernels | None = None
) -> Estimate:
    """Held-out AUC of a ridge classifier of the two domains, tested by permuting the domains and refitting.

    Features are standardised on the pooled sample. Each of 10 folds (whole groups together) is scored by a
    classifier of the other nine, whose penalty is chosen by generalised cross-validation. The p-value is
    (1 + #{AUC_b >= AUC})/(B + 1): for every random exchange of samples, or of whole groups where a side has groups,
    penalty and classifiers are made anew. That takes no refit: with H the hat matrix, held-out residuals are
    (I - H_II)^-1 r_I for all exchanges at once. Folds are drawn without regard to the domains, as an exact test
    demands.

    Parameters
    ----------
    pair
        At least two samples (two groups) on each side; the sides may differ in size.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        The interval is ``value`` +- 1.96 standard errors (DeLong, DeLong and Clarke-Pearson, Biometrics 1988; summed
        over groups), widened by 1.45 for training data that folds share, and cut at 0 and 1.
        ``details``: ``accuracy``, the mean of both sides' held-out accuracies, thresholds taken from the other
        folds; ``total_variation``, 2 accuracy - 1; ``total_variation_low``, the lower end of its 95 % interval, or
        0: at least this share of the target is unlike the source, since no classifier does better than the total
        variation distance of the domains; ``penalty``, per sample; the held-out ROC curve as ``roc_false`` and
        ``roc_true``, at most 40 corners of it; with permutations ``smallest_pvalue``, quantiles and histogram of the
        null.

    Raises
    ------
    InputError
        For a negative number of permutations.
    NotApplicableError
        If a side has fewer than two samples or groups, or no feature varies; with a test, if groups are so few that
        no p-value could reach 0.05.

    Notes
    -----
    O(N d min(N, d)) for N = n + m and one eigendecomposition, and O(N r B) for B permutations and rank r, at most
    7 times; memory O(N (r + B)). Without a shift the mean AUC lies below 0.5 by 0.03 at 10 samples a side and by
    0.01 at 30, since what is held out is missing from the training set; the null has the same mean.

    Fails when the domains differ in a way that is not linear in the features (MMD sees those), and when groups
    exist but are not given: the p-value is then too small. The AUC grows with n and d: compare backbones on the
    same samples only.
    """
    demand_units(pair, "c2st")
    kernels, seed = kernels or choose(), seed_of(rng)
    members = permuted_members(pair, seed, n_permutations, kernels)
    spectrum = kernels.eigh_gram(standardised(pair.pooled))
    unit, fold = (units(pair.source), units(pair.target)), _folds(pair, seed)
    penalties = _penalties(spectrum, members)
    statistics = np.empty(members.shape[1])
    for penalty in np.unique(penalties):
        chosen = np.flatnonzero(penalties == penalty)
        scores = _scores(spectrum, members[:, chosen], fold, float(penalty), kernels)
        statistics[chosen] = _aucs(scores, members[:, chosen])
        if chosen[0] == 0:
            observed = scores[:, 0]
    value, reach = float(statistics[0]), Z * _auc_error(observed, unit)
    details: Details = {
        **_accuracy(observed, pair, unit, fold),
        "penalty": float(penalties[0]) / len(observed),
        **roc(observed[: pair.source.n], observed[pair.source.n :]),
    }
    if n_permutations:
        details |= null_of(pair, statistics)
    return Estimate(
        value=value,
        low=max(value - reach, 0.0),
        high=min(value + reach, 1.0),
        level=LEVEL,
        pvalue=pvalue(statistics) if n_permutations else None,
        exchanged=statistics if n_permutations else None,
        details=details,
    )


def _folds(pair: Pair, seed: int) -> Folds:
    """Folds of the pooled rows (N,), whole groups together, that know nothing of the sides."""
    unit = pooled_units(pair)
    n_units = int(unit.max()) + 1
    return np.asarray(stream(seed, "domain folds").permutation(n_units)[unit] % min(N_FOLDS, n_units))


def _penalties(spectrum: Spectrum, members: NDArray[np.uint8]) -> Floats:
    """For every column of ``members`` the ridge penalty with the least generalised cross-validation error (B+1,)."""
    eigenvalues, left = spectrum
    n, rank = left.shape
    share = members.mean(axis=0)
    # The columns of ``left`` sum to zero, so members need not be centred.
    along = np.square(left.T @ members)
    outside = n * share * (1 - share) - along.sum(axis=0)
    grid = PENALTIES * eigenvalues.mean()
    kept = grid[:, None] / (eigenvalues + grid[:, None])
    freedom = (n - 1 - rank) + kept.sum(axis=1)
    return np.asarray(grid[np.argmin((outside + np.square(kept) @ along) / np.square(freedom)[:, None], axis=0)])


def _scores(spectrum: Spectrum, members: NDArray[np.uint8], fold: Folds, penalty: float, kernels: Kernels) -> Floats:
    """Held-out scores (N, K) of the source for every column of ``members``; ties are made equal."""
    marks = members.astype(np.float64)
    eigenvalues, left = spectrum
    predicted = kernels.ridge_held_out(left, eigenvalues, marks, fold, penalty)
    return np.asarray(np.round(centred(predicted, marks, fold), DIGITS))


def _aucs(scores: Floats, members: NDArray[np.uint8]) -> Floats:
    """Area under the ROC curve of every column (K,)."""
    from scipy.stats import rankdata

    n = members.sum(axis=0, dtype=np.float64)
    ranks = (rankdata(scores, axis=0) * members).sum(axis=0)
    return np.asarray((ranks / n - (n + 1) / 2) / (len(members) - n))


def _auc_error(scores: Floats, unit: Units) -> float:
    """Standard error of the AUC of held-out scores (N,)."""
    source, target = np.split(scores, [len(unit[0])])
    variance = 0.0
    for wins, of in zip((outranked(source, target), outranked(target, source)), unit, strict=True):
        # Without a single sample out of order the variance is not 0: of n samples one in n may be.
        variance += max(variance_of_mean(wins, of), 1 / (float(of.max()) + 1) ** 2)
    return float(np.sqrt(SHARED_TRAINING * variance))


def _accuracy(scores: Floats, pair: Pair, unit: Units, fold: Folds) -> Details:
    """Accuracy of the scores and what it says of the total variation distance."""
    member = (np.unique(fold)[:, None] == fold).astype(np.float64)
    means = []
    for side in (pair.is_source, ~pair.is_source):
        elsewhere = side - member * side
        means.append(elsewhere @ scores / np.maximum(elsewhere.sum(axis=1), 1.0))
    above = scores - np.mean(means, axis=0) @ member
    errors = np.split(np.where(above == 0, 0.5, (above < 0) == pair.is_source), [pair.source.n])
    apart = float(1 - errors[0].mean() - errors[1].mean())
    reach = Z * float(np.sqrt(sum(error_variance(e, of) for e, of in zip(errors, unit, strict=True))))
    return {
        "accuracy": (1 + apart) / 2,
        "total_variation": apart,
        "total_variation_low": max(apart - reach, 0.0),
    }


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """AUC as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), at one scale and one penalty."""

    def judge(scores: Floats, y: Floats) -> float:
        return float(outranked(scores[y > 0], scores[y < 0]).mean())

    return over_halves(pair, halves, kernels, judge)
