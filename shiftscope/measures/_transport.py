"""Optimal transport between equally many samples."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

__all__ = ["transport_cost"]

Floats = NDArray[np.float64]

# POT's own limit of 1e5 stops before the optimum from about 2 000 samples a side.
MAX_PIVOTS = 10_000_000


def transport_cost(costs: Floats) -> float:
    """Least mean cost of pairing rows with columns of ``costs`` (k, k).

    Raises
    ------
    RuntimeError
        If the solver stops before the optimum: what it returns then is no distance.
    """
    import ot

    with warnings.catch_warnings():  # the log says the same
        warnings.simplefilter("ignore")
        cost, log = ot.emd2([], [], costs, numItermax=MAX_PIVOTS, log=True)
    if log["warning"] is not None:
        raise RuntimeError(f"optimal transport of {len(costs)} samples did not converge: {log['warning']}")
    return float(cost)
