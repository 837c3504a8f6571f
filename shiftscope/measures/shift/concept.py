"""X-shift against Y|X-shift: does the relation between inputs and labels differ where both sides have inputs?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._domain_classifier import centred, gcv_penalty, side_folds, standardised
from shiftscope.measures._resampling import LEVEL, Z
from shiftscope.measures._shared_classes import codes_by_name, on_shared_classes
from shiftscope.measures._sides import Floats, demand_units, units, variance_of_mean
from shiftscope.measures._source_probe import probe

__all__ = ["concept"]

# What holds back the log-odds of the sides, a mean loss per squared slope: without it, sides apart have none.
HOLD = 1e-5
# A mean over fewer samples than this says nothing about an error rate.
LEAST_SIZE = 10.0
# Of sides that overlap less, the shared region is made of the classifier's mistakes.
LEAST_OVERLAP = 0.05


class Side(NamedTuple):
    """What one side contributes: errors of the probe (n,), weights of the shared region (n,), independent units."""

    errors: Floats
    weights: Floats
    unit: NDArray[np.int64]

    @property
    def size(self) -> float:
        """Samples that would say as much without weights."""
        return _worth(self.weights)

    @property
    def shared_error(self) -> float:
        """Error on the shared region."""
        return float(self.weights @ self.errors / self.weights.sum())

    @property
    def variance(self) -> float:
        """Variance of ``shared_error``, as ``error_variance`` has it for errors without weights."""
        residuals = self.weights / self.weights.mean() * (self.errors - self.shared_error)
        share = (self.shared_error * self.size + 2) / (self.size + 4)
        return max(variance_of_mean(residuals, self.unit), share * (1 - share) / self.size)


@measure(
    asks="Where source and target have inputs in common, does a probe of the source err more often on the target?",
    kind="shift",
    better="lower",
    unit="rise of the error, from -1 to 1",
    needs=("classes",),
    bounds=(-1.0, 1.0),
    null="0, values below 0 included",
    invariant=("order", "scale", "dead", "duplicate"),
    reference="Cai, Namkoong and Yadlowsky, arXiv 2303.02011, 2023 (DISDE); ridge probes in closed form",
)
def concept(pair: Pair, *, rng: RngLike = None, kernels: Kernels | None = None) -> Estimate:
    """The part of a source probe's rise in error that inputs do not explain: the relation of labels to inputs.

    Let p and q be the densities of inputs on the two sides, R_p(x) and R_q(x) the errors at x, and s proportional to
    pq/(p + q), the region both share. The rise of the error from source to target is the sum of

        x_shift    E_s[R_p] - E_p[R_p]    shared inputs are harder (or easier) than the source's
        y_given_x  E_s[R_q] - E_s[R_p]    on the same inputs, labels differ: the value
        extra      E_q[R_q] - E_s[R_q]    what is left to inputs that the target has and the source hardly has

    ``extra`` holds both hard inputs and new relations: where the source has no inputs, these cannot be told apart.
    Errors are those of ten ridge probes, each trained on nine folds of the source (as in ``ridge``); the source is
    predicted held out, and the target by all ten, so that both are judged with probes of one size. Source samples
    weigh q/(p + q) and target samples p/(p + q), at most 1. These odds of the sides are held out, too: a logistic
    regression on the score of a ridge classifier of the sides, on the probe's margin (of its best class over the next)
    and on the margin's square, so that the weighted sides are equally hard for the probe.

    Parameters
    ----------
    pair
        Both sides labelled with classes. At least two of them, matched by name, have two samples or more on both
        sides; samples of other classes are left out.

    Returns
    -------
    Estimate
        The interval is ``value`` +- 1.96 standard errors of the two weighted means (summed over groups), cut at -1
        and 1. Weights and probes are taken as known: another probe would err more, or less, on both sides alike.
        There is no p-value: permuting domains would test the inputs too. ``details``: the three parts;
        ``source_error`` and ``target_error``, whose difference they sum to; ``overlap``, from 0 (sides apart) to 1
        (equal inputs); ``source_size`` and ``target_size``, the numbers of samples that would say as much without
        weights; ``n_classes`` in common.

    Raises
    ------
    NotApplicableError
        If fewer than two such classes are shared, a side has one sample or group, or the sides hardly overlap:
        by less than 0.05, or the shared region is worth fewer than 10 samples of one of them.

    Notes
    -----
    O(N d min(N, d)) for both spectra, and one system of k unknowns for each of ten folds, k <= min(n - 1, d). Measured
    without a change of the relation: mean within 0.01 of 0 for inputs moved by up to 2 standard deviations in
    10 features, within 0.02 for inputs scaled by 0.5 to 2.5; standard deviation 0.03 at 500 samples a side, 0.06 at
    100. With 150 features of 100 samples the mean is 0.03: a probe follows the class balance of its sample, which
    the held-out folds share and the target does not.

    Fails when the sides differ neither along a line nor in how sure the probe is, but where it errs: that is blamed
    on the relation. Class balance counts as relation as far as the features do
    not show the class. A relation that differs in ways the probe gets wrong on both sides alike is not seen.
    """
    demand_units(pair, "concept")
    kernels, seed = kernels or choose(), seed_of(rng)
    shared = on_shared_classes(pair, "concept")
    demand_units(shared, "concept")
    errors, margins = _judged(shared, seed, kernels)
    toward = _toward_target(shared, margins, seed, kernels)
    n = shared.source.n
    weights = (toward[:n], 1 - toward[n:])
    overlap = float(weights[0].mean() + weights[1].mean())
    _demand_overlap(pair, weights, overlap)
    source, target = (
        Side(e, w, units(side))
        for e, w, side in zip(np.split(errors, [n]), weights, (shared.source, shared.target), strict=True)
    )
    value = target.shared_error - source.shared_error
    reach = Z * float(np.sqrt(source.variance + target.variance))
    details: Details = {
        "x_shift": source.shared_error - float(source.errors.mean()),
        "y_given_x": value,
        "extra": float(target.errors.mean()) - target.shared_error,
        "source_error": float(source.errors.mean()),
        "target_error": float(target.errors.mean()),
        "overlap": overlap,
        "source_size": source.size,
        "target_size": target.size,
        "n_classes": shared.source.target.n_classes,
    }
    return Estimate(
        value=value, low=max(value - reach, -1.0), high=min(value + reach, 1.0), level=LEVEL, details=details
    )


def _worth(weights: Floats) -> float:
    """How many equal weights would leave a mean with the same variance (Kish, Survey Sampling, 1965)."""
    return float(weights.sum() ** 2 / max(np.square(weights).sum(), np.finfo(np.float64).tiny))


def _demand_overlap(pair: Pair, weights: tuple[Floats, Floats], overlap: float) -> None:
    sizes = [_worth(w) for w in weights]
    if overlap < LEAST_OVERLAP:
        raise NotApplicableError(
            f"{pair.source.name} and {pair.target.name} hardly overlap: by {overlap:.2g}, from 0 (apart) to 1 (equal), "
            f"and concept needs {LEAST_OVERLAP:g}."
        )
    if min(sizes) < LEAST_SIZE:
        raise NotApplicableError(
            f"the inputs that {pair.source.name} and {pair.target.name} share are worth {min(sizes):.1f} samples of "
            f"one side, and concept needs {LEAST_SIZE:g}: give more samples."
        )


def _toward_target(pair: Pair, margins: Floats, seed: int, kernels: Kernels) -> Floats:
    """q/(p + q) at every pooled sample (N,), held out: the chance of the target were both sides equally large."""
    z, y = standardised(pair.pooled), np.where(pair.is_source, -1.0, 1.0)
    eigenvalues, left = kernels.eigh_gram(z)
    fold = side_folds([pair.source, pair.target], seed)
    penalty = gcv_penalty(eigenvalues, left, y, kernels)
    scores = centred(kernels.ridge_held_out(left, eigenvalues, y[:, None], fold, penalty)[:, 0], y, fold)
    known = np.column_stack([scores, margins, np.square(margins)])
    known = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), np.finfo(np.float64).tiny)
    chances = np.empty(len(y))
    for i in np.unique(fold):
        held = fold == i
        chances[held] = _odds(known[held], known[~held], y[~held])
    return chances


def _odds(rows: Floats, known: Floats, y: Floats) -> Floats:
    """Chances of the target for ``rows`` (k, r) by logistic regression of others, (n, r), with domains ``y`` (n,).

    Each side counts half, whatever its size.
    """
    from scipy.optimize import minimize

    a = np.column_stack([np.ones(len(known)), known])
    weights = np.where(y < 0, 0.5 / (y < 0).sum(), 0.5 / (y > 0).sum())

    def loss(slopes: Floats) -> tuple[float, Floats]:
        surprise = np.logaddexp(0, -y * (a @ slopes))
        pull = -weights * y * -np.expm1(-surprise)
        return float(weights @ surprise + HOLD * slopes @ slopes), a.T @ pull + 2 * HOLD * slopes

    slopes = minimize(loss, np.zeros(a.shape[1]), jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 1e-14}).x
    return np.asarray(np.exp(-np.logaddexp(0, -slopes[0] - rows @ slopes[1:])))


def _judged(pair: Pair, seed: int, kernels: Kernels) -> tuple[Floats, Floats]:
    """Errors and margins (N,): of the source held out, of the target averaged over the probes of all folds."""
    found, classes = probe(pair.source, pair.target.features, seed, kernels), pair.source.target
    codes = codes_by_name(pair.target, classes.class_names)
    elsewhere = sum(_verdict(scores, codes) for scores in found.other()) / len(found.slopes)
    errors, margins = np.hstack([_verdict(found.own, classes.values), elsewhere])
    return errors, margins


def _verdict(scores: Floats, codes: NDArray[np.int64]) -> Floats:
    """Whether rows of ``scores`` (n, C) are errors, 0 or 1, and how far their best class lies above the next (2, n)."""
    ordered = np.sort(scores, axis=1)
    return np.array([np.argmax(scores, axis=1) != codes, ordered[:, -1] - ordered[:, -2]])
