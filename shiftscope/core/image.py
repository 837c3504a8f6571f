"""The input transform a model card describes: how a decoded picture becomes the numbers a network expects."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["InputTransform"]

Positive = Annotated[float, Field(gt=0)]


class InputTransform(BaseModel):
    """Resize the shorter side, crop the centre, choose channels, scale to 0..1, subtract mean, divide by std.

    ``geometry`` names what depends on the picture's pixels before normalisation; backbones that share it share
    the resized pictures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resize: int = Field(gt=0, description="shorter side after resizing, in pixels")
    crop: int = Field(gt=0, description="side of the square cut from the centre, in pixels")
    channels: Literal[1, 3] = 3
    mean: tuple[float, ...] = Field(description="per channel, for inputs in 0..1")
    std: tuple[Positive, ...] = Field(description="per channel, for inputs in 0..1")
    bgr: bool = Field(default=False, description="channels in the order blue, green, red")
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"

    @model_validator(mode="after")
    def _one_value_per_channel(self) -> InputTransform:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(
                f"{len(self.mean)} means and {len(self.std)} standard deviations for {self.channels} channels"
            )
        if self.crop > self.resize:
            raise ValueError(f"a crop of {self.crop} pixels does not fit in a side of {self.resize}")
        return self

    @property
    def geometry(self) -> tuple[int, int, int, str]:
        """Resize, crop, channels and interpolation: equal for backbones that can share resized pictures."""
        return (self.resize, self.crop, self.channels, self.interpolation)

    @property
    def fingerprint(self) -> str:
        """sha256 of the transform as canonical JSON."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
