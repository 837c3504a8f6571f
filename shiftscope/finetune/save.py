"""A trained network as a file with a card, to be opened again as ``checkpoint:``."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

import torch
from filelock import FileLock

from shiftscope.backbones import Backbone
from shiftscope.backbones.architecture import builder_of
from shiftscope.backbones.manifest import Entry, entries
from shiftscope.backbones.weights import fill
from shiftscope.core.files import write_atomic
from shiftscope.core.image import InputTransform
from shiftscope.errors import BackboneError, InputError
from shiftscope.finetune.network import Network
from shiftscope.finetune.recipe import Arm, Recipe

__all__ = ["save_network"]

MANIFEST: Final = "manifest.json"
OPENABLE = ("checkpoint:", "timm:", "torchvision:")  # what a manifest's entry can describe
NAME = re.compile(r"\w[\w.-]*")  # a file's name on every system, and free of the signs an address uses
WRITTEN: Final = "training"  # field of entries that were written here


def save_network(
    network: Network,
    backbone: Backbone,
    folder: Path,
    *,
    name: str,
    source_domain: str,
    arm: Arm,
    recipe: Recipe,
    seed: int,
) -> str:
    """Write ``NAME.safetensors`` and its entry in ``folder/manifest.json``, and return the address of the network.

    A network of that name that was saved before is replaced; other entries stay as they are. Tensors are stored as
    float32, so the network that the address opens has the weights of this one bit for bit. A network with a head of
    its own behind an embedding is saved without that head, as an embedding network. Architecture code of the
    user's is copied beside the manifest, and needs ``--trust-code`` again. Several processes may save into one
    folder.

    Parameters
    ----------
    network
        Trained; on any device.
    backbone
        What ``network`` was made of; licence and origin are carried on.
    folder
        Made if need be.
    source_domain
        What it was trained on, in words.
    arm, recipe, seed
        How it was trained; kept in the entry for readers.

    Raises
    ------
    InputError
        If the name cannot be a file's, or stands in the manifest for weights that were not saved here.
    BackboneError
        If no entry can describe the network: it comes from another scheme, takes the centre of larger pictures, or
        is not what its constructor builds for the target's classes (a head without bias, say).
    """
    if not NAME.fullmatch(name):
        raise InputError(f"A network cannot be saved as {name!r}: use letters, digits, '_', '-' and '.' only.")
    manifest = folder / MANIFEST
    state = {k: v.detach().cpu().contiguous() for k, v in network.module.state_dict().items()}
    data = _serialised(state)
    entry = {
        "name": name,
        "file": f"{name}.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "source_domain": source_domain,
        **_described(network, backbone),
        WRITTEN: {"arm": arm, "seed": seed, **recipe.model_dump()},
    }
    code = _checked(entry, state, backbone)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{MANIFEST}.lock"):
        content = _with(entry, manifest)
        if code is not None:
            _copy(code, folder)
        write_atomic(folder / f"{name}.safetensors", data)
        write_atomic(manifest, json.dumps(content, indent=1) + "\n")
    return f"checkpoint:{manifest}#{name}"


def _serialised(state: dict[str, torch.Tensor]) -> bytes:
    from safetensors.torch import save

    data: bytes = save(state)
    return data


def _described(network: Network, backbone: Backbone) -> dict[str, Any]:
    """Fields of the entry that say how the network is built and fed, and where it comes from."""
    card, transform = backbone.card, backbone.card.transform
    if not card.uri.startswith(OPENABLE) or transform is None:
        raise BackboneError(
            f"{card.name} ({card.uri}) cannot be saved: a manifest describes networks of timm, torchvision and "
            "checkpoint addresses only."
        )
    if transform.resize != transform.crop:
        raise BackboneError(
            f"{card.name} takes the central {transform.crop} of {transform.resize} pixels, which a manifest cannot "
            "say: train it on whole pictures (resize equal to crop) to save it."
        )
    num_classes = 0 if network.head is not None else _n_outputs(network, transform)
    return {
        "library": card.library,
        "constructor": card.constructor,
        "kwargs": card.kwargs if num_classes == 0 else {**card.kwargs, "num_classes": num_classes},
        "input_size": transform.crop,
        "in_chans": transform.channels,
        "mean": list(transform.mean),
        "std": list(transform.std),
        "bgr": transform.bgr,
        "interpolation": transform.interpolation,
        "num_classes": num_classes,
        "licence": card.licence,
        "origin": _origin(backbone),
    }


def _n_outputs(network: Network, transform: InputTransform) -> int:
    where = next(network.parameters()).device
    with torch.inference_mode():
        picture = torch.zeros(1, transform.channels, transform.crop, transform.crop, device=where)
        return int(network(picture).shape[1])


def _origin(backbone: Backbone) -> str:
    card = backbone.card
    if card.random:
        return f"trained from random weights ({card.constructor})"
    return f"fine-tuned from {card.name}" + (f" ({card.origin})" if card.origin else "")


def _checked(entry: dict[str, Any], state: dict[str, torch.Tensor], backbone: Backbone) -> Path | None:
    """Build what ``entry`` describes, see that ``state`` fits, and return the file of user code that it takes."""
    source = Path(backbone.card.uri.removeprefix("checkpoint:").partition("#")[0])
    # The code has run in this process: the network was built by it.
    build, code = builder_of(Entry.model_validate({**entry, "arguments": entry["kwargs"]}), source, trust_code=True)
    file = source.parent / f"{entry['library']}.py" if code else None
    if code != backbone.code:
        raise BackboneError(f"{file} has changed since {backbone.card.name} was opened: put the old file back.")
    fill(Backbone(backbone.card, build).module(), state, entry["name"])
    return file


def _with(entry: dict[str, Any], manifest: Path) -> Any:
    """Return the manifest's content with ``entry`` in it."""
    if not manifest.exists():
        return {"schema": 1, "backbones": [entry]}
    entries(manifest, "*")  # refuses files that are no manifest
    content = json.loads(manifest.read_text(encoding="utf-8"))
    listed: list[dict[str, Any]] = content["backbones"] if isinstance(content, dict) else content
    for other in listed:
        same = other["name"] == entry["name"]
        if (same and WRITTEN not in other) or (not same and other["file"] == entry["file"]):
            raise InputError(
                f"{manifest} has weights of another origin in the entry {other['name']!r}: save under another name."
            )
    places = [i for i, other in enumerate(listed) if other["name"] == entry["name"]]
    listed[slice(places[0], places[0] + 1) if places else slice(len(listed), None)] = [entry]
    return content


def _copy(code: Path, folder: Path) -> None:
    content, place = code.read_bytes(), folder / code.name
    if place.exists() and place.read_bytes() != content:
        raise BackboneError(f"{place} is another file than {code}: save into a folder of its own.")
    write_atomic(place, content)
