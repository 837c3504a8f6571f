"""NCTI: how close features are to the collapse that training to the end would bring about."""

from __future__ import annotations

from typing import NamedTuple

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

__all__ = ["ncti"]

Floats = NDArray[np.float64]

COMPONENTS = 64
LEAST_SHRINKAGE = 1e-10


class Terms(NamedTuple):
    """The terms as published, |Z|_*, mean p(y | x) and ln sum_c |P_c|_*, and the two that need it between 0 and 1."""

    seli: float
    ncc: float
    vc: float
    seli_bounded: float
    vc_bounded: float

    @property
    def total(self) -> float:
        """The sum in which every term has the sign it has in the paper."""
        return self.seli_bounded + self.ncc - self.vc_bounded


@measure(
    asks="How close are the features to the collapsed classes that training to the end would bring about?",
    kind="transfer",
    better="higher",
    unit="sum of three terms between their bounds, in sample",
    needs=("classes",),
    bounds=(-1.0, 2.0),
    null="not fixed: fitted to the labels it scores; details give it for permuted ones",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Wang et al., ICCV 2023 (NCTI)",
    warning="The published score scales each of its terms over the pool of candidates, so it changes with the pool; "
    "this sum of terms scaled by their bounds is another number. Both are fitted to the labels they score: "
    "never in a gate.",
)
def ncti(features: FeatureSet, *, rng: RngLike = None, kernels: Kernels | None = None) -> Estimate:
    """Sum of three signs of neural collapse: evenness of class directions + sureness - spread of predictions.

    A linear discriminant on the first 64 principal components gives the class probabilities of all samples, P
    (n, C), and their place Z (n, r) along the r = min(C - 1, 64) axes that part the classes, with covariance I
    within classes. P_c are the rows of class c, and |.|_* is the sum of singular values.

        seli = |Z|_* / (sqrt(r) |Z|_F)                     at most 1: classes part equally along all axes
        ncc  = mean_i p(y_i | x_i)                         at most 1: the nearest class mean is always right
        vc   = (ln sum_c |P_c|_* - low) / (high - low)     at least 0; low is reached when all probabilities are
               1/C, high when the samples of every class are spread evenly over all classes:
               low = ln sum_c sqrt(n_c/C), high = ln sum_c sqrt(n_c min(n_c, C))

    The value is seli + ncc - vc. The published score is the sum of |Z|_*, ncc and -ln sum_c |P_c|_*, each scaled to
    0 … 1 over the candidates at hand, which one backbone does not know; ``details`` hold these terms as well, so
    that a pool can be scaled from outside.

    Parameters
    ----------
    features
        Labelled with classes.

    Returns
    -------
    Estimate
        ``details``: ``seli``, ``ncc`` and ``vc`` as published, ``seli_bounded`` and ``vc_bounded`` as above; ``null``,
        the value once the labels are permuted; ``components``. The interval comes from half-samples, to which
        the discriminant is fitted more closely: it is too wide where the classes hardly differ.

    Raises
    ------
    NotApplicableError
        If there is one class only, a class with one sample, or features do not vary.

    Notes
    -----
    The covariance within classes is drawn towards the identity by exp(-sum of the first 32 variances), at least
    1e-10. Published, that depends on the units of the features; here they have mean variance 1, the scale of
    features after batch or layer normalisation, at which nothing is drawn. O(n p^2 + n C min(n/C, C)) for p = 64
    components, once for each of R halves.

    Fails when accuracy is near chance: probabilities first leave 1/C in all directions, vc rises faster than ncc,
    and the value falls below ``null`` before it rises (0.77, with 0.83 for permuted labels, where accuracy is 0.3 in
    5 classes).
    """
    onehot = usable_targets(features)
    values, left = spectrum(features, kernels)
    values = values[:COMPONENTS]
    rows = left[:, : len(values)] * np.sqrt(values * features.n / values.mean())
    seed = seed_of(rng)
    made = _terms(rows, onehot)
    permuted = onehot[stream(seed, "permuted labels").permutation(features.n)]
    draws = [_of_half(rows[half], onehot[half]) for half in half_samples(features, seed)]
    details: Details = {**made._asdict(), "null": _terms(rows, permuted).total, "components": len(values)}
    return from_draws(made.total, np.array(draws), details, bounds=(-1.0, 2.0))


def _of_half(rows: Floats, onehot: Floats) -> float:
    """The sum for the classes that a half has; 0 where half of few groups holds one class and says nothing."""
    present = onehot.any(axis=0)
    return _terms(rows, onehot[:, present]).total if present.sum() > 1 else 0.0


def _terms(rows: Floats, onehot: Floats) -> Terms:
    """All terms from rows (n, p), columns in the order of their variance, and their classes (n, C)."""
    counts, rows = onehot.sum(axis=0), rows - rows.mean(axis=0)
    means = class_means(rows, onehot)
    within = within_classes(rows.T @ rows, means, counts) / len(rows)
    leading = float(np.square(rows[:, : COMPONENTS // 2]).sum()) / len(rows)
    root = whitening(shrunk(within, max(np.exp(-leading), LEAST_SHRINKAGE)), spread=1.0)
    chances = np.exp(log_softmax(discriminants(rows, means, root) + np.log(counts / len(rows))))
    parting = np.linalg.svd((means * np.sqrt(counts)[:, None]) @ root.T, full_matrices=False)[2][: len(counts) - 1]
    singular = _singular_values(rows @ (parting @ root).T)
    spread = sum(float(_singular_values(chances[c > 0]).sum()) for c in onehot.T)
    low, high = (np.log(np.sqrt(counts * m).sum()) for m in (1 / len(counts), np.minimum(counts, len(counts))))
    return Terms(
        seli=float(singular.sum()),
        ncc=float((chances * onehot).sum(axis=1).mean()),
        vc=float(np.log(spread)),
        seli_bounded=float(singular.sum() / np.sqrt(len(singular) * np.square(singular).sum())),
        vc_bounded=float((np.log(spread) - low) / (high - low)),
    )


def _singular_values(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.svd(matrix, compute_uv=False), dtype=np.float64)
