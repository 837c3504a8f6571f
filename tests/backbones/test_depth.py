"""Where features are taken: at values through which everything passes, under the names of the network's own modules."""

from itertools import pairwise

import pytest
import timm
import torch
import torchvision
from torch import nn

from shiftscope.backbones import open_backbones
from shiftscope.backbones.depth import MOST, WIDEST, DepthTaps, find_places
from shiftscope.backbones.flow import INPUT, trace
from shiftscope.backbones.tap import find_tap
from shiftscope.backbones.tiny import TinyNet


def drawn(module):
    """Norms and biases at random: as they are initialised, some layers are the identity."""
    generator = torch.Generator().manual_seed(0)
    for values in module.state_dict().values():
        if values.is_floating_point() and values.ndim < 2:
            values.uniform_(0.5, 1.5, generator=generator)
    return module.eval().requires_grad_(False)


def placed(module, side, num_classes=7, channels=3):
    x = torch.rand(3, channels, side, side, generator=torch.Generator().manual_seed(0))
    tap = find_tap(drawn(module), x, num_classes)
    return x, tap, find_places(tap, x)


def names(places):
    return [p.name for p in places]


def vit(num_layers):
    return torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=num_layers, num_heads=2, hidden_dim=24, mlp_dim=48, num_classes=7
    )


NETWORKS = [
    (torchvision.models.resnet18, "relu layer1 layer2 layer3 layer4"),
    (torchvision.models.resnet50, "relu layer1 layer2 layer3.2 layer3 layer4"),
    (torchvision.models.mobilenet_v2, "features.1 features.3 features.6 features.10 features.13 features.18"),
    (
        torchvision.models.densenet121,
        "features.relu0 features.denseblock1 features.denseblock2 features.denseblock3 penultimate",
    ),
    (torchvision.models.shufflenet_v2_x0_5, "maxpool stage2 stage3.3 stage3 conv5"),
    (torchvision.models.vgg11_bn, "features.2 features.6 features.13 features.20 features.28 penultimate"),
]


@pytest.mark.parametrize(("make", "expected"), NETWORKS)
def test_stage_ends_bear_the_names_of_modules(make, expected):
    _, _, places = placed(make(weights=None, num_classes=7), 64)
    assert names(places) == expected.split()


def test_transformers_have_one_stage_so_blocks_between_are_taken():
    _, _, places = placed(vit(12), 32)
    blocks = [f"encoder.layers.encoder_layer_{i}" for i in (2, 5, 8)]
    assert names(places) == ["conv_proj", *blocks, "penultimate"]
    # One convolution, two linear layers in each of twelve blocks; attention's own product is none of these.
    assert [p.depth * 25 for p in places] == pytest.approx([1, 7, 13, 19, 25])


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("mobilenetv2_100", 32, "blocks.0 blocks.1 blocks.2 blocks.3 blocks.4 bn2"),
        ("resnet10t", 32, "act1 layer1 layer2 layer3 layer4"),
        ("convnext_atto", 32, "stages.0 stages.1 stages.2.blocks.2 stages.2 head.norm"),
        ("swin_tiny_patch4_window7_224", 224, "layers.0 layers.1 layers.2.blocks.2 layers.2 norm"),
    ],
)
def test_timm(name, side, expected):
    _, _, places = placed(timm.create_model(name, pretrained=False, num_classes=7), side)
    assert names(places) == expected.split()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_depth_is_the_share_of_layers_that_have_run(depth):
    _, _, places = placed(TinyNet(4, depth, 7), 32)
    assert [p.depth for p in places] == [(i + 1) / depth for i in range(depth)]
    expected = [f"features.{i}" for i in range(depth)] if depth > 1 else ["features"]
    assert names(places) == expected


def test_embedding_networks_end_at_their_output():
    _, _, places = placed(TinyNet(4, 3, 0), 16, num_classes=0)
    assert names(places) == ["features.0", "features.1", "features.2"]


class Written(nn.Module):
    """Blocks written out in ``forward``: what a block gives is the output of no module."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.bodies = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1) for _ in range(3)])
        self.down = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(8, 7)

    def forward(self, x):
        x = self.stem(x)
        for body in self.bodies:
            x = torch.relu(x + body(x))
        return self.head(torch.relu(self.down(x)).mean(dim=(2, 3)))


def test_a_value_that_no_module_gives_bears_the_name_of_one_that_takes_it():
    x, tap, places = placed(Written(), 16)
    assert names(places) == ["stem", "bodies.1 (input)", "bodies.2 (input)", "down (input)", "penultimate"]
    taps = DepthTaps(tap.module, names(places)[:-1])
    tap(x)
    net = tap.module
    first = torch.relu(net.stem(x) + net.bodies[0](net.stem(x)))
    torch.testing.assert_close(taps.last["bodies.1 (input)"], first.mean(dim=(2, 3)))


class Long(nn.Module):
    """Eleven resolutions, and a branch that goes round everything at the end if asked for."""

    def __init__(self, *, round_=False):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv2d(3, 3, 2) for _ in range(11)))
        self.head = nn.Linear(3, 7)
        self.round = round_

    def forward(self, x):
        z = self.layers(x).mean(dim=(2, 3))
        return self.head(z + x.mean(dim=(2, 3)) if self.round else z)


def test_of_many_stages_eight_are_kept_evenly():
    _, _, places = placed(Long(), 16)
    assert len(places) == MOST
    assert places[-1].name == "layers.10"
    assert max(b - a for a, b in pairwise([0.0, *(p.depth for p in places)])) < WIDEST


def test_what_a_branch_goes_round_is_no_place():
    _, _, places = placed(Long(round_=True), 16)
    assert names(places) == ["penultimate"]


class Halves(nn.Module):
    """One half of the channels goes round the second layer, as in ShuffleNet."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(4, 4, 1)
        self.last, self.head = nn.Conv2d(8, 8, 3), nn.Linear(8, 7)

    def forward(self, x):
        kept, changed = self.first(x).chunk(2, dim=1)
        joined = torch.cat([kept, self.second(changed)], dim=1)
        return self.head(torch.relu(self.last(joined)).mean(dim=(2, 3)))


def test_half_of_the_channels_is_not_all_there_is():
    net = drawn(Halves())
    x = torch.rand(2, 3, 8, 8)
    passed, n_layers = trace(net, lambda: net(x), net.head)
    assert [p.name for p in passed] == ["first" + INPUT, "first", "last" + INPUT, "last"]
    assert n_layers == 3


class InPlace(nn.Module):
    """What a module gave is written over before the next one reads it."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3), nn.Linear(5, 7)

    def forward(self, x):
        y = self.a(x)
        y.clamp_(min=0.2)
        return self.head(self.b(y).amax(dim=(2, 3)))


def test_a_value_written_over_is_taken_as_it_was():
    x, tap, places = placed(InPlace(), 8)
    assert names(places) == ["b (input)", "penultimate"]
    taps = DepthTaps(tap.module, ["a", "b" + INPUT])
    tap(x)
    clean = tap.module.a(x)
    torch.testing.assert_close(taps.last["a"], clean.mean(dim=(2, 3)))
    torch.testing.assert_close(taps.last["b" + INPUT], clean.clamp(min=0.2).mean(dim=(2, 3)))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.same, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 7)

    def forward(self, x):
        return self.head(torch.relu(self.same(self.same(self.a(x)))).mean(dim=(2, 3)))


def test_a_module_that_runs_twice_is_no_place():
    _, _, places = placed(Twice(), 16)
    assert names(places) == ["a", "penultimate"]


def test_tokens_and_maps_with_channels_last_are_averaged_over_positions():
    net = nn.Identity()
    taps = DepthTaps(nn.Sequential(net), ["0"])
    for shape, axes in [((2, 5, 7), (1,)), ((2, 6, 4, 4), (2, 3)), ((2, 4, 4, 6), (1, 2)), ((2, 3, 1, 1), (2, 3))]:
        values = torch.rand(shape)
        net(values)
        torch.testing.assert_close(taps.last["0"], values.mean(dim=axes))


def test_a_trace_leaves_the_network_as_it_was():
    net = drawn(TinyNet(4, 2, 7))
    x = torch.rand(2, 3, 8, 8)
    before = net(x)
    trace(net, lambda: net(x), net.classifier)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    torch.testing.assert_close(net(x), before, rtol=0, atol=0)


def test_all_shared_weights_have_places(shared_data):
    uri = f"checkpoint:{shared_data}/weights/manifest.json#*"
    found = {}
    for backbone in open_backbones(uri, trust_code=True):
        card, net = backbone.card, backbone.module()
        x = torch.rand(2, card.transform.channels, card.transform.crop, card.transform.crop)
        found[card.name] = find_places(find_tap(net, x, card.num_classes), x)
    assert len(found) == 18
    for places in found.values():
        depths = [p.depth for p in places]
        assert depths == sorted(set(depths))
        assert depths[-1] == 1.0
        assert 3 <= len(places) <= MOST
    assert names(found["mnv2_100_imagenet"]) == ["blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.4", "bn2"]
    assert names(found["resnet20_cifar10"])[1::2] == ["layer1", "layer2", "layer3"]
