"""Features at several depths of a network, taken in the same forward pass as the penultimate ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import nn

from shiftscope.backbones.flow import INPUT, Passed, trace
from shiftscope.backbones.tap import Tap

__all__ = ["DepthTaps", "Place", "find_places"]

PENULTIMATE = "penultimate"
MOST = 8
# Where two stage ends lie further apart than this share of the depth, a block between them is taken too.
WIDEST = 0.3


@dataclass(frozen=True)
class Place:
    """Where features are taken: a module's name, and the share of weight layers that have run there."""

    name: str
    depth: float


class DepthTaps:
    """What some modules gave, or were given, in the last forward pass, averaged over positions."""

    def __init__(self, module: nn.Module, names: Iterable[str]) -> None:
        self.last: dict[str, torch.Tensor] = {}  # name -> (b, d)
        for name in names:
            layer = module.get_submodule(name.removesuffix(INPUT))
            # At once: later layers may write over it.
            if name.endswith(INPUT):
                layer.register_forward_pre_hook(lambda _, inputs, name=name: self._keep(name, inputs[0]))
            else:
                layer.register_forward_hook(lambda _, __, output, name=name: self._keep(name, output))

    def _keep(self, name: str, values: torch.Tensor) -> None:
        self.last[name] = _pooled(values)


def find_places(tap: Tap, example: torch.Tensor) -> tuple[Place, ...]:
    """Choose up to eight depths of the network behind ``tap``, shallow to deep; the last is the penultimate layer.

    They are the ends of its stages: the last values of one resolution through which everything passes (see
    ``flow.trace``). What lies inside a block that leads from one resolution to the next ends no stage. Where more
    than 0.3 of the depth lies between two of them, the outermost block near the middle of that gap is added; of more
    than eight, those go that lie closest to others. Depth is the share of convolutions and linear layers that have
    run, without the head.

    A value bears the name of the module that gives it, or else of one that takes it, with "(input)" behind. The
    penultimate layer bears the name of the value whose mean over positions it is, and ``"penultimate"`` where there
    is none: where it is a class token, or lies behind further linear layers. A network in which no single value
    leads from input to head before its end has that place only.

    Parameters
    ----------
    example
        Inputs (b, c, h, w), on which one forward pass is made.
    """
    given: list[torch.Tensor] = []
    passed, total = trace(tap.module, lambda: given.append(tap(example)[0]), tap.head)
    values = _values([p for p in passed if p.values.ndim in (3, 4) and len(p.values) == len(example)])
    last = values[-1].name if values and _same(values[-1].features, given[0]) else PENULTIMATE
    ends = {v.stage: v for v in values if not v.in_passage}.values()
    inner, others = (_placed((v for v in some if v.name != last), total) for some in (ends, values))
    chosen = _thinned(_filled(inner, others))
    return (*chosen, Place(last, 1.0))


@dataclass(frozen=True, eq=False)
class _Value:
    """A value that everything passes through, under the name of the outermost module that gives it."""

    name: str
    features: torch.Tensor  # (b, d)
    n_layers: int
    stage: int
    in_passage: bool  # made inside a block that leads from this stage to the next


def _values(passed: Sequence[Passed]) -> list[_Value]:
    """Name every value once, in the order they were made; one that only pools the value before counts as that one."""
    groups: dict[tuple[int, int], list[Passed]] = defaultdict(list)
    for p in passed:
        groups[p.made].append(p)
    ordered = [groups[made] for made in sorted(groups)]
    sizes = [_positions(group[0].values) for group in ordered]
    stages = list(accumulate((a != b for a, b in pairwise(sizes)), initial=0))
    covered: dict[str, set[int]] = defaultdict(set)
    for group, stage in zip(ordered, stages, strict=False):
        for module in {module for p in group for module in (*_around(p.name), p.name)}:
            covered[module].add(stage)
    found: list[_Value] = []
    for group, stage in zip(ordered, stages, strict=False):
        # A container of several stages, as "features" often is, says less than the last module inside it.
        p = min(group, key=lambda p: (p.name.endswith(INPUT), len(covered[p.name]) > 2, p.name.count(".")))
        in_passage = any(covered[module] == {stage, stage + 1} for module in _around(p.name))
        value = _Value(p.name, _pooled(p.values), group[0].n_layers, stage, in_passage)
        if not (found and found[-1].n_layers == value.n_layers and _same(found[-1].features, value.features)):
            found.append(value)
        elif value.name in _around(found[-1].name):
            found[-1] = value
    return found


def _around(name: str) -> list[str]:
    """The modules that another lies in: "a" and "a.b" for "a.b.c"."""
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _placed(values: Iterable[_Value], total: int) -> list[Place]:
    """Places by depth; of several at one depth, such as before and after a maximum, the last that a module gives."""
    ordered = sorted(values, key=lambda v: not v.name.endswith(INPUT))
    by_layers = {v.n_layers: Place(v.name, v.n_layers / total) for v in ordered}
    return [by_layers[k] for k in sorted(by_layers) if 0 < k < total]


def _filled(chosen: list[Place], others: Sequence[Place]) -> list[Place]:
    """Add places in the middle half of wide gaps, the outermost modules first, while there are any."""
    for low, high in pairwise([0.0, *(p.depth for p in chosen), 1.0]):
        quarter = (high - low) / 4
        between = [p for p in others if low + quarter <= p.depth <= high - quarter]
        if high - low > WIDEST and between:
            middle = (low + high) / 2
            best = min(between, key=lambda p: (p.name.endswith(INPUT), p.name.count("."), abs(p.depth - middle)))
            return _filled(sorted([*chosen, best], key=lambda p: p.depth), others)
    return chosen


def _thinned(chosen: list[Place]) -> list[Place]:
    """Leave out the places that lie closest to their neighbours, until there is room for the penultimate layer."""
    if len(chosen) < MOST:
        return chosen
    depths = [0.0, *(p.depth for p in chosen), 1.0]
    gaps = [after - before for before, after in zip(depths, depths[2:], strict=False)]
    least = gaps.index(min(gaps))
    return _thinned([*chosen[:least], *chosen[least + 1 :]])


def _positions(values: torch.Tensor) -> int:
    """Places that a map or a row of tokens has: how finely it still divides the picture."""
    return values[0].numel() // _pooled(values).shape[1]


def _pooled(values: torch.Tensor) -> torch.Tensor:
    """Mean over positions (b, d), float32, of maps (b, d, h, w) or (b, h, w, d), or of tokens (b, t, d)."""
    if values.ndim == 3:
        return values.float().mean(dim=1)
    # Pictures are square, and so are maps: the two sides that are equal are positions.
    last = values.shape[1] == values.shape[2] != values.shape[3]
    return values.float().mean(dim=(1, 2) if last else (2, 3))


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-5)
