"""How well soft assignments (of a source head, of a mixture) predict the labels of samples they have not seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.target import Target
from shiftscope.measures._entropy import entropy
from shiftscope.measures._resampling import folds, from_draws, half_samples

__all__ = ["Likelihoods", "estimate_of", "likelihoods"]

Floats = NDArray[np.float64]

# Pseudo-samples that a state starts with, tried in steps of a factor 4; with infinitely many it stays at the
# class shares.
PRIORS = np.append(4.0 ** np.arange(-7.0, 6.0), np.inf)


class Likelihoods(NamedTuple):
    """Log-likelihoods ln sum_z P(y_i|z) a_iz of the labels of all samples, all (n,).

    Attributes
    ----------
    in_sample
        P(y|z) counted on all samples.
    held_out
        P(y|z) counted on the other folds, with pseudo-samples at the class shares.
    influence
        What a sample adds to the mean of ``in_sample`` through P(y|z), to first order; it averages to 0.
    n_at_shares
        Number of folds predicted by the class shares alone.
    """

    in_sample: Floats
    held_out: Floats
    influence: Floats
    n_at_shares: int


def likelihoods(assigned: Floats, features: FeatureSet, seed: int) -> Likelihoods:
    """Predict every label from the states its sample is assigned to, ``assigned`` (n, k) with rows that sum to one.

    With a_iz the assignments, P(y|z) = (sum_i a_iz [y_i = y] + c s_y)/(sum_i a_iz + c), where s are the class
    shares of all samples and c is 0 in sample. Held out, c of a fold is the number of pseudo-samples that suits
    the held-out labels of all *other* folds best: few where states tell labels apart, infinitely many where they
    do not. A state without mass gives nothing in sample, and the class shares held out.

    Notes
    -----
    O(n k C) for the counts and O(n k) for each number of pseudo-samples.
    """
    target, parts = features.target, folds(features, seed)
    shares, joint = target.counts / target.n, assigned.T @ target.matrix
    tried = np.empty((len(PRIORS), target.n))
    for part in range(int(parts.max()) + 1):
        own = parts == part
        others = joint - assigned[own].T @ target.matrix[own]
        tried[:, own] = _under_priors(assigned[own], others, target.values[own], shares)
    of_part = np.array([np.bincount(parts, weights=row) for row in tried])
    best = np.argmax(of_part.sum(axis=1, keepdims=True) - of_part, axis=0)
    in_sample, influence = _counted_on_all(assigned, joint, target)
    held_out = tried[best[parts], np.arange(target.n)]
    return Likelihoods(in_sample, held_out, influence, int((best == len(PRIORS) - 1).sum()))


def estimate_of(
    seen: list[Likelihoods],
    features: FeatureSet,
    seed: int,
    *,
    published: bool,
    details: Details,
    intervals: bool = True,
) -> Estimate:
    """Mean log-likelihood over samples, and over repetitions where ``seen`` has several.

    Half-sample r reads repetition r modulo their number, so that the interval holds the spread between samples
    and that between repetitions. A sample counts with its influence on P(y|z): without it the interval would be
    up to 1.8 times too narrow. ``details`` gain what both variants say, H(Y), and the value relative to H(Y).
    """
    each = np.array([s.in_sample if published else s.held_out for s in seen])
    halves = half_samples(features, seed, intervals=intervals).astype(np.float64)
    swayed = each + np.array([s.influence for s in seen])
    draws = np.array([half @ swayed[r % len(seen)] for r, half in enumerate(halves)]) / halves.sum(axis=1)
    value, whole = float(each.mean()), entropy(features.target.counts)
    details = {
        "published": float(np.mean([s.in_sample.mean() for s in seen])),
        "entropy": whole,
        "balanced": 1.0 + value / whole,
        **details,
    }
    made = from_draws(value, draws, details, bounds=(-np.inf, 0.0))
    return made.model_copy(update={"losses": -each.mean(axis=0)})


def _under_priors(assigned: Floats, others: Floats, codes: NDArray[np.int64], shares: Floats) -> Floats:
    """Log-likelihoods (P, m) of m samples under every number of pseudo-samples, from the counts of all others."""
    # Counts of others are differences of large sums: what rounding leaves below 0 is no mass.
    own_label, mass = np.ascontiguousarray(np.maximum(others, 0.0).T)[codes], np.maximum(others.sum(axis=1), 0.0)
    weights = 1.0 / (mass[:, None] + PRIORS[:-1])
    own_label *= assigned
    own_share = shares[codes][:, None]
    found = np.empty((len(PRIORS), len(codes)))
    found[:-1] = np.log(own_label @ weights + assigned @ weights * PRIORS[:-1] * own_share).T
    found[-1] = np.log(shares[codes])
    return found


def _counted_on_all(assigned: Floats, joint: Floats, target: Target) -> tuple[Floats, Floats]:
    """In-sample log-likelihoods and influences (n,).

    The derivative of the mean of ln p by P(y|z) is G_zy/n, G_zy = sum over samples i of label y of a_iz/p_i; one
    more sample i moves P(y|z) by a_iz ([y_i = y] - P(y|z))/mass_z.
    """
    mass = joint.sum(axis=1, keepdims=True)
    per_mass = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0)
    given = joint * per_mass
    p = _at_label(assigned, given, target)
    gradient = assigned.T @ (target.matrix / p[:, None]) * per_mass
    swayed = _at_label(assigned, gradient, target) - assigned @ (gradient * given).sum(axis=1)
    return np.log(p), swayed


def _at_label(assigned: Floats, table: Floats, target: Target) -> Floats:
    """Sum over states of ``assigned`` (n, k) times the column of ``table`` (k, C) that belongs to a sample's label."""
    found = np.empty(target.n)
    for code in range(target.n_classes):
        members = target.values == code
        found[members] = assigned[members] @ table[:, code]
    return found
