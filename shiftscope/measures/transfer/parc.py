"""PARC: whether the features hold apart the samples that the labels hold apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of, stream
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._targets import usable_targets

__all__ = ["parc"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
# Half the memory to move: every half-sample takes its block of both matrices.
Ranks = NDArray[np.int32]

PART = 1000
MAX_PARTS = 5
# Copies of a sample are equally far from all others, but for rounding.
DECIMALS = 12
# Halves take the ranks of features in so many steps: a fifth of the time, and the same value to 1e-6.
STEPS = 2**14


class Part(NamedTuple):
    """The m samples that are compared with each other, by dense ranks 0, 1, … (m, m) of their distances.

    Equal distances have equal ranks. ``by_target`` is -1 between samples of one group, which are not compared.
    """

    by_features: Ranks
    by_target: Ranks


class Judged(NamedTuple):
    """What one part says: its value, and ``from_pairs`` of the variance of its value ``of_halves`` (R,)."""

    value: float
    constant: bool  # all pairs are equally far, by features or by targets
    n_pairs: int
    from_pairs: float
    of_halves: Floats


@measure(
    asks="Do the features hold apart the samples that the labels hold apart?",
    kind="transfer",
    better="higher",
    unit="Spearman correlation (published times 100)",
    needs=("labels",),
    bounds=(-1.0, 1.0),
    null="0 on average: distances of features have nothing to do with distances of labels",
    invariant=("order", "scale", "duplicate"),
    reference="Bolya, Mittapalli and Hoffman, NeurIPS 2021 (PARC)",
)
def parc(
    features: FeatureSet,
    *,
    standardised: bool = False,
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,  # noqa: ARG001 - every measure takes them
) -> Estimate:
    """Spearman correlation over pairs of samples of 1 - corr(f_i, f_j) and 1 - corr(y_i, y_j).

    corr is Pearson's: of features over the d columns, of targets over the K columns (one-hot classes, several
    labels). A row of equal columns has correlation 0 with all others. Real targets have too few columns for a
    correlation: their distance is Euclidean, each column at variance 1. Equal distances share the mean of their
    ranks; between classes there are only two distances.

    Parameters
    ----------
    features
        Labels of any kind.
    standardised
        Bring every feature to mean 0 and variance 1 first, as the published program does and the paper does not
        say; features that do not vary are left out.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        ``details``: ``parts`` and the ``pairs`` in them; for classes ``ceiling``, the largest value that their
        sizes allow: sqrt(3 p (1 - p)), with p the share of pairs of one class; 0.52 for ten equal classes. The
        interval comes from half-samples of the parts, ranked anew. Means and variances of ``standardised`` are
        not taken anew, which makes its interval up to a third too wide.

    Raises
    ------
    NotApplicableError
        If nothing varies in the target, a class has one sample, or all pairs are equally far.

    Notes
    -----
    Up to 1 000 samples all pairs count. Of more samples at most five parts of 1 000 are drawn, disjoint and
    stratified by class, and the value is the mean over parts. Pairs within a group are left out: they are alike
    for another reason. O(m^2 d) and a sort of m^2/2 distances for a part of m, and O(R m^2) for R halves.

    The value stays when all features are multiplied by one number (standardised: each by its own, and when
    columns of zeros are added). It changes under rotation, because a correlation takes out the mean of a row.

    Fails when targets are compared, whose ceilings differ, and when a class lies in several distant clusters,
    which a linear head would not mind.
    """
    usable_targets(features)
    seed = seed_of(rng)
    rows = _standardised(features.features) if standardised else features.features
    halves = half_samples(features, seed, intervals=intervals)
    # One part at a time: its pairs take more memory than its features.
    parts = [_judge(_part(features, rows, chosen), halves[:, chosen]) for chosen in _members(features, seed)]
    if all(part.constant for part in parts):
        raise NotApplicableError(f"all pairs of {features.name} are equally far, by features or by targets.")
    value = float(np.mean([part.value for part in parts]))
    details: Details = {"parts": len(parts), "pairs": sum(part.n_pairs for part in parts)}
    if features.target.kind == "class":
        sizes = features.target.counts / features.n
        alike = float(sizes @ (features.n * sizes - 1)) / (features.n - 1)
        details["ceiling"] = float(np.sqrt(3 * alike * (1 - alike)))
    if not intervals:
        return from_draws(value, np.empty(0), details)
    drawn = np.mean([part.of_halves for part in parts], axis=0)
    from_pairs = float(np.mean([part.from_pairs for part in parts])) / len(parts)
    return from_draws(value, _without_excess(drawn, from_pairs), details, bounds=(-1.0, 1.0))


def _standardised(features: NDArray[np.float32]) -> Floats:
    varying = features[:, features.min(axis=0) < features.max(axis=0)].astype(np.float64)
    rows: Floats = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    return rows


def _members(features: FeatureSet, seed: int) -> list[Codes]:
    """Samples of disjoint parts of equal size, at most PART; every class has its share in each."""
    n_parts = -(-features.n // PART)
    shuffled = stream(seed, "parc").permutation(features.n)
    dealt = shuffled[np.argsort(features.target.strata[shuffled], kind="stable")]
    return [np.sort(dealt[part::n_parts]) for part in range(min(n_parts, MAX_PARTS))]


def _part(features: FeatureSet, rows: NDArray[np.floating[Any]], chosen: Codes) -> Part:
    from scipy.spatial.distance import squareform

    by_target = _by_target(features, chosen)
    if features.groups is not None:
        groups = features.groups[chosen]
        by_target[groups[:, None] == groups] = -1
    return Part(_dense(squareform(-_correlations(rows[chosen]), checks=False)), by_target)


def _by_target(features: FeatureSet, chosen: Codes) -> Ranks:
    """Dense ranks (m, m) of the distances of the targets."""
    from scipy.spatial.distance import pdist, squareform

    target = features.target
    if target.kind == "class":
        # One-hot rows are equal, or all equally far.
        codes = target.values[chosen]
        ranks: Ranks = (codes[:, None] != codes).astype(np.int32)
        return ranks
    if target.kind == "multilabel":
        return _dense(squareform(-_correlations(target.matrix[chosen]), checks=False))
    spread = target.matrix.std(axis=0)
    return _dense(pdist(target.matrix[chosen] / np.where(spread > 0, spread, 1.0)))


def _dense(distances: Floats) -> Ranks:
    """Ranks 0, 1, … (m, m) of distances (P,), equal ones for equal distances."""
    from scipy.spatial.distance import squareform

    ranks: Ranks = squareform(np.unique(np.round(distances, DECIMALS), return_inverse=True)[1].astype(np.int32))
    return ranks


def _correlations(rows: NDArray[np.floating[Any]]) -> Floats:
    # The mean of equal numbers is exact here: features come as float32, which leaves room for their sum.
    unit = rows - rows.mean(axis=1, dtype=np.float64, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", unit, unit))
    unit /= np.where(length > 0, length, 1.0)[:, None]
    correlations: Floats = unit @ unit.T
    return correlations


def _judge(part: Part, halves: NDArray[np.bool_]) -> Judged:
    x, y = _ranks(part)
    from_pairs = _variance_from_pairs(part, x, y) if len(halves) else 0.0
    return Judged(_pearson(x, y), _constant(x) or _constant(y), len(x), from_pairs, _of_halves(part, halves))


def _ranks(part: Part) -> tuple[Floats, Floats]:
    """Mid-ranks (P,) of the pairs that are compared, by features and by target."""
    from scipy.spatial.distance import squareform

    by_features, by_target = (squareform(ranks, checks=False) for ranks in part)
    compared = by_target >= 0
    return _mid_ranks(by_features[compared]), _mid_ranks(by_target[compared])


def _of_halves(part: Part, halves: NDArray[np.bool_]) -> Floats:
    """The statistic among the samples of every half (R, m); 0 for a half in which all are equally far."""
    per_step = int(part.by_features.max()) // STEPS + 1
    coarse = Part(part.by_features // per_step, part.by_target)
    blocks = [np.ix_(half, half) for half in halves]
    return np.array([_pearson(*_ranks(Part(*(ranks[block] for ranks in coarse)))) for block in blocks])


def _mid_ranks(codes: Ranks) -> Floats:
    """Ranks of codes that ascend with what they stand for; equal ones share the mean of their ranks."""
    counts = np.bincount(codes, minlength=1)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks


def _constant(ranks: Floats) -> bool:
    return not len(ranks) or bool(ranks.min() == ranks.max())


def _pearson(x: Floats, y: Floats) -> float:
    """Correlation of x and y; 0 if one of them is constant and says nothing."""
    if _constant(x) or _constant(y):
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def _variance_from_pairs(part: Part, x: Floats, y: Floats) -> float:
    """What single pairs, and not samples, add to the variance of the correlation of x and y over pairs.

    That is the second term of its Hoeffding decomposition, in which the influence of a pair is
    xy - r(x^2 + y^2)/2 for standardised x and y.
    """
    if _constant(x) or _constant(y):
        return 0.0
    first, second = np.nonzero(np.triu(part.by_target >= 0, 1))
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    influence = x * y - np.mean(x * y) * (np.square(x) + np.square(y)) / 2
    both, m = np.append(first, second), len(part.by_target)
    of_sample = np.bincount(both, np.tile(influence, 2), m) / np.maximum(np.bincount(both, minlength=m), 1)
    return float(np.square(influence - of_sample[first] - of_sample[second]).mean()) / len(x)


def _without_excess(draws: Floats, from_pairs: float) -> Floats:
    """Draws (R,) with the spread of the statistic.

    Where samples give it the variance v1 and single pairs v2, halves differ by v1 + 3 v2: a half has a quarter of
    the pairs. At least a third of that is real.
    """
    spread = float(draws.var(ddof=1))
    if spread == 0.0:
        return draws
    centre = draws.mean()
    kept: Floats = centre + (draws - centre) * np.sqrt(max(1.0 - 2.0 * from_pairs / spread, 1 / 3))
    return kept
