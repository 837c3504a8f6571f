"""``torchvision:NAME[.WEIGHTS]``: torchvision's classification models and their published weights."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shiftscope.backbones.backbone import Backbone, identity_of
from shiftscope.backbones.download import download
from shiftscope.backbones.weights import fill, read_state
from shiftscope.core.image import InputTransform
from shiftscope.core.records import BackboneCard, Published
from shiftscope.errors import UnknownNameError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["open_torchvision"]

# The published weights of these two expect inputs in another range, which the network undoes itself; their
# auxiliary classifiers serve training only.
INCEPTION = {"transform_input": True, "aux_logits": False, "init_weights": True}
IMAGENET = "ImageNet-1K"  # as torchvision spells it in its tables of accuracies
# How the weights of DenseNet were saved: "norm.1" where the module is now called "norm1".
OLD_DENSENET_KEY = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")


def open_torchvision(location: str, trust_code: bool = False) -> list[Backbone]:  # noqa: ARG001  # the schemes' shape
    """Open a model with the weights named after the dot, or its default weights.

    The input transform, the number of classes, the licence and the address are those torchvision publishes.

    Raises
    ------
    UnknownNameError
        If torchvision has no such classification model, or the model no such weights.
    """
    import torchvision

    name, _, wanted = location.partition(".")
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise UnknownNameError("torchvision model", name, known)
    published = torchvision.models.get_model_weights(name)
    if wanted and wanted not in published.__members__:
        raise UnknownNameError(f"set of weights for {name}", wanted, published.__members__)
    weights = published[wanted] if wanted else published.DEFAULT
    kwargs = _kwargs(name, weights)
    draft = BackboneCard(
        name=f"{name}.{weights.name}",
        uri=f"torchvision:{name}.{weights.name}",
        library="torchvision",
        constructor=name,
        kwargs=kwargs,
        transform=_transform(weights),
        num_classes=kwargs["num_classes"],
        source_domain="natural objects (ImageNet-1k)" if weights.name.startswith("IMAGENET1K") else "",
        licence=weights.meta.get("license", ""),
        origin=weights.url,
        weights=weights.name,
        published=_published(weights),
        identity="",
    )
    card = draft.model_copy(update={"identity": identity_of(draft, weights=weights.url)})
    build = partial(torchvision.models.get_model, name, weights=None, **kwargs)
    return [Backbone(card, build, PublishedWeights(weights.url, card.name))]


@dataclass(frozen=True)
class PublishedWeights:
    """Weights in torch's own download folder, fetched when they are not there."""

    url: str
    owner: str

    @property
    def path(self) -> Path:
        """Where torch keeps the file."""
        import torch

        return Path(torch.hub.get_dir()) / "checkpoints" / Path(self.url).name

    def fetch(self) -> None:
        """Download the file if need be, and check its digest."""
        download(self.url, self.path, self.owner)

    def load(self, module: nn.Module) -> None:
        """Put the weights into ``module``."""
        self.fetch()
        state = {OLD_DENSENET_KEY.sub(r"\1\2.", k): v for k, v in read_state(self.path, self.owner).items()}
        fill(module, {k: v for k, v in state.items() if not k.lower().startswith("aux")}, self.owner)


def _kwargs(name: str, weights: Any) -> dict[str, Any]:
    """Arguments with which torchvision itself builds a network for these weights."""
    kwargs: dict[str, Any] = {"num_classes": len(weights.meta["categories"])}
    if name in ("googlenet", "inception_v3"):
        kwargs |= INCEPTION
    if name.startswith("vit_"):
        kwargs["image_size"] = weights.meta["min_size"][0]
    return kwargs


def _published(weights: Any) -> Published | None:
    """Top-1 accuracy on ImageNet as torchvision reports it, in per cent there."""
    top1 = weights.meta.get("_metrics", {}).get(IMAGENET, {}).get("acc@1")
    # Weights of an encoder without a classifier have NaN there.
    known = top1 is not None and math.isfinite(top1)
    return Published(dataset=IMAGENET, top1=round(top1 / 100, 6)) if known else None


def _transform(weights: Any) -> InputTransform:
    published = weights.transforms()
    return InputTransform(
        resize=published.resize_size[0],
        crop=published.crop_size[0],
        mean=tuple(published.mean),
        std=tuple(published.std),
        interpolation=published.interpolation.value,
    )
