"""OTCE: what the labels of matched source samples say about the labels of the target, and how far the match is."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of, stream
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._entropy import conditional_entropy, entropy, explained_share, joint_counts
from shiftscope.measures._resampling import from_draws, half_samples
from shiftscope.measures._sides import demand_units, equal_size
from shiftscope.measures._targets import demand_classes

__all__ = ["otce"]

Floats = NDArray[np.float64]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

N_SUBSAMPLES = 5


class Drawn(NamedTuple):
    """A subsample of both sides, of equal size m: the codes of their classes (m,) and all distances (m, m)."""

    source: FeatureSet
    target: FeatureSet
    costs: Floats


@measure(
    asks="Do the source's labels predict the target's once every target sample is matched with a source sample?",
    kind="transfer",
    better="higher",
    unit="nats/sample, and squared pooled median distances, in a weighted sum",
    needs=("classes",),
    bounds=(None, 0.0),
    null="-(w1 W + w2 H(Yt)), details.null: the source's labels say nothing about the target's",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Tan, Li and Huang, CVPR 2021, eq. 7, with an exact coupling; H adjusted for chance",
    warning=(
        "Needs labels of the source too, and adds two quantities of different units with weights that the paper "
        "fits on auxiliary tasks and that are mere conventions here: compare values under equal weights only, and do "
        "not use it in a gate."
    ),
)
def otce(
    pair: Pair,
    *,
    variant: Literal["adjusted", "published"] = "adjusted",
    domain_weight: Weight = 1.0,
    task_weight: Weight = 1.0,
    max_points: Annotated[int, Field(ge=16)] = 2000,
    rng: RngLike = None,
    kernels: Kernels | None = None,  # noqa: ARG001
) -> Estimate:
    """Optimal-transport conditional entropy, -(w1 W + w2 H(Yt|Ys)).

    The sides are matched one to one at the least mean squared distance W (optimal transport between samples of
    equal size). Each pair is one count in the table of source and target classes, and H(Yt|Ys) is the entropy of
    the target's class that is left once the class of the matched source sample is known. Counted, it is too small
    when there are many classes; the default takes that out as NCE does, so that permuted target labels give H(Yt)
    on average.

    Parameters
    ----------
    pair
        Both sides labelled with classes, which need not have names in common.
    variant
        ``"adjusted"`` for chance, or ``"published"``: H(Yt|Ys) as counted.
    domain_weight, task_weight
        w1 and w2.
    max_points
        Samples used at most, both sides together. A side that is larger than its share is subsampled five times,
        stratified by class, and the value is the mean.

    Returns
    -------
    Estimate
        W is in units of the squared median distance between pooled samples, H in nats. ``details``: ``w``, ``h``,
        ``entropy``, H(Yt), ``null``, ``size`` per side, ``mc_error``, the standard error that subsampling adds
        (0 without it). The interval comes from half-samples of the first subsample; with five of them it is too
        wide rather than too narrow.

    Raises
    ------
    NotApplicableError
        If a side has one sample or one group, or the target one class or a class with one sample.

    Notes
    -----
    O(m^2 d) for the distances and about O(m^3) for a match of m samples a side, m <= ``max_points``/2, and 100
    matches of half of them for the interval.

    Fails when the sides differ by a shift that a fine-tuned network would undo: matches are then wrong, and H is
    that of wrong matches. W depends on the size of the sample in many dimensions.
    """
    demand_units(pair, "otce")
    demand_classes(pair.target)
    seed, size = seed_of(rng), equal_size(pair, max_points)
    n_drawn = 1 if pair.source.n == pair.target.n == size else N_SUBSAMPLES
    drawn = [_draw(pair, size, stream(seed, "otce", str(i))) for i in range(n_drawn)]
    everything = np.arange(size)
    terms = np.array([_terms(d, everything, everything, variant) for d in drawn])
    weights = np.array([domain_weight, task_weight])
    scores = -terms @ weights
    first = drawn[0]
    halves = zip(half_samples(first.source, seed), half_samples(first.target, seed), strict=True)
    draws = [-weights @ _terms(first, np.flatnonzero(s), np.flatnonzero(t), variant) for s, t in halves]
    w, h = terms.mean(axis=0).tolist()
    whole = entropy(pair.target.target.counts)
    details: Details = {
        "w": w,
        "h": h,
        "entropy": whole,
        "null": -(domain_weight * w + task_weight * whole),
        "size": size,
        "mc_error": float(scores.std(ddof=1) / np.sqrt(n_drawn)) if n_drawn > 1 else 0.0,
    }
    return from_draws(float(scores.mean()), np.array(draws), details, bounds=(-np.inf, 0.0))


def _draw(pair: Pair, size: int, rng: np.random.Generator) -> Drawn:
    source, target = (side.take(_stratified(side, size, rng)) for side in (pair.source, pair.target))
    x, y = (side.features.astype(np.float64) / pair.bandwidth for side in (source, target))
    centre = x.mean(axis=0)
    x, y = x - centre, y - centre
    squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * x @ y.T
    return Drawn(source, target, np.maximum(squares, 0.0))


def _stratified(side: FeatureSet, size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose ``size`` rows, of every class as nearly its share as whole samples allow."""
    place = np.empty(side.n)
    for stratum in np.unique(side.target.strata):
        members = np.flatnonzero(side.target.strata == stratum)
        # Members stand at equal distances on the unit interval, from a random start: its beginning holds the shares.
        place[members] = (rng.permutation(len(members)) + rng.random()) / len(members)
    return np.argsort(place, kind="stable")[:size]


def _terms(drawn: Drawn, source: NDArray[np.intp], target: NDArray[np.intp], variant: str) -> Floats:
    """W and H(Yt|Ys) of some rows of both sides; of the larger selection those rows that match best are used."""
    from scipy.optimize import linear_sum_assignment

    costs = drawn.costs[np.ix_(source, target)]
    i, j = linear_sum_assignment(costs)
    table = joint_counts(drawn.source.target.values[source[i]], drawn.target.target.values[target[j]])
    if variant == "published":
        left = conditional_entropy(table)
    else:
        left = entropy(table.sum(axis=0)) * (1.0 - explained_share(table))
    return np.array([costs[i, j].mean(), left])
