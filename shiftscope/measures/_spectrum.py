"""One eigendecomposition for all linear measures: the directions of the features, and the target along them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._resampling import half_samples

__all__ = ["LEADING", "Projection", "Spectrum", "halves", "projected", "projection", "singular_entropy", "spectrum"]

LEADING = 256

Floats = NDArray[np.float64]


class Spectrum(NamedTuple):
    """The thin SVD of the centred features, F - mean = U diag(sqrt s) V'.

    Attributes
    ----------
    values : (k,) float64
        s, descending, without directions that are rounding.
    left : (n, k) float64
        U, orthonormal columns that sum to zero.
    """

    values: Floats
    left: Floats


class Projection(NamedTuple):
    """The target along the principal directions of some samples: all that evidence and H-score read.

    Attributes
    ----------
    n : int
        Samples.
    free : int
        Dimensions left to the target: n, or n - 1 once the mean is taken out.
    values : (k,) float64
        Eigenvalues of the scatter matrix F'F, descending.
    along : (k, K) float64
        U'Y.
    norms : (K,) float64
        Squared length of every target column, about its mean if the mean is taken out; 0 for a constant column.
    totals : (K,) float64
        Sum of every target column: the class counts of a one-hot target.
    """

    n: int
    free: int
    values: Floats
    along: Floats
    norms: Floats
    totals: Floats


def spectrum(features: FeatureSet, kernels: Kernels | None = None) -> Spectrum:
    """Decompose the centred features once; later calls on the same features return the same arrays.

    Cost O(n d min(n, d) + min(n, d)^3) in float64, the greatest of all linear measures.

    Raises
    ------
    NotApplicableError
        If all samples have equal features.
    """

    def make() -> Spectrum:
        values, left = (kernels or choose()).eigh_gram(features.features)
        if not len(values):
            raise NotApplicableError(f"all {features.n} samples of {features.name} have equal features.")
        return Spectrum(values, left)

    return features.memo("spectrum", make)


def singular_entropy(values: Floats) -> tuple[Floats, float]:
    """Shares (k,) of the singular values, sqrt of the eigenvalues (k,), in their sum, and the entropy of these shares.

    Its exponential is the effective rank (Roy and Vetterli, EUSIPCO 2007): 1 where all samples lie on a line, k where
    all directions are alike.
    """
    shares = np.sqrt(values / values.sum())
    shares /= shares.sum()
    return shares, -float(shares @ np.log(shares))


def projection(features: FeatureSet, kernels: Kernels | None = None, *, centred: bool = True) -> Projection:
    """Project the target on all directions of all samples; ``centred=False`` leaves both means in.

    Cost O(n k K) after the spectrum, once for all measures; uncentred O(n d + k^3) more.
    """
    values, left = spectrum(features, kernels)
    targets = features.target.matrix
    along = features.memo("along", lambda: left.T @ targets)
    if centred:
        return Projection(features.n, features.n - 1, values, along, *_sizes(targets, centred=True))
    # Rows are (U sqrt s + V'mean, rest of the mean): U sums to zero, so the scatter is diagonal plus rank one.
    mean = _mean_coordinates(features, values, left)
    scatter = np.diag(np.append(values, 0.0)) + features.n * np.outer(mean, mean)
    cross = np.vstack([np.sqrt(values)[:, None] * along, np.zeros(along.shape[1])])
    cross += np.outer(mean, targets.sum(axis=0))
    return projected(features.n, features.n, scatter, cross, _sizes(targets, centred=False))


def halves(
    features: FeatureSet,
    seed: int,
    kernels: Kernels | None = None,
    *,
    centred: bool = True,
    intervals: bool = True,
) -> list[Projection]:
    """Project the target on the directions of every half-sample, within the leading components of all samples.

    Only the LEADING first principal components of the full sample are kept: 100 decompositions in all d
    dimensions would cost more than everything else together, and replicates serve for their spread only.
    Cost O(R (n p^2 + p^3)) for R halves and p = min(k, LEADING); measures share the result. There are none where
    no ``intervals`` are asked for.
    """

    def make() -> list[Projection]:
        values, left = spectrum(features, kernels)
        values, left = values[:LEADING], left[:, :LEADING]
        mean = None if centred else _mean_coordinates(features, values, left)
        targets, scale = features.target.matrix, np.sqrt(values)
        # Only the rows of one half at a time: all of them would be the largest array besides the spectrum.
        return [_of_rows(left[h] * scale, targets[h], mean) for h in half_samples(features, seed)]

    return features.memo(("halves", seed, centred), make) if intervals else []


def _mean_coordinates(features: FeatureSet, values: Floats, left: Floats) -> Floats:
    """Return V'mean for the right vectors that belong to ``left``, and the length of the mean outside of them."""
    mean = features.features.mean(axis=0, dtype=np.float64)
    inside = left.T @ (features.features @ mean) / np.sqrt(values)
    outside = np.sqrt(max(mean @ mean - inside @ inside, 0.0))
    return np.append(inside, outside)


def _of_rows(rows: Floats, targets: Floats, mean: Floats | None) -> Projection:
    """Project on rows about the mean of all samples; ``mean``, where it is given, is put back instead of taken out."""
    n, centred = len(rows), mean is None
    if mean is not None:
        rows = np.column_stack([rows + mean[:-1], np.full(n, mean[-1])])
    scatter, cross = rows.T @ rows, rows.T @ targets
    if centred:
        sums = rows.sum(axis=0)
        scatter -= np.outer(sums, sums) / n
        cross -= np.outer(sums, targets.sum(axis=0)) / n
    return projected(n, n - centred, scatter, cross, _sizes(targets, centred=centred))


def projected(n: int, free: int, scatter: Floats, cross: Floats, sizes: tuple[Floats, Floats]) -> Projection:
    """Projection of n samples known by their F'F (k, k) and F'Y (k, K) alone; ``sizes`` are norms and totals."""
    values, vectors = np.linalg.eigh(scatter)
    kept = np.flatnonzero(values > np.finfo(np.float64).eps * max(n, len(values)) * values[-1])[::-1][:free]
    along = vectors[:, kept].T @ cross / np.sqrt(values[kept])[:, None]
    return Projection(n, free, values[kept], along, *sizes)


def _sizes(targets: Floats, *, centred: bool) -> tuple[Floats, Floats]:
    """Return ``norms`` and ``totals`` of a Projection; constant columns have no length, not one of rounding."""
    about = targets - targets.mean(axis=0) if centred else targets
    varies = targets.min(axis=0) < targets.max(axis=0)
    return np.where(varies, np.square(about).sum(axis=0), 0.0), targets.sum(axis=0)
