"""Sums over kernel matrices for MMD, part of ``compiled``: a matrix product, then loops over a tile still in cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numba.extending import overload
from numpy.typing import NDArray

from shiftscope.kernels.jit import SUMS, compiled
from shiftscope.kernels.reference import LAST_PLACES, scaled_rows, scales_of
from shiftscope.kernels.ridge import Floats, tiles
from shiftscope.kernels.sums import MmdSums

__all__ = ["mmd_sums"]


def mmd_sums(
    z: NDArray[np.floating[Any]],
    bandwidths: Sequence[float],
    members: NDArray[np.uint8],
    *,
    n: int,
    kernel: str = "gaussian",
    bins: NDArray[np.int64] | None = None,
    tile: int = 512,
) -> list[MmdSums]:
    """As :func:`shiftscope.kernels.reference.mmd_sums`: tiles in the type of z, sums across them in float64."""
    kind = np.float64 if z.dtype == np.float64 else np.float32
    scales = [kind(scale) for scale in scales_of(bandwidths)]
    rows, half = scaled_rows(z.astype(kind, copy=False), bandwidths[0])
    forms: _OfRows | _OfBins = _OfRows(members, kind, tile) if bins is None else _OfBins(members, bins)
    quadratics, sums = [forms.blank() for _ in scales], np.zeros((len(scales), 2, len(rows)))
    squares = np.zeros(len(scales))
    products, kernels = np.empty(tile * tile, dtype=kind), np.empty(tile * tile, dtype=kind)
    for J in tiles(len(rows), tile):
        for I in tiles(J.stop, tile):
            shape = I.stop - I.start, J.stop - J.start
            product, values = (part[: shape[0] * shape[1]].reshape(shape) for part in (products, kernels))
            np.dot(rows[I], rows[J].T, out=product)
            for k, scale in enumerate(scales):
                _kernel_of(product, values, (half[I], half[J]), SHAPES[kernel], scale)
                squares[k] += _add_sums(sums[k], values, (I.start, J.start), n)
                forms.add(quadratics[k], values, I, J)
    parts, ones = zip(quadratics, sums, squares, strict=True), np.ones(len(rows))
    return [MmdSums(forms.finished(q), total, first, ones, float(square)) for q, (total, first), square in parts]


class _OfRows:
    """Quadratic forms v'Kv whose v marks rows of K: a product with every tile."""

    def __init__(self, members: NDArray[np.uint8], kind: type[np.floating[Any]], tile: int) -> None:
        self.members, self.loaded = members, -1
        self.subsets = np.empty((tile, members.shape[1]), dtype=kind)
        self.products = np.empty(self.subsets.size, dtype=kind)

    def blank(self) -> Floats:
        return np.zeros(self.members.shape[1])

    def add(self, quadratic: Floats, values: NDArray[Any], I: slice, J: slice) -> None:
        height, width = values.shape
        if self.loaded != J.start:
            self.subsets[:width], self.loaded = self.members[J], J.start
        product = self.products[: height * len(quadratic)].reshape(height, -1)
        np.dot(values, self.subsets[:width], out=product)
        _add_quadratic(quadratic, self.members[I], product, 1.0 if I == J else 2.0)

    def finished(self, quadratic: Floats) -> Floats:
        return quadratic


class _OfBins:
    """Quadratic forms whose v marks whole bins: the sums of K between bins are all they need."""

    def __init__(self, members: NDArray[np.uint8], bins: NDArray[np.int64]) -> None:
        # A copy: numba compiles once more for read-only arrays.
        self.members, self.bins = members.astype(np.float64), np.array(bins)

    def blank(self) -> Floats:
        return np.zeros((len(self.members), len(self.members)))

    def add(self, sums: Floats, values: NDArray[Any], I: slice, J: slice) -> None:
        _add_between_bins(sums, values, self.bins[I], self.bins[J], 1.0 if I == J else 2.0)

    def finished(self, sums: Floats) -> Floats:
        quadratic: Floats = np.einsum("ub,ub->b", self.members, sums @ self.members)
        return quadratic


SHAPES = {"gaussian": 0, "laplace": 1, "rational_quadratic": 2}


@compiled(fastmath=SUMS)
def _kernel_of(
    product: NDArray[Any], values: NDArray[Any], halves: tuple[NDArray[Any], NDArray[Any]], shape: int, scale: float
) -> None:
    """Turn inner products into kernel values; equal rows get exactly 1 from the kernel that takes a root."""
    half_i, half_j = halves
    zero, one, two = product.dtype.type(0), product.dtype.type(1), product.dtype.type(2)
    last_place = product.dtype.type(LAST_PLACES * np.finfo(product.dtype).eps)
    for i in range(len(half_i)):
        # NaN comes first in min and compares as false, so it is kept.
        if shape == 0:
            for j in range(len(half_j)):
                values[i, j] = _exp_negative(min(product[i, j] - half_i[i] - half_j[j], zero) * scale)
        elif shape == 1:
            for j in range(len(half_j)):
                exponent = product[i, j] - half_i[i] - half_j[j]
                if exponent >= -last_place * (half_i[i] + half_j[j]):
                    exponent = zero
                values[i, j] = _exp_negative(-np.sqrt(-two * scale * exponent))
        else:
            for j in range(len(half_j)):
                values[i, j] = one / (one - min(product[i, j] - half_i[i] - half_j[j], zero) * scale)


@compiled(fastmath=SUMS)
def _add_sums(sums: Floats, values: NDArray[Any], starts: tuple[int, int], n: int) -> float:
    """Add the sums of every row, and of every column where the tile stands for its transpose, too.

    Returns the sum of squares.
    """
    row_sums, to_first = sums
    start_i, start_j = starts
    height, width = values.shape
    in_first = min(max(n - start_j, 0), width)
    zero, squares = values.dtype.type(0), 0.0
    for i in range(height):
        row = values[i]
        if start_i == start_j:
            row[i] = zero
        else:
            for j in range(width):
                row_sums[start_j + j] += row[j]
            if start_i + i < n:
                for j in range(width):
                    to_first[start_j + j] += row[j]
        first, second, square = zero, zero, zero
        for j in range(in_first):
            first += row[j]
        for j in range(in_first, width):
            second += row[j]
        for j in range(width):
            square += row[j] * row[j]
        to_first[start_i + i] += first
        row_sums[start_i + i] += np.float64(first) + np.float64(second)
        squares += np.float64(square)
    return squares if start_i == start_j else 2 * squares


def _exp_negative(x: float) -> float:
    """exp(x) for x <= 0 or NaN inside compiled code; libm's does not vectorise, the float32 version below does."""
    return math.exp(x)


_LOG2_E, _HALF, _LOWEST = np.float32(1 / math.log(2)), np.float32(0.5), np.float32(-87.0)
# ln 2 in two parts: the first has so few digits that its products with -126 .. 0 are exact in float32.
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(math.log(2) - 0.693359375)
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7 = (np.float32(1 / math.factorial(power)) for power in range(8))
_BIAS, _MANTISSA = np.int32(127), np.int32(23)


@overload(_exp_negative, jit_options={"fastmath": {"contract"}})
def _overload_exp(x: Any) -> Callable[[Any], Any]:
    """exp(x) = 2^p e^r with |r| <= ln(2)/2: Taylor to r^7 (error 6e-9) and p written into the exponent bits."""

    def single(x: Any) -> Any:
        x = max(x, _LOWEST)
        power = np.int32(x * _LOG2_E - _HALF)
        r = x - np.float32(power) * _LN2_HIGH - np.float32(power) * _LN2_LOW
        series = _C0 + r * (_C1 + r * (_C2 + r * (_C3 + r * (_C4 + r * (_C5 + r * (_C6 + r * _C7))))))
        return series * np.int32((power + _BIAS) << _MANTISSA).view(np.float32)

    def double(x: Any) -> Any:
        return math.exp(x)

    return single if x == numba.float32 else double


@compiled()
def _add_quadratic(quadratic: Floats, members: NDArray[np.uint8], product: NDArray[Any], weight: float) -> None:
    """quadratic_b += weight * sum_i members_ib product_ib."""
    for i in range(len(members)):
        for b in range(len(quadratic)):
            quadratic[b] += weight * members[i, b] * product[i, b]


@compiled(fastmath=SUMS)
def _add_between_bins(
    sums: Floats, values: NDArray[Any], bins_i: NDArray[np.int64], bins_j: NDArray[np.int64], weight: float
) -> None:
    """sums_ab += weight * what rows of bin a and columns of bin b hold: rows of one bin first, elementwise."""
    height, width = values.shape
    gathered = np.zeros(width)
    for i in range(height):
        for j in range(width):
            gathered[j] += values[i, j]
        if i + 1 == height or bins_i[i + 1] != bins_i[i]:
            for j in range(width):
                sums[bins_i[i], bins_j[j]] += weight * gathered[j]
            gathered[:] = 0.0
