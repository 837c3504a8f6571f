"""TransRate: how many nats knowing the class saves when the features are coded."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._permuted_labels import permuted_classes
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._spectrum import LEADING, spectrum
from shiftscope.measures._targets import demand_classes

__all__ = ["transrate"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

PERMUTATIONS = 5
PERMUTATIONS_OF_HALVES = 2


@measure(
    asks="How many nats does knowing the class save when the features are coded?",
    kind="transfer",
    better="higher",
    unit="nats/sample",
    needs=("classes",),
    null="0 on average, values below 0 included",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Huang et al., ICML 2022 (TransRate), classes about their own means; gain over permuted labels",
    warning=(
        "Its size depends on eps, on the feature dimension and on the samples per class, and nothing is held out: "
        "do not compare backbones of different dimension by it."
    ),
)
def transrate(
    features: FeatureSet,
    *,
    eps: Annotated[float, Field(gt=0)] = 0.1,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """What the class saves of the coding rate of the features, more than labels at random do.

    With the features centred and scaled to a mean squared length of 1, the rate of n rows Z is

        R(Z) = ln|I + Z'Z/(n eps)|/2,

    and the value is the mean over permuted labels of sum_c (n_c/n) R(F_c) minus the same for the true labels, F_c
    being the rows of class c about their own mean.

    The published score R(F) - sum_c (n_c/n) R(F_c) leaves F_c about the common mean. Two classes of equal size are
    then as far from it as each other, both rates keep the whole distance between their means, and nothing is
    saved: with n = 200 and d = 300 classes that a ridge probe tells apart score below permuted labels. It is in
    ``details``, as ``rate``.

    Parameters
    ----------
    features
        Labelled with classes.
    eps
        Distortion in units of the total variance of the features. The published convention tr(F'F) = 1 with 1e-4 is
        an ``eps`` of n * 1e-4: 0.1 at n = 1 000, and more samples would send every score to 0.

    Returns
    -------
    Estimate
        In nats per sample. ``details``: ``rate``, the published score; ``rate_null``, the same under permuted
        labels, which is far above 0 where n_c < d; ``rank`` of the features. The interval comes from half-samples
        within the 256 leading principal components; near the null it is too wide, by about 2.

    Raises
    ------
    NotApplicableError
        If there is one class only, a class with one sample, or features that do not vary.

    Notes
    -----
    O(n k min(n_c, k)) after the shared decomposition, for 6 labellings, and for 300 of half-samples with k at most
    256; the Gram matrix of a class is n_c x n_c where n_c < k.

    Fails when backbones of different feature dimension, or data sets, are compared: the value depends on d and n_c.
    """
    demand_classes(features)
    values, left = spectrum(features, kernels)
    rows = left * np.sqrt(values * (features.n / values.sum() / eps))
    codes, seed = features.target.values, seed_of(rng)
    permuted = permuted_classes(features, seed, PERMUTATIONS)
    whole = float(np.log1p(values / values.sum() / eps).sum()) / 2
    details: Details = {
        "rate": whole - _within(rows, codes, own_means=False),
        "rate_null": whole - float(np.mean([_within(rows, p, own_means=False) for p in permuted])),
        "rank": len(values),
    }
    leading = rows[:, :LEADING]
    few = permuted[:PERMUTATIONS_OF_HALVES]
    draws = [_gain(leading[h], codes[h], few[:, h]) for h in half_samples(features, seed)]
    return from_draws(_gain(rows, codes, permuted), np.array(draws), details)


def _gain(rows: Floats, codes: Codes, permuted: Codes) -> float:
    return float(np.mean([_within(rows, labels) for labels in permuted])) - _within(rows, codes)


def _within(rows: Floats, codes: Codes, *, own_means: bool = True) -> float:
    """Sum of (n_c/n) R(F_c) over the classes that occur; ``rows`` are divided by sqrt(eps)."""
    total = 0.0
    for c in np.unique(codes):
        members = rows[codes == c]
        total += len(members) * _rate(members - members.mean(axis=0) if own_means else members)
    return total / len(rows)


def _rate(rows: Floats) -> float:
    n, k = rows.shape
    gram = rows @ rows.T if n < k else rows.T @ rows
    return float(np.linalg.slogdet(np.eye(len(gram)) + gram / n)[1]) / 2
