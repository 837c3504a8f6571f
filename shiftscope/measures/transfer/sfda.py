"""SFDA: how surely a Fisher discriminant recovers the labels it was fitted to, once samples were moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of, stream
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._discriminant import class_means, discriminants, shrunk, whitening, within_classes
from shiftscope.measures._held_out import log_softmax
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import usable_targets

__all__ = ["sfda"]

Floats = NDArray[np.float64]

LEAST_SHRINKAGE = 1e-10
# Directions of half-samples: with more of them halves would be at 1 long before all samples are.
COMPONENTS = 64
SAMPLES_PER_COMPONENT = 10
# What was not seen in n samples happens with a probability of up to 3/n (level 95 %).
RULE_OF_THREE = 3.0


@measure(
    asks="How surely does a Fisher discriminant recover the very labels it was fitted to?",
    kind="transfer",
    better="higher",
    unit="mean probability of the right class, in sample",
    needs=("classes",),
    bounds=(0.0, 1.0),
    null="not fixed: rises towards 1 with d/n whatever the labels; details give it for permuted ones",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Shao et al., ECCV 2022 (SFDA), with features at mean variance 1",
    warning="It is scored on the samples it was fitted to: with n <= d permuted labels score as true ones do, "
    "close to 1. Never in a gate, nor to compare features of different dimension.",
)
def sfda(features: FeatureSet, *, rng: RngLike = None, kernels: Kernels | None = None) -> Estimate:
    """Mean probability p(y_i | x_i) under a regularised discriminant of samples that were drawn off their class.

    1. From the class means m_c and the covariance W within classes, S = (1 - a) W + a tr(W)/k I with
       a = max(exp(-5 s), 1e-10), s the largest eigenvalue of W, and p(c | x) proportional to
       n_c exp(x'S^-1 m_c - m_c'S^-1 m_c/2).
    2. A sample is moved towards the mean of the means of all other classes, the further the less it is trusted:
       x <- t x + (1 - t) sum_{c != y} m_c/(C - 1), where t is the softmax of its probabilities at y.
    3. Means and W of the moved samples give their probabilities, with the same a.

    As published, a depends on the units of the features. Here they have mean variance 1 in the k directions in
    which they vary: the scale of features after batch or layer normalisation, at which a hardly shrinks.

    Parameters
    ----------
    features
        Labelled with classes.

    Returns
    -------
    Estimate
        ``losses``: 1 - p(y_i | x_i). ``details``: ``shrinkage`` a; ``null``, the value once the labels are permuted;
        ``rank`` k. The interval comes from half-samples, fitted anew in the first min(64, n/10) directions: it is
        about the value of as many samples as there are. It is too wide where the classes do not differ, and
        reaches 3/n below a value of 1.

    Raises
    ------
    NotApplicableError
        If there is one class only, a class with one sample, or features do not vary.

    Notes
    -----
    All generalised eigenvectors of the published form enter as their outer product, which is S^-1: a Cholesky
    factor takes their place. O(n k^2 + k^3), as much again for ``null``, and O(n p^2 + p^3) for each of 100
    halves in p <= 64 directions.

    Fails when samples are few against dimensions: compare with ``null``, or use ``lda``, which is held out.
    """
    onehot = usable_targets(features)
    values, left = spectrum(features, kernels)
    rows = left * np.sqrt(values * features.n / values.mean())
    seed = seed_of(rng)
    chances, shrinkage = _of_labels(rows, onehot)
    permuted = onehot[stream(seed, "permuted labels").permutation(features.n)]
    null = float(_of_labels(rows, permuted)[0].mean())
    details: Details = {"shrinkage": shrinkage, "null": null, "rank": len(values)}
    leading = rows[:, : max(min(COMPONENTS, features.n // SAMPLES_PER_COMPONENT), 1)]
    draws = [_of_half(leading[half], onehot[half]) for half in half_samples(features, seed)]
    made = from_draws(float(chances.mean()), np.array(draws), details, bounds=(0.0, 1.0))
    assert made.low is not None
    low = min(made.low, 1.0 - RULE_OF_THREE / features.n)
    return made.model_copy(update={"low": max(low, 0.0), "losses": 1.0 - chances})


def _of_half(rows: Floats, onehot: Floats) -> float:
    """The value of the classes that a half has; 0 where half of few groups holds one class and says nothing."""
    present = onehot.any(axis=0)
    return float(_of_labels(rows, onehot[:, present])[0].mean()) if present.sum() > 1 else 0.0


def _of_labels(rows: Floats, onehot: Floats) -> tuple[Floats, float]:
    """Probability of every sample's label (n,) after samples were moved, and the shrinkage."""
    means, within = _fit(rows, onehot)
    shrinkage = max(float(np.exp(-5 * np.linalg.eigvalsh(within)[-1])), LEAST_SHRINKAGE)
    first = _chances(rows, onehot, means, shrunk(within, shrinkage))
    trust = (np.exp(log_softmax(first)) * onehot).sum(axis=1, keepdims=True)
    others = (means.sum(axis=0) - means) / (len(means) - 1)
    moved = trust * rows + (1 - trust) * (onehot @ others)
    means, within = _fit(moved, onehot)
    second = _chances(moved, onehot, means, shrunk(within, shrinkage))
    return (second * onehot).sum(axis=1), shrinkage


def _fit(rows: Floats, onehot: Floats) -> tuple[Floats, Floats]:
    means = class_means(rows, onehot)
    return means, within_classes(rows.T @ rows, means, onehot.sum(axis=0)) / len(rows)


def _chances(rows: Floats, onehot: Floats, means: Floats, covariance: Floats) -> Floats:
    """Probabilities (n, C) of all classes."""
    root = whitening(covariance, spread=1.0)
    chances: Floats = np.exp(log_softmax(discriminants(rows, means, root) + np.log(onehot.mean(axis=0))))
    return chances
