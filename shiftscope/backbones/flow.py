"""How data flow through one forward pass: which modules give all that the rest of the network sees of the input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["INPUT", "Passed", "trace"]

INPUT = " (input)"


@dataclass(frozen=True, eq=False)
class Passed:
    """What a module gave, or was given: the name has INPUT at its end then."""

    name: str
    values: torch.Tensor
    made: tuple[int, int]  # by which operation, and as which of its results; equal for modules that share the values
    n_layers: int  # convolutions and linear layers that had run


def trace(module: nn.Module, run: Callable[[], object], until: nn.Module | None) -> tuple[list[Passed], int]:
    """Return the outputs and inputs of modules through which everything passes, and how many weight layers have run.

    ``run`` is one forward pass of ``module``; what follows the start of ``until`` does not count. What a residual
    block gives is all that later layers see of the picture; what one of its branches gives is not, because the other
    branch goes round it. Nothing goes round a value if no other that was made by then is read later. Operations are
    watched as torch carries them out, so any code may stand in ``forward``. The network itself is left out, and so
    are modules that run more than once. Cost: one forward pass, all of whose activations stay in memory.
    """
    flow = _Flow()
    names = {m: name for name, m in module.named_modules() if name}
    seen: list[Passed] = []
    n_layers, over = 0, False

    def see(name: str, values: Any) -> None:
        if not over and isinstance(values, torch.Tensor) and id(values) in flow.made:
            # A copy: later layers may write over it.
            seen.append(Passed(name, values.clone(), flow.made[id(values)], n_layers))

    def before(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        nonlocal over
        over = over or layer is until
        see(names[layer] + INPUT, inputs[0] if inputs else None)

    def after(layer: nn.Module, _: Any, output: Any) -> None:
        nonlocal n_layers
        n_layers += isinstance(layer, nn.Linear | nn.Conv2d) and not over
        see(names[layer], output)

    handles = [module.register_forward_pre_hook(lambda _, inputs: flow.begin(inputs))]
    for layer in names:
        handles += [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
    try:
        with torch.no_grad(), flow:
            run()
    finally:
        for handle in handles:
            handle.remove()
    times = Counter(p.name for p in seen)
    alone = flow.alone()
    return [p for p in seen if p.made in alone and times[p.name] == 1], n_layers


class _Flow(TorchDispatchMode):
    """Notes for each value that depends on the input which operation made it, and which is the last to read it."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[int, tuple[int, int]] = {}  # id of a tensor -> operation and result that are its contents
        self.last_read: list[list[int]] = []  # by operation and result
        self._kept: list[torch.Tensor] = []  # the id of a tensor that is gone may be given again

    def begin(self, inputs: Any) -> None:
        """Call these the results of operation 0."""
        self._note(inputs)

    def alone(self) -> set[tuple[int, int]]:
        """Values that are all that later operations read of what was made by then."""
        before = accumulate((max(reads, default=0) for reads in self.last_read), max, initial=0)
        return {
            (operation, result)
            for operation, (latest, reads) in enumerate(zip(before, self.last_read, strict=False))
            for result in range(len(reads))
            if all(read <= operation for read in (latest, *reads[:result], *reads[result + 1 :]))
        }

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        read = {self.made[id(t)] for t in tree_leaves((args, kwargs)) if id(t) in self.made}
        for operation, result in read:
            self.last_read[operation][result] = len(self.last_read)
        if read:
            self._note(out)
        return out

    def _note(self, results: Any) -> None:
        tensors = [t for t in tree_leaves(results) if isinstance(t, torch.Tensor)]
        for result, tensor in enumerate(tensors):
            self.made[id(tensor)] = (len(self.last_read), result)
        self.last_read.append([0] * len(tensors))
        self._kept += tensors
