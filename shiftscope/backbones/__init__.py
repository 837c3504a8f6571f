"""Models in: one address, one or several backbones that know how to build, load and feed themselves.

A scheme is a name in ``BACKBONES``; plugins add theirs through the entry-point group ``shiftscope.backbones``.
Nothing here imports torch until a backbone is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shiftscope.backbones.backbone import Backbone, Weights, architecture_key, identity_of, random_copy
from shiftscope.core.registry import Registry
from shiftscope.errors import InputError

__all__ = [
    "BACKBONES",
    "Backbone",
    "Scheme",
    "Weights",
    "architecture_key",
    "identity_of",
    "open_backbones",
    "random_copy",
]

RANDOM = "@random"


@dataclass(frozen=True)
class Scheme:
    """One kind of backbone address."""

    describes: str  # what the address looks like, and what it means
    open: Callable[[str, bool], list[Backbone]]  # from what follows the colon, and whether user code is trusted


BACKBONES = Registry[Scheme]("kind of backbone", "shiftscope.backbones")


def _torchvision() -> Scheme:
    from shiftscope.backbones.torchvision import open_torchvision

    return Scheme(
        "torchvision:NAME[.WEIGHTS], published weights; torchvision:NAME@random, the architecture alone",
        open_torchvision,
    )


def _timm() -> Scheme:
    from shiftscope.backbones.timm import open_timm

    return Scheme("timm:NAME[.TAG], published weights (extra 'timm'); timm:NAME@random", open_timm)


def _checkpoint() -> Scheme:
    from shiftscope.backbones.checkpoint import open_checkpoint

    return Scheme("checkpoint:MANIFEST.json#NAME, weights on this machine; #* for every entry", open_checkpoint)


def _pixels() -> Scheme:
    from shiftscope.backbones.pixels import open_pixels

    return Scheme("pixels:, the baseline: 32 x 32 pixels, colour and edge histograms", open_pixels)


_BUILT_IN = {"torchvision": _torchvision, "timm": _timm, "checkpoint": _checkpoint, "pixels": _pixels}
for _scheme, _load in _BUILT_IN.items():
    BACKBONES.add(_scheme, _load)


def open_backbones(uri: str, *, trust_code: bool = False, seed: int = 0) -> list[Backbone]:
    """Open what ``uri`` names; weights are fetched and checked, no network is built.

    Parameters
    ----------
    uri
        ``torchvision:NAME[.WEIGHTS]``, ``timm:NAME[.TAG]``, ``checkpoint:manifest.json#NAME`` (``#*`` for every
        entry), ``pixels:``, or a plugin's scheme. With ``@random`` at the end: the same architecture with random
        weights; none are fetched.
    trust_code
        Whether architecture code that lies next to a manifest may run.
    seed
        Seed of random weights.

    Raises
    ------
    BackboneError
        If a model cannot be built as described; its subclasses tell missing, altered and untrusted files apart.
    InputError
        If the scheme, a model or an entry is unknown.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon:
        raise InputError(f"{uri!r} does not say where the backbone comes from: write torchvision:{uri} or timm:{uri}.")
    opened = BACKBONES[scheme].open(rest.removesuffix(RANDOM), trust_code)
    if rest.endswith(RANDOM):
        return [random_copy(b, seed) for b in opened]
    for backbone in opened:
        if backbone.weights is not None:
            backbone.weights.fetch()
    return opened
