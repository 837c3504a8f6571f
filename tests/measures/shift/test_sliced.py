import dataclasses

import numpy as np
import ot
import pytest
from scipy.stats import wasserstein_distance

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.seeds import stream
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.sliced import _directions, _mean_power, between_halves

sliced = MEASURES["sliced"]


def pair_of(x, y, *, source=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch"))


def normal(n, m, d, *, shift=0.0, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), scale * rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def in_float64(pair):
    """The same samples, worked on in float64."""
    sides = (pair.source, pair.target)
    return Pair(*(dataclasses.replace(s, features=s.features.astype(np.float64), _memo={}) for s in sides))


@pytest.mark.parametrize("n_projections", [1, 7])
def test_plain_equals_scipy_in_one_dimension(n_projections):
    x, y = normal(80, 80, 1, shift=0.7)
    pair = pair_of(x, y)
    found = sliced(pair, p=1, n_projections=n_projections, rng=0).details
    expected = wasserstein_distance(x[:, 0], y[:, 0])
    assert found["plain"] * pair.bandwidth == pytest.approx(expected, rel=1e-7)
    assert found["raw"] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [3, 40])
def test_raw_equals_pot_along_the_same_directions(d, p):
    x, y = normal(60, 60, d, shift=1.0)
    found = sliced(pair_of(x, y), p=p, n_projections=25, rng=4)
    directions = _directions(d, 25, stream(4, "projections"))
    expected = ot.sliced_wasserstein_distance(x.astype(float), y.astype(float), projections=directions.T, p=p)
    assert found.details["raw"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("d", "n_projections"), [(6, 6), (6, 18), (40, 80)])
def test_whole_frames_give_a_translation_its_squared_length(d, n_projections):
    x, _ = normal(50, 1, d)
    apart = np.random.default_rng(3).standard_normal(d).astype(np.float32)
    pair = pair_of(x, x + apart)
    plain = sliced(pair, n_projections=n_projections, rng=0).details["plain"]
    assert plain * pair.bandwidth**2 == pytest.approx(float(apart @ apart), rel=1e-5)


def test_directions_are_uniform_and_orthogonal_in_sets():
    t = _directions(5, 12, np.random.default_rng(0))
    assert t.shape == (12, 5)
    for frame in (t[:5], t[5:10], t[10:]):
        np.testing.assert_allclose(frame @ frame.T, np.eye(len(frame)), atol=1e-12)
    many = np.concatenate([_directions(3, 2, np.random.default_rng(s)) for s in range(2000)])
    np.testing.assert_allclose(many.T @ many / len(many), np.eye(3) / 3, atol=0.02)
    for p in (1, 2):
        assert np.mean(np.abs(many) ** p) == pytest.approx(_mean_power(3, p), rel=0.02)


def test_debiased_recovers_a_shift_of_the_mean():
    found, truth = [], []
    for s in range(40):
        pair = pair_of(*normal(60, 60, 64, shift=2.0, seed=s))
        found.append(sliced(pair, n_projections=64, rng=s))
        truth.append(4.0 / pair.bandwidth**2)
    values = np.array([e.value for e in found])
    assert abs((values - truth).mean()) < 3 * values.std() / np.sqrt(40)
    assert np.mean([e.details["plain"] for e in found]) > 1.4 * np.mean(truth)
    assert np.mean([e.low <= t <= e.high for e, t in zip(found, truth, strict=True)]) >= 0.84  # 0.95 - 3 s.e.


def test_debiased_recovers_a_difference_of_spread():
    # Every projection of these Gaussians has standard deviations 1 and 2.
    found = []
    for s in range(20):
        pair = pair_of(*normal(400, 400, 8, scale=2.0, seed=s))
        found.append(sliced(pair, rng=s).value * pair.bandwidth**2)
    assert np.mean(found) == pytest.approx(8.0, rel=0.03)


@pytest.mark.parametrize("p", [1, 2])
def test_no_shift_is_zero_on_average(p):
    found = [sliced(pair_of(*normal(30, 50, 40, seed=s)), p=p, n_projections=40, rng=s) for s in range(60)]
    values = np.array([e.value for e in found])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(60)
    assert values.min() < 0
    # One-sided: how often an interval lies above 0 where nothing has shifted.
    assert np.mean([e.low > 0 for e in found]) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 60)


def test_the_same_samples_and_constants_are_at_no_distance():
    x = normal(40, 1, 5)[0]
    found = sliced(pair_of(x, x), rng=0)
    assert found.details["plain"] == 0.0
    assert found.low <= 0
    still = sliced(pair_of(np.ones((20, 3)), np.ones((30, 3))), rng=0)
    assert (still.value, still.low, still.high, still.details["raw"]) == (0.0, 0.0, 0.0, 0.0)


def test_sides_are_used_at_equal_size_and_limited():
    pair = pair_of(*normal(200, 45, 3, shift=1.0))
    assert sliced(pair, rng=0).details["size"] == 45
    assert sliced(pair, max_points=40, rng=0).details["size"] == 20


@pytest.mark.parametrize("p", [1, 2])
def test_halves_equal_the_definition(p):
    pair = in_float64(pair_of(*normal(30, 40, 3, shift=1.0)))
    halves = splits(pair, 0, 3)
    found = between_halves(pair, halves, {"p": p, "n_projections": 9}, None)
    along = pair.pooled.astype(float) @ _directions(3, 9, stream(0, "projections")).T
    for row, s in zip(found, halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            ranked = np.sort(along[a], axis=0) - np.sort(along[b], axis=0)
            expected = np.mean(np.abs(ranked) ** p) / _mean_power(3, p)
            assert value * pair.bandwidth**p == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("p", [1, 2])
def test_float32_keeps_five_digits_far_from_the_origin(p):
    x, y = normal(150, 150, 200, shift=0.5)
    pair = pair_of(x + 100, y + 100)
    found, expected = (sliced(side, p=p, rng=0) for side in (pair, in_float64(pair)))
    assert found.details["plain"] == pytest.approx(expected.details["plain"], rel=1e-5)
    assert found.value == pytest.approx(expected.value, abs=1e-5 * expected.details["plain"])


def test_too_few_samples_or_groups_have_no_answer():
    with pytest.raises(NotApplicableError, match="cut into 4 parts"):
        sliced(pair_of(*normal(7, 30, 2)))
    with pytest.raises(NotApplicableError, match="whole groups"):
        sliced(pair_of(*normal(30, 30, 2), source=[0] * 10 + [1] * 20))
    with pytest.raises(NotApplicableError, match="photo has one sample: sliced"):
        sliced(pair_of(*normal(1, 30, 2)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_points": 8}, "max_points: 8 cannot be used"),
        ({"n_projections": 0}, "n_projections: 0 cannot be used"),
        ({"p": 3}, "p: 3"),
    ],
)
def test_options_without_meaning_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        sliced(pair_of(*normal(30, 30, 2)), **options)
