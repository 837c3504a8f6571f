"""Source and target in one plane, by principal components of the pooled sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.projection import ClassPlace, Points, Projection
from shiftscope.kernels import Kernels
from shiftscope.measures._sides import Floats, equal_size, first_rows

__all__ = ["project"]

# Samples of both sides together that the axes are fitted to, and samples of one side whose places are kept.
MOST_FITTED = 2000
KEPT = 120
CLASSES = 20
DECIMALS = 2


def project(pair: Pair, kernels: Kernels) -> Projection | None:
    """Place source and target in the plane of the two largest principal components; None where nothing varies.

    The components are those of as many source as target samples, each side's with the lowest content hashes: on
    unequal sides they would be those of the larger one. Places are kept of the first ``KEPT`` of them, with two
    decimals of the standard deviation along the first axis. O(N d min(N, d)) for N = 2 min(n, m, 1000).

    Fails when the sides differ in a direction of little variance: the plane then shows no shift that other measures
    see.
    """
    size = equal_size(pair, MOST_FITTED)
    sides = [side.take(first_rows(side, size)) for side in (pair.source, pair.target)]
    rows = np.concatenate([side.features for side in sides]).astype(np.float64)
    eigenvalues, left = kernels.eigh_gram(rows)
    if not len(eigenvalues):
        return None
    places = np.zeros((2 * size, 2))
    found = min(2, len(eigenvalues))
    places[:, :found] = left[:, :found] * np.sqrt(eigenvalues[:found])
    places /= np.sqrt(eigenvalues[0] / (2 * size))
    # An eigenvector has no sign of its own.
    places *= np.where(places[size:].mean(axis=0) < places[:size].mean(axis=0), -1.0, 1.0)
    shares = [*(eigenvalues[:2] / eigenvalues.sum()).round(4).tolist(), 0.0]
    return Projection(
        explained=(shares[0], shares[1]),
        n_fit=size,
        source=_points(places[:size][:KEPT]),
        target=_points(places[size:][:KEPT]),
        classes=_classes(sides, (places[:size], places[size:])),
    )


def _points(places: Floats) -> Points:
    x, y = _rounded(places).T.tolist()
    return Points(x=x, y=y)


def _rounded(places: Floats) -> Floats:
    return places.round(DECIMALS) + 0.0  # no negative zeros


def _classes(sides: list[FeatureSet], places: tuple[Floats, Floats]) -> list[ClassPlace]:
    """Means of the classes of either side that have most samples, in the order of the source's classes."""
    labels = [np.array(side.target.names(), dtype=np.str_) for side in sides]
    names = list(dict.fromkeys(name for side in sides for name in side.target.class_names))
    counts = {name: sum(int((of == name).sum()) for of in labels) for name in names}
    common = set(sorted(names, key=lambda name: -counts[name])[:CLASSES])
    return [
        ClassPlace(name=name, source=_mean(places[0], labels[0] == name), target=_mean(places[1], labels[1] == name))
        for name in names
        if name in common
    ]


def _mean(places: Floats, of_class: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Mean place of some samples; None where there are none, or the side has no classes."""
    if not np.any(of_class):
        return None
    x, y = _rounded(places[of_class].mean(axis=0)).tolist()
    return x, y
