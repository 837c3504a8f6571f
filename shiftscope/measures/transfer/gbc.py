"""GBC: how much the classes overlap in the leading directions of the features, each class one Gaussian."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._permuted_labels import permuted_classes
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import demand_classes

__all__ = ["gbc"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Variant = Literal["diagonal", "spherical"]

COMPONENTS = 64
MIN_SAMPLES = 10
# Half-samples of classes of 2 show nothing of the variance within classes, and so nothing of the score's own spread.
MIN_PER_CLASS = 3
# The null then varies by a sixth of what it varies between permutations.
PERMUTATIONS = 40


@measure(
    asks="How little do the classes overlap as Gaussians, every pair of classes counting alike?",
    kind="transfer",
    better="higher",
    unit="minus the mean overlap of two classes, in units of that under labels at random",
    needs=("classes",),
    bounds=(None, 0.0),
    null="-1 on average (corrected)",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Pandy et al., CVPR 2022 (GBC); divided by the same under permuted labels",
)
def gbc(
    features: FeatureSet,
    *,
    variant: Variant = "diagonal",
    corrected: bool = True,
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Gaussian Bhattacharyya coefficient: the mean of -exp(-D_B) over pairs of classes, against labels at random.

    On k principal components, class i having the mean m_i and the variances S_i along them, and S = (S_i + S_j)/2,

        D_B(i, j) = (m_i - m_j)' S^-1 (m_i - m_j)/8 + [ln|S| - ln|S_i|/2 - ln|S_j|/2]/2.

    The mean over pairs lies in [-1, 0] whatever the number of classes; the published score is the sum over ordered
    pairs, in [-C(C - 1), 0]. Classes are balanced by construction: a pair of small ones counts as one of large ones.

    Labels at random do not give -1, because means and variances differ by chance: by about k/(2 n_c) in D_B, more
    for heavy tails (measured: -0.85 at n = 2 000, C = 10 and -0.6 at C = 100; with all 64 components -0.2). The
    mean is therefore divided by its own mean over 40 permutations of the labels, on the same components: at -1
    classes overlap as labels at random do, at 0 not at all.

    Parameters
    ----------
    features
        Labelled with classes.
    variant
        ``"diagonal"``: a class has one variance along every component. ``"spherical"``: their mean along all.
    corrected
        False: the mean of -exp(-D_B) itself, in [-1, 0]; its null is in ``details``.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        ``details``: ``components`` k, at most 64 and at most the mean number of samples per class; ``raw``, the
        mean of -exp(-D_B); ``sum``, the published sum of it; ``null``, ``raw`` under permuted labels (of whole
        groups, where there are groups); ``worst_pair``, the two classes that overlap most, and ``worst_overlap``,
        their exp(-D_B). The interval comes from half-samples within the same components, on the scale of
        ln(-value); near the null it is too wide, by up to 2.

    Raises
    ------
    NotApplicableError
        If there is one class only, a class with one sample, fewer than 10 samples or 3 per class on average, or
        features that do not vary.

    Notes
    -----
    O(n k + C^2 k) for the value, each of 40 permutations and each of 100 half-samples, after the shared
    decomposition.

    A class of few samples would look narrow by chance, so the pooled variance within classes counts as one more
    sample of each, and the variance of all samples as one more of those pooled. That is the floor: classes of 2
    samples rest on it, it is lost in the noise at 20, and it has the scale of the features.

    Fails when a class is more than one cloud, and when leading components do not hold what separates the classes.
    """
    demand_classes(features)
    n_classes = features.target.n_classes
    if features.n < max(MIN_SAMPLES, MIN_PER_CLASS * n_classes):
        raise NotApplicableError(
            f"gbc needs {MIN_SAMPLES} samples and {MIN_PER_CLASS} per class on average; {features.name} has "
            f"{features.n}."
        )
    values, left = spectrum(features, kernels)
    k = min(COMPONENTS, len(values), features.n // n_classes)
    rows, codes, seed = left[:, :k] * np.sqrt(values[:k]), features.target.values, seed_of(rng)
    whole = values[:k] / features.n
    distances = _distances(rows, codes, whole, variant)
    raw = _log_mean_overlap(distances)
    permuted = permuted_classes(features, seed, PERMUTATIONS)
    null = _log_mean_overlap(-np.array([_log_mean_overlap(_distances(rows, p, whole, variant)) for p in permuted]))
    halves = half_samples(features, seed, intervals=intervals)
    draws = [_log_mean_overlap(_distances(rows[half], codes[half], whole, variant)) for half in halves]
    overlap = float(np.exp(raw))
    details: Details = {
        "components": k,
        "raw": -overlap,
        "sum": -2 * len(distances) * overlap,
        "null": -float(np.exp(null)),
    }
    details |= _worst(distances, features.target.class_names)
    level = null if corrected else 0.0
    return _negative_exp(raw - level, np.array(draws), details, most=-level)


def _distances(rows: Floats, codes: Codes, whole: Floats, variant: Variant) -> Floats:
    """D_B of all pairs (P,) of the classes that occur, in the order of ``np.triu_indices``."""
    means, variances = _gaussians(rows, codes, whole)
    if variant == "spherical":
        variances = np.broadcast_to(variances.mean(axis=1, keepdims=True), variances.shape)
    logs = np.log(variances).sum(axis=1) / 2
    # Half of few groups may hold one class: it then says no more than two equal ones would.
    found = [np.zeros(int(len(means) == 1))]
    for i in range(len(means) - 1):
        between = (variances[i] + variances[i + 1 :]) / 2
        apart = (np.square(means[i] - means[i + 1 :]) / between).sum(axis=1) / 8
        found.append(apart + (np.log(between).sum(axis=1) - logs[i] - logs[i + 1 :]) / 2)
    return np.maximum(np.concatenate(found), 0.0)


def _gaussians(rows: Floats, codes: Codes, whole: Floats) -> tuple[Floats, Floats]:
    """Means and variances (C, k) of the classes that occur; ``whole`` (k,) are the variances of all samples.

    The pooled variance within classes counts as one more sample of every class, the whole one as one more of these.
    """
    order = np.argsort(codes, kind="stable")
    _, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    ordered, sizes = rows[order], counts[:, None]
    means = np.add.reduceat(ordered, starts) / sizes
    squares = np.add.reduceat(np.square(ordered - np.repeat(means, counts, axis=0)), starts)
    pooled = (squares.sum(axis=0) + whole) / (len(rows) - len(means) + 1)
    return means, (squares + pooled) / sizes


def _log_mean_overlap(distances: Floats) -> float:
    """Log of the mean of exp(-D_B), also where every exp(-D_B) is too small for a float."""
    nearest = distances.min()
    return float(np.log(np.exp(nearest - distances).mean()) - nearest)


def _worst(distances: Floats, names: tuple[str, ...]) -> Details:
    place = int(np.argmin(distances))
    i, j = (int(side[place]) for side in np.triu_indices(len(names), 1))
    return {"worst_pair": [names[i], names[j]], "worst_overlap": float(np.exp(-distances[place]))}


def _negative_exp(log_overlap: float, draws: Floats, details: Details, most: float) -> Estimate:
    """Estimate of -exp(log_overlap): overlaps are skewed, their logarithms hardly; ``most`` is that of no distance."""
    logs = from_draws(log_overlap, draws, details, bounds=(-np.inf, most))
    if logs.low is None or logs.high is None or logs.draws is None:
        return logs.model_copy(update={"value": -float(np.exp(log_overlap))})
    low, value, high = (-float(np.exp(end)) for end in (logs.high, logs.value, logs.low))
    replicates = -np.exp(np.minimum(logs.draws, most))
    return logs.model_copy(update={"value": value, "low": low, "high": high, "draws": replicates})
