from functools import partial

import pytest
import timm
import torch
import torchvision
from torch import nn

from shiftscope.backbones import open_backbones
from shiftscope.backbones.tiny import TinyNet
from shiftscope.core.image import InputTransform
from shiftscope.errors import BackboneError
from shiftscope.finetune.network import network_of, parameter_groups
from shiftscope.finetune.recipe import Recipe

RECIPE = Recipe(rate=0.01, depth_decay=0.5, weight_decay=0.03)


def square(side, channels=3):
    return InputTransform(resize=side, crop=side, channels=channels, mean=(0.5,) * channels, std=(0.25,) * channels)


def pictures(side, channels=3):
    return torch.rand(4, channels, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_linear_head_is_replaced_and_nothing_else(tiny, fresh):
    source, network, x = tiny.module(), fresh(), pictures(16)
    features = source.features(x).mean(dim=(2, 3))
    head = network.module.classifier
    assert network.head is None
    assert head.weight.shape == (3, features.shape[1])
    torch.testing.assert_close(network(x), features @ head.weight.T + head.bias)
    assert not network.training
    assert all(p.requires_grad for p in network.parameters())


@torch.no_grad()
def test_a_convolution_that_is_the_head_is_replaced(fed_with):
    transform = square(64)
    backbone = fed_with(open_backbones("torchvision:squeezenet1_1@random")[0], transform)
    network, source, x = network_of(backbone, transform, 5, seed=0), backbone.module(), pictures(64)
    head = network.module.classifier[1]
    assert isinstance(head, nn.Conv2d)
    maps = torch.einsum("bchw,kc->bkhw", source.features(x), head.weight[:, :, 0, 0]) + head.bias[:, None, None]
    torch.testing.assert_close(network(x), maps.relu().mean(dim=(2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "width"), [(lambda: TinyNet(width=4, depth=2, num_classes=0), 8), (lambda: nn.Conv2d(3, 6, 3), 6)]
)
@torch.no_grad()
def test_an_embedding_network_gets_a_head_behind_it(home_made, transform, build, width):
    backbone = home_made(build, num_classes=0)
    network, x = network_of(backbone, transform, 5, seed=0), pictures(16)
    features = backbone.module()(x)
    features = features.mean(dim=(2, 3)) if features.ndim == 4 else features
    assert network.head.weight.shape == (5, width)
    torch.testing.assert_close(network(x), features @ network.head.weight.T + network.head.bias)


def test_one_channel(home_made):
    backbone = home_made(lambda: TinyNet(width=4, depth=2, num_classes=7, in_chans=1), 7, square(16, 1))
    assert network_of(backbone, square(16, 1), 5, seed=0)(pictures(16, 1)).shape == (4, 5)


def test_the_seed_decides_the_head_and_touches_no_other_randomness(fresh):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, again, other = fresh(0), fresh(0), fresh(1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one.module.classifier.weight, again.module.classifier.weight)
    assert not torch.equal(one.module.classifier.weight, other.module.classifier.weight)
    assert torch.equal(one.module.features[0][0].weight, other.module.features[0][0].weight)


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 7)),
        lambda: torchvision.models.VisionTransformer(
            image_size=32, patch_size=16, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=8, num_classes=7
        ),
    ],
)
def test_a_size_that_a_network_does_not_take(home_made, transform, build):
    with pytest.raises(BackboneError, match=r"^mine does not run on pictures of 16 pixels \(.+\): choose the size"):
        network_of(home_made(build, 7), transform, 3, seed=0)


def groups_of(network, side, arm="full", recipe=RECIPE):
    """Rate and decay of every parameter that is in a group, by name."""
    names = {p: name for name, p in network.named_parameters()}
    groups = parameter_groups(network, pictures(side), recipe, arm)
    listed = [(names[p], (g["lr"], g["weight_decay"])) for g in groups for p in g["params"]]
    assert len(listed) == len(dict(listed))
    return dict(listed)


def test_rates_by_quarter_and_decay_by_dimension(fresh):
    found = groups_of(fresh(), 16)
    expected = {}
    for quarter in range(4):
        rate = 0.01 * 0.5 ** (3 - quarter)
        expected[f"module.features.{quarter}.0.weight"] = (rate, 0.03)
        expected |= {f"module.features.{quarter}.1.{which}": (rate, 0.0) for which in ("weight", "bias")}
    expected |= {"module.classifier.weight": (0.01, 0.03), "module.classifier.bias": (0.01, 0.0)}
    assert found.keys() == expected.keys()
    for name, pair in found.items():
        assert pair == pytest.approx(expected[name]), name


class Backwards(nn.Module):
    """Registers its layers in the reverse of the order in which they run."""

    def __init__(self):
        super().__init__()
        self.head, self.last, self.first = nn.Linear(4, 7), nn.Conv2d(4, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.head(self.last(self.first(x)).mean(dim=(2, 3)))


def test_layers_are_numbered_as_they_run(home_made, transform):
    found = groups_of(network_of(home_made(Backwards, 7), transform, 3, seed=0), 16)
    rates = [found[f"module.{layer}.weight"][0] for layer in ("first", "last", "head")]
    assert rates == pytest.approx([0.01 / 8, 0.01 / 2, 0.01])


@pytest.mark.parametrize(("arm", "stages"), [("last_stage", [3]), ("linear", []), ("scratch", range(4))])
def test_an_arm_trains_its_layers_and_freezes_the_others(fresh, arm, stages):
    network = fresh()
    found = groups_of(network, 16, arm)
    trained = {n for n, _ in network.named_parameters() if any(n.startswith(f"module.features.{s}.") for s in stages)}
    trained |= {"module.classifier.weight", "module.classifier.bias"}
    assert found.keys() == trained
    assert {n for n, p in network.named_parameters() if p.requires_grad} == trained


NETWORKS = {
    "squeezenet": (partial(torchvision.models.squeezenet1_1, num_classes=7), 64),
    "shufflenet": (partial(torchvision.models.shufflenet_v2_x0_5, num_classes=7), 32),
    # Attention reads the weights of projections that it never calls.
    "vit": (
        lambda: torchvision.models.VisionTransformer(
            image_size=32, patch_size=16, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=8, num_classes=7
        ),
        32,
    ),
    "swin": (
        lambda: torchvision.models.SwinTransformer([4, 4], 8, [1, 1], [1, 1], [4, 4], num_classes=7),
        32,
    ),
    "timm_vit": (lambda: timm.create_model("test_vit", num_classes=7, img_size=32), 32),
    "timm_resnet": (lambda: timm.create_model("test_resnet", num_classes=7), 32),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_whole_of_any_network_is_trained(home_made, name):
    build, side = NETWORKS[name]
    network = network_of(home_made(build, 7, square(side)), square(side), 3, seed=0)
    assert groups_of(network, side).keys() == dict(network.named_parameters()).keys()


def test_attention_is_trained_with_the_block_it_is_in(home_made):
    build, side = NETWORKS["vit"]
    network = network_of(home_made(build, 7, square(side)), square(side), 3, seed=0)
    found = groups_of(network, side)
    blocks = [f"module.encoder.layers.encoder_layer_{i}.self_attention" for i in range(2)]
    for block in blocks:
        assert found[f"{block}.out_proj.weight"] == found[f"{block}.in_proj_weight"]
    assert found[f"{blocks[0]}.out_proj.weight"][0] < found[f"{blocks[1]}.out_proj.weight"][0]
    assert found["module.class_token"][0] == pytest.approx(0.01 / 8)
