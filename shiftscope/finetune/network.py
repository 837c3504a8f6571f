"""A backbone with a new head, and its layers in the order they run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import nn

from shiftscope.backbones import Backbone
from shiftscope.backbones.tap import find_tap
from shiftscope.core.image import InputTransform
from shiftscope.errors import BackboneError, ShiftscopeError
from shiftscope.finetune.recipe import Arm, Recipe

__all__ = ["Network", "network_of", "parameter_groups"]

QUARTERS = 4


class Network(nn.Module):
    """A network that gives logits of the target's classes (b, C).

    The source head is replaced in place, so the state has the names and shapes of the same architecture built for
    C classes. An embedding network gets a linear head behind it (``head``); it has none inside.
    """

    def __init__(self, module: nn.Module, head: nn.Linear | None) -> None:
        super().__init__()
        self.module, self.head = module, head

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return logits (b, C) of a batch (b, c, h, w)."""
        output: torch.Tensor = self.module(batch)
        if self.head is not None:
            output = self.head(output.mean(dim=(2, 3)) if output.ndim == 4 else output.flatten(1))
        return output


def network_of(backbone: Backbone, transform: InputTransform, n_classes: int, seed: int) -> Network:
    """Build ``backbone`` with a random head for ``n_classes``; the same seed gives the same head.

    Raises
    ------
    BackboneError
        If the network cannot be built, or does not take pictures of the transform's size.
    """
    module = backbone.module()
    # Two pictures of noise: with constant ones a convolution could pass for the head of a network that ends in one.
    example = torch.rand(2, transform.channels, transform.crop, transform.crop, generator=torch.Generator())
    try:
        tap = find_tap(module, example, backbone.card.num_classes)
    except ShiftscopeError:
        raise
    except Exception as reason:
        # Networks are other people's code; most refuse pictures of a size they were not made for, each in its way.
        raise BackboneError(
            f"{backbone.card.name} does not run on pictures of {transform.crop} pixels "
            f"({(str(reason) or type(reason).__name__).splitlines()[0].rstrip('.')}): choose the size it was made for."
        ) from reason
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        if tap.head is None:
            network = Network(module, nn.Linear(tap(example)[0].shape[1], n_classes))
        else:
            _replace(module, tap.head, _like(tap.head, n_classes))
            network = Network(module, None)
    return network.eval().requires_grad_()


def parameter_groups(network: Network, example: torch.Tensor, recipe: Recipe, arm: Arm) -> list[dict[str, Any]]:
    """Return the parameters to train in groups with their learning rates; all others are frozen.

    Layers are numbered in the order they run and cut into four quarters; a quarter's rate is ``depth_decay`` times
    the next one's. ``last_stage`` trains the last quarter and the head, ``linear`` the head alone. Weights of one
    dimension (biases, norms) do not decay.
    """
    layers = _in_order(network, example)
    body, head = layers[:-1], layers[-1]
    network.requires_grad_(False)
    first = {"linear": QUARTERS, "last_stage": QUARTERS - 1}.get(arm, 0)
    groups = []
    for place, layer in enumerate(body):
        quarter = QUARTERS * place // len(body)
        if quarter >= first:
            groups += _groups([layer], recipe, recipe.rate * recipe.depth_decay ** (QUARTERS - 1 - quarter))
    return groups + _groups([head], recipe, recipe.rate)


def _groups(layers: Collection[nn.Module], recipe: Recipe, rate: float) -> list[dict[str, Any]]:
    own = [p.requires_grad_() for layer in layers for p in layer.parameters(recurse=False)]
    decays = [p for p in own if p.ndim > 1]
    plain = [p for p in own if p.ndim <= 1]
    return [
        {"params": params, "lr": rate, "weight_decay": decay}
        for params, decay in ((decays, recipe.weight_decay), (plain, 0.0))
        if params
    ]


def _in_order(network: Network, example: torch.Tensor) -> list[nn.Module]:
    """Return the modules that own parameters, each once, in the order they first run.

    Some are never called, because the module around them reads their parameters itself (projections of attention,
    lists of parameters): these follow that module.
    """
    named = dict(network.named_modules())
    ran: dict[nn.Module, int] = {}

    def note(module: nn.Module, _: Any) -> None:
        ran.setdefault(module, len(ran))

    handles = [module.register_forward_pre_hook(note) for module in named.values()]
    try:
        with torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()

    def place(name: str) -> int:
        while named[name] not in ran:
            name = name.rpartition(".")[0]
        return ran[named[name]]

    owners = [name for name, module in named.items() if next(module.parameters(recurse=False), None) is not None]
    return [named[name] for name in sorted(owners, key=place)]


def _like(head: nn.Module, n_classes: int) -> nn.Module:
    if isinstance(head, nn.Conv2d):
        return nn.Conv2d(head.in_channels, n_classes, kernel_size=1, bias=head.bias is not None)
    assert isinstance(head, nn.Linear)
    return nn.Linear(head.in_features, n_classes, bias=head.bias is not None)


def _replace(module: nn.Module, old: nn.Module, new: nn.Module) -> None:
    (name,) = [n for n, m in module.named_modules() if m is old]
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, new)
