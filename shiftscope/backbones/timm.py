"""``timm:NAME[.TAG]``: models of the timm library and their published weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shiftscope.backbones.backbone import Backbone, identity_of
from shiftscope.backbones.download import reachable, unavailable
from shiftscope.core.image import InputTransform
from shiftscope.core.records import BackboneCard
from shiftscope.errors import BackboneError, MissingDependencyError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["open_timm"]


def open_timm(location: str, trust_code: bool = False) -> list[Backbone]:  # noqa: ARG001  # the schemes' shape
    """Open a model with the weights tagged after the dot, or its default weights.

    The input transform, the number of classes and the licence are those timm publishes.

    Raises
    ------
    MissingDependencyError
        If timm is not installed.
    UnknownNameError
        If timm has no such model, or the model no such weights.
    """
    try:
        import timm
    except ImportError:
        raise MissingDependencyError("timm", "timm") from None
    published = _published(location)
    name = f"{published.architecture}.{published.tag}" if published.tag else published.architecture
    draft = BackboneCard(
        name=name,
        uri=f"timm:{name}",
        library="timm",
        constructor=published.architecture,
        kwargs={"num_classes": published.num_classes},
        transform=_transform(published, name),
        num_classes=published.num_classes,
        licence=published.license or "",
        origin=f"https://huggingface.co/{published.hf_hub_id}" if published.hf_hub_id else published.url or "",
        weights=published.tag or "",
        identity="",
    )
    card = draft.model_copy(update={"identity": identity_of(draft, weights=f"timm:{name}")})
    build = partial(timm.create_model, published.architecture, pretrained=False, num_classes=published.num_classes)
    return [Backbone(card, build, HubWeights(name, published.hf_hub_id or "", published.hf_hub_filename or ""))]


@dataclass(frozen=True)
class HubWeights:
    """timm's weights in the Hugging Face cache, fetched when they are not there."""

    name: str
    repository: str
    filename: str

    def fetch(self) -> None:
        """Download the file if need be."""
        self._file()

    def load(self, module: nn.Module) -> None:
        """Put the weights into ``module``; timm itself converts those that were saved under other names."""
        import timm

        # timm converts a file only while it builds, so it builds a second network to copy from.
        donor = timm.create_model(self.name, pretrained=True, pretrained_cfg_overlay={"file": str(self._file())})
        module.load_state_dict(donor.state_dict())

    def _file(self) -> Path:
        from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

        if not self.repository:
            raise BackboneError(
                f"timm:{self.name} has no weights on the Hugging Face hub: choose another, or add @random."
            )
        repository, _, revision = self.repository.partition("@")
        names = [self.filename] if self.filename else ["model.safetensors", "pytorch_model.bin"]
        for filename in names:
            cached = try_to_load_from_cache(repository, filename, revision=revision or None)
            if isinstance(cached, str):
                return Path(cached)
        address = f"{constants.ENDPOINT}/{repository}"
        # The hub's client repeats failed requests for half a minute: ask once whether it can be reached at all.
        if reason := reachable(address):
            raise unavailable(f"timm:{self.name}", address, reason)
        for filename in names:
            try:
                return Path(hf_hub_download(repository, filename, revision=revision or None))
            except EntryNotFoundError:
                continue
            except (HfHubHTTPError, OSError) as problem:
                raise unavailable(f"timm:{self.name}", address, str(problem).splitlines()[0]) from None
        raise unavailable(f"timm:{self.name}", address, f"it has no {' or '.join(names)}")


def _published(location: str) -> Any:
    """Return timm's own description of a model's weights."""
    import timm
    from timm.models import get_pretrained_cfg, is_model

    name, _, tag = location.partition(".")
    if not is_model(name):
        raise UnknownNameError("timm model", name, timm.list_models())
    tags = [m.partition(".")[2] for m in timm.list_models(f"{name}.*", pretrained=True)]
    if tag and tag not in tags:
        raise UnknownNameError(f"set of weights for {name}", tag, tags)
    return get_pretrained_cfg(location)


def _transform(published: Any, name: str) -> InputTransform:
    from timm.data import resolve_data_config

    config = resolve_data_config(pretrained_cfg=published.to_dict())
    channels, crop, _ = config["input_size"]
    if config["interpolation"] not in ("nearest", "bilinear", "bicubic") or channels not in (1, 3):
        raise BackboneError(
            f"timm:{name} wants {channels} channels resized by {config['interpolation']}, which shiftscope does not "
            "do: choose another backbone."
        )
    return InputTransform(
        resize=int(crop / config["crop_pct"]),
        crop=crop,
        channels=channels,
        mean=config["mean"],
        std=config["std"],
        interpolation=config["interpolation"],
    )
