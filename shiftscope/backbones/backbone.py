"""A backbone: its card, how it is built, and where its weights come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from shiftscope.core.records import BackboneCard
from shiftscope.errors import BackboneError, ShiftscopeError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Backbone", "Weights", "architecture_key", "identity_of", "random_copy"]


class Weights(Protocol):
    """Weights that can be put into a network of the architecture they were trained in."""

    def fetch(self) -> None:
        """Make sure that the weights are at hand and are the ones that are meant."""

    def load(self, module: nn.Module) -> None:
        """Put the weights into ``module``."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A model that has not been built yet.

    Parameters
    ----------
    card
        What is known of it; ``card.name`` is unique within a run.
    build
        Makes the network with its default initialisation.
    weights
        What is loaded into it; None leaves the initialisation as it is.
    seed
        Seed of the initialisation.
    code
        sha256 of user code that ``build`` runs, empty when there is none.
    """

    card: BackboneCard
    build: Callable[[], nn.Module]
    weights: Weights | None = None
    seed: int = 0
    code: str = ""

    def module(self) -> nn.Module:
        """Build the network and load its weights: float32, eval mode, no gradients.

        The same seed gives the same network, and torch's random state is left as it was.

        Raises
        ------
        BackboneError
            If the network cannot be built or the weights do not fit.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            try:
                module = self.build()
            except ShiftscopeError:
                raise
            except Exception as reason:
                # Constructors are other people's code and raise what they like on arguments they do not take.
                raise BackboneError(f"{self.card.name} cannot be built: {_first_line(reason)}.") from reason
        if self.weights is not None:
            self.weights.load(module)
        return module.float().eval().requires_grad_(False)  # torch's own signature


def random_copy(backbone: Backbone, seed: int = 0) -> Backbone:
    """Return the same architecture with random weights under ``seed``: a baseline, named NAME@random.

    Raises
    ------
    BackboneError
        If the backbone has no weights that could be random.
    """
    card = backbone.card
    if backbone.weights is None:
        raise BackboneError(f"{card.name} has no trained weights: it has no random copy.")
    copied = card.model_copy(
        update={
            "name": f"{card.name}@random",
            "uri": f"{card.uri}@random",
            "weights": "",
            "source_domain": "",
            "licence": "",
            "origin": "",
            "published": None,
            "random": True,
            "identity": identity_of(card, code=backbone.code, seed=seed, weights=None),
        }
    )
    return replace(backbone, card=copied, weights=None, seed=seed)


def architecture_key(card: BackboneCard) -> str:
    """Return a text that is equal for cards of one architecture and input, whatever their weights and classes."""
    kwargs = {k: v for k, v in card.kwargs.items() if k != "num_classes"}
    shape = None if card.transform is None else (card.transform.channels, card.transform.crop)
    return _canonical([card.library, card.constructor, kwargs, shape])


def identity_of(card: BackboneCard, *, weights: str | None, code: str = "", seed: int | None = None) -> str:
    """Return the sha256 over what decides a network's outputs: weights, constructor, code and seed."""
    parts = [card.library, card.constructor, card.kwargs, weights, code, seed]
    return hashlib.sha256(_canonical(parts).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _first_line(reason: Exception) -> str:
    return (str(reason) or type(reason).__name__).splitlines()[0].rstrip(".")
