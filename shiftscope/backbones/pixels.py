"""``pixels:``: what pictures say without any network, the baseline that a pretrained model has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftscope.backbones.backbone import Backbone, identity_of
from shiftscope.core.image import InputTransform
from shiftscope.core.records import BackboneCard
from shiftscope.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["open_pixels"]

VERSION = "1"  # part of the identity: to be raised when the features change
SIDE = 32


def open_pixels(location: str, trust_code: bool = False) -> list[Backbone]:  # noqa: ARG001  # the schemes' shape
    """Open the pixel baseline: 32 x 32 pixels, a colour histogram and histograms of edge directions.

    Raises
    ------
    InputError
        If anything follows the colon.
    """
    if location:
        raise InputError(f"'pixels:{location}' cannot be used: nothing follows the colon, write 'pixels:'.")
    draft = BackboneCard(
        name="pixels",
        uri="pixels:",
        library="pixels",
        constructor="PixelFeatures",
        transform=InputTransform(resize=SIDE, crop=SIDE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        identity="",
    )
    return [Backbone(draft.model_copy(update={"identity": identity_of(draft, weights=VERSION)}), _build)]


def _build() -> nn.Module:
    from shiftscope.backbones.pixel_features import PixelFeatures

    return PixelFeatures()
