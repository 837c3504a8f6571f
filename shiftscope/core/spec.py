"""What a run is asked to do: the same model for a TOML file, the command line and Python."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from shiftscope.errors import InputError, UnknownNameError

__all__ = ["RunSpec", "checked", "load_spec", "parse_spec", "read_toml"]

M = TypeVar("M", bound=BaseModel)


class RunSpec(BaseModel):
    """A run: candidates, targets, perhaps sources, and how to measure.

    Where the work is done (device, output folder, trust in user code) is not part of it: the same specification
    means the same numbers everywhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal[1] = Field(default=1, alias="schema", description="version of this format")
    seed: int = Field(default=0, ge=0)
    targets: dict[str, str] = Field(default={}, description="name -> data URI")
    source: str | None = Field(default=None, description="data URI; adds the shift diagnosis")
    sources: dict[str, str] = Field(
        default={}, description="name -> data URI, for several or to name one: each target is compared with each"
    )
    backbones: list[str] = Field(default=[], description="backbone URIs")
    features: dict[str, str] = Field(default={}, description="backbone name -> file of extracted features")
    per_class: int | None = Field(default=None, ge=2, description="samples drawn per class")
    budget: int | None = Field(
        default=None, ge=1, description="images to embed in total: race the candidates of one target, see analysis.race"
    )
    tap: Literal["penultimate", "all"] = Field(
        default="penultimate", description="all: also say which layer serves best; the ranking stays on the penultimate"
    )
    random: bool = Field(
        default=True, description="score a random copy of each architecture as a baseline; not under a budget"
    )
    select: list[str] = Field(default=[], description="measures to run; empty for the default set")
    measures: dict[str, dict[str, Any]] = Field(default={}, description="measure -> options")
    gate: dict[str, Any] = Field(default={}, description="policy that 'shiftscope gate' holds the record against")

    @model_validator(mode="after")
    def _one_way_to_name_sources(self) -> RunSpec:
        if self.source is not None and self.sources:
            raise ValueError("source and sources are both given: put the one source among the others, with a name")
        return self

    @property
    def n_sources(self) -> int:
        """Number of sources that every target is compared with."""
        return len(self.sources) if self.source is None else 1


def load_spec(path: Path) -> tuple[RunSpec, dict[str, Any]]:
    """Read a specification from a TOML file; returns it with defaults filled in, and as written.

    Raises
    ------
    InputError
        If the file is missing or not TOML, or a key is unknown or has a value that cannot be used.
    """
    given = read_toml(path)
    return parse_spec(given, at=str(path)), given


def parse_spec(given: dict[str, Any], *, at: str) -> RunSpec:
    """Check ``given`` against ``RunSpec``; ``at`` is the place errors name."""
    return checked(RunSpec, given, at=at)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; days and times come as text, as the record in JSON holds them.

    Raises
    ------
    InputError
        If it is missing or not TOML.
    """
    try:
        content: dict[str, Any] = json.loads(json.dumps(tomllib.loads(path.read_text(encoding="utf-8")), default=str))
    except OSError as reason:
        raise InputError(f"{path} cannot be read ({reason.strerror}): give the path of a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise InputError(f"{path} is not valid TOML: {reason}.") from None
    return content


def checked(model: type[M], given: dict[str, Any], *, at: str) -> M:
    """Make a ``model`` of what a file says; ``at`` is the place errors name.

    Raises
    ------
    InputError
        If a key is unknown or has a value that cannot be used.
    """
    known = [f.alias or name for name, f in model.model_fields.items()]
    for key in given:
        if key not in known:
            raise UnknownNameError("option", key, known, at=at)
    try:
        return model(**given)
    except ValidationError as wrong:
        raise InputError(f"{at}: {_wrong(wrong.errors()[0], given)}.") from None


def _wrong(error: ErrorDetails, given: dict[str, Any]) -> str:
    """Say what pydantic found wrong in ``given``, at the place its writer knows."""
    path = ".".join(_written(error["loc"], given))
    match error["type"]:
        case "missing":
            return f"{'.'.join(filter(None, (path, str(error['loc'][-1]))))} is missing"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return f"{path}: {error['input']!r} cannot be used: {error['msg'].lower()}"


def _written(place: Sequence[int | str], given: Any) -> Iterator[str]:
    """Yield the parts of a place that stand in ``given``: pydantic adds the names of the types it has tried."""
    for part in place:
        known = part in given if isinstance(given, dict) else isinstance(given, list) and isinstance(part, int)
        if known:
            given = given[part]
            yield str(part)
