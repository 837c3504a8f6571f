import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._sides import splits
from shiftscope.measures.shift import wasserstein as module

wasserstein = MEASURES["wasserstein"]


def pair_of(x, y, *, source=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch"))


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def test_plain_equals_scipy_in_one_dimension():
    x, y = normal(80, 80, 1, shift=0.7)
    pair = pair_of(x, y)
    plain = wasserstein(pair, p=1, rng=0).details["plain"]
    assert plain * pair.bandwidth == pytest.approx(wasserstein_distance(x[:, 0], y[:, 0]), rel=1e-7)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [2, 70])
def test_plain_equals_the_best_assignment(p, d):
    x, y = normal(50, 50, d, shift=1.0)
    pair = pair_of(x, y)
    costs = cdist(x, y) ** p
    expected = costs[linear_sum_assignment(costs)].mean()
    assert wasserstein(pair, p=p, rng=0).details["plain"] * pair.bandwidth**p == pytest.approx(expected, rel=1e-7)


def test_plain_of_a_translation_is_its_squared_length():
    x = np.round(normal(64, 1, 6)[0], 2)
    apart = np.array([0.5, -2.0, 0.25, 0.0, 1.0, 3.0], np.float32)
    pair = pair_of(x, np.random.default_rng(0).permutation(x + apart))
    plain = wasserstein(pair, rng=0).details["plain"]
    assert plain * pair.bandwidth**2 == pytest.approx(float(apart @ apart), rel=1e-6)


def test_the_same_samples_on_both_sides_are_at_no_distance():
    x = normal(40, 1, 5)[0]
    found = wasserstein(pair_of(x, x), rng=0)
    assert found.details["plain"] == pytest.approx(0.0, abs=1e-12)
    assert found.low <= 0


def test_constant_features_are_no_shift():
    found = wasserstein(pair_of(np.ones((20, 3)), np.ones((30, 3))), rng=0)
    assert (found.value, found.low, found.high, found.details["plain"]) == (0.0, 0.0, 0.0, 0.0)


def test_debiased_recovers_a_shift_far_below_the_plain_bias():
    found, truth = [], []
    for s in range(25):
        pair = pair_of(*normal(60, 60, 64, shift=3.0, seed=s))
        found.append(wasserstein(pair, rng=s))
        truth.append(9.0 / pair.bandwidth**2)
    values = np.array([e.value for e in found])
    assert abs((values - truth).mean()) < 3 * values.std() / 5
    assert np.mean([e.details["plain"] for e in found]) > 8 * np.mean(truth)
    assert np.mean([e.low <= t <= e.high for e, t in zip(found, truth, strict=True)]) >= 0.84  # 0.95 - 3 s.e.


def test_no_shift_is_zero_on_average():
    values = np.array([wasserstein(pair_of(*normal(30, 50, 40, seed=s)), rng=s).value for s in range(40)])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(40)
    assert values.min() < 0


def test_sides_are_used_at_equal_size_and_limited():
    pair = pair_of(*normal(200, 45, 3, shift=1.0))
    assert wasserstein(pair, rng=0).details["size"] == 45
    assert wasserstein(pair, max_points=40, rng=0).details["size"] == 20


def test_neither_order_nor_scale_matter():
    x, y = normal(30, 40, 4, shift=0.5)
    mixed = np.random.default_rng(1).permutation(30)
    first = wasserstein(pair_of(x, y), rng=7)
    again = wasserstein(pair_of(x[mixed], y), rng=7)
    assert (again.value, again.low, again.details) == (first.value, first.low, first.details)
    keys = [b"%03d" % i for i in range(70)]
    scaled = Pair(FeatureSet.of(8 * x, keys=keys[:30]), FeatureSet.of(8 * y, keys=keys[30:]))
    plain = Pair(FeatureSet.of(x, keys=keys[:30]), FeatureSet.of(y, keys=keys[30:]))
    assert wasserstein(scaled, rng=7).value == pytest.approx(wasserstein(plain, rng=7).value, rel=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_halves_equal_the_best_assignment(p):
    pair = pair_of(*normal(30, 40, 3, shift=1.0))
    halves = splits(pair, 0, 3)
    found = module.between_halves(pair, halves, {"p": p}, None)
    z = pair.pooled.astype(np.float64)
    for row, s in zip(found, halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            costs = cdist(z[a], z[b]) ** p
            best = costs[linear_sum_assignment(costs)].mean()
            assert value * pair.bandwidth**p == pytest.approx(best, rel=1e-7)


def test_a_solver_that_stops_early_is_a_failure_not_a_number(monkeypatch):
    monkeypatch.setattr("shiftscope.measures._transport.MAX_PIVOTS", 1)
    pair = pair_of(*normal(30, 30, 3))
    result = wasserstein.run(pair, target="sketch", backbone="b", rng=0)
    assert result.status == "failed"
    assert "30 samples did not converge" in result.reason


def test_too_few_samples_or_groups_have_no_answer():
    with pytest.raises(NotApplicableError, match="cut into 4 parts"):
        wasserstein(pair_of(*normal(7, 30, 2)))
    with pytest.raises(NotApplicableError, match="whole groups"):
        wasserstein(pair_of(*normal(30, 30, 2), source=[0] * 10 + [1] * 20))
    with pytest.raises(NotApplicableError, match="one sample"):
        wasserstein(pair_of(*normal(1, 30, 2)))


def test_options_without_meaning_are_refused():
    with pytest.raises(InputError, match="max_points: 8 cannot be used"):
        wasserstein(pair_of(*normal(30, 30, 2)), max_points=8)
    with pytest.raises(InputError, match="p: 3"):
        wasserstein(pair_of(*normal(30, 30, 2)), p=3)
