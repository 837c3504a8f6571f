"""Which numbers of a network are its features: the penultimate layer, found once by watching one forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shiftscope.errors import BackboneError

__all__ = ["Tap", "find_tap"]

Call = tuple[nn.Module, torch.Tensor]  # a layer that ran, and what it gave


class Tap:
    """A network that gives its penultimate features beside its output.

    ``head`` is the layer whose input is taken; without one the network's output itself is (an embedding network).
    """

    def __init__(self, module: nn.Module, head: nn.Module | None) -> None:
        self.module, self.head = module, head
        self._caught: list[torch.Tensor] = []
        if head is not None:
            head.register_forward_pre_hook(self._catch)

    def __call__(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return features (b, d) and the source head's logits (b, k), None for an embedding network."""
        self._caught.clear()
        output = self.module(batch)
        if self.head is None:
            return _pooled(output), None
        return _pooled(self._caught.pop()), output

    def _catch(self, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._caught[:] = inputs[:1]


def find_tap(module: nn.Module, example: torch.Tensor, num_classes: int) -> Tap:
    """Find the source head of ``module`` by one forward pass on ``example`` (b, c, h, w).

    The head is the last linear layer to run that gives (b, ``num_classes``); failing that, the last convolution
    whose map, pooled over positions with or without a rectifier before, is the network's output (SqueezeNet).
    With ``num_classes`` 0 the network is an embedding network, whatever its last layer.

    Raises
    ------
    BackboneError
        If the output is no tensor of the shape ``num_classes`` asks for, or no head can be found.
    """
    calls, output = _watched(module, example)
    if not isinstance(output, torch.Tensor):
        raise BackboneError(f"the network returns a {type(output).__name__}: one tensor per batch is needed")
    if num_classes == 0:
        if output.ndim not in (2, 4):
            raise BackboneError(f"the network returns an array of shape {tuple(output.shape)}: (b, d) is needed")
        return Tap(module, None)
    if output.shape != (len(example), num_classes):
        raise BackboneError(
            f"the network returns an array of shape {tuple(output.shape)} where the card says {num_classes} classes: "
            "correct num_classes (0 for an embedding network)"
        )
    heads: list[nn.Module] = [
        m for m, out in calls if isinstance(m, nn.Linear) and out.flatten(1).shape == output.shape
    ]
    heads = heads or [m for m, out in calls if isinstance(m, nn.Conv2d) and _pools_to(out, output)]
    if not heads:
        raise BackboneError(
            "no linear layer or convolution gives the network's classes: set num_classes to 0 to use its output as "
            "features"
        )
    return Tap(module, heads[-1])


def _watched(module: nn.Module, example: torch.Tensor) -> tuple[list[Call], Any]:
    """Run ``module`` and return the linear layers and convolutions in the order they ran, and its output."""
    calls: list[Call] = []
    handles = [
        m.register_forward_hook(lambda layer, _, out: calls.append((layer, out)))
        for m in module.modules()
        if isinstance(m, nn.Linear | nn.Conv2d)
    ]
    try:
        with torch.inference_mode():
            return calls, module(example)
    finally:
        for handle in handles:
            handle.remove()


def _pools_to(out: torch.Tensor, output: torch.Tensor) -> bool:
    if out.ndim != 4 or out.shape[:2] != output.shape:
        return False
    return any(torch.allclose(_pooled(o), output, rtol=1e-3, atol=1e-4) for o in (out, out.relu()))


def _pooled(values: torch.Tensor) -> torch.Tensor:
    return values.mean(dim=(2, 3)) if values.ndim == 4 else values.flatten(1)
