"""How functions are compiled: ``numba.njit`` with a cache on disk where one can be kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["SUMS", "compiled"]

# Sums may be reordered to fill vector registers; NaN and infinity keep their meaning.
SUMS = {"reassoc", "contract", "nsz"}


def compiled(**flags: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``numba.njit`` with a cache on disk, or without one where no directory can be written."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            dispatcher: Callable[..., Any] = numba.njit(cache=True, **flags)(function)
        except RuntimeError:  # numba: "no locator available"
            dispatcher = numba.njit(**flags)(function)
        return dispatcher

    return decorate
