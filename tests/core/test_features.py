import numpy as np
import pytest

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError


def make(rng, n=30, d=4):
    return rng.normal(size=(n, d)), rng.integers(0, 3, n)


def test_order_of_rows_does_not_matter():
    rng = np.random.default_rng(0)
    x, y = make(rng)
    shuffle = rng.permutation(len(x))
    a, b = FeatureSet.of(x, y), FeatureSet.of(x[shuffle], y[shuffle])
    assert a.fingerprint == b.fingerprint
    np.testing.assert_array_equal(a.features, b.features)
    np.testing.assert_array_equal(x.astype(np.float32)[[int(i) for i in a.ids]], a.features)


def test_given_keys_pair_backbones_whatever_their_features():
    rng = np.random.default_rng(1)
    x, y = make(rng)
    keys = [f"{i:04d}".encode() for i in rng.permutation(len(x))]
    a, b = FeatureSet.of(x, y, keys=keys), FeatureSet.of(rng.normal(size=(30, 7)), y, keys=keys)
    assert a.ids == b.ids
    np.testing.assert_array_equal(a.target.values, b.target.values)


def test_features_are_read_only_and_float32():
    fs = FeatureSet.of(*make(np.random.default_rng(2)))
    assert fs.features.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        fs.features[0, 0] = 1


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([[1.0, np.nan], [0.0, 1.0]], None, "1 of 2 feature rows hold NaN"),
        ([[1.0, 1e300], [0.0, 1.0]], None, "1 of 2 feature rows hold NaN or infinite"),
        (np.zeros((3, 2)), [0, 1], "3 feature rows but 2 labels"),
        (np.zeros(3), None, r"shape \(3,\)"),
        (np.zeros((0, 3)), None, r"shape \(0, 3\)"),
        (np.array([["a"]]), None, "give real numbers"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(x, y, words):
    with pytest.raises(InputError, match=words) as caught:
        FeatureSet.of(x, y)
    assert "\n" not in str(caught.value)


def test_take_keeps_what_belongs_together():
    rng = np.random.default_rng(3)
    x, y = make(rng)
    fs = FeatureSet.of(x, y, groups=np.arange(30) // 2)
    part = fs.take(np.array([7, 3, 11]))
    np.testing.assert_array_equal(part.features, fs.features[[3, 7, 11]])
    assert part.ids == tuple(fs.ids[i] for i in (3, 7, 11))
    assert part.target.names() == [fs.target.names()[i] for i in (3, 7, 11)]


def test_bandwidth_is_the_median_distance_and_symmetric_in_the_sides():
    rng = np.random.default_rng(4)
    a, b = FeatureSet.of(rng.normal(size=(20, 3))), FeatureSet.of(rng.normal(size=(31, 3)) + 1)
    z = np.concatenate([a.features, b.features]).astype(float)
    brute = [np.linalg.norm(z[i] - z[j]) for i in range(51) for j in range(i)]
    assert Pair(a, b).bandwidth == pytest.approx(np.median(brute), rel=1e-9)
    assert Pair(b, a).bandwidth == pytest.approx(Pair(a, b).bandwidth, rel=1e-12)


def test_bandwidth_survives_duplicates_and_constant_features():
    same = FeatureSet.of(np.full((5, 3), 2.0))
    assert Pair(same, same).bandwidth == 1.0
    half = FeatureSet.of([[0.0]] * 9 + [[3.0]])
    assert Pair(half, half).bandwidth == pytest.approx(3.0)


@pytest.mark.parametrize("far", [1e5, 1e6, 1e8])
def test_bandwidth_survives_one_sample_far_away(far):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 60, 5))
    near = Pair(FeatureSet.of(x), FeatureSet.of(y)).bandwidth
    y[0, 0] = far
    assert Pair(FeatureSet.of(x), FeatureSet.of(y)).bandwidth == pytest.approx(near, rel=0.1)


def test_bandwidth_of_many_points_does_not_depend_on_which_side_they_are():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2600, 2))
    whole = [FeatureSet.of(x[:900]), FeatureSet.of(x[900:])]
    other = [FeatureSet.of(x[1000:]), FeatureSet.of(x[:1000])]
    assert Pair(*whole).bandwidth == pytest.approx(Pair(*other).bandwidth, rel=1e-12)


def test_pair_matches_classes_by_name():
    a = FeatureSet.of(np.eye(4), ["cat", "dog", "cat", "emu"])
    b = FeatureSet.of(np.eye(4)[:3], ["dog", "cat", "yak"])
    pair = Pair(a, b)
    assert pair.shared_classes == ("cat", "dog")
    cats = pair.of_class("cat")
    assert (cats.source.n, cats.target.n) == (2, 1)


def test_pair_of_different_dimensions_is_refused():
    with pytest.raises(InputError, match=r"has 2 features and .* has 3"):
        Pair(FeatureSet.of(np.eye(2), name="a"), FeatureSet.of(np.eye(3), name="b"))
