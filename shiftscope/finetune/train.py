"""Train a network on a few labelled pictures, for a number of steps, the same way every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import cos, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torchvision.transforms import v2

from shiftscope.backbones.layers import batch_norms, estimate_running
from shiftscope.core.image import InputTransform
from shiftscope.core.seeds import derive, stream
from shiftscope.errors import BackboneError
from shiftscope.finetune.network import Network, parameter_groups
from shiftscope.finetune.recipe import Arm, Recipe

__all__ = ["Pictures", "log_probabilities", "train"]

PADDING = 1 / 8  # of the side: how far a picture is moved at random
EVALUATION_BATCH = 128
STATISTICS = 1024  # training pictures that batch-norm statistics are estimated on, at most


@dataclass(frozen=True, eq=False)
class Pictures:
    """Decoded and resized pictures of one set, and how a network wants them."""

    pixels: torch.Tensor  # (n, c, side, side) uint8, channels in the order the network takes them
    mean: torch.Tensor  # (c, 1, 1), for inputs in 0..1
    std: torch.Tensor  # (c, 1, 1)

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], transform: InputTransform) -> Pictures:
        """Take pictures (n, side, side, c) in RGB or grey order."""
        planes = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
        if transform.bgr:
            planes = planes.flip(1)
        mean, std = (torch.tensor(v).reshape(-1, 1, 1) for v in (transform.mean, transform.std))
        return cls(planes.contiguous(), mean, std)

    def normalised(self, planes: torch.Tensor, device: torch.device) -> torch.Tensor:
        """Turn uint8 planes (b, c, h, w) into the numbers a network expects."""
        x = planes.to(device).float().div_(255)
        x = x.sub_(self.mean.to(device)).div_(self.std.to(device))
        return x.to(memory_format=torch.channels_last)


def train(
    network: Network,
    pictures: Pictures,
    labels: NDArray[np.int64],
    rows: NDArray[np.intp],
    *,
    arm: Arm,
    recipe: Recipe,
    seed: int,
    device: str = "cpu",
) -> None:
    """Train ``network`` in place on the pictures at ``rows``; it ends in eval mode with its statistics re-estimated.

    Pictures are moved by up to an eighth of their side and, if the recipe says so, mirrored. Frozen layers of
    ``last_stage`` keep their batch-norm statistics. The same seed gives the same network on one machine and torch
    build (on a GPU as far as its layers outside cuDNN allow); torch's own random state is left as it was.

    Parameters
    ----------
    labels
        Class codes (n,) of all pictures.
    rows
        Positions (m,) of the training pictures.

    Raises
    ------
    BackboneError
        If the loss stops being finite.
    """
    where = torch.device(device)
    network.to(where).to(memory_format=torch.channels_last)
    y = torch.tensor(labels).to(where)
    groups = parameter_groups(network, pictures.normalised(pictures.pixels[rows[:2]], where), recipe, arm)
    optimiser = torch.optim.AdamW(groups, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(_pace, recipe=recipe))
    trained = [p for group in groups for p in group["params"]]
    with _repeatable(where, seed):
        move = _augmentation(pictures.pixels.shape[-1], recipe)
        _set_modes(network)
        for batch in _batches(rows, recipe, seed):
            x = pictures.normalised(torch.stack([move(p) for p in pictures.pixels[batch]]), where)
            with torch.autocast(where.type, torch.bfloat16, enabled=where.type == "cuda"):
                loss = nn.functional.cross_entropy(network(x), y[batch])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            norm = nn.utils.clip_grad_norm_(trained, recipe.clip)
            if not torch.isfinite(norm):
                raise BackboneError(f"training diverged at a learning rate of {recipe.rate:g}: choose a smaller one.")
            optimiser.step()
            schedule.step()
    network.eval()
    calm = stream(seed, "statistics").permutation(rows)[:STATISTICS]
    estimate_running(network, pictures.normalised(pictures.pixels[calm], where), only=_trained_norms(network))


def log_probabilities(network: Network, pictures: Pictures, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return log P(class) (m, C) of the pictures at ``rows``.

    Raises
    ------
    BackboneError
        If the network gives numbers that are not finite: it diverged in its last step, or where its statistics are.
    """
    where = next(network.parameters()).device
    with torch.inference_mode():
        parts = [
            network(pictures.normalised(pictures.pixels[part], where)).cpu().double().log_softmax(dim=1)
            for part in np.array_split(rows, -(-len(rows) // EVALUATION_BATCH))
        ]
    values: NDArray[np.float64] = torch.cat(parts).numpy()
    if not np.isfinite(values).all():
        raise BackboneError("the trained network gives numbers that are not finite: choose a smaller learning rate.")
    return values


@contextmanager
def _repeatable(where: torch.device, seed: int) -> Iterator[None]:
    """Seed torch for one training, keep cuDNN to algorithms that always add in one order, and put both back."""
    word, before = derive("train", str(seed))[0], torch.backends.cudnn.deterministic
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if where.type == "cuda" else []):
        # torch.manual_seed would reseed an accelerator as well, also one that has no part in this.
        (torch.default_generator.manual_seed if where.type == "cpu" else torch.manual_seed)(word)
        torch.backends.cudnn.deterministic = True
        try:
            yield
        finally:
            torch.backends.cudnn.deterministic = before


def _pace(step: int, recipe: Recipe) -> float:
    """Share of the largest rate at ``step``."""
    rise = max(1, round(recipe.warm_up * recipe.steps))
    if step < rise:
        return (step + 1) / rise
    return (1 + cos(pi * (step - rise) / max(1, recipe.steps - rise))) / 2


def _augmentation(side: int, recipe: Recipe) -> v2.Compose:
    shift = v2.RandomCrop(side, padding=round(side * PADDING), padding_mode="reflect")
    return v2.Compose([shift, v2.RandomHorizontalFlip()] if recipe.flip else [shift])


def _batches(rows: NDArray[np.intp], recipe: Recipe, seed: int) -> NDArray[np.intp]:
    """Return the pictures of every step (steps, batch): all of them in random order, again and again."""
    rng = stream(seed, "batches")
    wanted = recipe.steps * recipe.batch
    order = [rng.permutation(rows) for _ in range(-(-wanted // len(rows)))]
    return np.concatenate(order)[:wanted].reshape(recipe.steps, recipe.batch)


def _trained_norms(network: Network) -> list[str]:
    """Names of the batch-norm layers that are trained; layers without weights follow none and are re-estimated."""
    return [n for n, m in batch_norms(network).items() if all(p.requires_grad for p in m.parameters(recurse=False))]


def _set_modes(network: Network) -> None:
    """Training mode, except for the batch-norm layers that are frozen."""
    network.train()
    trained = set(_trained_norms(network))
    for name, layer in batch_norms(network).items():
        layer.train(name in trained)
