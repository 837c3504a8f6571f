"""The source head: its logits, where they say anything at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures._targets import demand_classes

__all__ = ["source_logits"]


def source_logits(features: FeatureSet) -> NDArray[np.float64]:
    """Return the logits of the source head (n, k) in float64.

    Raises
    ------
    NotApplicableError
        If the classes of the target cannot be used, a logit is not finite, or there is no head to speak of: fewer
        than two outputs, or one output that is the largest for every sample.
    """
    demand_classes(features)
    assert features.logits is not None
    logits = features.logits.astype(np.float64)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise NotApplicableError(f"the source head of {features.name} has one output only: classes need at least 2.")
    bad = int((~np.isfinite(logits)).any(axis=1).sum())
    if bad:
        raise NotApplicableError(f"the source head of {features.name} gives NaN or infinity for {bad} samples.")
    winners = np.unique(np.argmax(logits, axis=1))
    if len(winners) < 2:
        raise NotApplicableError(
            f"the source head of {features.name} puts all {features.n} samples into its class {winners[0]}: "
            "a head that tells nothing apart is none."
        )
    return logits
