"""How far has my data shifted, which pretrained model should I start from, and how sure is that?

Public names are resolved when first used, so that ``import shiftscope`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# The one name that is resolved at once: the room behind it is called the same, and loading that room later would put
# the module in the function's place. It is a function that imports nothing until it is called.
from shiftscope.gate import gate

if TYPE_CHECKING:
    from shiftscope import measures
    from shiftscope.api import Run, diagnose, embed, load, rank, run, shift, sources
    from shiftscope.core.features import FeatureSet, Pair
    from shiftscope.core.moments import Moments
    from shiftscope.core.records import Estimate, RunRecord
    from shiftscope.core.target import Target
    from shiftscope.core.verdict import Verdict
    from shiftscope.errors import GateError, ShiftscopeError
    from shiftscope.measures import measure

__version__ = "0.1.0"

__all__ = [
    "Estimate",
    "FeatureSet",
    "GateError",
    "Moments",
    "Pair",
    "Run",
    "RunRecord",
    "ShiftscopeError",
    "Target",
    "Verdict",
    "__version__",
    "audit",
    "diagnose",
    "embed",
    "gate",
    "load",
    "measure",
    "measures",
    "rank",
    "run",
    "shift",
    "sources",
]

_HOMES = {
    "Estimate": "core.records",
    "FeatureSet": "core.features",
    "GateError": "errors",
    "Moments": "core.moments",
    "Pair": "core.features",
    "Run": "api",
    "RunRecord": "core.records",
    "ShiftscopeError": "errors",
    "Target": "core.target",
    "Verdict": "core.verdict",
    "audit": "api",
    "diagnose": "api",
    "embed": "api",
    "load": "api",
    "measure": "measures",
    "rank": "api",
    "run": "api",
    "shift": "api",
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
