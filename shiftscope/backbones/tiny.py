"""TinyNet: the small convolutional network behind the demo's zoo of weights; nothing downloaded, nothing borrowed."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

__all__ = ["TinyNet"]


class TinyNet(nn.Module):
    """``depth`` blocks of 3 x 3 convolution (stride 2), batch norm and ReLU; global average pooling; a linear head.

    Block i has ``width * 2**i`` channels, so the penultimate features are ``width * 2**(depth - 1)`` wide. A
    feature of depth L sees 2**(L + 1) - 1 pixels a side: at depth 4 about a whole 32-pixel picture.

    Parameters
    ----------
    width, depth
        Channels of the first block, and the number of blocks.
    num_classes
        Outputs of the linear head ``classifier``; 0 leaves the head out and ``forward`` returns the features.
    in_chans
        Channels of the pictures (n, in_chans, h, w).
    """

    def __init__(self, width: int = 16, depth: int = 3, num_classes: int = 10, in_chans: int = 3) -> None:
        super().__init__()
        channels = [in_chans, *(width * 2**i for i in range(depth))]
        self.features = nn.Sequential(*(_block(*pair) for pair in pairwise(channels)))
        self.classifier = nn.Linear(channels[-1], num_classes) if num_classes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (n, in_chans, h, w) to source-head logits (n, num_classes)."""
        logits: torch.Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
