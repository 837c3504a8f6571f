import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from shiftscope.backbones import Backbone, identity_of, open_backbones, random_copy
from shiftscope.backbones.tiny import TinyNet
from shiftscope.core.image import InputTransform
from shiftscope.core.records import BackboneCard
from shiftscope.core.target import Target
from shiftscope.data import ImageSource, UnreadableError
from shiftscope.errors import BackboneError, InputError
from shiftscope.extraction import Store, compute, extract
from shiftscope.extraction.runner import Runner, _flops

N = 40


class Images:
    """Generated pictures of different sizes that count how often each is decoded."""

    def __init__(self, n=N, broken=()):
        rng = np.random.default_rng(0)
        self.pictures = [rng.integers(0, 256, (20 + i % 3, 24, 3), dtype=np.uint8) for i in range(n)]
        self.broken = broken
        self.decoded = []

    def read(self, i):
        self.decoded.append(i)
        if i in self.broken:
            raise UnreadableError("cut short")
        return self.pictures[i]

    def source(self, order=None):
        order = range(len(self.pictures)) if order is None else order
        return ImageSource.of(
            "test:images",
            keys=[hashlib.sha256(self.pictures[i].tobytes()).hexdigest() for i in order],
            ids=[f"{i}.png" for i in order],
            target=Target.of([f"class {i % 2}" for i in order]),
            read=lambda row: self.read(order[row]),
        )


class Given:
    """Weights made by calling the constructor under a seed."""

    def fetch(self):
        pass

    def load(self, module):
        torch.manual_seed(7)
        module.load_state_dict({k: torch.rand_like(v.float()) for k, v in module.state_dict().items()})


def backbone(name="net", make=lambda: TinyNet(4, 2, 3), *, crop=16, channels=3, num_classes=3, bgr=False, resize=None):
    transform = InputTransform(
        resize=resize or crop, crop=crop, channels=channels, bgr=bgr,
        mean=(0.4, 0.5, 0.6)[:channels], std=(0.2, 0.25, 0.3)[:channels],
    )  # fmt: skip
    draft = BackboneCard(
        name=name, uri=name, library="test", constructor=name, transform=transform, num_classes=num_classes, identity=""
    )
    return Backbone(draft.model_copy(update={"identity": identity_of(draft, weights=name)}), make, Given())


def by_hand(images, net, source, transform):
    """Preprocess with torchvision in float32, run the whole set at once, and read the head's input."""
    steps = [torchvision.transforms.v2.Resize(transform.resize), torchvision.transforms.v2.CenterCrop(transform.crop)]
    pictures = [torchvision.transforms.v2.functional.to_pil_image(images.pictures[int(i[:-4])]) for i in source.ids]
    x = torch.stack([torchvision.transforms.v2.functional.pil_to_tensor(steps[1](steps[0](p))) for p in pictures]) / 255
    x = x[:, [2, 1, 0]] if transform.bgr else x
    x = (x - torch.tensor(transform.mean).view(3, 1, 1)) / torch.tensor(transform.std).view(3, 1, 1)
    with torch.no_grad():
        features = net.features(x).mean(dim=(2, 3))
        return features, net.classifier(features), net.features[0][0](x)


@pytest.mark.parametrize("options", [{}, {"bgr": True}, {"resize": 20}])
def test_features_logits_and_layer_statistics_are_those_computed_by_hand(tmp_path, options):
    images, b = Images(), backbone(**options)
    source = images.source()
    done = extract(source, [b], store=Store(tmp_path), device="cpu", batch_size=7)
    fs = done.features["net"]
    features, logits, first = by_hand(images, b.module(), source, b.card.transform)
    np.testing.assert_allclose(fs.features, features, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fs.logits, logits, rtol=1e-4, atol=1e-4)
    stats = fs.layer_stats["features.0.1"]
    np.testing.assert_allclose(stats.mean, first.double().mean(dim=(0, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(stats.var, first.double().var(dim=(0, 2, 3), correction=0), rtol=1e-3)
    np.testing.assert_array_equal(stats.running_mean, b.module().features[0][1].running_mean)
    assert (fs.ids, fs.target.names(), list(fs.keys)) == (source.ids, source.target.names(), list(source.keys))
    assert fs.card == b.card


def test_each_image_is_decoded_once_for_all_backbones(tmp_path):
    images = Images()
    several = [
        backbone("a"), backbone("b", crop=12), backbone("c", lambda: TinyNet(4, 1, 3, in_chans=1), channels=1),
        *open_backbones("pixels:"),
    ]  # fmt: skip
    done = extract(images.source(), several, store=Store(tmp_path), device="cpu")
    assert sorted(images.decoded) == list(range(N))
    assert list(done.features) == ["a", "b", "c", "pixels"]
    assert (done.n_decoded, done.n_forward, done.n_hits, done.n_misses) == (N, 4 * N, 0, 4)
    alone = extract(images.source(), several[1:2], store=Store(tmp_path / "other"), device="cpu")
    np.testing.assert_array_equal(alone.features["b"].features, done.features["b"].features)


def test_a_second_run_decodes_nothing_and_gives_the_same_bytes(tmp_path, monkeypatch):
    images, several = Images(), [backbone("a"), random_copy(backbone("a"))]
    cold = extract(images.source(), several, store=Store(tmp_path), device="cpu")
    images.decoded.clear()
    monkeypatch.setattr(Backbone, "module", lambda _: pytest.fail("a network was built"))
    warm = extract(images.source(), several, store=Store(tmp_path), device="cpu")
    assert images.decoded == []
    assert (warm.n_decoded, warm.n_forward, warm.n_hits, warm.n_misses) == (0, 0, 2, 0)
    assert warm.keys == cold.keys
    for name, fs in cold.features.items():
        again = warm.features[name]
        assert again.fingerprint == fs.fingerprint
        np.testing.assert_array_equal(again.logits, fs.logits)
        for layer, stats in fs.layer_stats.items():
            for part in ("mean", "var", "running_mean", "running_var"):
                np.testing.assert_array_equal(getattr(again.layer_stats[layer], part), getattr(stats, part))
        assert warm.costs[name] == cold.costs[name].model_copy(update={"cached": True})


def test_order_and_names_of_files_do_not_matter(tmp_path):
    images = Images()
    cold = extract(images.source(), [backbone()], store=Store(tmp_path), device="cpu")
    images.decoded.clear()
    mixed = images.source(np.random.default_rng(3).permutation(N).tolist())
    again = extract(mixed, [backbone()], store=Store(tmp_path), device="cpu")
    assert images.decoded == []
    assert again.features["net"].fingerprint == cold.features["net"].fingerprint


def test_batches_change_nothing_but_rounding(tmp_path):
    images, several = Images(), [backbone("a"), random_copy(backbone("a"))]
    runs = [
        extract(images.source(), several, store=Store(tmp_path / str(size)), device="cpu", batch_size=size)
        for size in (1, 7, 40)
    ]
    for name in ("a", "a@random"):
        for run in runs[1:]:
            scale = np.abs(runs[0].features[name].features).max()
            np.testing.assert_allclose(
                run.features[name].features, runs[0].features[name].features, atol=1e-5 * scale, rtol=1e-4
            )


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "PART", 16)
    several = [backbone("a"), random_copy(backbone("b"))]
    whole = extract(Images().source(), several, store=Store(tmp_path / "whole"), device="cpu")
    images = Images()

    def interrupt(*told):
        if told[1] >= 48:  # the first part and half of the second: one backbone has both, the other only the first
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(images.source(), several, store=Store(tmp_path / "cut"), device="cpu", progress=interrupt)
    first = set(images.decoded)
    assert len(first) == 32
    images.decoded.clear()
    rest = extract(images.source(), several, store=Store(tmp_path / "cut"), device="cpu")
    # The second part lacks one backbone and is decoded again; the first lacks nothing.
    assert len(images.decoded) == rest.n_decoded == N - 16
    assert rest.n_forward == (N - 32) + (N - 16)
    for name, fs in whole.features.items():
        assert rest.features[name].fingerprint == fs.fingerprint
        for layer, stats in fs.layer_stats.items():
            np.testing.assert_array_equal(rest.features[name].layer_stats[layer].mean, stats.mean)


def test_a_damaged_store_is_made_again(tmp_path):
    images = Images()
    cold = extract(images.source(), [backbone()], store=Store(tmp_path), device="cpu")
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    again = extract(images.source(), [backbone()], store=Store(tmp_path), device="cpu")
    assert again.n_decoded == N
    assert again.features["net"].fingerprint == cold.features["net"].fingerprint


def test_networks_that_do_not_fit_in_memory_are_built_again(tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "PART", 16)
    several = [backbone("a"), random_copy(backbone("b"))]
    roomy = extract(Images().source(), several, store=Store(tmp_path / "roomy"), device="cpu")
    monkeypatch.setattr(compute, "RESIDENT", 0)
    tight = extract(Images().source(), several, store=Store(tmp_path / "tight"), device="cpu")
    assert tight.n_decoded == N
    for name, fs in roomy.features.items():
        assert tight.features[name].fingerprint == fs.fingerprint


def test_unreadable_images_are_left_out_for_all_and_remembered(tmp_path):
    images = Images(200, broken={7})
    store = Store(tmp_path)
    several = [backbone("a"), backbone("b", crop=12)]
    cold = extract(images.source(), several[:1], store=store, device="cpu")
    assert [(s.file, s.reason) for s in cold.skipped] == [("7.png", "cut short")]
    assert cold.features["a"].n == 199
    assert "7.png" not in cold.features["a"].ids
    # The second backbone meets a picture that meanwhile can be read: it is left out all the same.
    images.broken = ()
    both = extract(images.source(), several, store=store, device="cpu")
    assert both.features["a"].ids == both.features["b"].ids == cold.features["a"].ids
    images.decoded.clear()
    assert extract(images.source(), several, store=store, device="cpu").features["b"].n == 199
    assert images.decoded == []


def test_a_part_without_a_readable_image(tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "PART", 199)
    images = Images(200)
    last = int(images.source().ids[-1][:-4])
    images.broken = {last}
    done = extract(images.source(), [backbone()], store=Store(tmp_path), device="cpu")
    assert done.features["net"].n == 199
    assert extract(images.source(), [backbone()], store=Store(tmp_path), device="cpu").n_decoded == 0


def test_too_many_unreadable_images_are_an_error(tmp_path):
    images = Images(broken={1})
    for _ in range(2):
        with pytest.raises(InputError, match=r"1 of 40 pictures cannot be read.*1\.png: cut short"):
            extract(images.source(), [backbone()], store=Store(tmp_path), device="cpu")


class Fragile(nn.Module):
    """Gives what it is told to when it sees more than ``most`` pictures."""

    def __init__(self, most, then):
        super().__init__()
        self.norm, self.most, self.then = nn.BatchNorm2d(3), most, then
        self.seen = []

    def forward(self, x):
        y = self.norm(x)
        if len(x) > self.most:
            return self.then(y)
        self.seen.append(len(x))
        return y


def out_of_memory(_):
    raise torch.OutOfMemoryError("no memory left")


def test_passes_shrink_until_they_fit_in_memory(tmp_path):
    net = Fragile(3, out_of_memory)
    fragile, sound = backbone("a", lambda: net, num_classes=0), backbone("a", lambda: Fragile(99, None), num_classes=0)
    done = extract(Images().source(), [fragile], store=Store(tmp_path / "a"), device="cpu", batch_size=16)
    whole = extract(Images().source(), [sound], store=Store(tmp_path / "b"), device="cpu")
    assert net.seen[2:] == [2] * 20
    np.testing.assert_allclose(done.features["a"].features, whole.features["a"].features, rtol=1e-5, atol=1e-6)
    stats = [run.features["a"].layer_stats["norm"] for run in (done, whole)]
    np.testing.assert_allclose(stats[0].var, stats[1].var, rtol=1e-4)


@pytest.mark.parametrize(
    ("then", "words"),
    [(lambda y: y / 0, "rows hold NaN or infinite"), (lambda y: y.view(1), "shape '[1]' is invalid")],
)
def test_a_backbone_that_fails_does_not_take_the_others_with_it(tmp_path, then, words):
    bad = backbone("bad", lambda: Fragile(2, then), num_classes=0)
    done = extract(Images().source(), [bad, backbone("good")], store=Store(tmp_path), device="cpu")
    assert list(done.features) == ["good"]
    assert list(done.failed) == ["bad"]
    assert words in done.failed["bad"]
    assert "\n" not in done.failed["bad"]


def test_when_all_fail_it_is_an_error(tmp_path):
    with pytest.raises(BackboneError, match="a: a cannot be built: nothing there"):
        extract(Images().source(), [backbone("a", nothing)], store=Store(tmp_path), device="cpu")


def nothing():
    raise ValueError("nothing there")


def test_random_weights_carry_the_statistics_of_the_first_images(tmp_path):
    done = extract(Images().source(), [random_copy(backbone("a"))], store=Store(tmp_path), device="cpu")
    for stats in done.features["a@random"].layer_stats.values():
        # Not equal: they are averages over two batches, each normalised by its own.
        np.testing.assert_allclose(stats.running_mean, stats.mean, atol=0.02 * np.sqrt(stats.var).max())
        np.testing.assert_allclose(stats.running_var, stats.var, rtol=0.3)
    # Without statistics of its own, a fresh network would carry mean 0 and variance 1.
    assert not np.allclose(done.features["a@random"].layer_stats["features.0.1"].running_var, 1, atol=0.1)


def test_progress_counts_image_passes(tmp_path):
    told = []
    several = [backbone("a"), backbone("b", crop=12)]
    report = lambda stage, done, total, note="": told.append((stage, done, total, note))  # noqa: E731
    extract(Images().source(), several, store=Store(tmp_path), device="cpu", progress=report)
    assert told[-1][1:] == (2 * N, 2 * N, "b")
    assert [t[1] for t in told] == sorted(t[1] for t in told)
    told.clear()
    extract(Images().source(), several, store=Store(tmp_path), device="cpu", progress=report)
    assert told == []


def test_two_backbones_of_one_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="same name"):
        extract(Images().source(), [backbone(), backbone()], store=Store(tmp_path), device="cpu")


def test_a_device_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="The device 'abacus' is not available"):
        extract(Images().source(), [backbone()], store=Store(tmp_path), device="abacus")


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v2", "vit_b_16", "swin_t"])
def test_operations_and_parameters_are_those_torchvision_publishes(name):
    meta = torchvision.models.get_model_weights(name).DEFAULT.meta
    net = torchvision.models.get_model(name, weights=None).eval()
    flops = _flops(net, torch.rand(1, 3, 224, 224))
    assert flops == pytest.approx(2e9 * meta["_ops"], rel=0.01)
    assert sum(p.numel() for p in net.parameters()) == meta["num_params"]
    assert torch.backends.mha.get_fastpath_enabled()


def test_costs_tell_what_a_backbone_needs(tmp_path):
    done = extract(Images().source(), [backbone()], store=Store(tmp_path), device="cpu")
    cost = done.costs["net"]
    assert (cost.dim, cost.cached) == (8, False)
    assert cost.parameters == sum(p.numel() for p in TinyNet(4, 2, 3).parameters())
    # Two strided 3 x 3 convolutions (8 x 8 and 4 x 4 outputs) and the head, a multiply-add counted as two.
    assert cost.flops == 2 * (8 * 8 * 3 * 4 * 9 + 4 * 4 * 4 * 8 * 9 + 8 * 3)
    assert cost.images_per_second > 0


def test_a_checkpoint_goes_all_the_way(tmp_path):
    torch.manual_seed(0)
    net = TinyNet(4, 2, 3)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    entry = {
        "name": "net", "file": "net.safetensors", "library": "shiftscope", "constructor": "TinyNet", "input_size": 16,
        "kwargs": {"width": 4, "depth": 2, "num_classes": 3}, "mean": [0, 0, 0], "std": [1, 1, 1], "num_classes": 3,
        "sha256": hashlib.sha256((tmp_path / "net.safetensors").read_bytes()).hexdigest(),
    }  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps([entry]))
    (b,) = open_backbones(f"checkpoint:{tmp_path}/m.json#net")
    images = Images()
    done = extract(images.source(), [b], store=Store(tmp_path / "store"), device="cpu")
    features, _, _ = by_hand(images, net.eval(), images.source(), b.card.transform)
    np.testing.assert_allclose(done.features["net"].features, features, rtol=1e-4, atol=1e-5)


def test_runner_gives_back_the_statistics_it_is_given():
    b = random_copy(backbone("a"))
    batch = compute.Batch(
        np.arange(20),
        {b.card.transform.geometry: np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)},
        {},
    )
    options = {"device": "cpu", "precision": "float32", "first": batch}
    first = Runner(b, **options).run(batch)
    half = replace(batch, pictures={g: p[:10] for g, p in batch.pictures.items()}, rows=batch.rows[:10])
    again = Runner(b, **{**options, "first": half}, statistics=first.running).run(batch)
    np.testing.assert_array_equal(again.features, first.features)


def test_half_precision_passes_stay_close():
    b = backbone("a")
    pictures = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    batch = compute.Batch(np.arange(20), {b.card.transform.geometry: pictures}, {})
    exact, half = (Runner(b, device="cpu", precision=p, first=batch).run(batch) for p in ("float32", "bfloat16"))
    assert half.features.dtype == half.logits.dtype == np.float32
    assert not np.array_equal(half.features, exact.features)
    np.testing.assert_allclose(half.features, exact.features, atol=0.03 * np.abs(exact.features).max())
    seen = [part.seen["features.1.1"].var for part in (exact, half)]
    np.testing.assert_allclose(seen[1], seen[0], rtol=0.03)
