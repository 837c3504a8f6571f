"""From a manifest's library, constructor and kwargs to a network, and to nothing else.

A manifest may come from anyone, so only architecture arguments pass: nothing that names weights, files or
addresses, and code beside the manifest only when the user trusts it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shiftscope.backbones.manifest import Entry, inside
from shiftscope.core.files import sha256_of
from shiftscope.errors import BackboneError, MissingDependencyError, UnknownNameError, UntrustedCodeError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["builder_of"]

Builder = Callable[[], "nn.Module"]

# Arguments that change the shape of a network and nothing else.
# fmt: off
SAFE = {
    "timm": frozenset({
        "act_layer", "bn_eps", "channel_multiplier", "class_token", "depth", "depth_multiplier", "depths", "dims",
        "drop_path_rate", "drop_rate", "embed_dim", "embed_dims", "global_pool", "img_size", "in_chans", "init_values",
        "layers", "mlp_ratio", "norm_layer", "num_classes", "num_heads", "output_stride", "pad_type", "patch_size",
        "qk_norm", "qkv_bias", "reg_tokens", "stem_size", "stem_type", "stem_width", "width", "window_size",
    }),
    "torchvision": frozenset({
        "attention_dropout", "aux_logits", "drop_rate", "dropout", "groups", "image_size", "init_weights", "input_size",
        "norm_eps", "num_classes", "patch_size", "replace_stride_with_dilation", "stochastic_depth_prob",
        "transform_input", "width_mult", "width_per_group",
    }),
}
# Refused even where a constructor takes them.
NEVER = frozenset({
    "cache_dir", "checkpoint", "checkpoint_path", "hf_hub_id", "hub", "pretrained", "pretrained_cfg",
    "pretrained_cfg_overlay", "pretrained_path", "repo_id", "url", "weights", "weights_path",
})
# fmt: on
WORD = re.compile(r"^[\w.-]*$")  # no slash and no colon: neither a path nor an address


def builder_of(entry: Entry, manifest: Path, *, trust_code: bool) -> tuple[Builder, str]:
    """Return what builds an entry's network, and the sha256 of the user code it runs (empty for none).

    Raises
    ------
    UntrustedCodeError
        If the architecture is user code and ``trust_code`` is False.
    BackboneError
        If the library, the constructor or an argument is unknown or not allowed.
    """
    owner = f"{manifest}#{entry.name}"
    _refuse_sources(entry.arguments, owner)
    if entry.library in SAFE:
        _refuse_unlisted(entry.arguments, SAFE[entry.library], owner)
        make = _published(entry, owner)
        return partial(make, **entry.arguments), ""
    if entry.library == "shiftscope":
        from shiftscope.backbones import tiny

        return partial(_class_of(tiny, entry, owner), **entry.arguments), ""
    file = inside(manifest.parent, f"{entry.library}.py", owner)
    if not file.is_file():
        raise BackboneError(
            f"{owner}: there is no library {entry.library!r}: use timm, torchvision or shiftscope, or put "
            f"{entry.library}.py beside the manifest."
        )
    if not trust_code:
        raise UntrustedCodeError(
            f"{owner} is built by the Python file {file}, and running it could do anything: read it, then add "
            "--trust-code."
        )
    return partial(_class_of(_import(file, owner), entry, owner), **entry.arguments), sha256_of(file)


def _refuse_sources(kwargs: dict[str, Any], owner: str) -> None:
    found = sorted(NEVER & kwargs.keys())
    if found:
        raise BackboneError(
            f"{owner}: the argument {found[0]!r} is not allowed in kwargs: weights come from the entry's file only."
        )


def _refuse_unlisted(kwargs: dict[str, Any], allowed: Collection[str], owner: str) -> None:
    for name, value in kwargs.items():
        if name not in allowed:
            raise BackboneError(
                f"{owner}: the argument {name!r} is not among the architecture arguments a manifest may set "
                f"({', '.join(sorted(allowed))})."
            )
        if not _plain(value):
            raise BackboneError(
                f"{owner}: the argument {name!r} is {value!r}: give a number, true or false, null, a plain word, or a "
                "list of these."
            )


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_plain(v) for v in value)
    if isinstance(value, str):
        return WORD.match(value) is not None
    return value is None or isinstance(value, bool | int | float)


def _published(entry: Entry, owner: str) -> Callable[..., nn.Module]:
    """Return the function with which timm or torchvision makes a network without weights."""
    if entry.library == "torchvision":
        from torchvision import models

        known = models.list_models(module=models)
        make: Callable[..., nn.Module] = partial(models.get_model, entry.constructor, weights=None)
    else:
        try:
            import timm
        except ImportError:
            raise MissingDependencyError("timm", "timm") from None
        known = timm.list_models()
        make = partial(timm.create_model, entry.constructor, pretrained=False)
    if entry.constructor not in known:
        raise UnknownNameError(f"{entry.library} model", entry.constructor, known, at=owner)
    return make


def _import(file: Path, owner: str) -> Any:
    """Run a Python file as a module of its own; the same contents run once."""
    from importlib.util import module_from_spec, spec_from_file_location

    name = f"shiftscope_user_{sha256_of(file)[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as reason:
        # The user's code may raise anything; the file and the reason are what helps.
        raise BackboneError(f"{owner}: {file} could not be imported ({reason!r}): correct the file.") from reason
    sys.modules[name] = module
    return module


def _class_of(module: Any, entry: Entry, owner: str) -> type[nn.Module]:
    """Return the network class the entry names, after checking its arguments against the signature."""
    from torch import nn

    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and not name.startswith("_")
    }
    if entry.constructor not in found:
        raise UnknownNameError("architecture", entry.constructor, found, at=owner)
    accepted = inspect.signature(found[entry.constructor]).parameters
    unknown = [k for k in entry.arguments if k not in accepted]
    if unknown:
        raise BackboneError(
            f"{owner}: {entry.constructor} has no argument {unknown[0]!r}; it takes {', '.join(accepted) or 'none'}."
        )
    return found[entry.constructor]
