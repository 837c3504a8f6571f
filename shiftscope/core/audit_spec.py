"""What an audit is asked to do: which backbones are trained on which targets, and which of them belong together."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shiftscope.core.spec import checked, read_toml
from shiftscope.errors import InputError

__all__ = ["AuditBackbone", "AuditSpec", "AuditTarget", "Curve", "Search", "expand", "load_audit"]

Regime = Annotated[int, Field(ge=2)] | Literal["all"]
TrainedArm = Literal["linear", "last_stage", "full", "scratch"]
Name = Annotated[str, Field(pattern=r"^[\w][\w.@+-]*$", description="becomes part of file names")]
Steps = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class AuditTarget(_Part):
    """A labelled data set to fine-tune on."""

    data: str = Field(description="data URI; $NAME stands for an environment variable")
    group: str = Field(description="targets that are no independent evidence of each other share a group")
    regimes: list[Regime] = Field(default=[], description="labelled images per class; empty for those of the audit")
    pixels: int | None = Field(
        default=None, ge=8, le=1024, description="side of the pictures; None for that of the audit"
    )
    flip: bool = Field(default=True, description="whether a mirrored picture is as good as the picture")


class AuditBackbone(_Part):
    """Weights to start from."""

    uri: str = Field(description="backbone URI of one model; $NAME stands for an environment variable")
    family: str = Field(description="weights that are no independent evidence of each other share a family")
    overlap: list[str] = Field(default=[], description="targets whose images or domain the weights were trained on")
    constructed: str = Field(default="", description="how weights that nobody would publish were made; else empty")
    rerandomise: float = Field(default=0.0, ge=0, le=1, description="share of the layers, from the last, made random")
    pixels: int | None = Field(default=None, ge=8, le=1024, description="the only side the network takes, in pixels")


class Search(_Part):
    """Where learning rates are chosen, once per architecture and arm; by validation images only."""

    rates: list[Rate] = Field(default=[3e-4, 1e-3, 3e-3], min_length=1)
    places: dict[Name, Regime] = Field(default={}, description="target -> regime; empty: every cell chooses its own")
    seed: int = Field(default=0, ge=0, description="the split seed that is searched")
    steps: dict[str, Steps] = Field(
        default={}, description="regime -> optimiser steps of the search; those of the audit where it says nothing"
    )


class Curve(_Part):
    """One cell that is trained for several budgets, to show that no arm is starved."""

    target: Name
    backbone: Name
    regime: Regime
    steps: list[Steps] = Field(min_length=2)


class AuditSpec(_Part):
    """A grid of backbones, targets, regimes, arms and seeds."""

    schema_: Literal[1] = Field(default=1, alias="schema", description="version of this format")
    targets: dict[Name, AuditTarget] = Field(min_length=1)
    backbones: dict[Name, AuditBackbone] = Field(min_length=1)
    seeds: list[Annotated[int, Field(ge=0)]] = Field(default=[0, 1], min_length=1, description="of split and training")
    regimes: list[Regime] = Field(default=[5, 20, 100, "all"], min_length=1)
    arms: list[TrainedArm] = Field(default=["linear", "full", "scratch"], min_length=1)
    last_stage: list[Regime] = Field(default=[], description="regimes of arm last_stage; empty for all")
    pixels: int = Field(default=64, ge=8, le=1024, description="largest side of the pictures")
    steps: dict[str, Steps] = Field(default={}, description="regime -> optimiser steps; 300 where it says nothing")
    measures: list[str] = Field(
        default=[], description="transfer measures to hold against the truth; empty: default set"
    )
    search: Search = Search()
    curves: list[Curve] = []

    @model_validator(mode="after")
    def _names_are_known(self) -> AuditSpec:
        for where, name in [
            *(("search.places", n) for n in self.search.places),
            *(("curves", c.target) for c in self.curves),
            *((f"backbones.{b}.overlap", n) for b, spec in self.backbones.items() for n in spec.overlap),
        ]:
            if name not in self.targets:
                raise ValueError(f"{where} names {name!r}, which is no target")
        for curve in self.curves:
            if curve.backbone not in self.backbones:
                raise ValueError(f"curves names {curve.backbone!r}, which is no backbone")
        return self

    def regimes_of(self, target: str) -> list[Regime]:
        """Regimes of one target."""
        return self.targets[target].regimes or self.regimes

    def steps_of(self, regime: Regime) -> int:
        """Optimiser steps of a regime."""
        return self.steps.get(str(regime), 300)

    def side(self, target: str, backbone: str, native: int) -> int:
        """Side of the pictures of ``target`` for a backbone whose input is ``native`` pixels."""
        return self.backbones[backbone].pixels or min(native, self.targets[target].pixels or self.pixels)


def load_audit(path: Path) -> tuple[AuditSpec, dict[str, Any]]:
    """Read an audit from a TOML file; returns it with defaults filled in, and as written.

    Raises
    ------
    InputError
        If the file is missing or not TOML, or a key is unknown or has a value that cannot be used.
    """
    given = read_toml(path)
    return checked(AuditSpec, given, at=str(path)), given


def expand(uri: str) -> str:
    """Put environment variables into a URI.

    Raises
    ------
    InputError
        If one of them is not set.
    """
    full = os.path.expandvars(uri)
    missing = re.search(r"\$\{?(\w+)", full)
    if missing:
        raise InputError(f"{uri}: the environment variable {missing[1]} is not set: set it to the folder meant.")
    return full
