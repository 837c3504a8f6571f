"""Train the demo's zoo of weights: ``python -m shiftscope.demo.train [FOLDER]``.

Each network sees fresh pictures from one generator in every round, so it has nothing to learn by heart; the one
on shuffled labels sees the same few pictures again and again, and can do nothing else. One thread and fixed seeds:
the same machine, torch and Pillow give the same files. Takes four minutes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch  # at the top: this file is a command of its own, nothing else imports it
from numpy.typing import NDArray
from torch import nn

from shiftscope.backbones.tiny import TinyNet
from shiftscope.core.files import write_atomic
from shiftscope.core.seeds import stream
from shiftscope.demo.pictures import SOURCES, Pictures

__all__ = ["RECIPES", "Recipe", "main", "train"]

ZOO = Path(__file__).parent / "zoo"
MEAN, STD = 0.5, 0.25
TRAIN_SEED, TEST_SEED = 10_000, 20_000  # far from the small seeds that people give the demo
ROUNDS, ROUND, BATCH = 24, 5000, 64  # rounds; pictures in a round; pictures in a step
RATE = 3e-3  # largest learning rate
TEST_PICTURES = 2000


class Recipe(NamedTuple):
    """One network: where its pictures come from and how long it sees them."""

    name: str
    source: str  # a key of SOURCES
    domain: str
    width: int = 12
    by_heart: int = 0  # pictures to learn by heart, instead of fresh ones in every round

    @property
    def kwargs(self) -> dict[str, int]:
        """Arguments of ``TinyNet``; at depth 4 its features see the whole picture."""
        classes = len(SOURCES[self.source](1, 0).class_names)
        return {"width": self.width, "depth": 4, "num_classes": classes, "in_chans": 3}


RECIPES = (
    Recipe("printed_digits", "printed_digits", "printed digits in 21 fonts"),
    Recipe("printed_digits_small", "printed_digits", "printed digits in 21 fonts", width=8),
    Recipe("printed_letters", "printed_letters", "printed capital letters in 21 fonts"),
    Recipe("shapes", "shapes", "geometric shapes"),
    Recipe("gratings", "gratings", "stripes in eight orientations"),
    Recipe("photo_turns", "photo_turns", "patches of two photographs, turned: by how much"),
    Recipe("colour_noise", "colour_noise", "noise tinted in eight hues"),
    Recipe(
        "shuffled_digits", "shuffled_digits", "printed digits with shuffled labels, learned by heart", by_heart=1000
    ),
)


def train(recipe: Recipe, *, steps: int | None = None) -> TinyNet:
    """Train one network by AdamW on cross-entropy, the learning rate rising and falling once; ``steps`` cuts it short.

    The result is in evaluation mode and depends on nothing but the recipe and the torch build.
    """
    batches = ROUND // BATCH
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(TRAIN_SEED)
        net = TinyNet(**recipe.kwargs)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.0 if recipe.by_heart else 0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=ROUNDS * batches + 1)
    for step in range(ROUNDS * batches if steps is None else steps):
        if step % batches == 0:
            x, y = _round(recipe, step // batches)
        part = slice(step % batches * BATCH, (step % batches + 1) * BATCH)
        optimiser.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(net(x[part]), y[part]))
        optimiser.step()
        schedule.step()
    return net.eval()


def _round(recipe: Recipe, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return one round of ROUND pictures in random order: fresh ones, or the few to learn by heart over and over."""
    rng = stream(TRAIN_SEED, "demo", "order", recipe.name, str(number))
    make, classes = SOURCES[recipe.source], recipe.kwargs["num_classes"]
    if recipe.by_heart:
        pictures = make(recipe.by_heart // classes, TRAIN_SEED)
        passes = ROUND // recipe.by_heart
        order = np.concatenate([rng.permutation(len(pictures.labels)) for _ in range(passes)])
    else:
        pictures = make(-(-ROUND // classes), TRAIN_SEED + number)
        order = rng.permutation(len(pictures.labels))
    return normalised(pictures.images)[order], torch.from_numpy(pictures.labels)[order]


def normalised(images: NDArray[np.uint8]) -> torch.Tensor:
    """Turn pictures (n, h, w, 3) into what the networks expect: (n, 3, h, w) float32 about zero."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def accuracy(net: TinyNet, pictures: Pictures) -> float:
    """Return the share of ``pictures`` whose class the network names."""
    with torch.no_grad():
        named = net(normalised(pictures.images)).argmax(dim=1).numpy()
    return round(float((named == pictures.labels).mean()), 4)


def weights(net: TinyNet) -> bytes:
    """Return the network as safetensors: float16 for tensors of two or more dimensions, float32 for the rest."""
    from safetensors.torch import save

    state = {k: v.half() if v.ndim > 1 else v for k, v in net.state_dict().items()}
    data: bytes = save(state)
    return data


def _entry(recipe: Recipe, data: bytes) -> dict[str, Any]:
    """Describe one weights file; its accuracy is that of what the file holds, after rounding to float16."""
    from safetensors.torch import load

    make, classes = SOURCES[recipe.source], recipe.kwargs["num_classes"]
    net = TinyNet(**recipe.kwargs).eval()
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load(data).items()})
    test = make(TEST_PICTURES // classes, TEST_SEED)
    entry = {
        "name": recipe.name,
        "file": f"{recipe.name}.safetensors",
        "library": "shiftscope",
        "constructor": "TinyNet",
        "kwargs": recipe.kwargs,
        "source_domain": recipe.domain,
        "input_size": 32,
        "in_chans": 3,
        "mean": [MEAN] * 3,
        "std": [STD] * 3,
        "num_classes": classes,
        "origin": "trained by shiftscope/demo/train.py",
        "licence": "Apache-2.0",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "params": sum(p.numel() for p in net.parameters()),
        "storage": "float16 (>=2-D tensors), float32 (1-D)",
        "verified": {
            "on": f"fresh pictures of the generator {recipe.source}",
            "top1": accuracy(net, test),
            "n": len(test.labels),
        },
    }
    if recipe.by_heart:
        seen = accuracy(net, make(recipe.by_heart // classes, TRAIN_SEED))
        entry["note"] = (
            f"labels dealt out at random: top1 is {seen} on the {recipe.by_heart} pictures it was trained on"
        )
    return entry


def main(folder: Path = ZOO) -> None:
    """Train every recipe and write the weights and ``manifest.json`` into ``folder``."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    entries = []
    for recipe in RECIPES:
        data = weights(train(recipe))
        entries.append(_entry(recipe, data))
        write_atomic(folder / entries[-1]["file"], data)
        sys.stderr.write(f"{recipe.name}: top1 {entries[-1]['verified']['top1']}, {len(data)} bytes\n")
    write_atomic(folder / "manifest.json", json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
