"""Sources that nobody would publish, made on purpose: do the warnings see them?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shiftscope.backbones import Backbone, Weights, identity_of

if TYPE_CHECKING:
    from torch import nn

__all__ = ["partly_random"]


@dataclass(frozen=True)
class _PartlyRandom:
    """Weights of which the last layers are left as the network was initialised."""

    weights: Weights
    share: float

    def fetch(self) -> None:
        self.weights.fetch()

    def load(self, module: nn.Module) -> None:
        initial = {name: value.clone() for name, value in module.state_dict().items()}
        self.weights.load(module)
        layers = [name for name, m in module.named_modules() if next(m.parameters(recurse=False), None) is not None]
        kept = len(layers) - round(self.share * len(layers))
        undone = tuple(f"{name}." for name in layers[kept:])
        state = module.state_dict()
        module.load_state_dict({n: initial[n] if n.startswith(undone) else v for n, v in state.items()})


def partly_random(backbone: Backbone, share: float) -> Backbone:
    """Return ``backbone`` with the last ``share`` of its layers random: early features without what they were for."""
    assert backbone.weights is not None
    weights = f"{backbone.card.weights} with the last {share:g} of the layers random"
    card = backbone.card.model_copy(
        update={
            "weights": weights,
            "identity": identity_of(backbone.card, weights=weights, code=backbone.code, seed=backbone.seed),
        }
    )
    return replace(backbone, card=card, weights=_PartlyRandom(backbone.weights, share))
