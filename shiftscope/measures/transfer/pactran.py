"""PACTran: a bound on the error of a linear head, from how well it fits and how many heads would do as well."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._entropy import entropy
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._spectrum import LEADING, spectrum
from shiftscope.measures._targets import demand_classes

__all__ = ["pactran"]

Floats = NDArray[np.float64]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

MAX_STEPS = 10_000
# Half-samples start from the head of all samples: after 20 steps their spread is that of converged fits.
STEPS_OF_HALVES = 20


class Bound(NamedTuple):
    """The three terms of the bound in nats per sample, and the head (r + 1, C) at its minimum, intercept last."""

    cross_entropy: float
    penalty: float
    complexity: float
    head: Floats

    @property
    def score(self) -> float:
        """Minus the bound."""
        return -(self.cross_entropy + self.penalty + self.complexity)


@measure(
    asks="How well does a linear head fit the labels, counting how exactly it must be tuned to do so?",
    kind="transfer",
    better="higher",
    unit="nats/sample",
    needs=("classes",),
    bounds=(None, 0.0),
    null="below -H(Y): a head fitted to labels at random costs more than it gains",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Ding et al., ECCV 2022 (PACTran-Gauss), on standardised features; isotropic posterior",
    warning=(
        "Computed on the samples that the head was fitted to, and its order of candidates depends on two "
        "hyper-parameters that nothing here chooses: do not use it in a gate."
    ),
)
def pactran(
    features: FeatureSet,
    *,
    temper: Positive = 1.0,
    prior_variance: Positive = 10.0,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Minus the PAC-Bayes bound of a softmax head on features whose mean squared length is 1.

    With a Gaussian prior of variance s^2 = ``prior_variance`` on the weights, an isotropic Gaussian posterior about
    the head W, and lambda = ``temper`` n, the bound to second order is

        min_W [CE(W) + |W|^2/(2 lambda s^2)] + D/(2 lambda) ln(1 + lambda s^2 tr(Hess)/D),

    CE the mean cross-entropy of W, Hess its Hessian by the weights, D = r C the number of weights. r is the rank of
    the centred features: directions without features need no weights. The intercept is free. At ``temper`` 1 it
    is, to that order, minus the evidence of the labels per sample.

    Parameters
    ----------
    features
        Labelled with classes.
    temper
        The weight of the fit against the prior, lambda/n.
    prior_variance
        Prior variance of a logit for a sample of mean squared length.

    Returns
    -------
    Estimate
        In nats per sample. ``details``: the terms ``cross_entropy``, ``penalty`` and ``complexity``; ``weights``,
        D; ``entropy``, H(Y). The interval comes from half-samples within the 256 leading principal components, each
        fitted for 20 steps from the head of all samples; the value is exact.

    Raises
    ------
    NotApplicableError
        If there is one class, a class with one sample, or features do not vary.
    RuntimeError
        If the fit stops before the minimum.

    Notes
    -----
    The problem is convex: L-BFGS from zero weights, O(n r C) a step, 30 to 1 000 steps after the shared
    decomposition; O(n p C) for each of 2 000 steps of half-samples, p = min(r, 256).

    Fails when targets or samples of different size are compared: the bound falls with n. Few samples in many
    dimensions make it loose, and the term for complexity then outweighs what separates candidates.
    """
    demand_classes(features)
    values, left = spectrum(features, kernels)
    rows = left * np.sqrt(values / values.sum() * features.n)
    onehot = features.target.matrix
    given = {"temper": temper, "strength": temper * prior_variance}
    start = np.vstack([np.zeros((len(values), onehot.shape[1])), np.log(features.target.counts / features.n)])
    whole = _fit(rows, onehot, start, steps=MAX_STEPS, **given)
    leading = rows[:, :LEADING]
    start = np.vstack([whole.head[:-1][:LEADING], whole.head[-1:]])
    draws = [
        _fit(leading[half], onehot[half], start, steps=STEPS_OF_HALVES, **given).score
        for half in half_samples(features, seed_of(rng))
    ]
    details: Details = {
        "cross_entropy": whole.cross_entropy,
        "penalty": whole.penalty,
        "complexity": whole.complexity,
        "weights": whole.head[:-1].size,
        "entropy": entropy(features.target.counts),
    }
    return from_draws(whole.score, np.array(draws), details, bounds=(-np.inf, 0.0))


def _fit(rows: Floats, onehot: Floats, start: Floats, *, temper: float, strength: float, steps: int) -> Bound:
    """Minimise the bound over heads by L-BFGS from ``start`` (r + 1, C), for at most ``steps`` steps.

    Raises
    ------
    RuntimeError
        If MAX_STEPS do not suffice.
    """
    from scipy.optimize import minimize

    n = len(rows)

    def objective(flat: Floats) -> tuple[float, Floats]:
        head = flat.reshape(start.shape)
        loss, probabilities = _predict(rows, onehot, head)
        residuals = (probabilities - onehot) / n
        gradient = np.vstack([rows.T @ residuals + head[:-1] / (strength * n), residuals.sum(axis=0)])
        return loss + float(np.square(head[:-1]).sum()) / (2 * strength * n), gradient.ravel()

    options = {"maxiter": steps, "maxfun": 2 * steps, "maxcor": 20, "ftol": 1e-14, "gtol": 1e-7}
    found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    if steps == MAX_STEPS and not found.success:
        raise RuntimeError(f"the head was not fitted in {found.nit} steps: {found.message}")
    head = found.x.reshape(start.shape)
    loss, probabilities = _predict(rows, onehot, head)
    curvature = float(((probabilities - np.square(probabilities)).sum(axis=1) * np.square(rows).sum(axis=1)).mean())
    weights = head[:-1].size
    complexity = weights / (2 * temper * n) * np.log1p(strength * n * curvature / weights)
    return Bound(loss, float(np.square(head[:-1]).sum()) / (2 * strength * n), float(complexity), head)


def _predict(rows: Floats, onehot: Floats, head: Floats) -> tuple[float, Floats]:
    """Mean cross-entropy of a head and its probabilities (n, C)."""
    logits = rows @ head[:-1] + head[-1]
    logits -= logits.max(axis=1, keepdims=True)
    powers = np.exp(logits)
    sums = powers.sum(axis=1, keepdims=True)
    loss = float((np.log(sums[:, 0]) - np.einsum("ij,ij->i", logits, onehot)).mean())
    return loss, powers / sums
