"""Energy distance: do source and target differ at all, at whatever scale?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._discrepancy import discrepancy, discrepancy_of_halves
from shiftscope.measures._sides import Floats, Options, Permutations, Split, demand_units, rows_of

__all__ = ["between_halves", "energy"]


@measure(
    asks="Do source and target differ at all, at whatever scale?",
    kind="shift",
    better="lower",
    unit="pooled median distance",
    null="0, values below 0 included",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    pvalue="exact",
    reference="Szekely and Rizzo, J. Stat. Plan. Inference 2013; as an MMD: Sejdinovic et al., Ann. Statist. 2013",
)
def energy(
    pair: Pair, *, n_permutations: Permutations = 999, rng: RngLike = None, kernels: Kernels | None = None
) -> Estimate:
    """Energy distance, unbiased, and an exact permutation test.

        E = 2 mean_{i, j} |x_i - y_j| - mean_{i != j} |x_i - x_j| - mean_{i != j} |y_i - y_j|

    It is 0 in expectation if and only if the distributions are equal. As the squared MMD with the kernel -|x - y| it
    has no bandwidth to choose: a second opinion where one is doubtful. Up to a factor it is also the mean over all
    directions of the squared difference between the distribution functions of the projections, of which the
    sliced Wasserstein distance takes another norm. The p-value is (1 + #{E_b >= E})/(B + 1) over B random exchanges
    of samples, or of whole groups where a side has groups.

    Parameters
    ----------
    pair
        At least two samples (two groups) on each side; the sides may differ in size.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        E divided by the median distance between pooled samples, which makes backbones comparable. The interval is
        ``value`` +- 1.96 standard deviations of its asymptotic distribution under a shift; without one it is wider
        than need be, by about sqrt(2). ``details``: ``raw``, E in feature units (the square of what SciPy calls the
        energy distance, but for the bias); with permutations ``smallest_pvalue``, quantiles and histogram of the null.

    Raises
    ------
    InputError
        For a negative number of permutations.
    NotApplicableError
        If a side has fewer than two samples or groups; with a test, if groups are so few that no p-value could reach
        0.05.

    Notes
    -----
    O(N^2 (d + B)) for N = n + m in float64, memory O(N (d + B)).

    Fails when samples depend on each other and ``groups`` does not say so: p-values are then too small. With
    groups, pairs within one group count, which lifts the value above 0 even without a shift. Large distances weigh
    most, so outliers and differences between far clusters hide what differs within a cluster (MMD sees that).
    """
    demand_units(pair, "energy")
    made = discrepancy(
        pair,
        _in_unit(pair.pooled, pair.bandwidth),
        _nearness,
        n_permutations=n_permutations,
        seed=seed_of(rng),
        kernels=kernels,
    )
    return made.model_copy(update={"details": {"raw": made.value * pair.bandwidth, **made.details}})


def _in_unit(z: NDArray[np.floating[Any]], unit: float) -> Floats:
    centred = z.astype(np.float64)
    centred -= centred.mean(axis=0)
    centred /= unit
    return centred


def _nearness(x: Floats, y: Floats) -> Floats:
    """Distances with a minus sign (a, b), between rows (a, d) and (b, d)."""
    square = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * x @ y.T
    return np.asarray(-np.sqrt(np.maximum(square, 0.0)))


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """Energy distance as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), in the unit of the measure."""
    rows = rows_of(halves)
    return discrepancy_of_halves(_in_unit(pair.pooled[rows], pair.bandwidth), _nearness, rows, halves)
