"""What enters the batch-norm layers of a network, recorded forward pass by forward pass."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from shiftscope.backbones.layer_sums import LayerSums

__all__ = ["LayerWatch", "batch_norms", "estimate_running", "restore_running", "running"]

ESTIMATION_BATCH = 32


def batch_norms(module: nn.Module) -> dict[str, _BatchNorm]:
    """Return the batch-norm layers of ``module`` that carry running statistics, by name."""
    return {n: m for n, m in module.named_modules() if isinstance(m, _BatchNorm) and m.running_mean is not None}


class LayerWatch:
    """Mean and variance of the inputs of every batch-norm layer, over samples and positions.

    A forward pass counts only after ``keep``; ``drop`` forgets it, for one that failed half-way.
    """

    def __init__(self, module: nn.Module) -> None:
        self._sums: dict[str, LayerSums] = {}
        self._pending: list[tuple[str, int, torch.Tensor, torch.Tensor]] = []
        for name, layer in batch_norms(module).items():
            layer.register_forward_pre_hook(self._note(name))

    def keep(self) -> None:
        """Count the last forward pass."""
        for name, count, mean, var in self._pending:
            seen = LayerSums(count, _float64(mean), _float64(var))
            self._sums[name] = self._sums[name] + seen if name in self._sums else seen
        self.drop()

    def drop(self) -> None:
        """Forget the last forward pass."""
        self._pending.clear()

    def take(self) -> dict[str, LayerSums]:
        """Return what was counted, and begin anew."""
        taken, self._sums = self._sums, {}
        return taken

    def _note(self, name: str) -> Any:
        def note(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            x = inputs[0].float()
            self._pending.append((name, x.numel() // x.shape[1], *_mean_and_var(x)))

        return note


def running(module: nn.Module) -> dict[str, LayerSums]:
    """Return the statistics that the batch-norm layers carry."""
    return {
        name: LayerSums(0, _float64(layer.running_mean), _float64(layer.running_var))
        for name, layer in batch_norms(module).items()
    }


def restore_running(module: nn.Module, statistics: dict[str, LayerSums]) -> None:
    """Give the batch-norm layers the statistics that ``running`` returned."""
    for name, layer in batch_norms(module).items():
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(torch.tensor(statistics[name].mean))
        layer.running_var.copy_(torch.tensor(statistics[name].var))


def estimate_running(module: nn.Module, inputs: torch.Tensor, *, only: Collection[str] | None = None) -> None:
    """Replace the statistics of every batch-norm layer by those of ``inputs`` (n, c, h, w), layer on layer.

    With ``only``, those of the layers with these names.

    A network with random weights carries no statistics of any data; without these its activations drift. Batches
    are of nearly equal size and count equally (momentum None), so the result does not depend on how features are
    extracted. With one sample there is nothing to estimate.
    """
    layers = {name: layer for name, layer in batch_norms(module).items() if only is None or name in only}
    if not layers or len(inputs) < 2:
        return
    momenta = {name: layer.momentum for name, layer in layers.items()}
    for layer in layers.values():
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    with torch.no_grad():
        for batch in torch.tensor_split(inputs, -(-len(inputs) // ESTIMATION_BATCH)):
            module(batch)
    for name, layer in layers.items():
        layer.momentum = momenta[name]
        layer.eval()


def _mean_and_var(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Per channel (axis 1), over all other axes, variance divided by the count."""
    if x.device.type == "cpu":
        # What batch norm itself uses in training: one pass without a copy, some fifty times faster than var_mean.
        mean, var = torch.batch_norm_update_stats(x, None, None, 0.0)
    else:
        var, mean = torch.var_mean(x, dim=[i for i in range(x.ndim) if i != 1], correction=0)
    return mean, var


def _float64(values: torch.Tensor | None) -> NDArray[np.float64]:
    assert values is not None
    array: NDArray[np.float64] = values.detach().cpu().double().numpy()
    return array
