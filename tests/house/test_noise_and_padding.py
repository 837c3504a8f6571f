"""Features that say nothing score as nothing, and adding them to those that do changes little."""

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.measures import MEASURES

SIGNAL = 16
N_CLASSES = 5


def keys_of(n):
    return [b"%05d" % i for i in range(n)]


def point(name, x, y):
    return MEASURES[name](FeatureSet.of(x, y, keys=keys_of(len(x))), rng=0, intervals=False)


@pytest.mark.parametrize("n_classes", [2, 4, 10])
def test_evidence_for_noise_in_many_dimensions_is_next_to_nothing(n_classes):
    rng, y = np.random.default_rng(n_classes), np.arange(500) % n_classes
    noise = [point("logme", rng.normal(size=(500, 2048)), y).value for _ in range(4)]
    assert max(noise) < 0.02
    informative = rng.normal(size=(500, 512))
    informative[:, :SIGNAL] += rng.normal(size=(n_classes, SIGNAL))[y]
    assert point("logme", informative, y).value > 5 * max(*noise, 0.02)


def signal(n, seed):
    """Features (n, SIGNAL) of unit variance within classes, and their classes; the means are the same for all seeds."""
    y = np.arange(n) % N_CLASSES
    means = np.random.default_rng(0).normal(size=(N_CLASSES, SIGNAL)) / 2
    return means[y] + np.random.default_rng([seed, n]).normal(size=(n, SIGNAL)), y


def padded(x, d, padding, seed=0):
    """``x`` with columns added up to ``d``: copies, zeros, or independent noise of that standard deviation."""
    n, more = len(x), d - SIGNAL
    if padding == "copies":
        return np.tile(x, d // SIGNAL)
    noise = np.random.default_rng([seed, 7]).normal(size=(n, 1024 - SIGNAL))[:, :more]
    return np.hstack([x, noise * (0.0 if padding == "zeros" else padding)])


def scores(n, d, padding, n_draws=3):
    """Default H-scores of the signal alone and padded (n_draws, 2)."""
    drawn = [(signal(n, seed), seed) for seed in range(n_draws)]
    return np.array([[point("hscore", p, y).value for p in (x, padded(x, d, padding, seed))] for (x, y), seed in drawn])


@pytest.mark.parametrize("d", [32, 256, 1024])
@pytest.mark.parametrize("padding", ["copies", "zeros"])
def test_hscore_does_not_see_copies_and_zeros(d, padding):
    alone, with_more = scores(500, d, padding).T
    np.testing.assert_allclose(with_more, alone, rtol=1e-6)


@pytest.mark.parametrize("d", [32, 256, 1024])
@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_hscore_of_a_signal_among_weaker_noise_is_that_of_the_signal(d, noise):
    alone, with_more = scores(500, d, noise).mean(axis=0)
    assert with_more == pytest.approx(alone, rel=0.15)


@pytest.mark.parametrize(("n", "d"), [(500, 32), (1024, 256), (2560, 1024)])
def test_hscore_with_more_than_two_samples_a_feature_does_not_see_how_loud_the_noise_is(n, d):
    alone, with_more = scores(n, d, 10.0).mean(axis=0)
    assert with_more == pytest.approx(alone, rel=0.15)


@pytest.mark.parametrize("d", [256, 1024])
def test_noise_as_loud_as_the_signal_in_more_directions_than_samples_allow_only_takes_away(d):
    """What is known to fall short: principal directions are then as much noise as signal."""
    alone, with_more = scores(500, d, 1.0).mean(axis=0)
    assert 0.4 * alone < with_more < alone


@pytest.mark.parametrize("d", [32, 256, 1024])
@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_hscore_of_permuted_labels_is_near_zero_however_many_features(d, noise):
    (x, y), rng = signal(500, 0), np.random.default_rng(d)
    x = padded(x, d, noise)
    values = np.array([point("hscore", x, rng.permutation(y)).value for _ in range(12)])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean()) < 0.02 * (N_CLASSES - 1)
