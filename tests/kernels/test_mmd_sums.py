import tracemalloc

import numba
import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch.utils._python_dispatch import TorchDispatchMode

from shiftscope.kernels import MmdSums, choose, compiled, compiled_mmd, reference, tensor


def draw(n, m, d, *, count=5, shift=0.5, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n + m, d))
    z[n:] += shift
    seeds = rng.integers(0, 2**64, count, dtype=np.uint64)
    return z.astype(dtype), reference.permutation_members(n, m, seeds)


def sums_of(kernels, z, bandwidth, members, **options):
    (found,) = kernels.mmd_sums(z, [bandwidth], members, **options)
    return found


DENSE = {
    "gaussian": lambda r: np.exp(-(r**2) / 2),
    "laplace": lambda r: np.exp(-r),
    "rational_quadratic": lambda r: 1 / (1 + r**2 / 2),
}


def sums_of_matrix(matrix, members, n):
    kernel, marks = matrix - np.diag(np.diag(matrix)), members.astype(np.float64)
    quadratic = np.array([v @ kernel @ v for v in marks.T])
    squares = float(np.square(kernel).sum())
    return MmdSums(quadratic, kernel.sum(axis=1), kernel[:, :n].sum(axis=1), np.diag(matrix), squares)


def dense_sums(z, bandwidth, members, n, kernel="gaussian"):
    distance = cdist(z.astype(np.float64), z.astype(np.float64))
    return sums_of_matrix(DENSE[kernel](distance / bandwidth), members, n)


def unbiased_mmd2(sums, members, n):
    m, total = len(members) - n, sums.row_sums.sum()
    within, across = sums.quadratic, sums.row_sums @ members - sums.quadratic
    return within / (n * (n - 1)) + (total - within - 2 * across) / (m * (m - 1)) - 2 * across / (n * m)


def assert_close(sums, expected, rtol):
    for name, value in sums._asdict().items():
        np.testing.assert_allclose(value, getattr(expected, name), rtol=rtol, atol=1e-30, err_msg=name)


SIZES = [(20, 17, 3, 8), (1, 4, 2, 3), (4, 1, 2, 3), (5, 5, 1, 64), (64, 64, 6, 32), (150, 133, 40, 50)]
precisions = pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-11), (np.float32, 5e-6)])


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kernel", DENSE)
@precisions
def test_sums_are_those_of_the_dense_matrix(kernels, sizes, kernel, dtype, rtol):
    n, m, d, tile = sizes
    z, members = draw(n, m, d, dtype=dtype)
    sums = sums_of(kernels, z, 1.3 * d**0.5, members, n=n, tile=tile, kernel=kernel)
    assert_close(sums, dense_sums(z, 1.3 * d**0.5, members, n, kernel), rtol)
    assert {part.dtype for part in sums[:-1]} == {np.dtype(np.float64)}


@pytest.mark.parametrize("binned", [False, True])
@pytest.mark.parametrize("kernel", DENSE)
@precisions
def test_several_bandwidths_are_several_kernels(kernels, kernel, dtype, rtol, binned):
    z, members = draw(40, 33, 12, dtype=dtype)
    bins, bandwidths = np.arange(73) if binned else None, [3.0, 1.5, 9.0]
    found = kernels.mmd_sums(z, bandwidths, members, n=40, kernel=kernel, tile=32, bins=bins)
    for sums, bandwidth in zip(found, bandwidths, strict=True):
        assert_close(sums, dense_sums(z, bandwidth, members, 40, kernel), 3 * rtol)


BINS = {
    "together": np.repeat(np.arange(9), [8, 8, 8, 8, 8, 9, 9, 9, 6]),
    "scattered": np.random.default_rng(3).integers(9, size=73),
    "one has no rows": np.repeat([0, 1, 2, 4, 5, 6, 7, 8], [8, 16, 8, 8, 9, 9, 9, 6]),
}


@pytest.mark.parametrize("bins", BINS.values(), ids=BINS)
@precisions
def test_rows_of_one_bin_go_together(kernels, bins, dtype, rtol):
    z = draw(40, 33, 12, dtype=dtype)[0]
    members = np.random.default_rng(0).integers(2, size=(9, 6), dtype=np.uint8)
    sums = sums_of(kernels, z, 4.0, members, n=40, tile=32, bins=bins)
    assert_close(sums, dense_sums(z, 4.0, members[bins], 40), rtol)


@pytest.mark.parametrize("d", [3, 512, 4096])
def test_copies_are_at_distance_zero(kernels, d):
    """Rounding leaves 1e-7 of squared lengths, and its root would be 3e-4."""
    rng = np.random.default_rng(1)
    z = np.repeat(rng.standard_normal((10, d)) * 7 + 3, 4, axis=0).astype(np.float32)
    members = np.repeat(np.eye(10, dtype=np.uint8), 4, axis=0)
    sums = sums_of(kernels, z, 1e-3 * d**0.5, members, n=20, tile=24, kernel="laplace")
    np.testing.assert_allclose(sums.quadratic, 12.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("binned", [False, True])
def test_inner_products_need_no_matrix(kernels, dtype, binned):
    z, members = draw(40, 33, 12, dtype=dtype)
    bins = BINS["scattered"] if binned else None
    members = members[:9] if binned else members
    found = kernels.inner_sums(z, members, n=40, bins=bins)
    wide = z.astype(np.float64)
    expected = sums_of_matrix(wide @ wide.T, members[bins] if binned else members, 40)
    for name in ("quadratic", "row_sums", "to_first", "diagonal"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_float32_statistics_agree_with_float64(kernels, dtype):
    z, members = draw(300, 260, 64, count=99, shift=0.0, dtype=dtype)
    found = unbiased_mmd2(sums_of(kernels, z, 11.0, members, n=300, tile=128), members, 300)
    exact = unbiased_mmd2(dense_sums(z, 11.0, members, 300), members, 300)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-3 * exact.std())


def test_a_far_origin_changes_nothing(kernels):
    z, members = draw(40, 30, 5)
    sums = sums_of(kernels, z, 2.0, members, n=40, tile=16)
    assert_close(sums_of(kernels, z + 1e4, 2.0, members, n=40, tile=16), sums, 1e-9)


def test_units_cancel(kernels):
    z, members = draw(40, 30, 5, dtype=np.float32)
    sums = sums_of(kernels, z, 2.0, members, n=40, tile=16)
    assert_close(sums_of(kernels, z * 1024, 2048.0, members, n=40, tile=16), sums, 1e-6)


def test_equal_rows_have_kernel_one(kernels):
    z, members = np.full((9, 3), 0.7, dtype=np.float32), draw(4, 5, 3)[1]
    sums = sums_of(kernels, z, 0.1, members, n=4, tile=4)
    np.testing.assert_allclose(sums.quadratic, 12.0, rtol=1e-6)
    np.testing.assert_allclose(sums.row_sums, 8.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_kernel_value_exceeds_one(kernels, dtype):
    """Copies far from the centre: rounding alone would make some squared distances negative."""
    centres = 1000 * np.random.default_rng(5).standard_normal((30, 7))
    z, members = np.repeat(centres, 3, axis=0).astype(dtype), draw(45, 45, 1)[1]
    sums = sums_of(kernels, z, 1.0, members, n=45, tile=32)
    assert (sums.row_sums <= 2.0).all()


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-13), (np.float32, 2e-5)])
def test_kernel_values_over_their_whole_range(kernels, dtype, rtol):
    members = np.ones((2, 1), dtype=np.uint8)
    for exponent in np.linspace(0, 80, 161):
        z = np.array([[0.0], [np.sqrt(2 * exponent)]], dtype=dtype)
        sums = sums_of(kernels, z, 1.0, members, n=2)
        assert sums.row_sums.sum() == pytest.approx(2 * np.exp(-0.5 * np.square(z[1, 0], dtype=np.float64)), rel=rtol)
    far = sums_of(kernels, np.array([[0.0], [1e6]], dtype=dtype), 1.0, members, n=2)
    assert 0 <= far.row_sums.sum() < 1e-36


def test_compiled_exponential_is_right_to_the_last_bit_but_one():
    @numba.njit
    def exponentials(x):
        return np.array([compiled_mmd._exp_negative(value) for value in x])

    x = -np.linspace(0, 86, 200_001, dtype=np.float32)
    np.testing.assert_allclose(exponentials(x), np.exp(x.astype(np.float64)), rtol=1e-7)


def test_not_a_number_stays_one(kernels):
    z, members = draw(10, 10, 3, dtype=np.float32)
    z[3, 1] = np.nan
    assert np.isnan(sums_of(kernels, z, 1.0, members, n=10, tile=8).quadratic).all()


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, np.nan])
def test_bandwidth_must_be_positive(kernels, bandwidth):
    z, members = draw(4, 4, 2)
    with pytest.raises(ValueError, match="bandwidth"):
        sums_of(kernels, z, bandwidth, members, n=4)
    with pytest.raises(ValueError, match="bandwidth"):
        kernels.mmd_sums(z, [1.0, bandwidth], members, n=4)


def test_two_runs_are_equal_to_the_last_bit(kernels):
    z, members = draw(200, 200, 20, dtype=np.float32)
    once, twice = (sums_of(kernels, z, 5.0, members, n=200, tile=64) for _ in range(2))
    for a, b in zip(once, twice, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("module", [reference, compiled], ids=["reference", "compiled"])
def test_memory_does_not_grow_with_the_square_of_n(module):
    z, members = draw(3000, 3000, 4, count=20, dtype=np.float32)
    module.mmd_sums(z[:50], [2.0], members[:50], n=25, tile=8)
    tracemalloc.start()
    module.mmd_sums(z, [2.0], members, n=3000, tile=256)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6000 * 6000 * 4 / 20


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation returned."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.numel = max(self.numel, out.numel())
        return out


def test_no_tensor_grows_with_the_square_of_n():
    z, members = draw(3000, 3000, 4, count=20, dtype=np.float32)
    with LargestTensor() as largest:
        tensor.mmd_sums(z, [2.0], members, n=3000, tile=256)
    assert largest.numel == max(members.size, 256 * 256)


def test_tile_size_changes_rounding_only():
    z, members = draw(90, 77, 8)
    compare = [
        sums_of(choose("cpu", name), z, 3.0, members, n=90, tile=t) for name in ("compiled", "tensor") for t in (7, 64)
    ]
    for sums in compare[1:]:
        assert_close(sums, compare[0], 1e-12)
