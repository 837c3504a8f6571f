"""The classes that both sides have: what may be asked of one probe for both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import NotApplicableError

__all__ = ["codes_by_name", "on_shared_classes"]

# Fewer samples of a class cannot be predicted held out.
LEAST = 2


def on_shared_classes(pair: Pair, measure: str) -> Pair:
    """Return the samples of those classes that have two or more on both sides; classes are matched by name.

    Raises
    ------
    NotApplicableError
        If these are fewer than two classes.
    """
    sides = (pair.source, pair.target)
    counts = [dict(zip(side.target.class_names, side.target.counts.tolist(), strict=True)) for side in sides]
    names = [name for name in pair.shared_classes if min(count[name] for count in counts) >= LEAST]
    if len(names) < 2:
        raise NotApplicableError(
            f"the number of classes of which {pair.source.name} and {pair.target.name} have {LEAST} samples each, of "
            f"{pair.source.n} and {pair.target.n} compared, is {len(names)}: {measure} needs at least 2, of the same "
            "names on both sides."
        )
    return Pair(*(_only(side, names) for side in sides))


def _only(side: FeatureSet, names: list[str]) -> FeatureSet:
    if side.target.n_classes == len(names):
        return side
    kept = np.isin(side.target.class_names, names)
    return side.take(np.flatnonzero(kept[side.target.values]))


def codes_by_name(side: FeatureSet, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Number the samples of ``side`` by the place of their class in ``names`` (n,), whatever its own order."""
    place = np.array([names.index(name) for name in side.target.class_names], dtype=np.int64)
    return np.asarray(place[side.target.values])
