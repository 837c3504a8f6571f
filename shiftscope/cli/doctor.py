"""``shiftscope doctor``: does this installation work, and on what."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click

from shiftscope.errors import ExitCode

__all__ = ["command"]

REQUIRED = ("torch", "torchvision", "numpy", "numba", "scipy", "scikit-learn", "POT", "matplotlib", "safetensors")
EXTRAS = {"timm": "timm"}


@click.command("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check versions, devices, compiled kernels and the feature store; exit code 2 when something is broken."""
    lines = [*_packages(), *_extras(), _devices(), _kernels(), _store()]
    for ok, what, says in lines:
        click.echo(f"{'ok     ' if ok else 'problem'}  {what:<14} {says}")
    if not all(ok for ok, _, _ in lines):
        ctx.exit(ExitCode.USAGE)


Line = tuple[bool, str, str]


def _packages() -> list[Line]:
    lines = [(True, "python", platform.python_version())]
    for name in REQUIRED:
        try:
            lines.append((True, name, version(name)))
        except PackageNotFoundError:
            lines.append((False, name, f"missing: pip install {name}"))
    return lines


def _extras() -> list[Line]:
    return [
        (True, name, version(name) if find_spec(name) else f"not installed (optional: 'shiftscope[{extra}]')")
        for name, extra in EXTRAS.items()
    ]


def _devices() -> Line:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = [f"cpu ({cores} cores)"]
    if torch.cuda.is_available():
        found.append(f"cuda ({torch.cuda.get_device_name(0)})")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (True, "devices", ", ".join(found))


def _kernels() -> Line:
    """Compare a compiled kernel with the reference on a few points."""
    import numpy as np

    from shiftscope.kernels import choose

    seeds = np.arange(8, dtype=np.uint64)
    same = np.array_equal(
        choose(backend="compiled").permutation_members(20, 30, seeds),
        choose(backend="reference").permutation_members(20, 30, seeds),
    )
    return (same, "kernels", "compiled and reference agree" if same else "compiled and reference kernels differ")


def _store() -> Line:
    from shiftscope.extraction import Store

    folder = Path(Store(None).root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    return (writable, "store", str(folder) if writable else f"{folder} cannot be written: set SHIFTSCOPE_CACHE")
