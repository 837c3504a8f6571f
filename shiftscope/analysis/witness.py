"""Witness samples: those of each side that are most unlike the other side."""

from __future__ import annotations

from typing import Literal

import numpy as np

from shiftscope.analysis.neighbours import Neighbours
from shiftscope.core.features import Pair
from shiftscope.core.records import MeasureResult
from shiftscope.core.shift import Witness
from shiftscope.kernels import Kernels
from shiftscope.measures._kernel import kernel_sums
from shiftscope.measures._sides import Floats
from shiftscope.measures.shift.mmd import witness

__all__ = ["witness_samples", "witness_values"]

PER_SIDE = 12


def witness_samples(pair: Pair, mmd: MeasureResult, near: Neighbours, kernels: Kernels) -> list[Witness]:
    """Return up to 12 target samples with the lowest and 12 source samples with the highest witness function.

    The function is that of ``mmd``'s own kernel and bandwidth; each side's most telling sample comes first, and of
    equal ones that with the lower content hash. A sample that is nearer to the other side than to its own is none.
    """
    values, n = witness_values(pair, mmd, kernels), pair.source.n
    # MMD counts down on the target's side: there the mean kernel to the source is the lesser one.
    lowest = n + np.argsort(values[n:], kind="stable")[:PER_SIDE]
    highest = np.argsort(-values[:n], kind="stable")[:PER_SIDE]
    # A side that is the wider of the two may have fewer than 12 samples on its own side of 0.
    rows = (*lowest[values[lowest] < 0], *highest[values[highest] > 0])
    return [_sample(pair, int(row), values, near) for row in rows]


def witness_values(pair: Pair, mmd: MeasureResult, kernels: Kernels) -> Floats:
    """Evaluate f(z) = mean_k(z, source) - mean_k(z, target) at every pooled sample (N,), itself left out.

    Its mean over the source minus its mean over the target is the unbiased MMD^2. Of fused bandwidths it takes the
    one that counted for most. O(N^2 d), as a test without permutations.
    """
    members = pair.is_source.astype(np.uint8)[:, None]
    kernel, bandwidth = mmd.options["kernel"], _bandwidth(mmd)
    (sums,) = kernel_sums(pair.pooled, kernel, [bandwidth], members, n=pair.source.n, bins=None, kernels=kernels)
    return witness(sums, pair.source.n)


def _bandwidth(mmd: MeasureResult) -> float:
    details = mmd.estimate.details if mmd.estimate is not None else {}
    several, weights = details.get("bandwidths"), details.get("weights")
    if isinstance(several, list) and isinstance(weights, list):
        return float(np.array(several, dtype=np.float64)[np.array(weights, dtype=np.float64).argmax()])
    middle = details.get("bandwidth")
    # The cosine kernel has none, and takes no notice of this one.
    return float(middle) if isinstance(middle, int | float) else 1.0


def _sample(pair: Pair, row: int, values: Floats, near: Neighbours) -> Witness:
    side: Literal["source", "target"] = "source" if row < pair.source.n else "target"
    mine, other = (pair.source, pair.target) if side == "source" else (pair.target, pair.source)
    at = row if side == "source" else row - pair.source.n
    nearest = int(near.across[row]) - (pair.source.n if side == "source" else 0)
    target = mine.target
    return Witness(
        side=side,
        id=mine.ids[at],
        label=target.class_names[target.values[at]] if target.kind == "class" else "",
        value=float(values[row]),
        nearest=other.ids[nearest],
        distance=float(near.across_distance[row]),
    )
