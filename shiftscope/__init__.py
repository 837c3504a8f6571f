"""How far has my data shifted, which pretrained model should I start from, and how sure is that?

Public names are resolved when first used, so that ``import shiftscope`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shiftscope import measures
    from shiftscope.api import Run, diagnose, embed, load, rank, run, sources
    from shiftscope.core.features import FeatureSet, Pair
    from shiftscope.core.moments import Moments
    from shiftscope.core.records import Estimate, RunRecord
    from shiftscope.core.target import Target
    from shiftscope.errors import ShiftscopeError
    from shiftscope.measures import measure

__version__ = "0.1.0"

__all__ = [
    "Estimate",
    "FeatureSet",
    "Moments",
    "Pair",
    "Run",
    "RunRecord",
    "ShiftscopeError",
    "Target",
    "__version__",
    "audit",
    "diagnose",
    "embed",
    "load",
    "measure",
    "measures",
    "rank",
    "run",
    "sources",
]

_HOMES = {
    "Estimate": "core.records",
    "FeatureSet": "core.features",
    "Moments": "core.moments",
    "Pair": "core.features",
    "Run": "api",
    "RunRecord": "core.records",
    "ShiftscopeError": "errors",
    "Target": "core.target",
    "audit": "api",
    "diagnose": "api",
    "embed": "api",
    "load": "api",
    "measure": "measures",
    "rank": "api",
    "run": "api",
    "sources": "api",
}


def __getattr__(name: str) -> Any:
    if name == "measures":
        return import_module("shiftscope.measures")
    if name not in _HOMES:
        raise AttributeError(f"module 'shiftscope' has no attribute {name!r}")
    value = getattr(import_module(f"shiftscope.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
