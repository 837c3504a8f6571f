"""How long work reports on itself: a callable, so that a terminal can draw a bar and a log can get lines."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress"]


class Progress(Protocol):
    """Called as ``progress(stage, done, total)``; ``note`` says more, for instance which model is running."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Report that ``done`` of ``total`` steps of ``stage`` are finished."""
