"""Samples in: one address, one source of images or of features that were extracted before.

A scheme is a name in ``SOURCES``; plugins add theirs through the entry-point group ``shiftscope.data``. Nothing
here imports an image library until a source is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from shiftscope.core.registry import Registry
from shiftscope.data.address import Address
from shiftscope.data.features import FeatureFile, feature_sets
from shiftscope.data.perturb import Perturbation, open_perturbed
from shiftscope.data.source import ImageSource, UnreadableError, per_class

__all__ = [
    "SOURCES",
    "FeatureFile",
    "ImageSource",
    "Scheme",
    "UnreadableError",
    "default_name",
    "feature_sets",
    "open_source",
    "per_class",
]


@dataclass(frozen=True)
class Scheme:
    """One kind of data address."""

    describes: str  # what the address looks like, and what it means
    open: Callable[[Address], ImageSource | FeatureFile]


SOURCES = Registry[Scheme]("kind of data", "shiftscope.data")


def _imagefolder() -> Scheme:
    from shiftscope.data.imagefolder import open_imagefolder

    return Scheme("imagefolder:DIR, one folder per class, or a flat folder without labels", open_imagefolder)


def _npz() -> Scheme:
    from shiftscope.data.arrays import open_npz

    return Scheme("npz:FILE[?x=KEY&y=KEY], images as one uint8 array (n, h, w[, 3])", open_npz)


def _features() -> Scheme:
    from shiftscope.data.features import open_features

    return Scheme("features:FILE[?x=KEY&y=KEY], features (n, d) extracted before, .npz or .safetensors", open_features)


def _perturb() -> Scheme:
    return Scheme(
        "perturb:KIND=STRENGTH[,seed=SEED]:DATA, images changed in a known way, strength 1 to 5",
        lambda address: open_perturbed(address, open_source),
    )


_built_in = {"imagefolder": _imagefolder, "npz": _npz, "features": _features, "perturb": _perturb}
for _scheme, _load in _built_in.items():
    SOURCES.add(_scheme, _load)


def open_source(uri: str, name: str | None = None) -> ImageSource | FeatureFile:
    """Open the data ``uri`` names; no picture is decoded yet.

    Parameters
    ----------
    uri
        ``imagefolder:DIR``, ``npz:FILE[?x=KEY&y=KEY]``, ``features:FILE[?x=KEY&y=KEY]``,
        ``perturb:KIND=STRENGTH:DATA``, or a plugin's scheme.
    name
        What the data set is called in tables; ``default_name(uri)`` when None.

    Raises
    ------
    InputError
        If the scheme, a file or a key is unknown, or what is found cannot be used; one line that says why.
    """
    address = Address.parse(uri)
    source = SOURCES[address.scheme].open(address)
    return replace(source, name=name or default_name(uri))


def default_name(uri: str) -> str:
    """Name a data set after its folder or file, the array in it when one is named, and a change; opens nothing."""
    address = Address.parse(uri)
    if address.scheme == "perturb":
        change, data = Perturbation.parse(address)
        return f"{default_name(data)}.{change}"
    path = Path(address.location).resolve()
    name = path.stem if path.suffix in (".npz", ".safetensors") else path.name
    return f"{name}.{address.options['x']}" if "x" in address.options else name
