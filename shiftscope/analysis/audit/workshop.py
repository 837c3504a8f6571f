"""Everything a training run of an audit needs, opened when first asked for and kept."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.backbones import Backbone, architecture_key, open_backbones, random_copy
from shiftscope.core.audit_spec import AuditSpec, expand
from shiftscope.core.features import FeatureSet
from shiftscope.core.image import InputTransform
from shiftscope.core.records import BackboneCard
from shiftscope.data import ImageSource, open_source
from shiftscope.errors import InputError
from shiftscope.extraction import Store, extract
from shiftscope.extraction.pictures import fit
from shiftscope.finetune.constructed import partly_random
from shiftscope.finetune.split import Regime, Split, split

__all__ = ["PIXELS", "Workshop"]

PIXELS = "pixels"
KEPT = 2  # sets of decoded pictures held in memory


@dataclass
class Workshop:
    """Backbones, targets, pictures and features of one audit, by the names of its file."""

    spec: AuditSpec
    cache: Path | None = None
    trust_code: bool = False
    device: str = "cpu"
    networks: Path | None = None  # where trained networks are saved, if they are
    _opened: dict[str, Backbone] = field(default_factory=dict)
    _sources: dict[str, ImageSource] = field(default_factory=dict)
    _pictures: OrderedDict[tuple[Any, ...], NDArray[np.uint8]] = field(default_factory=OrderedDict)

    def unopened(self) -> Workshop:
        """Return a workshop for another process, which opens for itself what it needs."""
        return Workshop(self.spec, self.cache, self.trust_code, self.device, self.networks)

    def check(self) -> None:
        """Open everything that can be opened without work, and draw every split: what is wrong shows before the work.

        Raises
        ------
        InputError, BackboneError
            If a target or a backbone cannot be used.
        """
        for target in self.spec.targets:
            for regime in self.spec.regimes_of(target):
                self.split(target, regime, self.spec.seeds[0])
        for backbone in self.spec.backbones:
            self.native(backbone)

    def native(self, name: str) -> Backbone:
        """Return a backbone as it is published."""
        if name not in self._opened:
            self._opened[name] = self._open(name)
        return self._opened[name]

    def source(self, target: str) -> ImageSource:
        """Return the images of a target."""
        if target not in self._sources:
            uri = expand(self.spec.targets[target].data)
            source = open_source(uri, target)
            if not isinstance(source, ImageSource) or source.target.kind != "class":
                raise InputError(f"{uri} cannot be audited: fine-tuning needs images with one class each.")
            self._sources[target] = source
        return self._sources[target]

    def fingerprint(self, target: str) -> str:
        """sha256 over images and labels of a target."""
        source = self.source(target)
        digest = hashlib.sha256(b"".join(source.keys.tolist()))
        digest.update("\x1f".join(source.target.names()).encode())
        return digest.hexdigest()

    def split(self, target: str, regime: Regime, seed: int) -> Split:
        """Return who trains, chooses and judges."""
        source = self.source(target)
        try:
            return split(source.target, source.keys, regime, seed)
        except InputError as reason:
            raise InputError(f"{target}: {reason}") from None

    def backbone(self, name: str, target: str) -> Backbone:
        """Return a backbone fed with pictures of the target's size; ``pixels`` is the baseline."""
        backbone = self.native(name)
        if name == PIXELS:
            return backbone
        transform = backbone.card.transform
        assert transform is not None
        side = self.spec.side(target, name, transform.crop)
        smaller = transform.model_copy(update={"resize": side, "crop": side})
        return replace(backbone, card=backbone.card.model_copy(update={"transform": smaller}))

    def scratch(self, name: str, target: str, seed: int) -> Backbone:
        """Return the architecture of a backbone with random weights, fed in a way that no weights decide."""
        copied = random_copy(self.backbone(name, target), seed)
        transform = copied.card.transform
        assert transform is not None
        middle = (0.5,) * transform.channels
        plain = transform.model_copy(update={"mean": middle, "std": tuple(m / 2 for m in middle), "bgr": False})
        return replace(copied, card=copied.card.model_copy(update={"transform": plain}))

    def architecture(self, name: str, target: str) -> str:
        """Return a short name that is equal for backbones that share their scratch runs on a target."""
        return _short(self.backbone(name, target).card)

    def kind(self, name: str) -> str:
        """Return a short name that is equal for backbones that share a learning rate: an architecture at any size."""
        return _short(self.native(name).card.model_copy(update={"transform": None}))

    def pictures(self, target: str, transform: InputTransform) -> NDArray[np.uint8]:
        """Return all pictures of a target (n, side, side, c), decoded and resized."""
        source, at = self.source(target), (target, transform.geometry)
        if at not in self._pictures:
            self._pictures[at] = np.stack([fit(source.decode(i), transform.geometry) for i in range(source.n)])
            while len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(at)
        return self._pictures[at]

    def features(self, target: str, backbones: list[Backbone]) -> dict[str, FeatureSet]:
        """Return the features of a target under backbones, in canonical order, from the store where it has them."""
        done = extract(self.source(target), backbones, store=Store(self.cache), device=self.device)
        return done.features

    def _open(self, name: str) -> Backbone:
        if name == PIXELS:
            return open_backbones("pixels:")[0]
        given = self.spec.backbones[name]
        opened = open_backbones(expand(given.uri), trust_code=self.trust_code)
        if len(opened) != 1 or opened[0].weights is None:
            raise InputError(f"backbones.{name}: {given.uri} is not one set of weights: name a single trained model.")
        backbone = partly_random(opened[0], given.rerandomise) if given.rerandomise else opened[0]
        return replace(backbone, card=backbone.card.model_copy(update={"name": name}))


def _short(card: BackboneCard) -> str:
    return f"{card.constructor}-{hashlib.sha256(architecture_key(card).encode()).hexdigest()[:6]}"
