"""``shiftscope doctor``: does this installation work, and on what."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TypeAlias

import click

from shiftscope.errors import ExitCode

__all__ = ["command"]

Line: TypeAlias = tuple[bool, str, str]


@click.command("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check versions, devices, compiled kernels and the feature store; exit code 2 when something is broken."""
    checks = {"devices": _devices, "kernels": _kernels, "store": _store}
    lines = [*_packages(), *(_tried(name, check) for name, check in checks.items())]
    for ok, what, says in lines:
        click.echo(f"{'ok     ' if ok else 'problem'}  {what:<14} {says}")
    if not all(ok for ok, _, _ in lines):
        ctx.exit(ExitCode.USAGE)


def _packages() -> list[Line]:
    """Versions of what the package says it needs, and of what it can use."""
    lines = [(True, "python", platform.python_version())]
    for name, extra in _requirements():
        try:
            lines.append((True, name, version(name)))
        except PackageNotFoundError:
            optional = f"not installed (optional: pip install 'shiftscope[{extra}]')"
            lines.append((bool(extra), name, optional if extra else f"missing: pip install {name}"))
    return lines


def _requirements() -> list[tuple[str, str]]:
    """Packages that are needed, and those of extras, each with its extra; what only the tests use is left out."""
    try:
        written = requires("shiftscope") or []
    except PackageNotFoundError:
        return [("shiftscope", "")]
    found = []
    for line in written:
        name, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"]([^'\"]+)", line)
        assert name is not None
        found.append((name[0], extra[1] if extra else ""))
    return sorted((r for r in found if r[1] != "test"), key=lambda r: r[1] != "")


def _tried(name: str, check: Callable[[], Line]) -> Line:
    """What a check says, or which package it lacks."""
    try:
        return check()
    except ImportError as reason:
        return (False, name, f"not checked: {reason}")


def _devices() -> Line:
    import torch

    from shiftscope.extraction import cores

    found = [f"cpu ({cores()} cores)"]
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
