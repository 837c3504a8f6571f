"""CKA: whether samples that are similar to the backbone are similar in their labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._spectrum import LEADING, halves, spectrum
from shiftscope.measures._targets import usable_targets

__all__ = ["cka"]

Floats = NDArray[np.float64]

MIN_SAMPLES = 10
# Half-samples of classes of 2 hold no two samples of one class.
MIN_PER_CLASS = 3
# Fewer samples have no pairs left once the means of rows and columns are taken out.
LEAST_HALF = 4
ROUNDING = 1e-12


@measure(
    asks="Are samples that are similar to the backbone similar in their labels?",
    kind="transfer",
    better="higher",
    unit="correlation of two similarities",
    needs=("labels",),
    bounds=(-1.0, 1.0),
    null="0 on average, values below 0 included",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Kornblith et al., ICML 2019 (linear CKA), with the unbiased HSIC_1 of Song et al., JMLR 2012",
)
def cka(features: FeatureSet, *, rng: RngLike = None, kernels: Kernels | None = None) -> Estimate:
    """Centred kernel alignment of features and labels, both kernels linear, without bias.

    CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with K = FF' and L = YY'. For centred F and Y with squared row
    lengths k and l, the unbiased HSIC_1 is, up to a factor that cancels,

        |F'Y|^2 - n k'l/(n - 2) + sum(k) sum(l)/((n - 1)(n - 2)):

    the pairs of a sample with itself are left out. Over all permutations of the labels its mean is exactly 0;
    the usual CKA is above 0 there, by more the higher the feature dimension.

    Parameters
    ----------
    features
        Labels of any kind: classes (one-hot), several labels, or real values, every real column divided by its
        standard deviation.

    Returns
    -------
    Estimate
        ``details``: ``n_labels``, the columns of the target that vary. The interval comes from half-samples within
        the 256 leading principal components; where there is nothing to find it is too wide, by about 2.

    Raises
    ------
    NotApplicableError
        If nothing varies in the target or in the features, a class has one sample, there are fewer than 10
        samples or 3 per class on average, or all pairs of samples are equally similar.

    Notes
    -----
    O(n k K) after the shared decomposition; no n x n matrix unless n < d, where it is the shared one.

    Fails when one class or one direction is much larger than all others: similarities are not divided by the
    spread, so the value is then about these (``gbc`` weighs pairs of classes alike, ``hscore`` directions). Also
    when near-copies share a label: they agree in both similarities.
    """
    targets = _scaled(features)
    values, left = spectrum(features, kernels)
    if features.n < max(MIN_SAMPLES, MIN_PER_CLASS * features.target.n_classes):
        raise NotApplicableError(
            f"cka needs {MIN_SAMPLES} samples and {MIN_PER_CLASS} per class on average; {features.name} has "
            f"{features.n}."
        )
    value = _alignment(left * np.sqrt(values), targets, np.square(values).sum())
    if value is None:
        raise NotApplicableError(f"all pairs of samples of {features.name} are equally similar in features or labels.")
    seed = seed_of(rng)
    rows = left[:, :LEADING] * np.sqrt(values[:LEADING])
    parts = zip(half_samples(features, seed), halves(features, seed, kernels), strict=True)
    draws = [_alignment(rows[h], targets[h], np.square(part.values).sum()) or 0.0 for h, part in parts]
    details: Details = {"n_labels": targets.shape[1]}
    return from_draws(value, np.array(draws), details, bounds=(-1.0, 1.0))


def _scaled(features: FeatureSet) -> Floats:
    """The columns of the target that vary; real ones without their units."""
    targets = usable_targets(features)
    return targets / targets.std(axis=0) if features.target.kind == "real" else targets


def _alignment(rows: Floats, targets: Floats, square: float) -> float | None:
    """Unbiased CKA of ``rows`` (n, k), |F'F|^2 given as ``square``; None where there are no pairs to compare."""
    if len(rows) < LEAST_HALF:
        return None
    x, y = rows - rows.mean(axis=0), targets - targets.mean(axis=0)
    k, l = np.square(x).sum(axis=1), np.square(y).sum(axis=1)
    same = [(square, k), (np.square(y.T @ y).sum(), l)]
    within = [_hsic(inner, lengths, lengths) for inner, lengths in same]
    if any(spread <= ROUNDING * inner for spread, (inner, _) in zip(within, same, strict=True)):
        return None
    between = _hsic(np.square(x.T @ y).sum(), k, l)
    return float(np.clip(between / np.sqrt(within[0] * within[1]), -1.0, 1.0))


def _hsic(inner: float, k: Floats, l: Floats) -> float:
    """n(n - 3) HSIC_1 of centred rows from |F'Y|^2 and the squared lengths of rows."""
    n = len(k)
    return float(inner - n / (n - 2) * (k @ l) + k.sum() * l.sum() / ((n - 1) * (n - 2)))
