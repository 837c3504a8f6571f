"""Known shifts on purpose: a data set of images, changed in one way and by a known amount.

What a shift measure says of data whose shift is known tells what the measure sees. Ten kinds, each in five
strengths; ``PICTURES`` and ``SAMPLES`` say what a strength means. Nothing is copied: pictures are changed when they
are decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shiftscope.data.address import Address
from shiftscope.data.perturb.pictures import PICTURES, changed_pictures
from shiftscope.data.perturb.samples import SAMPLES, changed_samples
from shiftscope.data.source import ImageSource
from shiftscope.errors import InputError, UnknownNameError

__all__ = ["KINDS", "STRENGTHS", "Perturbation", "open_perturbed", "perturb"]

KINDS = (*PICTURES, *SAMPLES)
STRENGTHS = (1, 2, 3, 4, 5)
FORM = "write perturb:KIND=STRENGTH:DATA, for example perturb:blur=3:imagefolder:photos"


@dataclass(frozen=True)
class Perturbation:
    """One kind of change, its strength (1 to 5), and the seed of what is random about it."""

    kind: str
    strength: int
    seed: int = 0

    @classmethod
    def parse(cls, address: Address) -> tuple[Perturbation, str]:
        """Take ``perturb:KIND=STRENGTH[,seed=SEED]:DATA`` apart; returns the address of the data, too.

        Raises
        ------
        InputError
            If the address has another form, or the kind, the strength or the seed cannot be used.
        """
        how, _, data = address.uri.partition(":")[2].partition(":")
        change, comma, option = how.partition(",")
        kind, _, strength = change.partition("=")
        label, _, seed = option.partition("=") if comma else ("seed", "", "0")
        if not (kind and strength and data):
            raise InputError(f"{address.uri!r} cannot be read: {FORM}.")
        if kind not in KINDS:
            raise UnknownNameError("kind of perturbation", kind, KINDS, at=address.uri)
        if strength not in [str(s) for s in STRENGTHS]:
            raise InputError(f"{address.uri!r} has the strength {strength!r}: give a whole number from 1 to 5.")
        if label != "seed" or not seed.isdecimal():
            raise InputError(
                f"{address.uri!r} has the option {option!r}: write ,seed=0 with a whole number, or nothing."
            )
        return cls(kind, int(strength), int(seed)), data

    def __str__(self) -> str:
        return f"{self.kind}{self.strength}"


def perturb(source: ImageSource, kind: str, strength: int, *, seed: int = 0) -> ImageSource:
    """Change a set of images in one known way.

    Every change depends on the contents of a sample, its class and ``seed`` alone: neither on file names nor on other
    samples, but for the rank of a sample within its class. What a lower strength takes away or flips, a higher one
    does, too.

    Parameters
    ----------
    source
        The images; compare the result with *other* images. The same pictures on both sides are pairs, not samples.
    kind
        ``noise``, ``blur``, ``brightness``, ``colour_cast``, ``jpeg`` and ``resolution`` change pixels as they are
        decoded and leave size, labels and number alone. Content keys become others, so that features of changed and
        unchanged pictures are kept apart.
        ``class_drop``, ``class_balance`` and ``subpopulation`` leave samples out, ``label_flip`` gives other labels;
        pictures and their content keys stay.
    strength
        1 (hardly visible) to 5.
    seed
        Of noise, flips, and the choice of classes and samples. The same change twice in one draws anew.

    Raises
    ------
    UnknownNameError, InputError
        For an unknown kind, another strength, or data without the classes that the kind needs.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of perturbation", kind, KINDS)
    if isinstance(strength, bool) or not isinstance(strength, int | np.integer) or strength not in STRENGTHS:
        raise InputError(f"perturb: the strength is {strength}: give a whole number from 1 to 5.")
    change: Callable[[ImageSource, str, int, int], ImageSource]
    change = changed_pictures if kind in PICTURES else changed_samples
    made = change(source, kind, int(strength), seed)
    return replace(made, name=source.name, uri=f"perturb:{kind}={strength},seed={seed}:{source.uri}")


def open_perturbed(address: Address, open_source: Callable[[str], Any]) -> ImageSource:
    """Open the data that ``perturb:KIND=STRENGTH[,seed=SEED]:DATA`` names, and change them.

    ``DATA`` is an address of images, of this kind again for several changes in one.

    Raises
    ------
    InputError
        If the address cannot be read, the data cannot be opened or are no images.
    """
    change, data = Perturbation.parse(address)
    source = open_source(data)
    if not isinstance(source, ImageSource):
        raise InputError(f"{address.uri!r}: perturb changes images, and {data} holds features: name a set of images.")
    return replace(perturb(source, change.kind, change.strength, seed=change.seed), uri=address.uri)
