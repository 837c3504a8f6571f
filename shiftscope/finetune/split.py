"""Which images are trained on, which choose, and which judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.seeds import stream
from shiftscope.core.target import Target
from shiftscope.errors import InputError

__all__ = ["Regime", "Split", "split"]

Regime: TypeAlias = int | Literal["all"]

VALIDATION: Final = 0.25  # share of the labelled images that choose arm and learning rate instead of being trained on
LABELLED: Final = 2 / 3  # share of each class that is labelled when the regime is "all"; the rest is the test set
LEAST_TEST: Final = 10  # test images per class: below it a gap could not be told from noise


@dataclass(frozen=True, eq=False)
class Split:
    """Positions in canonical order, ascending; no image is in two parts, no test image is a copy of a labelled one."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]

    @property
    def labelled(self) -> NDArray[np.intp]:
        """What a user would have labels for: training and validation images, ascending."""
        return np.sort(np.concatenate([self.train, self.validation]))


def split(target: Target, keys: NDArray[np.bytes_], regime: Regime, seed: int) -> Split:
    """Draw ``regime`` labelled images of each class; every other image is a test image.

    Parameters
    ----------
    target
        Classes of n images in canonical order.
    keys
        Content hashes (n,): copies of a labelled image are left out of the test set.
    regime
        Labelled images per class, or ``"all"`` for two thirds of each class.
    seed
        Each class has a stream of its own: the draw of a smaller regime is part of that of a larger.

    Raises
    ------
    InputError
        If the target has no classes, or a class is too small to leave 10 test images.
    """
    if target.kind != "class" or target.n_classes < 2:
        raise InputError("Fine-tuning needs a target with at least two classes.")
    train, validation = [], []
    for code, name in enumerate(target.class_names):
        drawn = stream(seed, "split", name).permutation(np.flatnonzero(target.values == code))
        n = int(len(drawn) * LABELLED) if regime == "all" else regime
        if n < 2 or len(drawn) - n < LEAST_TEST:
            raise InputError(
                f"Class {name!r} has {len(drawn)} images: a regime of {regime} needs at least 2 labelled ones and "
                f"{LEAST_TEST} for the test; choose a smaller regime."
            )
        # The training images of a smaller regime, too, are among those of a larger one.
        n_validation = max(1, round(n * VALIDATION))
        train.append(drawn[: n - n_validation])
        validation.append(drawn[n - n_validation : n])
    labelled = np.concatenate(train + validation)
    test = np.flatnonzero(~np.isin(keys, keys[labelled]))
    return Split(np.sort(np.concatenate(train)), np.sort(np.concatenate(validation)), test)
