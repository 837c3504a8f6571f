"""torch on cpu, cuda and mps: samples go to the device once and only small results come back.

Products of features are float32, at the precision torch is set to (full, unless the caller allowed TF32); sums
across tiles are float64. What needs float64 throughout (Gram matrix, ridge) runs on the CPU when the device is
mps, which has none. Permutations are drawn on the host: see ``compiled``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shiftscope.kernels.reference import MmdSums, scaled_rows
from shiftscope.kernels.ridge import Floats, column_centre, fold_starts, tiles

__all__ = ["eigh_gram", "mmd_sums", "nearest", "ridge_gcv", "ridge_held_out"]


def _exact(device: str) -> torch.device:
    """Where the float64 work of ``device`` is done."""
    return torch.device("cpu" if device.startswith("mps") else device)


def _doubles(array: NDArray[Any], device: str) -> Tensor:
    """A float64 copy; ``torch.from_numpy`` would warn about the read-only arrays of a feature set."""
    return torch.tensor(array, dtype=torch.float64, device=_exact(device))


def mmd_sums(
    z: NDArray[np.floating[Any]],
    bandwidth: float,
    members: NDArray[np.uint8],
    *,
    n: int,
    tile: int = 2048,
    device: str = "cpu",
) -> MmdSums:
    """As :func:`shiftscope.kernels.reference.mmd_sums`: tiles in the type of z, sums across them in float64.

    On mps the tiles are float32 always. Device memory: the rows, ``members`` and about tile (tile + 3 B) numbers.
    """
    kind = np.float64 if z.dtype == np.float64 and not device.startswith("mps") else np.float32
    prepared = scaled_rows(z.astype(kind, copy=False), bandwidth)
    rows, half = (torch.tensor(part, device=device) for part in prepared)
    marks = torch.tensor(members, device=device)
    total, columns = members.shape
    first = (torch.arange(total, device=device) < n).to(rows.dtype)
    quadratic, row_sums, to_first = (
        torch.zeros(size, dtype=torch.float64, device=_exact(device)) for size in (columns, total, total)
    )
    for J in tiles(total, tile):
        subsets = marks[J].to(rows.dtype)
        for I in tiles(J.stop, tile):
            kernel = torch.addmm(-half[J], rows[I], rows[J].T).sub_(half[I, None]).clamp_(max=0).exp_()
            if I == J:
                kernel.fill_diagonal_(0)
            else:
                row_sums[J] += _widened(kernel.sum(0), device)
                to_first[J] += _widened(first[I] @ kernel, device)
            row_sums[I] += _widened(kernel.sum(1), device)
            to_first[I] += _widened(kernel @ first[J], device)
            weight = 1.0 if I == J else 2.0
            quadratic += weight * _widened((kernel @ subsets).mul_(marks[I]).sum(0), device)
    return MmdSums(quadratic.cpu().numpy(), row_sums.cpu().numpy(), float(row_sums.sum()), to_first.cpu().numpy())


def _widened(part: Tensor, device: str) -> Tensor:
    """The sums of one tile, moved first and widened second: mps cannot hold float64."""
    return part.to(_exact(device)).to(torch.float64)


def nearest(
    x: NDArray[np.floating[Any]], k: int, folds: NDArray[np.int64], *, device: str = "cpu"
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """As :func:`shiftscope.kernels.reference.nearest`, in float32: rows that differ by rounding may tie or swap.

    A stable sort, not ``topk``, because ties must go to the lower index. Device memory: the rows and about
    20 bytes for each of 512 n pairs.
    """
    indices = np.full((len(x), k), -1, dtype=np.int64)
    similarity = np.zeros((len(x), k), dtype=np.float32)
    rows = torch.tensor(x, dtype=torch.float32, device=device)
    rows /= torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_(min=torch.finfo(torch.float32).tiny)
    groups = torch.tensor(folds, device=device)
    kept = min(k, len(x))
    for block in tiles(len(x), 512):
        cosine = (rows[block] @ rows.T).masked_fill_(groups[block, None] == groups, -torch.inf)
        ordered, order = torch.sort(cosine, dim=1, descending=True, stable=True)
        best, chosen = ordered[:, :kept].cpu().numpy(), order[:, :kept].cpu().numpy()
        indices[block, :kept] = np.where(np.isfinite(best), chosen, -1)
        similarity[block, :kept] = np.where(np.isfinite(best), best, 0.0)
    return indices, similarity


def eigh_gram(x: NDArray[np.floating[Any]], *, device: str = "cpu") -> tuple[Floats, Floats]:
    """As :func:`shiftscope.kernels.reference.eigh_gram`."""
    n, d = x.shape
    rows = _doubles(x, device).sub_(_doubles(column_centre(x), device))
    values, vectors = torch.linalg.eigh(rows.T @ rows if n >= d else rows @ rows.T)
    kept = torch.nonzero(values > torch.finfo(torch.float64).eps * max(n, d) * values[-1])[:, 0].flip(0)
    eigenvalues, vectors = values[kept], vectors[:, kept]
    left = rows @ (vectors / eigenvalues.sqrt()) if n >= d else vectors
    return eigenvalues.cpu().numpy(), left.cpu().numpy()


def ridge_held_out(
    left: Floats,
    eigenvalues: Floats,
    targets: Floats,
    folds: NDArray[np.int64],
    penalty: float,
    *,
    device: str = "cpu",
) -> Floats:
    """As :func:`shiftscope.kernels.reference.ridge_held_out`, folds of like size solved in one batch."""
    n = len(left)
    order, starts = fold_starts(folds, penalty)
    spectrum, y = _doubles(eigenvalues, device), _doubles(targets, device)
    # Row n is zero: padding a fold with it adds equations 1 * e = 0 and changes no other.
    basis = torch.zeros((n + 1, len(spectrum) + 1), dtype=torch.float64, device=y.device)
    basis[:n, 0] = n**-0.5
    basis[:n, 1:] = _doubles(left, device).mul_((spectrum / (spectrum + penalty)).sqrt())
    residuals = torch.zeros((n + 1, y.shape[1]), dtype=torch.float64, device=y.device)
    residuals[:n] = y - basis[:n] @ (basis[:n].T @ y)
    unseen = torch.empty_like(residuals)
    for batch in _padded_batches(np.split(order, starts[1:]), n):
        rows = torch.tensor(batch, device=y.device)
        unseen[rows] = _unseen(basis[rows], residuals[rows])
    return (y - unseen[:n]).cpu().numpy()


def _padded_batches(folds: list[NDArray[np.intp]], n: int) -> Iterator[NDArray[np.intp]]:
    """Stack folds from small to large, padded with row n, into batches of at most 2n rows."""
    batch: list[NDArray[np.intp]] = []
    for fold in sorted(folds, key=len):
        if (len(batch) + 1) * len(fold) > 2 * n:
            yield _padded(batch, n)
            batch = []
        batch.append(fold)
    yield _padded(batch, n)


def _padded(batch: list[NDArray[np.intp]], n: int) -> NDArray[np.intp]:
    rows = np.full((len(batch), len(batch[-1])), n, dtype=np.intp)
    for row, fold in zip(rows, batch, strict=True):
        row[: len(fold)] = fold
    return rows


def _unseen(basis: Tensor, residuals: Tensor) -> Tensor:
    """(I - WW')^-1 r for a batch of folds, through whichever of WW' and W'W is smaller (Woodbury)."""
    _, rows, columns = basis.shape
    if rows <= columns:
        return _solve_identity_minus(basis @ basis.mT, residuals)
    return residuals + basis @ _solve_identity_minus(basis.mT @ basis, basis.mT @ residuals)


def _solve_identity_minus(matrices: Tensor, right: Tensor) -> Tensor:
    matrices.neg_().diagonal(dim1=-2, dim2=-1).add_(1)
    solved: Tensor = torch.linalg.solve(matrices, right)
    return solved


def ridge_gcv(left: Floats, eigenvalues: Floats, targets: Floats, penalties: Floats, *, device: str = "cpu") -> Floats:
    """As :func:`shiftscope.kernels.reference.ridge_gcv`."""
    n, rank = left.shape
    basis, spectrum, y = (_doubles(part, device) for part in (left, eigenvalues, targets))
    weights = _doubles(penalties, device)[:, None]
    centred = y - y.mean(0)
    along = basis.T @ centred
    kept = weights / (spectrum + weights)
    rss = (centred - basis @ along).square().sum() + kept.square() @ along.square().sum(1)
    scores: Floats = (n * rss / ((n - 1 - rank) + kept.sum(1)).square()).cpu().numpy()
    return scores
