"""N-LEEP: LEEP for networks without a head, with the components of a Gaussian mixture in place of source classes."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, derive, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._assignments import estimate_of, likelihoods
from shiftscope.measures._declare import measure
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import demand_classes

__all__ = ["nleep"]

Floats = NDArray[np.float64]

N_SEEDS = 5
ENERGY = 0.8
COMPONENTS_PER_CLASS = 5
SAMPLES_PER_COMPONENT = 10
# Added to every variance of a component, in units of the mean variance along the directions kept.
LEAST_VARIANCE = 1e-3


@measure(
    asks="Do the clusters that the features form hold one class each?",
    kind="transfer",
    better="higher",
    unit="nats/sample",
    needs=("classes",),
    bounds=(None, 0.0),
    null="-H(Y), the entropy of the class shares (held out); details.balanced is 0 there",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Li et al., CVPR 2021 (N-LEEP); P(y|z) held out, mean over 5 mixtures",
    warning=(
        "Depends on the seed of its mixtures: do not use it to choose between candidates that lie within its interval, "
        "nor in a gate."
    ),
)
def nleep(
    features: FeatureSet,
    *,
    variant: Literal["held_out", "published"] = "held_out",
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """LEEP on the responsibilities of a Gaussian mixture, averaged over five mixtures with different seeds.

    The features are projected on the fewest principal directions that hold 80 % of their variance. A mixture with
    diagonal covariances and min(5 C, n/10) components is fitted there, without labels, and a sample's
    responsibilities take the place of the source head's probabilities: the score is the mean of
    ln sum_z P(y|z) r_z(x).

    Parameters
    ----------
    features
        Labelled with classes.
    variant
        ``"held_out"``: P(y|z) counted on the other nine folds, as in LEEP. ``"published"``: on all samples, which
        lifts labels at random above -H(Y). The mixture has seen all features either way, and labels never.

    Returns
    -------
    Estimate
        In nats per sample. The interval holds the spread between samples and that between seeds. ``losses`` are
        means over seeds. ``details``: ``published``; ``entropy``, H(Y); ``balanced``, 1 + NLEEP/H(Y);
        ``seed_spread``, the standard deviation between mixtures; ``components``; ``dimensions``; ``converged``,
        how many of the five mixtures did within 100 steps.

    Raises
    ------
    NotApplicableError
        If there is one class, a class with one sample, one group only, fewer than 20 samples, or features do not
        vary.

    Notes
    -----
    O(S I n K r) after the shared decomposition, for S = 5 seeds, I steps, K components and r dimensions.

    Fails when samples are fewer than a few per class and component, when classes do not form clusters, and in
    comparisons between numbers of components: those of small targets are fewer.
    """
    demand_classes(features)
    n, seed = features.n, seed_of(rng)
    n_components = min(COMPONENTS_PER_CLASS * features.target.n_classes, n // SAMPLES_PER_COMPONENT)
    if n_components < 2:
        raise NotApplicableError(f"nleep needs {2 * SAMPLES_PER_COMPONENT} samples; {features.name} has {n}.")
    rows = _leading_rows(*spectrum(features, kernels))
    fitted = [_responsibilities(rows, n_components, derive(str(seed), "mixture", str(i))[0]) for i in range(N_SEEDS)]
    seen = [likelihoods(assigned, features, seed) for assigned, _ in fitted]
    published = variant == "published"
    means = [float((s.in_sample if published else s.held_out).mean()) for s in seen]
    details: Details = {
        "seed_spread": float(np.std(means, ddof=1)),
        "components": n_components,
        "dimensions": rows.shape[1],
        "converged": sum(converged for _, converged in fitted),
    }
    return estimate_of(seen, features, seed, published=published, details=details)


def _leading_rows(values: Floats, left: Floats) -> Floats:
    """Samples along the fewest principal directions with ENERGY of the variance, at a mean variance of 1."""
    # Rounding may keep a cumulative sum that is exactly at the limit below it.
    kept = int(np.searchsorted(np.cumsum(values), ENERGY * values.sum() * (1 - 1e-9))) + 1
    rows: Floats = left[:, :kept] * np.sqrt(values[:kept] / values[:kept].mean() * len(left))
    return rows


def _responsibilities(rows: Floats, n_components: int, seed: int) -> tuple[Floats, bool]:
    """Responsibilities (n, K) of a mixture fitted to ``rows``, and whether the fit converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(n_components, covariance_type="diag", reg_covar=LEAST_VARIANCE, random_state=seed)
    with warnings.catch_warnings():  # what it warns of is told in the details
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(rows)
    return mixture.predict_proba(rows), bool(mixture.converged_)
