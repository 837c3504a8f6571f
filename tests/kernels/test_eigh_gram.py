import tracemalloc

import numpy as np
import pytest

from shiftscope.kernels import reference


def rows_of(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) * np.geomspace(1, 20, d) + 3.0


SHAPES = [(50, 7), (7, 50), (12, 12), (13, 12), (2, 1), (2, 9)]


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_is_the_singular_value_decomposition(kernels, n, d):
    x = rows_of(n, d)
    u, singular, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    rank = min(n - 1, d)
    eigenvalues, left = kernels.eigh_gram(x)
    assert eigenvalues.dtype == left.dtype == np.float64
    assert left.shape == (n, rank)
    np.testing.assert_allclose(eigenvalues, singular[:rank] ** 2, rtol=1e-8)
    signs = np.sign((left * u[:, :rank]).sum(axis=0))
    np.testing.assert_allclose(left, u[:, :rank] * signs, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_left_is_orthonormal_and_centred(kernels, n, d):
    eigenvalues, left = kernels.eigh_gram(rows_of(n, d).astype(np.float32))
    np.testing.assert_allclose(left.T @ left, np.eye(len(eigenvalues)), rtol=0, atol=1e-9)
    np.testing.assert_allclose(left.sum(axis=0), 0.0, rtol=0, atol=1e-9)
    assert (np.diff(eigenvalues) <= 0).all()


@pytest.mark.parametrize("n", [60, 9])
def test_copies_and_constant_columns_add_no_rank(kernels, n):
    x = rows_of(n, 5)
    padded = np.column_stack([x, x, np.full(n, 1e6), np.full(n, 0.1), np.zeros(n)]).astype(np.float32)
    eigenvalues, left = kernels.eigh_gram(padded)
    alone, left_alone = kernels.eigh_gram(x.astype(np.float32))
    np.testing.assert_allclose(eigenvalues, 2 * alone, rtol=1e-9)
    np.testing.assert_allclose(left @ left.T, left_alone @ left_alone.T, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), [(30, 4), (4, 30), (1, 3), (3, 1)])
def test_constant_rows_have_rank_zero(kernels, n, d, dtype):
    eigenvalues, left = kernels.eigh_gram(np.full((n, d), 0.1, dtype=dtype))
    assert eigenvalues.shape == (0,)
    assert left.shape == (n, 0)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_rank_does_not_depend_on_units(kernels, scale):
    x = rows_of(40, 6)
    eigenvalues, _ = kernels.eigh_gram(x)
    np.testing.assert_allclose(kernels.eigh_gram(x * scale)[0], eigenvalues * scale**2, rtol=1e-9)


def test_memory_stays_below_three_float64_copies():
    x = rows_of(20_000, 60).astype(np.float32)
    reference.eigh_gram(x[:100])
    tracemalloc.start()
    reference.eigh_gram(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * x.size * 8
