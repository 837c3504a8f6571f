"""Which targets can be predicted at all: said once, in the same words, for every transfer measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError

__all__ = ["demand_classes", "usable_targets"]


def demand_classes(features: FeatureSet) -> None:
    """Demand two classes and two samples of each.

    Raises
    ------
    NotApplicableError
        If there is one class only, or a class with one sample.
    """
    target = features.target
    if target.n_classes < 2:
        raise NotApplicableError(f"{features.name} has one class only: transfer measures compare at least 2.")
    if target.counts.min() < 2:
        name = target.class_names[int(np.argmin(target.counts))]
        raise NotApplicableError(f"class {name!r} of {features.name} has one sample: at least 2 per class are needed.")


def usable_targets(features: FeatureSet) -> NDArray[np.float64]:
    """Return the columns of the target from which something can be learnt (n, K).

    All classes; labels that at least two samples have and two lack; real columns that are not constant.

    Raises
    ------
    NotApplicableError
        If there is none, the classes cannot be used, or there are fewer than four samples.
    """
    target = features.target
    if target.n < 4:
        raise NotApplicableError(f"{features.name} has {target.n} samples: at least 4 are needed.")
    if target.kind == "class":
        demand_classes(features)
        return target.matrix
    if target.kind == "multilabel":
        positive = target.matrix.sum(axis=0)
        usable = np.minimum(positive, target.n - positive) >= 2
    else:
        usable = target.matrix.min(axis=0) < target.matrix.max(axis=0)
    if not usable.any():
        raise NotApplicableError(f"no label of {features.name} varies: there is nothing to predict.")
    return target.matrix[:, usable]
