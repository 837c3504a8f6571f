"""Where networks run, and with which numbers."""

from __future__ import annotations

import os

from shiftscope.errors import InputError

__all__ = ["cores", "precision", "resolve_device"]


def resolve_device(device: str = "auto") -> str:
    """Return the device to use: ``"auto"`` takes cuda, then mps, then cpu.

    Raises
    ------
    InputError
        If the device is unknown or this machine does not have it.
    """
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, there in available.items() if there)
    if not available.get(device.partition(":")[0], False):
        have = ", ".join(name for name, there in available.items() if there)
        raise InputError(f"The device {device!r} is not available here: use one of {have}, or auto.")
    return device


def cores() -> int:
    """Number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def precision(device: str) -> str:
    """Name the number type of forward passes on ``device``: autocast on cuda, float32 elsewhere."""
    if not device.startswith("cuda"):
        return "float32"
    import torch

    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
