"""Features at several depths: what a network itself gives there, from one decode and one pass, kept and found again."""

import numpy as np
import pytest
import torch
from test_extract import Fragile, Images, N, backbone
from torch import nn

from shiftscope.backbones import Backbone, random_copy
from shiftscope.backbones.tiny import TinyNet
from shiftscope.extraction import Store, compute, extract
from shiftscope.extraction.pictures import fit
from shiftscope.extraction.runner import Runner


def deep_net(name="net", depth=3):
    return backbone(name, lambda: TinyNet(4, depth, 3))


def count_passes(monkeypatch):
    """Sizes of the batches that networks run on; finding taps and counting operations are not among them."""
    sizes = []
    forward = Runner._forward

    def counted(self, pictures):
        sizes.append(len(pictures))
        return forward(self, pictures)

    monkeypatch.setattr(Runner, "_forward", counted)
    return sizes


def by_hooks(images, b, ids, names):
    """Outputs of the modules ``names``, averaged over positions, for all pictures at once."""
    net, caught, transform = b.module(), {}, b.card.transform
    for name in names:
        net.get_submodule(name).register_forward_hook(lambda _, __, y, name=name: caught.update({name: y.mean((2, 3))}))
    pictures = np.stack([fit(images.pictures[int(i[:-4])], transform.geometry) for i in ids])
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (transform.mean, transform.std))
    with torch.no_grad():
        net((x - mean) / std)
    return caught


def test_every_depth_is_what_a_hook_on_that_module_sees(tmp_path):
    images, b = Images(), deep_net()
    source = images.source()
    done = extract(source, [b], store=Store(tmp_path), device="cpu", batch_size=7, deep=["net"])
    layers = done.layers["net"]
    assert [(x.name, x.depth) for x in layers] == [(f"features.{i}", (i + 1) / 3) for i in range(3)]
    assert [x.features.d for x in layers] == [4, 8, 16]
    expected = by_hooks(images, b, source.ids, [x.name for x in layers])
    for layer in layers:
        np.testing.assert_allclose(layer.features.features, expected[layer.name], rtol=1e-4, atol=1e-5)
        assert layer.features.ids == source.ids
        assert layer.features.target.names() == source.target.names()
    assert [x.features.logits is None for x in layers] == [True, True, False]
    assert layers[-1].features is done.features["net"]


def test_one_decode_and_one_pass_for_all_depths(tmp_path, monkeypatch):
    images, sizes = Images(), count_passes(monkeypatch)
    several = [deep_net("a"), deep_net("b", 2), random_copy(deep_net("a"))]
    done = extract(images.source(), several, store=Store(tmp_path), device="cpu", deep=["a", "b"])
    assert sorted(images.decoded) == list(range(N))
    assert (done.n_decoded, done.n_forward, sum(sizes)) == (N, 3 * N, 3 * N)
    assert {name: len(found) for name, found in done.layers.items()} == {"a": 3, "b": 2}


def test_a_second_run_decodes_and_passes_nothing(tmp_path, monkeypatch):
    images = Images()
    cold = extract(images.source(), [deep_net()], store=Store(tmp_path), device="cpu", deep=["net"])
    images.decoded.clear()
    monkeypatch.setattr(Backbone, "module", lambda _: pytest.fail("a network was built"))
    warm = extract(images.source(), [deep_net()], store=Store(tmp_path), device="cpu", deep=["net"])
    assert (images.decoded, warm.n_decoded, warm.n_forward, warm.n_hits) == ([], 0, 0, 1)
    for a, b in zip(cold.layers["net"], warm.layers["net"], strict=True):
        assert (a.name, a.depth, a.features.fingerprint) == (b.name, b.depth, b.features.fingerprint)


def test_features_at_several_depths_serve_a_run_that_asks_for_the_last_only(tmp_path):
    images = Images()
    plain = extract(images.source(), [deep_net()], store=Store(tmp_path / "plain"), device="cpu")
    deep = extract(images.source(), [deep_net()], store=Store(tmp_path), device="cpu", deep=["net"])
    images.decoded.clear()
    after = extract(images.source(), [deep_net()], store=Store(tmp_path), device="cpu")
    assert (images.decoded, after.n_forward, after.layers) == ([], 0, {})
    assert after.keys == deep.keys
    for run in (deep, after):
        # To ask for more changes nothing of what was asked for before.
        assert run.features["net"].fingerprint == plain.features["net"].fingerprint
        np.testing.assert_array_equal(run.features["net"].logits, plain.features["net"].logits)


def test_stored_penultimate_features_do_not_stand_for_all_depths(tmp_path):
    images = Images()
    extract(images.source(), [deep_net()], store=Store(tmp_path), device="cpu")
    deep = extract(images.source(), [deep_net()], store=Store(tmp_path), device="cpu", deep=["net"])
    assert (deep.n_forward, deep.n_hits, len(deep.layers["net"])) == (N, 0, 3)


def test_parts_join_and_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    whole = extract(Images().source(), [deep_net()], store=Store(tmp_path / "whole"), device="cpu", deep=["net"])
    monkeypatch.setattr(compute, "PART", 16)

    def interrupt(*told):
        if told[1] >= 32:
            raise KeyboardInterrupt

    where = {"store": Store(tmp_path / "cut"), "device": "cpu", "deep": ["net"]}
    with pytest.raises(KeyboardInterrupt):
        extract(Images().source(), [deep_net()], progress=interrupt, **where)
    rest = extract(Images().source(), [deep_net()], **where)
    assert rest.n_forward == N - 32
    for a, b in zip(whole.layers["net"], rest.layers["net"], strict=True):
        np.testing.assert_allclose(a.features.features, b.features.features, rtol=1e-4, atol=1e-6)


def test_unreadable_images_are_left_out_at_every_depth(tmp_path):
    done = extract(Images(200, broken={7}).source(), [deep_net()], store=Store(tmp_path), device="cpu", deep=["net"])
    assert {x.features.ids for x in done.layers["net"]} == {done.features["net"].ids}
    assert "7.png" not in done.features["net"].ids


class Overflows(nn.Module):
    """What leaves the middle is infinite, and what comes after makes do with it."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 3, 2), nn.Conv2d(4, 4, 3, 2), nn.Conv2d(4, 4, 1)
        self.big, self.head = nn.Hardtanh(0.0, float("inf")), nn.Linear(4, 3)

    def forward(self, x):
        y = self.big(self.b(self.a(x)) / 0.0)
        return self.head(self.c(y.clamp(-1, 1)).mean(dim=(2, 3)))


def test_a_layer_with_infinite_features_is_named_and_the_others_stand(tmp_path):
    net = backbone("net", Overflows)
    done = extract(Images().source(), [net], store=Store(tmp_path), device="cpu", deep=["net"])
    a, big, c = done.layers["net"]
    assert (a.name, big.name, c.name) == ("a", "big", "c")
    assert big.features is None
    assert "40 of 40 feature rows hold NaN or infinite values" in big.reason
    assert a.features.n == c.features.n == N


def out_of_memory(_):
    raise torch.OutOfMemoryError("no memory left")


def test_passes_that_shrink_leave_nothing_behind_at_any_depth(tmp_path):
    def run(most):
        net = nn.Sequential(nn.Conv2d(3, 3, 3, 2), Fragile(most, out_of_memory), nn.Conv2d(3, 5, 3, 2))
        built = backbone("a", lambda: net, num_classes=0)
        where = {"store": Store(tmp_path / str(most)), "device": "cpu", "deep": ["a"]}
        return extract(Images().source(), [built], batch_size=16, **where).layers["a"]

    for small, whole in zip(run(3), run(99), strict=True):
        assert small.features.n == N
        np.testing.assert_allclose(small.features.features, whole.features.features, rtol=1e-4, atol=1e-5)
