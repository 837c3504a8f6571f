"""Which samples of a source can be used for a target: classes by name, and none of the target's own samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from shiftscope.core.features import FeatureSet
from shiftscope.core.target import Target
from shiftscope.errors import InputError

__all__ = ["LEAST", "Usable", "demand", "usable"]

LEAST = 20  # samples of the target: ten folds of two


class Usable(NamedTuple):
    """What of a source can be used for a target."""

    features: FeatureSet  # samples of shared classes, the target's own left out
    n: int
    n_copies: int


def demand(name: str, target: Target, sources: Mapping[str, Target]) -> None:
    """Refuse labels that sources cannot be judged by; says of which data set, and what to do.

    Raises
    ------
    InputError
        If there is no source, data have no class labels, the target has too few samples or classes, or a source shares
        no class with it.
    """
    if not sources:
        raise InputError("There is no source: name at least one labelled data set.")
    for who, labels in ((name, target), *sources.items()):
        if labels.kind != "class":
            what = "has no labels" if labels.kind == "none" else f"has labels of kind {labels.kind}"
            raise InputError(f"{who} {what}, and source data are judged by classes: give every sample one class.")
    if target.n < LEAST:
        raise InputError(f"{name} has {target.n} labelled samples: at least {LEAST} are needed to judge a source.")
    if target.n_classes < 2:
        raise InputError(f"{name} has one class only ({target.class_names[0]!r}): at least 2 are needed.")
    small = [c for c, k in zip(target.class_names, target.counts, strict=True) if k < 2]
    if small:
        raise InputError(
            f"{name} has classes with fewer than 2 samples ({', '.join(map(repr, small[:5]))}): held-out prediction "
            "needs 2 per class; add samples or drop these classes."
        )
    for who, labels in sources.items():
        if not set(labels.class_names) & set(target.class_names):
            raise InputError(
                f"{who} and {name} share no class ({_some(labels)} against {_some(target)}): classes are matched by "
                "name, so rename the folders or labels of one side."
            )


def usable(target: FeatureSet, source: FeatureSet, name: str) -> Usable:
    """The samples of ``source`` whose class the target has and that are not samples of the target.

    Raises
    ------
    InputError
        If none is left, or the two sides have different feature dimensions.
    """
    if target.d != source.d:
        raise InputError(
            f"{name} has {source.d} features and {target.name} has {target.d}: extract both with the same backbone."
        )
    shared = np.isin(source.target.names(), target.target.class_names)
    # Samples of the target in a source would be trained on and predicted: a leak that looks like help.
    copies = np.isin(source.keys, target.keys)
    kept = np.flatnonzero(shared & ~copies)
    if not len(kept):
        raise InputError(f"All samples of {name} that could be used are samples of {target.name}: name other data.")
    return Usable(source.take(kept), source.n, int(copies.sum()))


def _some(labels: Target) -> str:
    names = labels.class_names
    return ", ".join(map(repr, names[:3])) + (", …" if len(names) > 3 else "")
