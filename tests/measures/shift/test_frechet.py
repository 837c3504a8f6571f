import numpy as np
import pytest
from oracles import bures

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.frechet import between_halves, frechet_distance

frechet = MEASURES["frechet"]


def pair_of(x, y, *, source=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch"))


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def mixed(n, m, d, seed=0):
    """Samples with full, different covariances."""
    rng = np.random.default_rng(seed)
    x, y = (rng.standard_normal((k, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d) for k in (n, m))
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize(("n", "m", "d"), [(50, 70, 6), (40, 12, 11), (300, 300, 40)])
def test_equals_the_definition_where_covariances_have_full_rank(n, m, d):
    x, y = mixed(n, m, d)
    assert frechet_distance(x, y) == pytest.approx(bures(x.astype(float), y.astype(float)), rel=1e-8)


@pytest.mark.parametrize(("n", "m", "d"), [(20, 20, 60), (8, 30, 25), (40, 10, 20)])
def test_low_rank_form_equals_the_definition(n, m, d):
    x, y = mixed(n, m, d)
    a, b = np.cov(x, rowvar=False, dtype=float), np.cov(y, rowvar=False, dtype=float)
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    fidelity = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0.0)).sum()
    apart = x.mean(axis=0, dtype=float) - y.mean(axis=0, dtype=float)
    # Square roots of eigenvalues that should be 0 leave about sqrt(1e-16) each in the definition.
    assert frechet_distance(x, y) == pytest.approx(apart @ apart + np.trace(a + b) - 2 * fidelity, rel=1e-6)


def test_diagonal_gaussians_have_a_closed_form():
    rng = np.random.default_rng(0)
    base, _ = np.linalg.qr(rng.standard_normal((200, 5)) - 0.0)
    base -= base.mean(axis=0)
    base = np.linalg.qr(base)[0] * np.sqrt(199)  # mean 0 and covariance I, exactly
    sd, apart = np.array([1.0, 2.0, 0.5, 3.0, 0.0]), np.array([1.0, 0.0, -2.0, 0.5, 0.0])
    found = frechet_distance(base.astype(np.float32), (base * sd + apart).astype(np.float32))
    assert found == pytest.approx(apart @ apart + ((1 - sd) ** 2).sum(), rel=1e-5)


def test_units():
    pair = pair_of(*mixed(60, 60, 5))
    found = frechet(pair, variant="plain", rng=0)
    raw = bures(pair.source.features.astype(float), pair.target.features.astype(float))
    assert found.details["raw"] == pytest.approx(raw, rel=1e-8)
    assert found.value == found.details["plain"] == found.details["raw"] / pair.bandwidth**2
    assert found.low <= found.value <= found.high


def test_plain_measures_sample_size_and_debiased_does_not():
    plain, debiased = [], []
    for s in range(30):
        pair = pair_of(*normal(250, 250, 32, seed=s))
        found = frechet(pair, rng=s)
        plain.append(found.details["raw"])
        debiased.append(found.value)
    # To first order: 2d/n from the means and (d^2 + d)/(2n) from the covariances.
    assert np.mean(plain) == pytest.approx(32 * 37 / 500, rel=0.02)
    assert abs(np.mean(debiased)) < 3 * np.std(debiased) / np.sqrt(30)
    assert min(debiased) < 0 < max(debiased)


def test_the_stated_bias_holds_from_as_many_samples_as_features_on():
    def bias(n, d):
        return np.mean([frechet_distance(*normal(n, n, d, seed=s)) for s in range(40)])

    for n, d in ((32, 32), (64, 32)):
        assert bias(n, d) == pytest.approx(d * (d + 5) / (2 * n), rel=0.02)
    # Two samples of n << d point in different directions: all of both spreads counts, and the means.
    assert bias(4, 400) == pytest.approx(2 * 400 + 2 * 400 / 4, rel=0.1)
    assert bias(8, 32) < 0.8 * 32 * 37 / 16


@pytest.mark.parametrize(("n", "d", "shift"), [(60, 128, 3.0), (200, 8, 1.0)])
def test_debiased_recovers_a_shift(n, d, shift):
    found, truth = [], []
    for s in range(40):
        pair = pair_of(*normal(n, n, d, shift=shift, seed=s))
        found.append(frechet(pair, rng=s))
        truth.append(shift**2 / pair.bandwidth**2)
    values = np.array([e.value for e in found])
    assert abs((values - truth).mean()) < 3 * values.std() / np.sqrt(40)
    covered = np.mean([e.low <= t <= e.high for e, t in zip(found, truth, strict=True)])
    assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 40)


def test_the_same_samples_and_constants_are_at_no_distance():
    x = normal(40, 1, 5)[0]
    assert frechet(pair_of(x, x), variant="plain", rng=0).value == pytest.approx(0.0, abs=1e-12)
    found = frechet(pair_of(np.ones((20, 3)), np.ones((30, 3))), rng=0)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_sides_are_used_at_equal_size_and_limited():
    pair = pair_of(*normal(200, 45, 3, shift=1.0))
    assert frechet(pair, rng=0).details["size"] == 45
    assert frechet(pair, max_points=40, rng=0).details["size"] == 20


def test_halves_equal_the_definition():
    pair = pair_of(*normal(60, 50, 3, shift=1.0))
    halves = splits(pair, 0, 3)
    z = pair.pooled.astype(float)
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        expected = [bures(z[a], z[b]) for a, b in ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2))]
        np.testing.assert_allclose(row * pair.bandwidth**2, expected, rtol=1e-7)


def test_too_few_samples_or_groups_have_no_answer():
    with pytest.raises(NotApplicableError, match="cut into 4 parts"):
        frechet(pair_of(*normal(7, 30, 2)))
    with pytest.raises(NotApplicableError, match="one group"):
        frechet(pair_of(*normal(30, 30, 2), source=[3] * 30))
    with pytest.raises(InputError, match="max_points: 15 cannot be used"):
        frechet(pair_of(*normal(30, 30, 2)), max_points=15)
