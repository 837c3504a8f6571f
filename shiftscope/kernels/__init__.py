"""The numbers: one set of functions, three backends, chosen by where the work runs.

``reference`` (NumPy) has every function; ``compiled`` (numba) and ``tensor`` (torch) lie over it name by name
where they are faster. Importing this package imports neither numba nor torch. Kernels know nothing of the
house: arrays in, arrays out, and ``ValueError`` for what has no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.kernels.ridge import Floats
from shiftscope.kernels.sums import MmdSums

__all__ = ["Kernels", "MmdSums", "choose"]

LAYERS = {
    "reference": ("reference",),
    "compiled": ("compiled", "reference"),
    "tensor": ("tensor", "compiled", "reference"),
}


@dataclass(frozen=True)
class Kernels:
    """The functions of one backend on one device; :mod:`shiftscope.kernels.reference` documents each.

    Attributes
    ----------
    device : str
        ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    backend : str
        ``reference``, ``compiled`` or ``tensor``: where a function is looked for first.
    """

    device: str
    backend: str
    permutation_members: Callable[..., NDArray[np.uint8]] = field(repr=False, compare=False)
    mmd_sums: Callable[..., list[MmdSums]] = field(repr=False, compare=False)
    inner_sums: Callable[..., MmdSums] = field(repr=False, compare=False)
    nearest: Callable[..., tuple[NDArray[np.int64], NDArray[np.float32]]] = field(repr=False, compare=False)
    eigh_gram: Callable[..., tuple[Floats, Floats]] = field(repr=False, compare=False)
    ridge_held_out: Callable[..., Floats] = field(repr=False, compare=False)
    ridge_gcv: Callable[..., Floats] = field(repr=False, compare=False)


def choose(device: str = "cpu", backend: str | None = None) -> Kernels:
    """The fastest functions for a device.

    Parameters
    ----------
    device : str
        Where the work runs: ``cpu``, ``cuda[:i]`` or ``mps``.
    backend : str, optional
        By default ``compiled`` on the cpu and ``tensor`` elsewhere. Only ``tensor`` leaves the cpu.

    Returns
    -------
    Kernels

    Raises
    ------
    ValueError
        For an unknown backend, and for one that cannot run on ``device``.

    Notes
    -----
    Imports numba and torch where the backend needs them (about 1 s each); compiled code is cached on disk.
    """
    backend = backend or ("compiled" if device == "cpu" else "tensor")
    if backend not in LAYERS:
        raise ValueError(f"There is no kernel backend named {backend!r}. Known: {', '.join(LAYERS)}.")
    if device != "cpu" and backend != "tensor":
        raise ValueError(f"The {backend} kernels run on the cpu, not on {device}; use backend='tensor'.")
    names = [entry.name for entry in fields(Kernels) if not entry.repr]
    return Kernels(device, backend, **{name: _find(name, device, backend) for name in names})


def _find(name: str, device: str, backend: str) -> Any:
    """The function from the first layer that offers it, with the device bound where it takes one."""
    for layer in LAYERS[backend]:
        module = import_module(f"shiftscope.kernels.{layer}")
        if name in module.__all__:
            function = getattr(module, name)
            return partial(function, device=device) if layer == "tensor" else function
    raise AssertionError(f"{name} has no reference implementation")
