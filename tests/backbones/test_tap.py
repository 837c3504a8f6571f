import pytest
import timm
import torch
import torchvision
from torch import nn

from shiftscope.backbones import open_backbones
from shiftscope.backbones.tap import find_tap
from shiftscope.errors import BackboneError


def tapped(module, side, num_classes, channels=3):
    module.eval()
    x = torch.rand(3, channels, side, side, generator=torch.Generator().manual_seed(0))
    tap = find_tap(module, x, num_classes)
    with torch.no_grad():
        return x, tap, *tap(x), module(x)


def tiny_vit(weights, num_classes):
    assert weights is None
    return torchvision.models.VisionTransformer(
        image_size=32, patch_size=16, num_layers=2, num_heads=2, hidden_dim=24, mlp_dim=48, num_classes=num_classes
    )


@pytest.mark.parametrize(
    ("make", "d"),
    [
        (torchvision.models.resnet18, 512),
        (torchvision.models.mobilenet_v2, 1280),
        (torchvision.models.densenet121, 1024),
        (torchvision.models.efficientnet_b0, 1280),
        (torchvision.models.shufflenet_v2_x0_5, 1024),
        (tiny_vit, 24),
    ],
)
def test_torchvision_features_are_what_the_linear_head_reads(make, d):
    _, tap, features, logits, output = tapped(make(weights=None, num_classes=7), 64 if d > 24 else 32, 7)
    assert features.shape == (3, d)
    torch.testing.assert_close(logits, output)
    torch.testing.assert_close(features @ tap.head.weight.T + tap.head.bias, output)


def test_squeezenet_has_a_convolution_for_a_head():
    net = torchvision.models.squeezenet1_0(weights=None, num_classes=7)
    x, tap, features, logits, output = tapped(net, 64, 7)
    assert tap.head is net.classifier[1]
    torch.testing.assert_close(features, net.features(x).mean(dim=(2, 3)))
    torch.testing.assert_close(logits, output)


@pytest.mark.parametrize(
    "name", ["resnet10t", "mobilenetv3_small_050", "vit_tiny_patch16_224", "convnext_atto", "test_byobnet"]
)
def test_timm_features_are_its_own_pre_logits(name):
    options = {"img_size": 32} if name.startswith("vit") else {}
    net = timm.create_model(name, pretrained=False, num_classes=7, **options)
    x, _, features, logits, output = tapped(net, 32, 7)
    torch.testing.assert_close(features, net.forward_head(net.forward_features(x), pre_logits=True))
    torch.testing.assert_close(logits, output)


def test_two_heads_that_are_averaged_still_give_features():
    net = timm.create_model("deit_tiny_distilled_patch16_224", pretrained=False, num_classes=7, img_size=32)
    _, tap, features, logits, output = tapped(net, 32, 7)
    assert tap.head is net.head_dist
    assert features.shape == (3, 192)
    torch.testing.assert_close(logits, output)


class Returns(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.linear = nn.Linear(5, 7)
        self.make = make

    def forward(self, x):
        return self.make(self.linear(x.mean(dim=(2, 3))[:, :1].expand(-1, 5)))


def test_a_softmax_behind_the_head_does_not_hide_it():
    _, tap, features, _, _ = tapped(Returns(lambda z: z.softmax(dim=1)), 4, 7)
    assert isinstance(tap.head, nn.Linear)
    assert features.shape == (3, 5)


def test_an_embedding_network_gives_its_output():
    maps = nn.Conv2d(3, 6, 3)
    x, _, features, logits, _ = tapped(maps, 8, 0)
    torch.testing.assert_close(features, maps(x).mean(dim=(2, 3)))
    assert logits is None
    projection = nn.Sequential(nn.Flatten(), nn.Linear(48, 5))
    x, _, features, _, _ = tapped(projection, 4, 0)
    torch.testing.assert_close(features, projection(x))


@pytest.mark.parametrize(
    ("module", "num_classes", "words"),
    [
        (Returns(lambda z: (z, z)), 7, "returns a tuple"),
        (Returns(lambda z: z), 9, r"shape \(3, 7\) where the card says 9 classes"),
        (Returns(lambda z: z[:, :, None]), 0, r"shape \(3, 7, 1\)"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 3, "set num_classes to 0"),
    ],
)
def test_networks_without_what_the_card_says_are_refused(module, num_classes, words):
    with pytest.raises(BackboneError, match=words):
        tapped(module, 4, num_classes)


def test_all_shared_weights_give_their_own_features(shared_data):
    uri = f"checkpoint:{shared_data}/weights/manifest.json#*"
    opened = open_backbones(uri, trust_code=True)
    assert len(opened) == 18
    for backbone in opened:
        card, net = backbone.card, backbone.module()
        x, _, features, logits, _ = tapped(net, card.transform.crop, card.num_classes, card.transform.channels)
        own = net.forward_features(x)
        if card.library == "timm":
            own = net.forward_head(own, pre_logits=True)
        torch.testing.assert_close(features, own)
        assert (logits is None) == (card.num_classes == 0)
