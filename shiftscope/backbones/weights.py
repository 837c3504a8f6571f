"""Weights files: read without running anything they contain, and put into a network key by key."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shiftscope.core.files import sha256_of
from shiftscope.errors import BackboneError, IntegrityError

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["WeightsFile", "fill", "read_state"]

PICKLES = frozenset({".pth", ".pt", ".th"})
NESTED = ("state_dict", "model")  # where training scripts put the weights inside a checkpoint


@dataclass(frozen=True)
class WeightsFile:
    """A local file of weights, known by its sha256."""

    path: Path
    sha256: str
    owner: str  # the backbone, for messages

    def fetch(self) -> None:
        """Check that the file is there, is the one described, and holds a state dict.

        Raises
        ------
        IntegrityError
            If its sha256 differs.
        BackboneError
            If it is missing or cannot be read.
        """
        if not self.path.is_file():
            raise BackboneError(f"{self.owner}: the weights file {self.path} does not exist: correct the manifest.")
        found = sha256_of(self.path)
        if found != self.sha256:
            raise IntegrityError(
                f"{self.owner}: {self.path} has sha256 {found[:12]}…, but the manifest says {self.sha256[:12]}…: "
                "get the file again, or correct the manifest if you changed the file on purpose."
            )
        read_state(self.path, self.owner)

    def load(self, module: nn.Module) -> None:
        """Put the file's tensors into ``module``."""
        fill(module, read_state(self.path, self.owner), self.owner)


def read_state(path: Path, owner: str) -> dict[str, torch.Tensor]:
    """Read a state dict from safetensors, or from a pickle that holds tensors and nothing that runs.

    Floating-point tensors become float32. A checkpoint that keeps its weights under ``state_dict`` or ``model``,
    and key prefixes ``module.`` that data-parallel training leaves, are understood.

    Raises
    ------
    BackboneError
        If the file is damaged, holds other objects than tensors, or has another suffix.
    """
    import torch

    state = _read(path, owner)
    for key in NESTED:
        if isinstance(state.get(key), Mapping):
            state = state[key]
    if not state or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise BackboneError(f"{owner}: {path} holds no state dict (names with tensors): save module.state_dict().")
    return {k.removeprefix("module."): v.float() if v.is_floating_point() else v for k, v in state.items()}


def _read(path: Path, owner: str) -> Mapping[str, Any]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        if path.suffix in PICKLES:
            with warnings.catch_warnings():
                # On an unusual pickle torch first doubts itself; whether it could read it shows in the next moment.
                warnings.simplefilter("ignore", UserWarning)
                state = torch.load(path, map_location="cpu", weights_only=True)
            return state if isinstance(state, Mapping) else {}
    except pickle.UnpicklingError:
        raise BackboneError(
            f"{owner}: {path} holds more than tensors, and unpickling it could run code: save its state dict as "
            "safetensors and name that file."
        ) from None
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as reason:
        raise BackboneError(
            f"{owner}: {path} cannot be read as weights ({str(reason).splitlines()[0]}): get the file again."
        ) from None
    raise BackboneError(f"{owner}: {path.name} has the suffix {path.suffix!r}: give .safetensors, .pth, .pt or .th.")


def fill(module: nn.Module, state: Mapping[str, torch.Tensor], owner: str) -> None:
    """Load ``state`` into ``module``; every key and shape must fit.

    Raises
    ------
    BackboneError
        Naming a few keys that are missing, left over or of another shape.
    """
    wanted = module.state_dict()
    # Batch counters came with a later version of torch; nothing reads them in eval mode.
    missing = sorted(k for k in wanted.keys() - state.keys() if not k.endswith("num_batches_tracked"))
    left = sorted(state.keys() - wanted.keys())
    other = sorted(k for k in wanted.keys() & state.keys() if wanted[k].shape != state[k].shape)
    problems = [
        f"{what} {_few(keys)}"
        for what, keys in (("do not have", missing), ("have besides", left), ("have in another shape", other))
        if keys
    ]
    if problems:
        raise BackboneError(
            f"{owner}: the weights do not fit the architecture: they {'; they '.join(problems)}: check constructor "
            "and kwargs against the network that was saved."
        )
    module.load_state_dict(state, strict=False)


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
