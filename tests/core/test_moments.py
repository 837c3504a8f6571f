import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftscope.core.moments import Moments
from shiftscope.errors import InputError

FIELDS = ("sum_x", "sum_xx", "sum_y", "sum_xy", "sum_yy")


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 20), m=st.integers(1, 20), offset=st.floats(-1e3, 1e3), seed=st.integers(0, 99))
def test_sum_equals_moments_of_the_concatenation(n, m, offset, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n + m, 3)) + offset, rng.normal(size=(n + m, 2))
    joined = Moments.of(x[:n], y[:n]) + Moments.of(x[n:], y[n:])
    whole = Moments.of(x, y, origin=joined.origin)
    assert joined.n == whole.n
    for name in FIELDS:
        a, b = getattr(joined, name), getattr(whole, name)
        # Rounding is relative to the sums of squares that were added, not to what is left after they cancel.
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * max(1.0, np.abs(b).max(), (n + m) * abs(offset)))


def test_covariance_and_mean_against_numpy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5)) + 100
    moments = Moments.of(x, origin=np.zeros(5))
    np.testing.assert_allclose(moments.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance(), np.cov(x.T), rtol=1e-8)


def test_centred_products_against_numpy():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 2))
    direct = (x - x.mean(axis=0)).T @ (y - y.mean(axis=0))
    np.testing.assert_allclose(Moments.of(x, y, origin=np.ones(5)).centred_xy, direct, rtol=1e-10, atol=1e-12)


def test_different_shapes_are_refused():
    with pytest.raises(InputError, match="cannot be added"):
        Moments.of(np.eye(3)) + Moments.of(np.eye(4))


def test_shards_may_lack_classes_and_list_them_in_any_order():
    rng = np.random.default_rng(2)
    x, codes = rng.normal(size=(40, 5)), np.arange(40) % 3
    whole = Moments.of(x, np.eye(3)[codes], names=("ant", "bee", "cat"), origin=np.zeros(5))
    first, second = np.flatnonzero(codes != 2), np.flatnonzero(codes == 2)
    joined = Moments.of(x[second], np.eye(1)[codes[second] - 2], names=("cat",), origin=np.zeros(5))
    joined += Moments.of(x[first], np.eye(2)[1 - codes[first]], names=("bee", "ant"), origin=np.ones(5))
    order = [whole.names.index(name) for name in joined.names]
    assert joined.names == ("cat", "bee", "ant")
    np.testing.assert_allclose(joined.sum_y, whole.sum_y[order])
    np.testing.assert_allclose(joined.sum_xy, whole.sum_xy[:, order], atol=1e-12)
    np.testing.assert_allclose(joined.sum_yy, whole.sum_yy[np.ix_(order, order)])
    np.testing.assert_allclose(joined.sum_xx, whole.sum_xx, atol=1e-12)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Moments.of(np.eye(4), np.eye(4)[:, :2]), "of 3 and of 4 features cannot be added"),
        (Moments.of(np.eye(3), np.eye(3)), "with 2 target columns without names and with 3 target columns"),
        (Moments.of(np.eye(3), np.eye(3)[:, :2], names=("a", "b")), "with 2 named classes cannot be added"),
    ],
)
def test_shards_that_do_not_fit_are_refused_in_one_line(other, words):
    with pytest.raises(InputError, match=words) as raised:
        Moments.of(np.eye(3), np.eye(3)[:, :2]) + other
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("x", "y", "names", "words"),
    [
        (np.ones(3), None, (), r"features \(3,\)"),
        (np.ones((0, 3)), None, (), "one row per sample"),
        (np.ones((3, 2)), np.ones(3), (), r"targets \(3,\): give"),
        (np.ones((3, 2)), np.ones((4, 1)), (), "one row per sample"),
        (np.array([[1.0], [np.nan], [np.inf]]), None, (), "2 of 3 rows hold NaN"),
        (np.ones((3, 2)), np.ones((3, 2)), ("a", "a"), "2 target columns with 1 names"),
    ],
)
def test_bad_input_is_refused(x, y, names, words):
    with pytest.raises(InputError, match=words):
        Moments.of(x, y, names=names)
