"""RankMe: over how many directions the features are spread, whatever the labels."""

from __future__ import annotations

import numpy as np

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._spectrum import singular_entropy, spectrum

__all__ = ["rankme"]


@measure(
    asks="Over how many directions are the features spread, whatever the labels?",
    kind="transfer",
    better="higher",
    unit="directions",
    bounds=(1.0, None),
    null="none: labels are not read; 1 when all features lie on a line",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Garrido et al., ICML 2023, eq. 1, on centred features; effective rank: Roy and Vetterli, EUSIPCO 2007",
    warning="It does not read the labels: only for breaking ties between backbones of one feature dimension.",
)
def rankme(features: FeatureSet, *, rng: RngLike = None, kernels: Kernels | None = None) -> Estimate:
    """Effective rank of the centred features, the exponential of the entropy of their singular values.

    With singular values sigma_j of F - mean and p_j = sigma_j / sum(sigma), it is exp(-sum_j p_j ln p_j), between
    1 (all features on a line) and min(n - 1, d) (all directions alike).

    Parameters
    ----------
    features
        Labels, if any, are not read.

    Returns
    -------
    Estimate
        ``details``: ``rank`` of the features; ``share``, the value over min(n - 1, d), its greatest possible one.
        The interval is about features of as many samples as there are: more samples give a higher value.

    Raises
    ------
    NotApplicableError
        If features do not vary.

    Notes
    -----
    O(n k) after the shared decomposition. Replicates need no decomposition: weights w on the samples change
    ln sigma_j by sum_i (w_i - 1) u_ij^2 / 2, so sample i contributes -sum_j p_j (ln p_j + H) u_ij^2 / 2 to the
    entropy H, and half-samples are weights of 2 and 0.

    Fails when backbones of different dimension, or data sets of different size, are compared: it grows with d and
    with n; and when features are spread by noise, which is spread over all directions.
    """
    values, left = spectrum(features, kernels)
    shares, entropy = singular_entropy(values)
    influence = np.square(left) @ (shares * (np.log(shares) + entropy)) / -2
    value = float(np.exp(entropy))
    weights = 2.0 * half_samples(features, seed_of(rng)) - 1.0
    details: Details = {"rank": len(values), "share": value / min(features.n - 1, features.d)}
    return from_draws(value, value * np.exp(weights @ influence), details, bounds=(1.0, np.inf))
