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
