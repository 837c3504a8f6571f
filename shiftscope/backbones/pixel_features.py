"""The numbers behind ``pixels:``, computed like a network so that they take the same way through the house."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

__all__ = ["PixelFeatures", "colour_histogram", "edge_histograms"]

BINS = 8
CELL = 8
DIRECTIONS = 9
EPS = 1e-3


class PixelFeatures(nn.Module):
    """Pixels, a colour histogram and edge histograms of pictures (b, 3, 32, 32) in 0..1, side by side.

    Each of the three parts is scaled to a total variance of about one half over ordinary pictures, so that none
    drowns the others in a linear probe.
    """

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return features (b, 3072 + 24 + 324)."""
        pixels = pictures.flatten(1)
        parts = (pixels * 3 / math.sqrt(pixels.shape[1]), colour_histogram(pictures), edge_histograms(pictures) / 3)
        return torch.cat(parts, dim=1)


def colour_histogram(pictures: torch.Tensor) -> torch.Tensor:
    """Square root of the share of pixels in 8 equal bins of each channel (b, 3 * 8); each row has length 1.

    The root makes distances those of Hellinger, in which rare colours count too.
    """
    index = (pictures * BINS).long().clamp(0, BINS - 1).flatten(2)
    share = functional.one_hot(index, BINS).float().mean(dim=2)
    return (share / share.shape[1]).sqrt().flatten(1)


def edge_histograms(pictures: torch.Tensor) -> torch.Tensor:
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005) of the grey picture, (b, 9 * 36).

    Nine unsigned directions in 8 x 8 cells, votes weighted by gradient length and shared between the two nearest
    directions; blocks of 2 x 2 cells with a step of one cell are scaled to length 1.
    """
    grey = pictures.mean(dim=1, keepdim=True)
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    dx = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2])[:, 0]
    dy = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1])[:, 0]
    length = torch.hypot(dx, dy)
    direction = (torch.atan2(dy, dx) / math.pi % 1.0) * DIRECTIONS
    low = direction.floor()
    share = direction - low
    votes = torch.zeros(len(grey), DIRECTIONS, *grey.shape[2:], device=grey.device)
    for index, weight in ((low.long() % DIRECTIONS, 1 - share), ((low.long() + 1) % DIRECTIONS, share)):
        votes.scatter_add_(1, index[:, None], (length * weight)[:, None])
    cells = functional.avg_pool2d(votes, CELL) * CELL**2
    blocks = functional.unfold(cells, kernel_size=2)
    return functional.normalize(blocks, dim=1, eps=EPS).flatten(1)
