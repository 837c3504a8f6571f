"""Nearest samples against a search through all distances in float64."""

import numpy as np
import pytest

from shiftscope.analysis.neighbours import neighbours
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose


def sides(n=23, m=17, d=6, *, seed=0, groups=None):
    rng = np.random.default_rng(seed)
    first, second = groups or (None, None)
    # Features that are never negative, far from the origin: without a centre all cosines would be near 1.
    source = FeatureSet.of(5 + rng.random(size=(n, d)), name="photo", groups=first)
    return Pair(source, FeatureSet.of(5 + rng.random(size=(m, d)) * 1.2, name="sketch", groups=second))


def distances(pair):
    z = pair.pooled.astype(np.float64)
    z -= z.mean(axis=0)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    return 1 - z @ z.T


@pytest.mark.parametrize("backend", ["reference", "compiled"])
def test_nearest_across_and_nearest_fellows(backend):
    pair = sides()
    found, square = neighbours(pair, choose(backend=backend)), distances(pair)
    same = pair.is_source[:, None] == pair.is_source
    across = np.where(same, np.inf, square)
    assert np.array_equal(found.across, across.argmin(axis=1))
    assert found.across_distance == pytest.approx(across.min(axis=1), rel=1e-5)
    np.fill_diagonal(square, np.inf)
    fellows = np.where(same, square, np.inf)
    assert np.array_equal(found.fellows, fellows.argsort(axis=1)[:, :2])
    assert found.fellow_distances == pytest.approx(np.sort(fellows, axis=1)[:, :2], rel=1e-5)


def test_samples_of_one_group_are_no_fellows():
    groups = np.repeat(np.arange(6), 4)
    pair = sides(24, 24, groups=(groups, groups))
    found = neighbours(pair, choose())
    unit = np.concatenate([pair.source.groups, pair.target.groups])
    assert not (unit[found.fellows] == unit[:, None]).any()
    square = distances(pair)
    square[(unit[:, None] == unit) | (pair.is_source[:, None] != pair.is_source)] = np.inf
    assert np.array_equal(found.fellows[:, 0], square.argmin(axis=1))


def test_small_distances_keep_their_digits():
    """Of distances near 1e-9 the cosine in float32 says nothing."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 8))
    pair = Pair(FeatureSet.of(x, name="photo"), FeatureSet.of(x + 1e-5 * rng.normal(size=x.shape), name="sketch"))
    z = pair.pooled.astype(np.float64)
    z -= z.mean(axis=0)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    found = neighbours(pair, choose())
    exact = np.square(z - z[found.across]).sum(axis=1) / 2
    assert exact.max() < 1e-8
    assert found.across_distance == pytest.approx(exact, rel=1e-6)


def test_side_without_a_fellow():
    lone = Pair(FeatureSet.of([[1.0, 0.0]], name="photo"), FeatureSet.of([[0.0, 1.0], [1.0, 1.0]], name="sketch"))
    found = neighbours(lone, choose())
    assert list(found.fellows[0]) == [-1, -1]
    assert np.isinf(found.fellow_distances[0]).all()
    assert np.isinf(found.fellow_distances[1:, 1]).all()
    assert np.isfinite(found.across_distance).all()
