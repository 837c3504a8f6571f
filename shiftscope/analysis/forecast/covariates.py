"""What a forecast looks at: four numbers without units of the features, all from labelled images of the target."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shiftscope.core.records import Estimate

__all__ = ["COVARIATES", "Covariates", "covariates_of", "number", "readable"]


class Covariates(NamedTuple):
    """The four covariates of ``docs/forecast-protocol.md``, in its order."""

    gain_over_random: float  # log odds of held-out accuracy, over those of the random copy
    gain_over_pixels: float  # the same over raw pixels
    level: float  # held-out accuracy, as the share of what lies above the largest class
    ln_per_class: float  # logarithm of labelled images per class


COVARIATES = Covariates._fields


def readable(estimate: Estimate) -> bool:
    """Whether an estimate of ``ridge`` is an accuracy: of several labels or real values it is not."""
    return {"accuracy", "largest_class", "n", "n_classes"} <= set(estimate.details)


def covariates_of(candidate: Estimate, random_copy: Estimate, pixels: Estimate) -> Covariates:
    """Covariates of a candidate from ``ridge`` of it and of its baselines on the same images.

    Log odds of k right answers among n are ln(k + 1/2) - ln(n - k + 1/2): finite where all or none are right.
    """
    accuracy, largest = number(candidate, "accuracy"), number(candidate, "largest_class")
    return Covariates(
        gain_over_random=_log_odds(candidate) - _log_odds(random_copy),
        gain_over_pixels=_log_odds(candidate) - _log_odds(pixels),
        level=(accuracy - largest) / (1 - largest),
        ln_per_class=float(np.log(number(candidate, "n") / number(candidate, "n_classes"))),
    )


def _log_odds(estimate: Estimate) -> float:
    n = number(estimate, "n")
    right = number(estimate, "accuracy") * n
    return float(np.log(right + 0.5) - np.log(n - right + 0.5))


def number(estimate: Estimate, key: str) -> float:
    """Return a detail of an estimate that is a number."""
    value = estimate.details[key]
    assert isinstance(value, int | float)
    return float(value)
