"""One backbone on its device: built, tapped, watched, and run over prepared pictures."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from shiftscope.backbones import Backbone
from shiftscope.backbones.depth import DepthTaps, find_places
from shiftscope.backbones.layer_sums import LayerSums
from shiftscope.backbones.layers import LayerWatch, estimate_running, restore_running, running
from shiftscope.backbones.tap import find_tap
from shiftscope.extraction.part import Part
from shiftscope.extraction.pictures import Batch

__all__ = ["Runner"]

# Pixels and pictures per forward pass, at most. On a processor the activations of larger batches fall out of the
# caches, and memory is returned to the system between layers: 8 pictures of 224 pixels run twice as fast as 64.
PER_PASS = {"cpu": (8 * 224**2, 64), "cuda": (128 * 224**2, 256), "mps": (32 * 224**2, 256)}


class Runner:
    """A backbone that is ready to run.

    Parameters
    ----------
    backbone
        What is built and loaded.
    device, precision
        Where it runs, and the number type of its forward passes; see ``device.precision``.
    first
        The first pictures of the set. Random weights take their batch-norm statistics from these.
    statistics
        The statistics random weights took on an earlier occasion, None for the first.
    batch_size
        Pictures per forward pass; None for a size that suits input and device.
    depths
        Take features at several depths, see ``backbones.depth``.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        device: str,
        precision: str,
        first: Batch,
        statistics: dict[str, LayerSums] | None = None,
        batch_size: int | None = None,
        depths: bool = False,
    ) -> None:
        transform = backbone.card.transform
        assert transform is not None
        self.transform, self.device = transform, device
        self.dtype = getattr(torch, precision)
        self.module = backbone.module().to(device).to(memory_format=torch.channels_last)
        self.batch_size = batch_size or _batch_size(transform.crop, device)
        inputs = first.pictures[transform.geometry]
        if statistics is not None:
            restore_running(self.module, statistics)
        elif backbone.card.random:
            estimate_running(self.module, self._inputs(inputs))
        example = self._inputs(inputs[:2])
        with self._autocast():
            self.tap = find_tap(self.module, example, backbone.card.num_classes)
        places = find_places(self.tap, example) if depths else ()
        self.depths = {place.name: place.depth for place in places}
        self.parameters = sum(p.numel() for p in self.module.parameters())
        self.flops = _flops(self.module, example[:1])
        self.watch = LayerWatch(self.module)
        self.depth_taps = DepthTaps(self.module, [place.name for place in places[:-1]])

    def run(self, batch: Batch) -> Part:
        """Return features, logits and layer statistics of the pictures in ``batch``.

        When the device's memory does not suffice, passes become half as large, for good.
        """
        pictures = batch.pictures[self.transform.geometry]
        features: list[NDArray[np.float32]] = []
        logits: list[NDArray[np.float32]] = []
        inner: dict[str, list[NDArray[np.float32]]] = {name: [] for name in [*self.depths][:-1]}
        begin, start = 0, time.perf_counter()
        while begin < len(pictures):
            try:
                outputs = self._forward(pictures[begin : begin + self.batch_size])
            except torch.OutOfMemoryError:
                self.watch.drop()
                if self.batch_size == 1:
                    raise
                self.batch_size = -(-self.batch_size // 2)
                if self.device.startswith("cuda"):
                    torch.cuda.empty_cache()
                continue
            self.watch.keep()
            features.append(_float32(outputs[0]))
            for name, values in self.depth_taps.last.items():
                inner[name].append(_float32(values))
            if outputs[1] is not None:
                logits.append(_float32(outputs[1]))
            begin += len(features[-1])
        seconds = time.perf_counter() - start
        return Part(
            rows=batch.rows,
            features=np.concatenate(features),
            logits=np.concatenate(logits) if logits else None,
            seen=self.watch.take(),
            running=running(self.module),
            parameters=self.parameters,
            flops=self.flops,
            seconds=seconds,
            unreadable=batch.unreadable,
            depths=self.depths,
            inner={name: np.concatenate(values) for name, values in inner.items()},
        )

    def _forward(self, pictures: NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor | None]:
        with torch.inference_mode(), self._autocast():
            return self.tap(self._inputs(pictures))

    def _inputs(self, pictures: NDArray[np.uint8]) -> torch.Tensor:
        """Turn uint8 (b, h, w, c) into what the network expects, float32 (b, c, h, w) with channels last in memory."""
        x = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float() / 255.0
        if self.transform.bgr:
            x = x.flip(1)
        mean, std = (
            torch.tensor(v, device=self.device).view(1, -1, 1, 1) for v in (self.transform.mean, self.transform.std)
        )
        return ((x - mean) / std).contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.dtype is torch.float32:
            return nullcontext()
        return torch.autocast(self.device.partition(":")[0], dtype=self.dtype)


def _batch_size(side: int, device: str) -> int:
    pixels, pictures = PER_PASS[device.partition(":")[0]]
    return max(1, min(pictures, pixels // side**2))


def _flops(module: nn.Module, example: torch.Tensor) -> int:
    """Floating-point operations for one picture, a multiply-add counted as two; matrix products and convolutions."""
    # The fused attention kernel of eval mode is not counted, its parts are.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(example)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return int(counter.get_total_flops())


def _float32(values: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.float().cpu().numpy()
    return array
