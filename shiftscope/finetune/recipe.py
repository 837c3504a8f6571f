"""How a network is trained: one recipe for every arm that trains layers, so that gaps compare weights only."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Arm", "Recipe"]

Arm: TypeAlias = Literal["linear", "last_stage", "full", "scratch"]


class Recipe(BaseModel):
    """AdamW on cross-entropy: linear warm-up, then a cosine down to zero.

    The budget is optimiser steps, not epochs: with 16 images a class an epoch is a handful of steps, and a network
    trained for few epochs is starved, not badly chosen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(default=1e-3, gt=0, description="largest learning rate, of the head and the last quarter")
    steps: int = Field(default=300, ge=1, description="optimiser steps")
    batch: int = Field(default=24, ge=2, description="images per step")
    warm_up: float = Field(default=0.1, ge=0, lt=1, description="share of the steps in which the rate rises")
    depth_decay: float = Field(default=0.7, gt=0, le=1, description="rate of a quarter of the layers over the next")
    weight_decay: float = Field(default=0.01, ge=0, description="of weights with two or more dimensions")
    clip: float = Field(default=1.0, gt=0, description="largest norm of the gradient")
    flip: bool = Field(default=True, description="mirror images at random; off where left and right differ")
