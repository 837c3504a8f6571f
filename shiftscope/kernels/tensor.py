"""torch on cpu, cuda and mps: samples go to the device once and only small results come back.

Products of features are float32, at the precision torch is set to (full, unless the caller allowed TF32); sums
across tiles are float64. What needs float64 throughout (Gram matrix, ridge) runs on the CPU when the device is
mps, which has none. Permutations are drawn on the host: see ``compiled``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shiftscope.kernels.reference import LAST_PLACES, scaled_rows, scales_of
from shiftscope.kernels.ridge import Floats, column_centre, fold_starts, tiles
from shiftscope.kernels.sums import MmdSums

__all__ = ["eigh_gram", "mmd_sums", "nearest", "ridge_gcv", "ridge_held_out"]


def _exact(device: str) -> torch.device:
    """Where the float64 work of ``device`` is done."""
    return torch.device("cpu" if device.startswith("mps") else device)


def _doubles(array: NDArray[Any], device: str) -> Tensor:
    """A float64 copy; ``torch.from_numpy`` would warn about the read-only arrays of a feature set."""
    return torch.tensor(array, dtype=torch.float64, device=_exact(device))


def mmd_sums(
    z: NDArray[np.floating[Any]],
    bandwidths: Sequence[float],
    members: NDArray[np.uint8],
    *,
    n: int,
    kernel: str = "gaussian",
    bins: NDArray[np.int64] | None = None,
    tile: int = 2048,
    device: str = "cpu",
) -> list[MmdSums]:
    """As :func:`shiftscope.kernels.reference.mmd_sums`: tiles in the type of z, sums across them in float64.

    On mps the tiles are float32 always. Device memory: the rows, ``members`` and about tile (tile + 3 B) numbers, or
    tile (tile + 2 U) + U^2 K with bins.
    """
    kind = np.float64 if z.dtype == np.float64 and not device.startswith("mps") else np.float32
    scales = scales_of(bandwidths)
    rows, half = (torch.tensor(part, device=device) for part in scaled_rows(z.astype(kind, copy=False), bandwidths[0]))
    forms: _OfRows | _OfBins = _OfRows(members, device) if bins is None else _OfBins(members, bins, device)
    dust = LAST_PLACES * torch.finfo(rows.dtype).eps
    first = (torch.arange(len(rows), device=device) < n).to(rows.dtype)
    sums = torch.zeros((len(scales), 2, len(rows)), dtype=torch.float64, device=_exact(device))
    squares = torch.zeros(len(scales), dtype=torch.float64, device=_exact(device))
    quadratics = [forms.blank() for _ in scales]
    for J in tiles(len(rows), tile):
        for I in tiles(J.stop, tile):
            product = torch.addmm(-half[J], rows[I], rows[J].T).sub_(half[I, None]).clamp_(max=0)
            if kernel == "laplace":
                product.masked_fill_(product >= -dust * (half[I, None] + half[J]), 0)
            weight = 1.0 if I == J else 2.0
            for k, (row_sums, to_first) in enumerate(sums):
                values = SHAPES[kernel](product * scales[k])
                if I == J:
                    values.fill_diagonal_(0)
                else:
                    row_sums[J] += _widened(values.sum(0), device)
                    to_first[J] += _widened(first[I] @ values, device)
                row_sums[I] += _widened(values.sum(1), device)
                to_first[I] += _widened(values @ first[J], device)
                quadratics[k] += weight * _widened(forms.of(values, I, J), device)
                squares[k] += weight * _widened(values.square_().sum(), device)
    parts, ones = zip(quadratics, sums.cpu().numpy(), squares.tolist(), strict=True), np.ones(len(rows))
    return [MmdSums(forms.finished(q), total, first, ones, square) for q, (total, first), square in parts]


SHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "gaussian": torch.Tensor.exp_,
    "laplace": lambda exponent: exponent.mul_(-2).sqrt_().neg_().exp_(),
    "rational_quadratic": lambda exponent: exponent.neg_().add_(1).reciprocal_(),
}


class _OfRows:
    """Quadratic forms v'Kv whose v marks rows of K."""

    def __init__(self, members: NDArray[np.uint8], device: str) -> None:
        self.marks, self.device = torch.tensor(members, device=device), device

    def blank(self) -> Tensor:
        return torch.zeros(self.marks.shape[1], dtype=torch.float64, device=_exact(self.device))

    def of(self, values: Tensor, I: slice, J: slice) -> Tensor:
        return (values @ self.marks[J].to(values.dtype)).mul_(self.marks[I]).sum(0)

    def finished(self, quadratic: Tensor) -> Floats:
        return quadratic.cpu().numpy()


class _OfBins:
    """Quadratic forms whose v marks whole bins: the sums of K between bins are all they need."""

    def __init__(self, members: NDArray[np.uint8], bins: NDArray[np.int64], device: str) -> None:
        self.members, self.bins, self.device = members.astype(np.float64), torch.tensor(bins, device=device), device

    def blank(self) -> Tensor:
        return torch.zeros([len(self.members)] * 2, dtype=torch.float64, device=_exact(self.device))

    def of(self, values: Tensor, I: slice, J: slice) -> Tensor:
        into_i, into_j = (torch.nn.functional.one_hot(self.bins[part], len(self.members)) for part in (I, J))
        return into_i.T.to(values.dtype) @ values @ into_j.to(values.dtype)

    def finished(self, sums: Tensor) -> Floats:
        quadratic: Floats = np.einsum("ub,ub->b", self.members, sums.cpu().numpy() @ self.members)
        return quadratic


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
