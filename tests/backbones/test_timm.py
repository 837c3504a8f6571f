import sys
import time

import pytest
import timm
import torch
from safetensors.torch import save_file

from shiftscope.backbones import download, open_backbones
from shiftscope.backbones import timm as adapter
from shiftscope.errors import MissingDependencyError, UnknownNameError, WeightsUnavailableError


def offline(*_, **__):
    raise OSError("offline")


def test_cards_say_what_timm_publishes():
    (backbone,) = adapter.open_timm("resnet18.a1_in1k")
    card = backbone.card
    assert (card.name, card.constructor, card.num_classes, card.licence) == (
        "resnet18.a1_in1k", "resnet18", 1000, "apache-2.0",
    )  # fmt: skip
    expected = timm.data.resolve_model_data_config(timm.create_model("resnet18.a1_in1k"))
    assert card.transform.crop == expected["input_size"][1] == 224
    assert card.transform.resize == int(224 / expected["crop_pct"])
    assert (card.transform.mean, card.transform.std) == (expected["mean"], expected["std"])
    assert card.transform.interpolation == expected["interpolation"]
    assert adapter.open_timm("resnet18")[0].card.name == "resnet18.a1_in1k"
    assert adapter.open_timm("vit_small_patch14_dinov2")[0].card.num_classes == 0


def test_unknown_models_and_tags():
    with pytest.raises(UnknownNameError, match="Did you mean"):
        open_backbones("timm:resnet_18")
    with pytest.raises(UnknownNameError, match="no set of weights for resnet18 named 'a9_in1k'"):
        open_backbones("timm:resnet18.a9_in1k")


def test_timm_may_be_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingDependencyError, match=r"shiftscope\[timm\]"):
        open_backbones("timm:resnet18")


def test_weights_that_cannot_be_had_are_an_error_within_seconds(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(download.urllib.request, "urlopen", offline)
    start = time.monotonic()
    with pytest.raises(WeightsUnavailableError, match=r"timm:resnet18.a1_in1k.*huggingface.co/timm/resnet18.a1_in1k"):
        open_backbones("timm:resnet18")
    assert time.monotonic() - start < 3


def test_random_weights_need_no_download(monkeypatch):
    monkeypatch.setattr(download.urllib.request, "urlopen", offline)
    (net,) = open_backbones("timm:test_resnet@random")
    assert net.module()(torch.rand(1, 3, 32, 32)).shape == (1, net.card.num_classes)


def test_a_file_in_the_cache_is_loaded(monkeypatch, tmp_path):
    (backbone,) = adapter.open_timm("test_resnet")
    torch.manual_seed(5)
    net = timm.create_model("test_resnet")
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: str(tmp_path / "model.safetensors"))
    for a, b in zip(net.state_dict().values(), backbone.module().state_dict().values(), strict=True):
        assert torch.equal(a, b)
