"""Manifests: JSON files that describe weights on this machine, entry by entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shiftscope.core.image import InputTransform
from shiftscope.core.records import Published
from shiftscope.errors import BackboneError, InputError, UnknownNameError

__all__ = ["Entry", "entries", "inside"]

Channels = Annotated[list[float], Field(min_length=1, max_length=3)]


class Verified(BaseModel):
    """Accuracy of the network on a data set of its source."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    on: str = Field(min_length=1, description="name of the data set; only equal names are compared")
    top1: float = Field(ge=0, le=1)


class Entry(BaseModel):
    """One network of a manifest; fields that are not listed here (notes, checks, sizes) are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(min_length=1)
    file: str = Field(min_length=1, description="weights file, relative to the manifest's folder")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the weights file")
    library: str = Field(
        pattern=r"^[A-Za-z_]\w*$", description="timm, torchvision, shiftscope, or a Python file beside the manifest"
    )
    constructor: str = Field(pattern=r"^[A-Za-z]\w*$")
    arguments: dict[str, Any] = Field(default={}, description="kwargs of the constructor")
    input_size: int = Field(gt=0, description="side of the square input in pixels")
    in_chans: Literal[1, 3] = 3
    mean: Channels = Field(description="per channel as the network gets them, for inputs in 0..1")
    std: Channels = Field(description="per channel as the network gets them, for inputs in 0..1")
    bgr: bool = Field(default=False, description="channels in the order blue, green, red")
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    num_classes: int = Field(ge=0, description="outputs of the source head; 0 for an embedding network")
    source_domain: str = ""
    licence: str = ""
    origin: str = ""
    verified: Verified | None = None

    @property
    def published(self) -> Published | None:
        """Accuracy on the source; two sources may have called their data sets alike, so theirs is told too."""
        if self.verified is None:
            return None
        return Published(dataset=f"{self.source_domain}: {self.verified.on}", top1=self.verified.top1)

    @property
    def transform(self) -> InputTransform:
        """The whole picture's central square, resized to the input size."""
        return InputTransform(
            resize=self.input_size,
            crop=self.input_size,
            channels=self.in_chans,
            mean=tuple(self.mean),
            std=tuple(self.std),
            bgr=self.bgr,
            interpolation=self.interpolation,
        )


def entries(path: Path, wanted: str) -> list[Entry]:
    """Read the entries of a manifest that ``wanted`` names: ``*`` for all, empty for the only one.

    A manifest is a list of entries, or ``{"schema": 1, "backbones": [entries]}``.

    Raises
    ------
    InputError
        If the file is missing or is no manifest.
    UnknownNameError
        If no entry has that name.
    BackboneError
        If an entry that is wanted lacks a field or has one that cannot be used.
    """
    listed = _listed(path)
    names = [e["name"] for e in listed]
    doubled = sorted({n for n in names if names.count(n) > 1})
    if doubled:
        raise BackboneError(f"{path} has two entries named {doubled[0]!r}: rename one.")
    if wanted == "*" or (not wanted and len(listed) == 1):
        return [_entry(e, path) for e in listed]
    if not wanted:
        raise InputError(f"{path} has {len(listed)} entries: add #NAME for one of them, or #* for all.")
    if wanted not in names:
        raise UnknownNameError("entry", wanted, names, at=str(path))
    return [_entry(listed[names.index(wanted)], path)]


def inside(folder: Path, file: str, owner: str) -> Path:
    """Resolve ``file`` in ``folder``, symbolic links included.

    Raises
    ------
    BackboneError
        If it lies outside: a manifest speaks for its own folder only.
    """
    root = folder.resolve()
    path = (root / file).resolve()
    if not path.is_relative_to(root):
        raise BackboneError(
            f"{owner}: the manifest names the file {file!r}, which lies outside its folder {root}: "
            "put the file beside the manifest."
        )
    return path


def _listed(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise InputError(f"{path} cannot be read ({reason.strerror}): give the path of a manifest.") from None
    except ValueError as reason:
        raise InputError(f"{path} is not JSON ({reason}): give the path of a manifest.") from None
    if isinstance(content, dict) and content.get("schema") == 1:
        content = content.get("backbones")
    if (
        not isinstance(content, list)
        or not content
        or not all(isinstance(e, dict) and isinstance(e.get("name"), str) for e in content)
    ):
        raise InputError(
            f'{path} is no manifest: give a list of entries with names, or {{"schema": 1, "backbones": [entries]}}.'
        )
    return content


def _entry(content: dict[str, Any], path: Path) -> Entry:
    try:
        entry = Entry.model_validate({**content, "arguments": content.get("kwargs", {})})
        _ = entry.transform
    except ValidationError as wrong:
        first = wrong.errors()[0]
        field = ".".join(str(p) for p in first["loc"]) or "mean, std"
        raise BackboneError(f"{path}#{content['name']}: {field}: {first['msg'].lower()}: correct the entry.") from None
    return entry
