import pytest
import torch

from shiftscope.backbones import Backbone
from shiftscope.finetune.constructed import partly_random

LAYERS = [f"features.{block}.{place}" for block in range(4) for place in (0, 1)] + ["classifier"]


@pytest.mark.parametrize(("share", "kept"), [(0.0, 9), (0.3, 6), (0.5, 5), (1.0, 0)])
def test_the_last_layers_are_as_the_network_was_initialised(tiny, share, kept):
    made = partly_random(tiny, share).module().state_dict()
    trained = tiny.module().state_dict()
    initial = Backbone(tiny.card, tiny.build, weights=None, seed=tiny.seed).module().state_dict()
    for name, value in made.items():
        source = trained if LAYERS.index(name.rpartition(".")[0]) < kept else initial
        assert torch.equal(value, source[name]), name
    assert not torch.equal(trained["classifier.weight"], initial["classifier.weight"])


def test_it_is_another_backbone_with_the_same_input(tiny):
    half = partly_random(tiny, 0.5)
    identities = {tiny.card.identity, half.card.identity, partly_random(tiny, 0.25).card.identity}
    assert len(identities) == 3
    assert half.card.transform == tiny.card.transform
    assert half.card.weights.endswith("with the last 0.5 of the layers random")
    assert partly_random(tiny, 0.5).card.identity == half.card.identity
