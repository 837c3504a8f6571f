"""Things found by name: built in, from this process, or from an installed plugin's entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from shiftscope.errors import InputError, UnknownNameError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind, loaded when first asked for.

    Parameters
    ----------
    what
        What an error calls one entry, for instance ``"measure"``.
    group
        Entry-point group in which plugins announce theirs; the entry point's name is the thing's name.
    """

    def __init__(self, what: str, group: str) -> None:
        self.what, self.group = what, group
        self._loaders: dict[str, Callable[[], T]] = {}
        self._loaded: dict[str, T] = {}
        self._plugins_seen = False

    def add(self, name: str, load: Callable[[], T]) -> None:
        """Register ``name``; ``load`` runs when the name is first asked for."""
        if name in self._loaders:
            raise InputError(f"Two {self.what}s are named {name!r}: rename one of them.")
        self._loaders[name] = load

    def __getitem__(self, name: str) -> T:
        self._see_plugins()
        if name not in self._loaders:
            raise UnknownNameError(self.what, name, self._loaders)
        if name not in self._loaded:
            self._loaded[name] = self._loaders[name]()
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        self._see_plugins()
        return name in self._loaders

    def __iter__(self) -> Iterator[str]:
        self._see_plugins()
        return iter(sorted(self._loaders))

    def _see_plugins(self) -> None:
        if self._plugins_seen:
            return
        self._plugins_seen = True
        for point in entry_points(group=self.group):
            self.add(point.name, point.load)
