import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES, _sides
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.otdd import between_halves

otdd, wasserstein = MEASURES["otdd"], MEASURES["wasserstein"]


def labelled(seed, n, d, n_classes=3, *, spread=2.0, moved=0.0):
    """Normal classes of other widths around fixed means; ``moved`` along the first axis."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    means = np.random.default_rng(9).normal(size=(n_classes, d)) * spread / np.sqrt(d)
    x = means[y] + rng.standard_normal((n, d)) * (0.5 + 0.5 * y[:, None] / n_classes)
    x[:, 0] += moved
    return x.astype(np.float32), y


def side(x, y, name="photo", **more):
    return FeatureSet.of(x, y, name=name, keys=[b"%04d" % i for i in range(len(x))], **more)


def pair_of(n, m, d, *, seed=0, moved=0.0):
    return Pair(side(*labelled(seed, n, d)), side(*labelled(seed + 10_000, m, d, moved=moved), name="sketch"))


def root(c):
    values, vectors = np.linalg.eigh(c)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def gaussian_w2(a, b):
    """Squared distance of the normal distributions that fit two samples, by square roots of matrices."""
    s, t = (np.atleast_2d(np.cov(rows, rowvar=False, bias=True)) for rows in (a, b))
    apart = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return apart + np.trace(s + t - 2 * root(root(s) @ t @ root(s)))


def by_pot(x, y, codes, others):
    """The distance of two labelled samples of equal size, in squared units of their features."""
    x, y = x.astype(float), y.astype(float)
    classes, back = np.unique(codes, return_inverse=True)
    kinds, there = np.unique(others, return_inverse=True)
    labels = np.array([[gaussian_w2(x[codes == c], y[others == k]) for k in kinds] for c in classes])
    return ot.emd2([], [], cdist(x, y, "sqeuclidean") + labels[np.ix_(back, there)])


@pytest.mark.parametrize("d", [1, 3, 40])
def test_plain_equals_pot_on_costs_of_samples_and_classes(d):
    x, y = labelled(0, 50, d)
    there, others = labelled(1, 50, d, n_classes=4, moved=1.0)
    y[7] = 3  # a class with one sample: a point
    pair = Pair(side(x, y), side(there, others))
    found = otdd(pair, rng=0).details
    assert found["plain"] * pair.bandwidth**2 == pytest.approx(by_pot(x, there, y, others), rel=1e-5)
    assert (found["source_classes"], found["target_classes"]) == (4, 4)


def test_halves_equal_pot():
    pair = pair_of(30, 44, 3, moved=1.0)
    halves = splits(pair, 0, 3)
    z, codes = pair.pooled, np.concatenate([pair.source.target.values, pair.target.target.values])
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            expected = by_pot(z[a], z[b], codes[a], codes[b])
            assert value * pair.bandwidth**2 == pytest.approx(expected, rel=1e-5)


def test_the_value_is_the_excess_over_halves_of_each_side():
    pair = pair_of(24, 32, 2, moved=1.0)
    z, codes = pair.pooled, np.concatenate([pair.source.target.values, pair.target.target.values])

    def apart(a, b):
        return by_pot(z[a], z[b], codes[a], codes[b])

    excesses = [
        (apart(s.x1, s.y1) + apart(s.x1, s.y2) + apart(s.x2, s.y1) + apart(s.x2, s.y2)) / 4
        - (apart(s.x1, s.x2) + apart(s.y1, s.y2)) / 2
        for s in splits(pair, 5, 5)
    ]
    assert otdd(pair, rng=5).value * pair.bandwidth**2 == pytest.approx(np.mean(excesses), rel=1e-5)


def test_plain_of_a_translation_counts_samples_and_classes_alike():
    x, y = labelled(0, 60, 6)
    apart = np.array([0.5, -2.0, 0.25, 0.0, 1.0, 3.0], np.float32)
    mixed = np.random.default_rng(0).permutation(60)
    pair = Pair(side(x, y), side((x + apart)[mixed], y[mixed]))
    assert otdd(pair, rng=0).details["plain"] * pair.bandwidth**2 == pytest.approx(2 * float(apart @ apart), rel=1e-5)


def test_a_shift_is_recovered_far_below_the_plain_bias():
    found, truth = [], []
    for s in range(16):
        pair = pair_of(60, 60, 48, seed=s, moved=2.0)
        found.append(otdd(pair, rng=s))
        truth.append(2 * 4.0 / pair.bandwidth**2)
    values = np.array([e.value for e in found])
    assert abs((values - truth).mean()) < 3 * values.std(ddof=1) / 4
    assert np.mean([e.details["plain"] for e in found]) > 5 * np.mean(truth)
    assert np.mean([e.low <= t <= e.high for e, t in zip(found, truth, strict=True)]) >= 0.78  # 0.95 - 3 s.e.


@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 3), (24, 40, 30)])
def test_no_shift_is_zero_on_average(n, m, d, monkeypatch):
    monkeypatch.setattr(_sides, "N_HALVES", 2)  # intervals are not looked at
    found = [otdd(pair_of(n, m, d, seed=s), rng=s) for s in range(50)]
    values = np.array([e.value for e in found])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(50)
    assert values.min() < 0


def test_sides_drawn_to_equal_class_counts_are_below_zero_and_never_above(monkeypatch):
    monkeypatch.setattr(_sides, "N_HALVES", 2)
    y = np.arange(60) % 3
    means = 2 * np.eye(3)
    values = []
    for s in range(12):
        rng = np.random.default_rng(s)
        values.append(otdd(Pair(*(side(means[y] + rng.standard_normal((60, 3)), y) for _ in range(2))), rng=s).value)
    assert -0.1 < np.mean(values) < 0


def test_the_same_set_on_both_sides_is_at_no_distance():
    x, y = labelled(0, 48, 5)
    found = otdd(Pair(side(x, y), side(x, y)), rng=0)
    assert found.details["plain"] == pytest.approx(0.0, abs=1e-9)
    assert found.low <= 0


def test_labels_at_random_raise_it_and_leave_wasserstein_where_it_was():
    pair = pair_of(160, 160, 4)
    mixed = np.random.default_rng(0).permutation(pair.target.target.values)
    other = Pair(pair.source, side(pair.target.features, mixed))
    assert wasserstein(other, rng=0).value == wasserstein(pair, rng=0).value
    before, after = otdd(pair, rng=0), otdd(other, rng=0)
    assert before.low <= 0
    assert after.low > before.high


def test_names_of_classes_play_no_part_and_need_not_be_shared():
    pair = pair_of(60, 60, 3)
    renamed = side(pair.target.features, np.array(["oak", "elm", "fir"])[pair.target.target.values])
    assert otdd(Pair(pair.source, renamed), rng=0).value == pytest.approx(otdd(pair, rng=0).value, rel=1e-9)
    # One class split in two that look alike is hardly another set.
    halved = side(pair.target.features, pair.target.target.values + 3 * (np.arange(60) % 2))
    found = otdd(Pair(pair.source, halved), rng=0)
    assert found.details["target_classes"] == 6
    assert found.low < 0.05


def test_sides_are_used_at_equal_size_and_limited():
    pair = pair_of(120, 45, 3, moved=1.0)
    assert otdd(pair, rng=0).details["size"] == 45
    assert otdd(pair, max_points=40, rng=0).details["size"] == 20


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(NotApplicableError, match="cut into 4 parts"):
        otdd(pair_of(7, 30, 2))
    with pytest.raises(NotApplicableError, match="one sample"):
        otdd(pair_of(1, 30, 2))
    with pytest.raises(NotApplicableError, match="one group"):
        otdd(Pair(side(*labelled(0, 30, 2), groups=[0] * 30), side(*labelled(1, 30, 2))))
    with pytest.raises(InputError, match=r"otdd.max_points: 8 cannot be used"):
        otdd(pair_of(30, 30, 2), max_points=8)
