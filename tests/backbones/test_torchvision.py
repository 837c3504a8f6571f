import re

import pytest
import torch
import torchvision

from shiftscope.backbones import architecture_key, download, open_backbones
from shiftscope.backbones.backbone import identity_of
from shiftscope.backbones.torchvision import PublishedWeights, _published, open_torchvision
from shiftscope.errors import IntegrityError, UnknownNameError, WeightsUnavailableError


@pytest.fixture(autouse=True)
def own_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def test_cards_say_what_torchvision_publishes():
    (old,), (new,) = open_torchvision("resnet50.IMAGENET1K_V1"), open_torchvision("resnet50")
    assert new.card.name == "resnet50.IMAGENET1K_V2"
    assert (old.card.transform.resize, new.card.transform.resize, new.card.transform.crop) == (256, 232, 224)
    assert new.card.transform.mean == (0.485, 0.456, 0.406)
    assert new.card.num_classes == 1000
    assert new.card.origin == torchvision.models.ResNet50_Weights.IMAGENET1K_V2.url
    assert new.card.identity != old.card.identity
    assert architecture_key(new.card) == architecture_key(old.card)
    assert open_torchvision("swin_t")[0].card.transform.interpolation == "bicubic"


def test_cards_carry_the_accuracy_that_torchvision_publishes():
    cards = {
        n: open_torchvision(n)[0].card
        for n in ("resnet50.IMAGENET1K_V1", "resnet50", "vit_b_16.IMAGENET1K_SWAG_E2E_V1")
    }
    figures = {name: card.published for name, card in cards.items()}
    assert {f.dataset for f in figures.values()} == {"ImageNet-1K"}
    # Per cent in torchvision's tables.
    assert [f.top1 for f in figures.values()] == [0.7613, 0.80858, 0.85304]
    (copy,) = open_backbones("torchvision:resnet50@random")
    assert copy.card.published is None
    # It is no part of what the weights are.
    assert identity_of(cards["resnet50"].model_copy(update={"published": None}), weights=cards["resnet50"].origin) == (
        cards["resnet50"].identity
    )


def test_all_weights_that_are_published_have_an_accuracy_or_none():
    every = {
        str(weights): _published(weights)
        for name in torchvision.models.list_models(module=torchvision.models)
        for weights in torchvision.models.get_model_weights(name)
    }
    # An encoder of another task, whose accuracy is NaN in torchvision's table.
    assert [name for name, found in every.items() if found is None] == ["VGG16_Weights.IMAGENET1K_FEATURES"]
    assert all(0.4 < found.top1 < 0.9 for found in every.values() if found is not None)


def test_weights_without_a_figure_on_imagenet():
    class Weights:
        meta = {"_metrics": {"COCO-val2017": {"acc@1": 12.0}}}  # noqa: RUF012

    assert _published(Weights) is None
    Weights.meta = {}
    assert _published(Weights) is None


def test_unknown_models_and_weights():
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet50'"):
        open_backbones("torchvision:resnet-50")
    with pytest.raises(UnknownNameError, match="no set of weights for resnet50 named 'IMAGENET1K_V3'"):
        open_backbones("torchvision:resnet50.IMAGENET1K_V3")
    with pytest.raises(UnknownNameError, match="torchvision model"):
        open_backbones("torchvision:raft_large")


def test_weights_that_cannot_be_had_are_an_error_and_never_random(monkeypatch):
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("offline")))
    with pytest.raises(WeightsUnavailableError, match=r"squeezenet1_0-b66bff10\.pth \(offline\)"):
        open_backbones("torchvision:squeezenet1_0")


def test_a_file_that_is_not_the_published_one(own_hub):
    own_hub.mkdir(parents=True)
    torch.save({}, own_hub / "squeezenet1_0-b66bff10.pth")
    with pytest.raises(IntegrityError, match="not the published file"):
        open_backbones("torchvision:squeezenet1_0")


def test_random_weights_need_no_download():
    (net,) = open_backbones("torchvision:mobilenet_v3_small@random", seed=3)
    assert net.card.random
    assert torch.equal(net.module().classifier[0].weight, net.module().classifier[0].weight)


def old_densenet_names(state):
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)\.", r"\1.\2.", k): v for k, v in state.items()}


@pytest.mark.parametrize(
    ("name", "as_published"),
    [
        ("squeezenet1_1", dict),
        ("densenet121", old_densenet_names),
        ("googlenet", lambda state: {**state, "aux1.conv.conv.weight": torch.zeros(1)}),
    ],
)
def test_published_files_load_as_they_are(own_hub, name, as_published):
    (backbone,) = open_torchvision(name)
    net = backbone.build()
    own_hub.mkdir(parents=True)
    torch.save(as_published(net.state_dict()), own_hub / "net.pth")
    other = backbone.build()
    PublishedWeights("https://nowhere.invalid/net.pth", name).load(other)
    for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_vision_transformers_take_the_size_of_their_weights():
    (swag,) = open_torchvision("vit_b_16.IMAGENET1K_SWAG_E2E_V1")
    assert (swag.card.kwargs["image_size"], swag.card.transform.crop) == (384, 384)
    assert "SWAG" in swag.card.licence
