from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from smallworld import picture

import shiftscope
from shiftscope.backbones import Backbone, open_backbones
from shiftscope.core.image import InputTransform
from shiftscope.core.records import BackboneCard
from shiftscope.finetune.network import network_of
from shiftscope.finetune.train import Pictures

ZOO = Path(shiftscope.__file__).parent / "demo" / "zoo" / "manifest.json"
SIDE = 16
HALF = InputTransform(resize=SIDE, crop=SIDE, mean=(0.5, 0.4, 0.3), std=(0.25, 0.2, 0.3))


@pytest.fixture(scope="session")
def fed_with():
    """Gives a backbone pictures of another size, as an audit does."""

    def change(backbone, transform):
        return replace(backbone, card=backbone.card.model_copy(update={"transform": transform}))

    return change


@pytest.fixture(scope="session")
def home_made():
    """Makes a backbone without weights of a function that builds it."""

    def make(build, num_classes, transform=HALF):
        card = BackboneCard(
            name="mine", uri="mine:", library="mine", constructor="Mine", transform=transform, num_classes=num_classes,
            identity="",
        )  # fmt: skip
        return Backbone(card, build)

    return make


@pytest.fixture(scope="session")
def transform():
    return HALF


@pytest.fixture(scope="session")
def zoo():
    """Manifest of the demo's trained networks."""
    return ZOO


@pytest.fixture(scope="session")
def tiny(fed_with):
    """A TinyNet of the demo's zoo, fed with pictures of 16 pixels."""
    return fed_with(open_backbones(f"checkpoint:{ZOO}#shapes")[0], HALF)


@pytest.fixture(scope="session")
def task():
    """Pictures (90, 16, 16, 3) of three classes that noise does not hide, and their codes."""
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    return np.stack([picture(int(c), rng, size=SIDE) for c in labels]), labels.astype(np.int64)


@pytest.fixture(scope="session")
def fed(task):
    return Pictures.of(task[0], HALF)


@pytest.fixture
def fresh(tiny):
    """Makes networks with a head for three classes, equal for equal seeds."""
    return lambda seed=0: network_of(tiny, HALF, 3, seed)
