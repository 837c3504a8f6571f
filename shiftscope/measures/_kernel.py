"""The kernels of MMD, and the sums over them in the form in which each is fastest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.kernels import Kernels, MmdSums
from shiftscope.kernels.reference import SHAPES, scaled_rows
from shiftscope.measures._sides import Floats

__all__ = ["RADIAL", "Kernel", "kernel_sums", "of_pairs"]

Kernel = Literal["gaussian", "laplace", "rational_quadratic", "linear", "cosine"]
# Kernels that depend on the distance alone: they have a bandwidth that changes what they see.
RADIAL = tuple(SHAPES)


def kernel_sums(
    z: NDArray[np.floating[Any]],
    kernel: Kernel,
    bandwidths: Sequence[float],
    members: NDArray[np.uint8],
    *,
    n: int,
    bins: NDArray[np.int64] | None,
    kernels: Kernels,
) -> list[MmdSums]:
    """Sums over the kernel matrix of pooled rows (N, d), one for each bandwidth: see ``Kernels.mmd_sums``."""
    if kernel in RADIAL:
        return kernels.mmd_sums(z, bandwidths, members, n=n, kernel=kernel, bins=bins)
    rows = scaled_rows(z, bandwidths[0])[0] if kernel == "linear" else _of_length_one(z)
    return [kernels.inner_sums(rows, members, n=n, bins=bins)]


def of_pairs(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]], kernel: Kernel, bandwidth: float) -> Floats:
    """k(x_i, y_i) for every i (q,), in float64."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    if kernel in RADIAL:
        return np.asarray(SHAPES[kernel](-np.square(x - y).sum(axis=1) / (2 * bandwidth**2)))
    if kernel == "cosine":
        return np.asarray(np.einsum("ij,ij->i", _of_length_one(x), _of_length_one(y)))
    return np.asarray(np.einsum("ij,ij->i", x, y) / bandwidth**2)


def _of_length_one(z: NDArray[Any]) -> NDArray[Any]:
    """Rows at length 1, in the type of z; rows of zeros stay zeros, similar to nothing."""
    length = np.sqrt(np.einsum("ij,ij->i", z, z, dtype=np.float64))
    return np.asarray(z / np.where(length > 0, length, 1.0).astype(z.dtype)[:, None])
