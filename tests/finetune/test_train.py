from math import cos, pi

import numpy as np
import pytest
import torch
from torch import nn

from shiftscope.backbones.layers import batch_norms
from shiftscope.backbones.tiny import TinyNet
from shiftscope.errors import BackboneError
from shiftscope.finetune.network import network_of
from shiftscope.finetune.recipe import Recipe
from shiftscope.finetune.train import Pictures, _augmentation, _batches, _pace, log_probabilities, train

SHORT = Recipe(rate=3e-3, steps=3, batch=8)
TRAINED, JUDGED = np.arange(30), np.arange(30, 90)


def run(network, fed, task, *, arm="full", recipe=SHORT, seed=0, rows=TRAINED):
    train(network, fed, task[1], rows, arm=arm, recipe=recipe, seed=seed)
    return network


def equal(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_same_seed_gives_the_same_network_bit_for_bit(fresh, fed, task):
    one, again, other = (run(fresh(), fed, task, seed=seed) for seed in (5, 5, 6))
    assert equal(one, again)
    assert not equal(one, other)


def test_dropout_too_follows_the_seed(home_made, transform, fed, task):
    def build():
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(768, 7))

    one, again = (run(network_of(home_made(build, 7), transform, 3, seed=0), fed, task) for _ in range(2))
    assert equal(one, again)


def test_torch_keeps_its_own_random_state(fresh, fed, task):
    before = torch.get_rng_state()
    run(fresh(), fed, task)
    with pytest.raises(BackboneError):
        run(fresh(), fed, task, recipe=Recipe(rate=1e30, steps=30, batch=8))
    assert torch.equal(torch.get_rng_state(), before)


def test_training_ends_in_eval_mode(fresh, fed, task):
    assert not any(m.training for m in run(fresh(), fed, task).modules())


def test_the_last_stage_leaves_the_others_as_they_were(fresh, fed, task):
    before, after = fresh().state_dict(), run(fresh(), fed, task, arm="last_stage").state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    still = {
        name for name in before if name.startswith(("module.features.0", "module.features.1", "module.features.2"))
    }
    assert {n for n in still if n.endswith("running_var")}
    assert changed == before.keys() - still


def test_frozen_batch_norm_uses_its_own_statistics_while_training(fresh, fed, task):
    # Were the frozen layers in training mode, their outputs would depend on the rest of the batch.
    network, seen = fresh(), []
    network.module.features[1].register_forward_hook(lambda *_: seen.append([m.training for m in network.modules()]))
    run(network, fed, task, arm="last_stage")
    layers = list(network.modules())
    frozen = {layers.index(layer) for name, layer in batch_norms(network).items() if "features.3" not in name}
    for modes in seen[1:-1]:  # the first pass looks at the order, the last estimates statistics
        assert {i for i, layer in enumerate(layers) if not modes[i] and isinstance(layer, nn.BatchNorm2d)} == frozen


def test_statistics_are_those_of_the_training_pictures(fresh, fed, task):
    network = run(fresh(), fed, task).requires_grad_(False)
    # 30 pictures are one batch: every layer sees what the layer before gives in training mode.
    x = (fed.pixels[TRAINED].double() / 255 - fed.mean.double()) / fed.std.double()
    for convolution, norm, _ in network.module.features:
        x = nn.functional.conv2d(x, convolution.weight.double(), stride=2, padding=1)
        mean, var = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), correction=0)
        count = x.numel() / x.shape[1]
        torch.testing.assert_close(norm.running_mean.double(), mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var.double(), var * count / (count - 1), rtol=1e-4, atol=1e-5)
        x = (x - mean[:, None, None]) / (var + norm.eps).sqrt()[:, None, None]
        x = (x * norm.weight[:, None, None] + norm.bias[:, None, None]).relu()


def test_the_first_step_is_as_long_as_the_rate_of_the_quarter(fresh, fed, task):
    # The first step of Adam is the learning rate times the sign of the gradient; weights decay besides.
    recipe = Recipe(rate=0.01, steps=1, batch=30, depth_decay=0.5, weight_decay=0.1)
    before, after = fresh(), run(fresh(), fed, task, recipe=recipe)
    for name, old in before.named_parameters():
        quarter = int(name.split(".")[2]) if "features" in name else 3
        rate = 0.01 * 0.5 ** (3 - quarter)
        kept = old.detach() * (1 - rate * 0.1) if old.ndim > 1 else old.detach()
        move = (dict(after.named_parameters())[name].detach() - kept).abs()
        assert move.max().item() == pytest.approx(rate, rel=1e-3), name


@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_divergence_is_an_error(fresh, fed, task, rate):
    with pytest.raises(BackboneError, match=r"training diverged at a learning rate of 1e\+\d+: choose a smaller"):
        run(fresh(), fed, task, recipe=Recipe(rate=rate, steps=60, batch=8))


def test_pictures_that_are_no_numbers_are_an_error(fresh, task, transform):
    broken = Pictures.of(task[0], transform)
    broken.mean[:] = torch.nan
    with pytest.raises(BackboneError, match="diverged"):
        run(fresh(), broken, task)


def test_a_network_of_no_finite_numbers_is_not_judged(fresh, fed):
    network = fresh()
    with torch.no_grad():
        network.module.classifier.bias[1] = torch.inf
    with pytest.raises(BackboneError, match="not finite"):
        log_probabilities(network, fed, JUDGED)


@pytest.fixture
def random_net(home_made, transform):
    """Makes a network that was never trained."""
    backbone = home_made(lambda: TinyNet(width=8, depth=3, num_classes=7), 7)
    return lambda: network_of(backbone, transform, 3, seed=0)


@pytest.mark.parametrize("arm", ["full", "scratch", "last_stage"])
def test_what_can_be_learnt_is_learnt(fresh, random_net, fed, task, arm):
    network = random_net() if arm == "scratch" else fresh()
    before = log_probabilities(network, fed, TRAINED)
    run(network, fed, task, arm=arm, recipe=Recipe(rate=1e-2, steps=40, batch=16, flip=False))
    after, test = log_probabilities(network, fed, TRAINED), log_probabilities(network, fed, JUDGED)
    own = np.arange(30), task[1][TRAINED]
    assert -after[own].mean() < 0.3 * -before[own].mean()
    assert (test.argmax(axis=1) == task[1][JUDGED]).mean() > 0.9


def test_shuffled_labels_teach_nothing(fresh, fed, task):
    labels = np.random.default_rng(0).permutation(task[1])
    network = run(fresh(), fed, (None, labels), recipe=Recipe(rate=3e-3, steps=30, batch=16))
    right = (log_probabilities(network, fed, JUDGED).argmax(axis=1) == labels[JUDGED]).mean()
    assert abs(right - 1 / 3) < 3 * np.sqrt(2 / 9 / 60)


@torch.no_grad()
def test_log_probabilities_are_the_networks(fresh, task, transform):
    many = Pictures.of(np.concatenate([task[0]] * 3), transform)
    network, rows = fresh(), np.random.default_rng(0).permutation(270)[:200]
    found = log_probabilities(network, many, rows)
    x = (many.pixels[rows].double() / 255 - many.mean.double()) / many.std.double()
    expected = network.double()(x).log_softmax(dim=1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(("steps", "warm_up", "rise"), [(100, 0.1, 10), (300, 0.1, 30), (50, 0.0, 1), (7, 0.5, 4)])
def test_the_rate_rises_in_a_line_and_falls_as_a_cosine(steps, warm_up, rise):
    recipe = Recipe(steps=steps, warm_up=warm_up)
    pace = [_pace(step, recipe) for step in range(steps)]
    falls = steps - rise
    np.testing.assert_allclose(pace[:rise], np.arange(1, rise + 1) / rise)
    np.testing.assert_allclose(pace[rise:], [(1 + cos(pi * i / falls)) / 2 for i in range(falls)])
    # The sum of cosines over half a turn is known: a schedule that starts late or stops early has another area.
    assert sum(pace) == pytest.approx((rise + 1) / 2 + (falls + 1) / 2)
    assert _pace(steps, recipe) == pytest.approx(0)
    assert max(pace) == 1


def test_pictures_are_moved_by_an_eighth_and_mirrored_if_wanted(task):
    picture = torch.from_numpy(task[0][1]).permute(2, 0, 1)
    padded = np.pad(picture.numpy(), ((0, 0), (2, 2), (2, 2)), mode="reflect")
    moved = {padded[:, i : i + 16, j : j + 16].tobytes() for i in range(5) for j in range(5)}
    mirrored = {padded[:, i : i + 16, j : j + 16][:, :, ::-1].tobytes() for i in range(5) for j in range(5)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for flip, allowed in ((False, moved), (True, moved | mirrored)):
            change = _augmentation(16, Recipe(flip=flip))
            seen = {change(picture).numpy().tobytes() for _ in range(500)}
            assert seen == allowed


def test_every_picture_is_seen_once_before_any_is_seen_again():
    rows = np.arange(100, 137)
    order = _batches(rows, Recipe(steps=20, batch=8), seed=0)
    assert order.shape == (20, 8)
    for start in (0, 37, 74):
        assert set(order.ravel()[start : start + 37]) == set(rows)
    assert not np.array_equal(order, _batches(rows, Recipe(steps=20, batch=8), seed=1))
    assert set(_batches(rows[:3], Recipe(steps=2, batch=8), seed=0).ravel()) == set(rows[:3])


def test_only_training_pictures_have_a_say(fresh, fed, task):
    blank = Pictures(fed.pixels.clone(), fed.mean, fed.std)
    blank.pixels[JUDGED] = 0
    labels = task[1].copy()
    labels[JUDGED] = 0
    assert equal(run(fresh(), fed, task), run(fresh(), blank, (None, labels)))


def test_channels_come_in_the_order_the_network_takes_them(task, transform):
    swapped = Pictures.of(task[0], transform.model_copy(update={"bgr": True}))
    expected = (task[0][..., ::-1] / 255 - transform.mean) / transform.std
    found = swapped.normalised(swapped.pixels, torch.device("cpu"))
    np.testing.assert_allclose(found.permute(0, 2, 3, 1), expected, rtol=1e-5, atol=1e-5)
    assert swapped.pixels.dtype == torch.uint8


def test_grey_pictures(home_made, task, transform):
    grey = transform.model_copy(update={"channels": 1, "mean": (0.5,), "std": (0.25,)})
    pictures = Pictures.of(task[0].mean(axis=3, keepdims=True).astype(np.uint8), grey)
    backbone = home_made(lambda: TinyNet(width=8, depth=3, num_classes=7, in_chans=1), 7, grey)
    network = run(network_of(backbone, grey, 3, 0), pictures, task, recipe=Recipe(rate=1e-2, steps=40, flip=False))
    assert (log_probabilities(network, pictures, JUDGED).argmax(axis=1) == task[1][JUDGED]).mean() > 0.9
