import numpy as np
import pytest
import torch
from torch import nn

from shiftscope.backbones.layers import LayerWatch, estimate_running, running
from shiftscope.core.features import FeatureSet, LayerStats, Pair
from shiftscope.core.records import BackboneCard
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES

bn_shift = MEASURES["bn_shift"]


def layer(mean, var, running_mean, running_var):
    return LayerStats(*(np.asarray(v, dtype=float) for v in (mean, var, running_mean, running_var)))


def features(layers, n=50, **more):
    return FeatureSet.of(np.random.default_rng(0).normal(size=(n, 3)), layer_stats=layers, name="photo", **more)


def card(*, random):
    where = {"name": "net", "uri": "u", "library": "l", "constructor": "c", "identity": "i"}
    return BackboneCard(transform=None, random=random, **where)


def jeffreys(m, v, mu, s):
    """KL(p|q) + KL(q|p) of two Gaussians."""

    def kl(m, v, mu, s):
        return 0.5 * (np.log(s / v) + (v + (m - mu) ** 2) / s - 1)

    return kl(m, v, mu, s) + kl(mu, s, m, v)


def test_equals_the_formula():
    rng = np.random.default_rng(0)
    numbers = [(rng.normal(size=c), rng.uniform(0.5, 3, c), rng.normal(size=c), rng.uniform(0.5, 3, c)) for c in (3, 8)]
    found = bn_shift(features({"a": layer(*numbers[0]), "b": layer(*numbers[1])}))
    by_layer = [
        np.mean([(x - y) ** 2 / ((v + s) / 2) + np.log(v / s) ** 2 / 2 for x, v, y, s in zip(*four, strict=True)])
        for four in numbers
    ]
    assert found.value == pytest.approx(np.mean(by_layer), rel=1e-4)
    assert found.details["shifts"] == pytest.approx(by_layer, rel=1e-4)
    assert found.details["mean_part"] + found.details["variance_part"] == pytest.approx(found.value)
    assert found.details["n_channels"] == 11
    assert (found.low, found.high, found.pvalue) == (None, None, None)


def test_is_the_symmetric_divergence_of_gaussians_to_second_order():
    for small in (1e-2, 3e-2):
        m, v = 0.7 + small * 1.5, 2.0 * (1 - small)
        found = bn_shift(features({"a": layer([m], [v], [0.7], [2.0])})).value
        assert found == pytest.approx(jeffreys(m, v, 0.7, 2.0), rel=2 * small)


def test_units_are_those_of_the_channel_and_sides_may_be_exchanged():
    one = bn_shift(features({"a": layer([1.0], [2.0], [0.0], [1.0])})).value
    assert bn_shift(features({"a": layer([9.0], [800.0], [-11.0], [400.0])})).value == pytest.approx(one, rel=1e-4)
    assert bn_shift(features({"a": layer([0.0], [1.0], [1.0], [2.0])})).value == pytest.approx(one)


def test_neither_width_nor_depth_matter():
    one = {"a": layer([1.0, 0.2], [2.0, 1.0], [0.0, 0.0], [1.0, 1.0])}
    wide = {"a": layer([1.0, 0.2] * 8, [2.0, 1.0] * 8, [0.0] * 16, [1.0] * 16)}
    deep = dict.fromkeys("abcdefg", one["a"])
    assert bn_shift(features(wide)).value == pytest.approx(bn_shift(features(one)).value)
    assert bn_shift(features(deep)).value == pytest.approx(bn_shift(features(one)).value)


def test_profile_keeps_the_order_of_layers():
    shifts = [3.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.5]
    names = ["stem", "z9", "b", "a10", "a2", "y", "norm"]
    found = bn_shift(features({k: layer([s], [1.0], [0.0], [1.0]) for k, s in zip(names, shifts, strict=True)}))
    assert found.details["layers"] == names
    assert found.details["shifts"] == pytest.approx(np.square(shifts), rel=1e-4)
    assert found.details["worst_layer"] == "stem"
    assert found.details["early"] == pytest.approx((9 + 0 + 1) / 3, rel=1e-4)
    assert found.details["late"] == pytest.approx((4 + 0 + 0.25) / 3, rel=1e-4)


def test_dead_channels_are_no_shift_and_dying_ones_not_infinite():
    zeros = layer([0.0], [0.0], [0.0], [0.0])
    assert bn_shift(features({"a": zeros})).value == 0.0
    dying = bn_shift(features({"a": layer([0.0], [0.0], [0.0], [4.0])})).value
    assert dying == pytest.approx(np.log(1e-5 / 4) ** 2 / 2, rel=1e-4)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3), nn.BatchNorm2d(12), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(12, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return self.body(self.stem(x)).flatten(1)


def pictures(n, seed):
    """Smooth coloured fields: every picture has its own level, so positions within it agree a good deal."""
    rng = torch.Generator().manual_seed(seed)
    level = torch.randn(n, 3, 1, 1, generator=rng)
    return level + torch.randn(n, 3, 10, 10, generator=rng)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    net = Net().eval()
    estimate_running(net, pictures(4000, 1))
    return net


def under(net, x):
    """Features of ``x`` with batch-norm statistics, as extraction makes them."""
    watch = LayerWatch(net)
    with torch.inference_mode():
        out = net(x)
    watch.keep()
    seen, carried = watch.take(), running(net)
    stats = {k: LayerStats(s.mean, s.var, carried[k].mean, carried[k].var) for k, s in seen.items()}
    return FeatureSet.of(out.numpy(), layer_stats=stats)


def test_without_a_shift_it_lies_below_the_stated_noise(trained):
    for n in (25, 100):
        found = [bn_shift(under(trained, pictures(n, seed))) for seed in range(10, 40)]
        assert found[0].details["noise"] == 2 / n
        mean = np.mean([e.value for e in found])
        assert 0.1 * 2 / n < mean < 2 / n


def test_light_is_seen_in_the_first_layer_and_beyond_noise(trained):
    plain, bright = (bn_shift(under(trained, pictures(100, 7) + lift)) for lift in (0.0, 3.0))
    assert bright.value > 20 * bright.details["noise"]
    assert plain.value < plain.details["noise"]
    assert bright.details["worst_layer"] == "stem.1"
    assert bright.details["early"] == bright.details["shifts"][0] > bright.details["late"]
    assert bright.details["mean_part"] > bright.details["variance_part"]


def test_contrast_is_a_change_of_variance(trained):
    found = bn_shift(under(trained, 2 * pictures(100, 7))).details
    assert found["variance_part"] > 4 * found["mean_part"]


def test_groups_raise_the_noise():
    groups = np.repeat(np.arange(10), 5)
    found = bn_shift(features({"a": layer([1.0], [1.0], [0.0], [1.0])}, groups=groups))
    assert found.details["noise"] == 2 / 10


def test_a_pair_is_measured_by_its_target_and_needs_no_source_statistics():
    target = features({"a": layer([1.0], [2.0], [0.0], [1.0])})
    source = FeatureSet.of(np.zeros((4, 3)))
    assert bn_shift(Pair(source, target)) == bn_shift(target)
    assert bn_shift.takes is FeatureSet


def test_without_batch_norm_or_under_random_weights_there_is_no_answer():
    with pytest.raises(NotApplicableError, match="the backbone of photo has no batch norm"):
        bn_shift(features({}))
    with pytest.raises(NotApplicableError, match="net, which has random weights, were taken from photo itself"):
        bn_shift(features({"a": layer([1.0], [2.0], [0.0], [1.0])}, card=card(random=True)))
    assert bn_shift(features({"a": layer([1.0], [2.0], [0.0], [1.0])}, card=card(random=False))).value > 0


def test_transfer_measures_of_one_set_still_refuse_a_pair():
    one = FeatureSet.of(np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2)
    with pytest.raises(InputError, match="logme takes a FeatureSet, not a Pair"):
        MEASURES["logme"](Pair(one, one))
