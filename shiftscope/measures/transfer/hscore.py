"""H-score: how much of what separates the classes lies along the features, relative to their whole spread."""

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
from shiftscope.measures._resampling import from_draws
from shiftscope.measures._spectrum import LEADING, Projection, halves, projection, spectrum
from shiftscope.measures._targets import demand_classes

__all__ = ["MIN_SAMPLES", "hscore", "point"]

Floats = NDArray[np.float64]
Variant = Literal["adjusted", "raw", "shrinkage"]

# With fewer samples for each component the correction divides by next to nothing, above all in half-samples.
SAMPLES_PER_COMPONENT = 2
# Then principal components stand in, which lose a signal among louder noise: enough of them to find it, and no more.
SAMPLES_PER_LEADING = 5
MIN_SAMPLES = 10


@measure(
    asks="How far apart do the features put the classes, relative to their whole spread?",
    kind="transfer",
    better="higher",
    unit="sum of squared canonical correlations, at most C - 1",
    needs=("classes",),
    null="0 on average (adjusted)",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Bao et al., ICIP 2019; shrinkage: Ibrahim, Ponomareva and Mazumder, ECML 2022; adjusted as R2 is",
)
def hscore(
    features: FeatureSet,
    *,
    variant: Variant = "adjusted",
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """H-score, tr(S^-1 S_B) with S the covariance of the features and S_B that of their class means.

    On k principal components of F = U diag(sqrt s) V' it is H = sum_c |U'y_c|^2 / n_c, y_c the indicator of class
    c. Labels at random give k(C - 1)/(n - 1), up to its bound C - 1 when k reaches n - 1. As the adjusted R2
    takes that out of R2, the adjusted H-score is (C - 1)[1 - (1 - H/(C - 1))(n - 1)/(n - k - 1)].

    Parameters
    ----------
    features
        Labelled with classes.
    variant
        ``"adjusted"``: all components while they are at most n/2, otherwise the first min(256, n/5) principal
        ones. ``"raw"``: H on all components. ``"shrinkage"``: (1 - a) tr(S_a^-1 S_B) on all components with
        S_a = (1 - a) S + a tr(S)/d I and the Ledoit-Wolf intensity a.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        ``details``: ``components`` k; ``per_class``, the value over C - 1, for comparisons between targets;
        ``null``, what labels at random give on average (None for shrinkage, where it is not known); ``saturated``
        (raw), whether H is at its bound whatever the labels; ``intensity`` (shrinkage).
        The interval comes from half-samples, for every variant within at most the 256 leading components;
        ``intensity`` is not fitted again there.

    Raises
    ------
    NotApplicableError
        If there is one class only, a class with one sample, fewer than 10 samples, or features do not vary.

    Notes
    -----
    O(n k C) after the shared decomposition.

    Fails when classes differ in more than their means; raw or with shrinkage, in comparisons between feature
    dimensions: both grow with d; and adjusted, when there are fewer than two samples a dimension and the classes
    differ in directions of little variance, which the leading components leave out.
    """
    demand_classes(features)
    if features.n < MIN_SAMPLES:
        raise NotApplicableError(f"hscore needs {MIN_SAMPLES} samples; {features.name} has {features.n}.")
    whole = projection(features, kernels)
    intensity, spread = _ledoit_wolf(features, kernels) if variant == "shrinkage" else (0.0, 0.0)
    value, details = point(whole, variant, intensity, spread)
    fewer = _components_of_halves(_affordable(whole), features.n)
    parts = halves(features, seed_of(rng), kernels, intervals=intervals)
    draws = [_score(half, min(fewer, len(half.values)), variant, intensity, spread) for half in parts]
    floor = -np.inf if variant == "adjusted" else 0.0
    return from_draws(value, np.array(draws), details, bounds=(floor, features.target.n_classes - 1))


def point(whole: Projection, variant: Variant, intensity: float = 0.0, spread: float = 0.0) -> tuple[float, Details]:
    """Return value and details of the samples that ``whole`` projects; S is shrunk as in :func:`_shrunk`."""
    bound = int((whole.totals > 0).sum()) - 1
    k = _affordable(whole) if variant == "adjusted" else len(whole.values)
    value = min(_score(whole, k, variant, intensity, spread), float(bound))
    details: Details = {"components": k, "per_class": value / bound}
    if variant == "adjusted":
        details |= {"null": 0.0, "raw": _shrunk(whole, k)}
    elif variant == "raw":
        details |= {"null": k * bound / (whole.n - 1), "saturated": value > (1 - 1e-6) * min(bound, k)}
    else:
        details |= {"null": None, "intensity": intensity}
    return value, details


def _affordable(whole: Projection) -> int:
    """Components of the adjusted form: all of them where samples allow it, otherwise the leading ones."""
    rank = len(whole.values)
    return rank if SAMPLES_PER_COMPONENT * rank <= whole.n else min(LEADING, whole.n // SAMPLES_PER_LEADING)


def _components_of_halves(k: int, n: int) -> int:
    """Components for half-samples: a third of ``k``, unless ``k`` is small against n anyway.

    The part of the variance of H that comes from fitting k directions falls with 1/n^2, and the spread between
    halves shows v(n/2) - v(n) = 3 v(n) of it; it is proportional to k, so a third of the directions shows v(n).
    """
    return min(k, max(k // 3, n // 30, 1))


def _score(part: Projection, k: int, variant: Variant, intensity: float, spread: float) -> float:
    h = _shrunk(part, k, intensity, spread)
    return _adjusted(h, part, k) if variant == "adjusted" else h


def _shrunk(part: Projection, k: int, intensity: float = 0.0, spread: float = 0.0) -> float:
    """H on the first ``k`` components with S shrunk towards ``spread`` times the identity."""
    present = part.totals > 0
    explained = (np.square(part.along[:k, present]) / part.totals[present]).sum(axis=1)
    kept = (1 - intensity) * part.values[:k] / part.n
    return float((explained * kept / (kept + intensity * spread)).sum())


def _adjusted(h: float, part: Projection, k: int) -> float:
    bound = int((part.totals > 0).sum()) - 1
    # Half of few groups may hold one class, or hardly more samples than components: then it says nothing.
    if bound < 1 or part.n - k < 2:
        return 0.0
    return bound * (1 - (1 - h / bound) * (part.n - 1) / (part.n - k - 1))


def _ledoit_wolf(features: FeatureSet, kernels: Kernels | None) -> tuple[float, float]:
    """Shrinkage intensity (Ledoit and Wolf, J. Multivariate Analysis 2004) and tr(S)/d, in O(n k).

    The fourth moments need only the length of every row: sum_i |x_i x_i' - S|^2 = sum_i |x_i|^4 - n |S|^2.
    """
    values, left = spectrum(features, kernels)
    n, d = features.n, features.d
    lengths = np.einsum("ij,ij,j->i", left, left, values)
    size = float(np.square(values / n).sum())
    spread = float(values.sum()) / n / d
    error = (float(np.square(lengths).mean()) - size) / n
    distance = size - spread**2 * d
    intensity = min(max(error / distance, 0.0), 1.0) if distance > 0 else 0.0
    return intensity, spread
