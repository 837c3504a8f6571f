import numpy as np
import pytest
import torch
from torch import nn

from shiftscope.backbones.layer_sums import LayerSums
from shiftscope.backbones.layers import LayerWatch, batch_norms, estimate_running, restore_running, running


def network():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 6), nn.BatchNorm1d(6),
        nn.BatchNorm1d(6, track_running_stats=False),
    )  # fmt: skip
    for layer in batch_norms(net).values():
        layer.running_mean.normal_()
        layer.running_var.uniform_(0.5, 2.0)
    return net.eval()


def pictures(n):
    return torch.rand(n, 3, 9, 9, generator=torch.Generator().manual_seed(1)) * 3 + 1


def inputs_in_float64(net, x):
    """What enters each batch-norm layer, by running the network in double precision layer by layer."""
    x, seen = x.double(), {}
    for name, layer in net.double().named_children():
        if name in batch_norms(net):
            seen[name] = x.transpose(0, 1).flatten(1).numpy()
        x = layer(x)
    return seen


@pytest.mark.parametrize("sizes", [(20,), (7, 7, 6), (2, 18)])
@torch.no_grad()
def test_watch_sees_mean_and_variance_of_layer_inputs(sizes):
    net, x = network(), pictures(20)
    watch = LayerWatch(net)
    for batch in x.split(sizes):
        net(batch)
        watch.keep()
    sums = watch.take()
    expected = inputs_in_float64(network(), x)
    assert sums.keys() == expected.keys() == {"1", "4", "8"}
    for name, values in expected.items():
        assert sums[name].count == values.shape[1]
        np.testing.assert_allclose(sums[name].mean, values.mean(axis=1), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(sums[name].var, values.var(axis=1), rtol=1e-4)


@torch.no_grad()
def test_a_dropped_pass_does_not_count():
    net, watch = (net := network()), LayerWatch(net)
    net(pictures(4))
    watch.keep()
    net(pictures(8) * 100)
    watch.drop()
    assert watch.take()["1"].count == 4 * 49
    assert watch.take() == {}


def test_sums_join_like_concatenation():
    x = np.random.default_rng(0).normal(size=(3, 50)) + 100
    parts = [LayerSums(p.shape[1], p.mean(axis=1), p.var(axis=1)) for p in np.split(x, [5, 30], axis=1)]
    joined = parts[0] + parts[1] + parts[2]
    np.testing.assert_allclose(joined.mean, x.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(joined.var, x.var(axis=1), rtol=1e-10)


@torch.no_grad()
def test_estimated_statistics_are_those_of_batch_norm_in_training():
    x = pictures(50)
    net = network()
    estimate_running(net, x)
    reference = network()[:2]
    reference[1].reset_running_stats()
    reference[1].momentum = None
    reference[1].train()
    for batch in torch.tensor_split(x, 2):
        reference(batch)
    torch.testing.assert_close(net[1].running_mean, reference[1].running_mean)
    torch.testing.assert_close(net[1].running_var, reference[1].running_var)
    assert not any(m.training for m in net.modules())
    assert net[1].momentum == 0.1


@torch.no_grad()
def test_after_estimation_every_layer_sees_what_it_carries():
    net, x = network(), pictures(30)
    estimate_running(net, x)
    watch = LayerWatch(net)
    net(x)
    watch.keep()
    for name, seen in watch.take().items():
        np.testing.assert_allclose(seen.mean, running(net)[name].mean, atol=0.02)
        np.testing.assert_allclose(seen.var, running(net)[name].var, rtol=0.05)


def test_one_picture_is_too_few_to_estimate_from():
    net = network()
    before = running(net)
    estimate_running(net, pictures(1))
    np.testing.assert_array_equal(running(net)["8"].mean, before["8"].mean)


def test_statistics_can_be_given_back():
    net = network()
    kept = running(net)
    estimate_running(net, pictures(10))
    restore_running(net, kept)
    for name, sums in running(net).items():
        np.testing.assert_array_equal(sums.mean, kept[name].mean)
        np.testing.assert_array_equal(sums.var, kept[name].var)
