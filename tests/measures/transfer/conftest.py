import numpy as np
import pytest

from shiftscope.core.features import FeatureSet


def keys_of(n):
    """Keys that keep rows in the order in which they are given."""
    return [b"%08d" % i for i in range(n)]


@pytest.fixture
def clusters():
    """Make n samples of C Gaussian classes in d dimensions, rows in order; ``apart`` 0 is pure noise."""

    def make(n, d, n_classes, *, apart=1.0, seed=0, decay=0.3):
        rng = np.random.default_rng(seed)
        y = np.arange(n) % n_classes
        means = rng.normal(size=(n_classes, d)) * apart * (np.arange(d) < 2 * n_classes)
        x = (means[y] + rng.normal(size=(n, d))) * np.arange(1, d + 1) ** -decay
        return FeatureSet.of(x, y, keys=keys_of(n))

    return make


@pytest.fixture
def relabelled():
    """Return the same features with their labels permuted."""

    def make(features, seed=0):
        y = np.random.default_rng(seed).permutation(features.target.values)
        return FeatureSet.of(features.features, y, keys=keys_of(features.n))

    return make
