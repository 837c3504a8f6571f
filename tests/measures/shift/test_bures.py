import numpy as np
import pytest
from oracles import bures as frechet_by_roots

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._gaussian import covariance_distance
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.bures import between_halves

bures = MEASURES["bures"]


def pair_of(x, y, *, source=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch"))


def normal(n, m, d, *, shift=0.0, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), scale * rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def by_roots(x, y):
    """The definition, with matrix square roots: the distance of Gaussians with equal means."""
    x, y = x.astype(float), y.astype(float)
    return frechet_by_roots(x - x.mean(axis=0), y - y.mean(axis=0))


@pytest.mark.parametrize(("n", "m", "d"), [(50, 70, 6), (90, 40, 11)])
def test_equals_the_definition(n, m, d):
    rng = np.random.default_rng(1)
    x, y = (a @ rng.standard_normal((d, d)) for a in normal(n, m, d, shift=4.0))
    assert covariance_distance(x, y) == pytest.approx(by_roots(x, y), rel=1e-8)


@pytest.mark.parametrize(("n", "m", "d"), [(9, 14, 40), (6, 50, 20)])
def test_equals_the_limit_of_the_definition_where_covariances_are_singular(n, m, d):
    x, y = normal(n, m, d)
    # sqrtm needs full rank: d more rows make the covariances C + t I, and the roots converge like sqrt(t).
    found = []
    for t in (1e-8, 1e-10):
        a, b = (np.cov(z, rowvar=False, dtype=float) + t * np.eye(d) for z in (x, y))
        values, vectors = np.linalg.eigh(a)
        root = vectors * np.sqrt(values) @ vectors.T
        found.append(np.trace(a + b) - 2 * np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0.0)).sum())
    limit = found[1] + (found[1] - found[0]) / 9
    assert covariance_distance(x, y) == pytest.approx(limit, rel=1e-5)


def test_commuting_covariances_have_a_closed_form():
    base = np.linalg.qr(np.random.default_rng(0).standard_normal((200, 4)))[0]
    base -= base.mean(axis=0)
    base = np.linalg.qr(base)[0] * np.sqrt(199)  # covariance I, exactly
    sd = np.array([1.0, 2.0, 0.5, 0.0])
    assert covariance_distance(base, base * sd + 7.0) == pytest.approx(((1 - sd) ** 2).sum(), rel=1e-10)


def test_units():
    pair = pair_of(*normal(60, 60, 5, scale=2.0))
    found = bures(pair, variant="plain", rng=0)
    assert found.details["raw"] == pytest.approx(by_roots(pair.source.features, pair.target.features), rel=1e-8)
    assert found.value == found.details["plain"] == found.details["raw"] / pair.bandwidth**2
    assert found.low <= found.value <= found.high


def test_plain_measures_sample_size_and_debiased_does_not():
    found = [(pair := pair_of(*normal(250, 250, 32, seed=s))) and bures(pair, rng=s) for s in range(30)]
    plain, debiased = (np.array(v) for v in zip(*((e.details["raw"], e.value) for e in found), strict=True))
    assert plain.mean() == pytest.approx(32 * 33 / 500, rel=0.02)
    assert abs(debiased.mean()) < 3 * debiased.std() / np.sqrt(30)
    assert debiased.min() < 0 < debiased.max()
    assert np.mean([e.low <= 0 <= e.high for e in found]) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 30)


@pytest.mark.parametrize("scale", [1.5, 0.5])
def test_debiased_recovers_a_difference_of_spread(scale):
    found, truth = [], []
    for s in range(40):
        pair = pair_of(*normal(300, 300, 6, scale=scale, seed=s))
        found.append(bures(pair, rng=s))
        truth.append(6 * (scale - 1) ** 2 / pair.bandwidth**2)
    values = np.array([e.value for e in found])
    assert values.mean() == pytest.approx(np.mean(truth), rel=0.05)
    covered = np.mean([e.low <= t <= e.high for e, t in zip(found, truth, strict=True)])
    assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 40)
    assert min(e.low for e in found) > 0


def test_a_difference_of_means_is_not_seen():
    x, y = normal(80, 80, 4)
    near, far = (bures(pair_of(x, y + move), variant="plain", rng=0) for move in (0.0, 3.0))
    assert far.details["raw"] == pytest.approx(near.details["raw"], rel=1e-5)


def test_the_same_samples_and_constants_are_at_no_distance():
    x = normal(40, 1, 5)[0]
    assert bures(pair_of(x, x), variant="plain", rng=0).value == pytest.approx(0.0, abs=1e-12)
    found = bures(pair_of(np.ones((20, 3)), np.ones((30, 3))), rng=0)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_sides_are_used_at_equal_size_and_limited():
    pair = pair_of(*normal(200, 45, 3))
    assert bures(pair, rng=0).details["size"] == 45
    assert bures(pair, max_points=40, rng=0).details["size"] == 20


def test_halves_equal_the_definition():
    pair = pair_of(*normal(60, 50, 3, scale=2.0))
    halves = splits(pair, 0, 3)
    z = pair.pooled
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        expected = [by_roots(z[a], z[b]) for a, b in ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2))]
        np.testing.assert_allclose(row * pair.bandwidth**2, expected, rtol=1e-7)


def test_too_few_samples_or_groups_have_no_answer():
    with pytest.raises(NotApplicableError, match="cut into 4 parts"):
        bures(pair_of(*normal(7, 30, 2)))
    with pytest.raises(NotApplicableError, match="sketch has one sample: bures"):
        bures(pair_of(*normal(30, 1, 2)))
    with pytest.raises(NotApplicableError, match="one group"):
        bures(pair_of(*normal(30, 30, 2), source=[3] * 30))
    with pytest.raises(InputError, match=r"bures.max_points: 15 cannot be used"):
        bures(pair_of(*normal(30, 30, 2)), max_points=15)
