"""Optimal transport between labelled sets: how far must samples and the meaning of their labels move?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._resampling import from_draws
from shiftscope.measures._sides import (
    Distance,
    Floats,
    Options,
    Points,
    Rows,
    Split,
    debiased,
    demand_units,
    equal_size,
    first_rows,
    over_splits,
    rows_of,
)
from shiftscope.measures._transport import transport_cost

__all__ = ["between_halves", "otdd"]


class Classes(NamedTuple):
    """The classes of k samples of one part, in ascending order of classes.

    Attributes
    ----------
    own : (k,) int64
        The class of each sample.
    average : (k, C) float64
        Weights that make the mean of each class.
    centre, spread : (C,) float64
        Squared length of its mean, and trace of its covariance.
    """

    own: NDArray[np.int64]
    average: Floats
    centre: Floats
    spread: Floats


@measure(
    asks="How far must samples move, together with what their labels stand for, to turn the source into the target?",
    kind="shift",
    better="lower",
    unit="squared pooled median distance",
    needs=("classes",),
    null="0, values below 0 included",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    reference="Alvarez-Melis and Fusi, NeurIPS 2020 (OTDD, Gaussian labels, p = 2); debiased by halves of each side",
)
def otdd(
    pair: Pair,
    *,
    max_points: Points = 2000,
    rng: RngLike = None,
    kernels: Kernels | None = None,  # noqa: ARG001
) -> Estimate:
    """Optimal transport dataset distance, with its small-sample bias taken off.

    To turn a sample x of class c into a sample y of class k costs

        |x - y|^2 + W2^2(c, k),    W2^2(c, k) = |m_c - m_k|^2 + tr(S_c + S_k - 2 (S_c^1/2 S_k S_c^1/2)^1/2),

    the squared Wasserstein distance of normal distributions with the means m and covariances S of the two classes.
    T is the least mean cost over all ways to pair the samples. Names of classes play no part: a class is what its
    samples look like, so the sides may have other classes, and other numbers of them. The value is the mean over 5
    splits of

        [T(X1, Y1) + T(X1, Y2) + T(X2, Y1) + T(X2, Y2)]/4 - [T(X1, X2) + T(Y1, Y2)]/2,

    in which X1, X2 and Y1, Y2 are random halves of the sides, all of equal size (whole groups together). Every half
    knows its classes by its own samples alone, so that what small samples get wrong about them cancels, too.

    Covariances divide by the number of samples n_c, which draws those of small classes towards zero by (n_c - 1)/n_c;
    a class with one sample is a point.

    Parameters
    ----------
    pair
        Both sides labelled with classes; at least 8 samples on each side, of 4 groups. The sides are used at equal
        size.
    max_points
        Samples used at most, both sides together; the larger side is cut by content hash.

    Returns
    -------
    Estimate
        In units of the squared median distance between pooled samples, as ``wasserstein``, which is the same without
        W2^2(c, k). The interval is ``value`` +- 1.96 standard deviations of the same difference over 40 half-samples
        (delete-half jackknife); it is too wide rather than too narrow where the shift is small. ``details``:
        ``plain``, T of all samples used, bias included, ``size``, how many those are per side, and
        ``source_classes`` and ``target_classes``, the numbers of classes.

    Raises
    ------
    InputError
        For fewer than 16 points.
    NotApplicableError
        If there are too few samples or groups.
    RuntimeError
        If the transport solver stops before the optimum.

    Notes
    -----
    O(n^2 d) for the inner products; about O(n^3) for each transport; for the classes of two parts as many singular
    value decompositions as pairs of classes, O(n^3/C) together. O(n^2) memory, bounded by ``max_points``.

    Measured without a shift: 0.00 +- 0.01 on average, standard deviation 0.02 at 400 samples a side and 0.1 at 60, in 3
    features and 3 classes. Sides that are drawn to equal class counts lie below 0, by 0.02 and 0.05: their halves
    differ in class balance as they do not.

    Fails when classes have few samples in many dimensions and unequal numbers on the two sides: what is left of their
    distance then depends on these numbers. It does not see that two classes have changed names, and classes that differ
    neither in mean nor in covariance are one class to it.
    """
    demand_units(pair, "otdd")
    n, most = pair.source.n, max_points // 2
    distance = _between(pair, np.append(first_rows(pair.source, most), n + first_rows(pair.target, most)))
    size = equal_size(pair, max_points)
    plain = distance(first_rows(pair.source, size), n + first_rows(pair.target, size))
    value, draws = debiased(distance, pair, seed_of(rng), max_points)
    classes = {"source_classes": pair.source.target.n_classes, "target_classes": pair.target.target.n_classes}
    return from_draws(value, draws, {"plain": plain, "size": size, **classes})


def _between(pair: Pair, rows: Rows) -> Distance:
    """T between two sets of pooled rows out of ``rows``, each of one side, in the unit of the measure."""
    z = pair.pooled[rows].astype(np.float64) / pair.bandwidth
    z -= z.mean(axis=0)
    gram = z @ z.T
    norms = np.diag(gram)
    code = np.concatenate([side.target.values for side in (pair.source, pair.target)])[rows]

    def distance(a: Rows, b: Rows) -> float:
        # Class by class, so that samples of two classes are a block.
        i, j = (part[np.argsort(code[part], kind="stable")] for part in (np.searchsorted(rows, r) for r in (a, b)))
        between, here, there = gram[np.ix_(i, j)], _classes(gram, code, i), _classes(gram, code, j)
        costs = np.maximum(norms[i][:, None] + norms[j] - 2 * between, 0.0)
        return transport_cost(costs + _apart(here, there, between)[np.ix_(here.own, there.own)])

    return distance


def _classes(gram: Floats, code: NDArray[np.int64], rows: Rows) -> Classes:
    own = np.unique(code[rows], return_inverse=True)[1]
    average = np.eye(int(own.max()) + 1)[own]
    average /= average.sum(axis=0)
    centre = np.einsum("kc,kc->c", average, gram[np.ix_(rows, rows)] @ average)
    return Classes(own, average, centre, np.diag(gram)[rows] @ average - centre)


def _apart(a: Classes, b: Classes, between: Floats) -> Floats:
    """W2^2 of the classes of two parts (A, B), from the inner products of their samples (k, l) alone.

    The last trace is the nuclear norm of F G' for factors S_c = F'F and S_k = G'G, here the samples about their means.
    """
    means = a.average.T @ between
    about = between - means[a.own]
    about -= (about @ b.average)[:, b.own]
    ends = [np.cumsum(np.bincount(part.own))[:-1] for part in (a, b)]
    fidelity = [
        [_nuclear_norm(block) for block in np.split(strip, ends[1], axis=1)]
        for strip in np.split(about, ends[0], axis=0)
    ]
    squares = a.centre[:, None] + b.centre - 2 * means @ b.average + a.spread[:, None] + b.spread
    return np.asarray(np.maximum(squares - 2 * np.array(fidelity), 0.0))


def _nuclear_norm(block: Floats) -> float:
    """Nuclear norm of ``block`` (k, l) over sqrt(k l); that of a class with one sample is 0."""
    if min(block.shape) < 2:
        return 0.0
    return float(np.linalg.svd(block, compute_uv=False).sum()) / float(np.sqrt(block.size))


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """Plain distances as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), in the unit of the measure."""
    return over_splits(_between(pair, rows_of(halves)), halves)
