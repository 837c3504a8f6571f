import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file

from shiftscope.backbones import open_backbones, random_copy
from shiftscope.backbones.timm import open_timm
from shiftscope.backbones.tiny import TinyNet
from shiftscope.core.files import write_atomic
from shiftscope.core.image import InputTransform
from shiftscope.errors import BackboneError, InputError, UntrustedCodeError
from shiftscope.finetune import save
from shiftscope.finetune.network import network_of
from shiftscope.finetune.recipe import Recipe
from shiftscope.finetune.save import save_network
from shiftscope.finetune.train import Pictures, log_probabilities, train

RECIPE = Recipe(rate=3e-3, steps=3, batch=8)
CODE = """
import torch

class Mine(torch.nn.Module):
    def __init__(self, width=4, num_classes=5, bias=True, channels=3):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(channels, width, 3, stride=2), torch.nn.BatchNorm2d(width), torch.nn.ReLU()
        )
        self.head = torch.nn.Linear(width, num_classes, bias=bias) if num_classes else torch.nn.Identity()

    def forward(self, x):
        return self.head(self.body(x).mean(dim=(2, 3)))
"""
MANIFEST = "manifest.json"


def trained(backbone, task, seed=0):
    """A network for three classes after a few steps, and its pictures."""
    transform = backbone.card.transform
    pixels = np.repeat(np.repeat(task[0], transform.crop // 16, axis=1), transform.crop // 16, axis=2)
    pictures = Pictures.of(pixels[..., : transform.channels], transform)
    network = network_of(backbone, transform, 3, seed)
    train(network, pictures, task[1], np.arange(30), arm="full", recipe=RECIPE, seed=seed)
    return network, pictures


def saved(network, backbone, folder, name="net", **changes):
    given = {"source_domain": "ramps", "arm": "full", "recipe": RECIPE, "seed": 0, **changes}
    return save_network(network, backbone, folder, name=name, **given)


def same_state(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def random_pictures(transform):
    shape = (6, transform.channels, transform.crop, transform.crop)
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def assert_opens_as(network, backbone, address, **options):
    """The address opens a network of equal weights, and so of equal outputs, that is fed in the same way."""
    (opened,) = open_backbones(address, **options)
    module = opened.module()
    assert same_state(module, network.module)
    x = random_pictures(backbone.card.transform)
    # In the layout that training leaves behind, the sums are added in one order.
    assert torch.equal(module.to(memory_format=torch.channels_last)(x), network.module(x))
    assert opened.card.transform == backbone.card.transform
    return opened


def entry_of(folder, name="net"):
    content = json.loads((folder / MANIFEST).read_text())
    (entry,) = [e for e in content["backbones"] if e["name"] == name]
    return entry


def published(name):
    """A network of the libraries at a small size, with random weights: none are downloaded."""
    if name.startswith("timm:"):
        return random_copy(open_timm(name.removeprefix("timm:"))[0])
    return open_backbones(f"torchvision:{name}@random")[0]


def test_a_network_of_the_zoo_comes_back(tiny, task, tmp_path):
    network, pictures = trained(tiny, task)
    address = saved(network, tiny, tmp_path / "new")
    assert address == f"checkpoint:{tmp_path}/new/manifest.json#net"
    opened = assert_opens_as(network, tiny, address)
    # The head it was given is now a source head: trained, and of as many classes as the target had.
    again = Pictures.of(np.ascontiguousarray(pictures.pixels.permute(0, 2, 3, 1).numpy()), opened.card.transform)
    x = again.normalised(again.pixels, torch.device("cpu"))
    with torch.no_grad():
        found = opened.module()(x).double().log_softmax(dim=1).numpy()
    np.testing.assert_allclose(found, log_probabilities(network, pictures, np.arange(90)), atol=1e-5)


def test_the_card_says_what_it_is(tiny, task, tmp_path):
    network, _ = trained(tiny, task)
    (opened,) = open_backbones(saved(network, tiny, tmp_path, seed=4, arm="last_stage"))
    card, source = opened.card, tiny.card
    assert (card.library, card.constructor, card.num_classes) == ("shiftscope", "TinyNet", 3)
    assert card.kwargs == {**source.kwargs, "num_classes": 3}
    assert (card.source_domain, card.licence) == ("ramps", source.licence)
    assert card.origin == "fine-tuned from shapes (trained by shiftscope/demo/train.py)"
    file = tmp_path / "net.safetensors"
    assert card.weights == hashlib.sha256(file.read_bytes()).hexdigest()
    assert {v.dtype for v in load_file(file).values()} == {torch.float32, torch.int64}
    assert entry_of(tmp_path)["training"] == {"arm": "last_stage", "seed": 4, **RECIPE.model_dump()}


def test_a_network_trained_from_scratch_names_no_source(tiny, task, tmp_path):
    backbone = random_copy(tiny, seed=2)
    network, _ = trained(backbone, task)
    opened = assert_opens_as(network, backbone, saved(network, backbone, tmp_path))
    assert opened.card.origin == "trained from random weights (TinyNet)"
    assert opened.card.licence == ""


@pytest.mark.parametrize(
    ("name", "side"),
    [("squeezenet1_1", 64), ("mobilenet_v3_small", 32), ("timm:test_resnet", 32), ("timm:mobilenetv3_small_050", 32)],
)
def test_networks_of_the_libraries_come_back(fed_with, task, tmp_path, name, side):
    backbone = published(name)
    small = backbone.card.transform.model_copy(update={"resize": side, "crop": side})
    backbone = fed_with(backbone, small)
    network, _ = trained(backbone, task)
    opened = assert_opens_as(network, backbone, saved(network, backbone, tmp_path))
    assert opened.card.num_classes == 3


def test_an_embedding_network_is_saved_without_the_head_behind_it(task, transform, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    kwargs = {"width": 4, "depth": 2, "num_classes": 0}
    save_file(TinyNet(**kwargs).state_dict(), folder / "e.safetensors")
    (backbone,) = open_backbones(
        described(folder, "e", transform, library="shiftscope", constructor="TinyNet", kwargs=kwargs)
    )
    network, _ = trained(backbone, task)
    opened = assert_opens_as(network, backbone, saved(network, backbone, tmp_path / "new"))
    assert opened.card.num_classes == 0
    assert opened.module()(random_pictures(transform)).shape == (6, 8)


def described(folder, name, transform, *, library, constructor, kwargs):
    """A manifest by hand; returns the address of its only network."""
    entry = {
        "name": name, "file": f"{name}.safetensors", "library": library, "constructor": constructor, "kwargs": kwargs,
        "sha256": hashlib.sha256((folder / f"{name}.safetensors").read_bytes()).hexdigest(),
        "input_size": transform.crop, "in_chans": transform.channels, "mean": transform.mean, "std": transform.std,
        "bgr": transform.bgr, "interpolation": transform.interpolation, "num_classes": kwargs.get("num_classes", 5),
        "licence": "MIT", "origin": "a friend",
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps([entry]))
    return f"checkpoint:{folder}/{MANIFEST}#{name}"


@pytest.fixture
def mine(tmp_path):
    """Opens a network of the user's own code, with arguments."""
    from shiftscope.backbones.architecture import _import

    def make(transform=None, **kwargs):
        folder = tmp_path / "source"
        folder.mkdir()
        (folder / "mine.py").write_text(CODE)
        torch.manual_seed(0)
        module = _import(folder / "mine.py", "test").Mine(**kwargs)
        save_file(module.state_dict(), folder / "m.safetensors")
        transform = transform or InputTransform(resize=16, crop=16, mean=(0.1, 0.2, 0.3), std=(0.2, 0.2, 0.2))
        address = described(folder, "m", transform, library="mine", constructor="Mine", kwargs=kwargs)
        return open_backbones(address, trust_code=True)[0]

    return make


def test_the_users_code_goes_along_and_stays_untrusted(mine, task, tmp_path):
    backbone = mine(width=6)
    network, _ = trained(backbone, task)
    address = saved(network, backbone, tmp_path / "new")
    with pytest.raises(UntrustedCodeError, match=r"new/mine\.py.*--trust-code"):
        open_backbones(address)
    opened = assert_opens_as(network, backbone, address, trust_code=True)
    assert opened.code == backbone.code
    assert (opened.card.kwargs, opened.card.licence) == ({"width": 6, "num_classes": 3}, "MIT")
    assert opened.card.origin == "fine-tuned from m (a friend)"


def test_blue_green_red_and_grey_come_back(mine, task, tmp_path):
    swapped = InputTransform(
        resize=16, crop=16, mean=(0.1, 0.2, 0.3), std=(0.2, 0.3, 0.4), bgr=True, interpolation="bicubic"
    )
    backbone = mine(swapped)
    network, _ = trained(backbone, task)
    assert_opens_as(network, backbone, saved(network, backbone, tmp_path / "new"), trust_code=True)


def test_one_channel_comes_back(mine, task, tmp_path):
    backbone = mine(InputTransform(resize=16, crop=16, channels=1, mean=(0.5,), std=(0.25,)), channels=1)
    network, _ = trained(backbone, task)
    assert_opens_as(network, backbone, saved(network, backbone, tmp_path / "new"), trust_code=True)


def test_code_that_has_changed_is_refused(mine, task, tmp_path):
    backbone = mine()
    network, _ = trained(backbone, task)
    (tmp_path / "source" / "mine.py").write_text(CODE + "# changed\n")
    with pytest.raises(BackboneError, match=r"mine\.py has changed since m was opened"):
        saved(network, backbone, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_code_of_another_network_is_not_overwritten(mine, task, tmp_path):
    backbone = mine()
    network, _ = trained(backbone, task)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.py").write_text("# another\n")
    with pytest.raises(BackboneError, match=r"new/mine\.py is another file.*folder of its own"):
        saved(network, backbone, tmp_path / "new")
    assert (tmp_path / "new" / "mine.py").read_text() == "# another\n"
    assert not (tmp_path / "new" / MANIFEST).exists()


def test_a_head_without_bias_stays_without(mine, task, tmp_path):
    backbone = mine(bias=False)
    network, pictures = trained(backbone, task)
    (opened,) = open_backbones(saved(network, backbone, tmp_path), trust_code=True)
    x = pictures.normalised(pictures.pixels[:4], torch.device("cpu"))
    with torch.inference_mode():
        assert torch.equal(opened.module()(x), network(x))


def test_the_centre_of_larger_pictures_cannot_be_told(fresh, tiny, fed_with, transform, tmp_path):
    backbone = fed_with(tiny, transform.model_copy(update={"resize": 20}))
    with pytest.raises(BackboneError, match="takes the central 16 of 20 pixels, which a manifest cannot say"):
        saved(fresh(), backbone, tmp_path)


def test_other_schemes_cannot_be_told(home_made, transform, tmp_path):
    backbone = home_made(partial(torchvision.models.squeezenet1_1, num_classes=4), 4)
    network = network_of(replace(backbone), transform.model_copy(update={"resize": 64, "crop": 64}), 3, 0)
    with pytest.raises(BackboneError, match=r"mine \(mine:\) cannot be saved"):
        saved(network, backbone, tmp_path)
    (pixels,) = open_backbones("pixels:")
    with pytest.raises(BackboneError, match="pixels"):
        saved(network, pixels, tmp_path)


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".a", "a#b", "a@random", "*", "a b"])
def test_names_that_no_file_or_address_can_have(fresh, tiny, tmp_path, name):
    with pytest.raises(InputError, match="use letters, digits"):
        saved(fresh(), tiny, tmp_path, name)


@pytest.mark.parametrize("wrapped", [True, False])
def test_other_entries_stay_and_the_same_name_is_replaced(fresh, tiny, tmp_path, wrapped):
    first = {name: fresh(seed) for seed, name in enumerate(("a", "b", "c"))}
    for name, network in first.items():
        saved(network, tiny, tmp_path, name)
    if not wrapped:
        listed = json.loads((tmp_path / MANIFEST).read_text())["backbones"]
        (tmp_path / MANIFEST).write_text(json.dumps([{**e, "note": "kept"} for e in listed]))
    other = fresh(9)
    saved(other, tiny, tmp_path, "b")
    opened = open_backbones(f"checkpoint:{tmp_path}/{MANIFEST}#*")
    assert [b.card.name for b in opened] == ["a", "b", "c"]
    for backbone, network in zip(opened, (first["a"], other, first["c"]), strict=True):
        assert same_state(backbone.module(), network.module)
    content = json.loads((tmp_path / MANIFEST).read_text())
    assert isinstance(content, dict) == wrapped
    if not wrapped:
        assert [e.get("note") for e in content] == ["kept", None, "kept"]


def test_weights_that_were_not_saved_here_are_not_replaced(fresh, tiny, mine, tmp_path):
    mine()
    folder = tmp_path / "source"
    before = (folder / "m.safetensors").read_bytes(), (folder / MANIFEST).read_bytes()
    with pytest.raises(InputError, match=r"weights of another origin in the entry 'm': save under another name"):
        saved(fresh(), tiny, folder, "m")
    listed = [{**e, "name": "other"} for e in json.loads((folder / MANIFEST).read_text())]
    (folder / MANIFEST).write_text(json.dumps(listed))
    with pytest.raises(InputError, match="in the entry 'other'"):
        saved(fresh(), tiny, folder, "m")
    assert (folder / "m.safetensors").read_bytes() == before[0]


def test_a_file_that_is_no_manifest_is_left_alone(fresh, tiny, tmp_path):
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(InputError, match="no manifest"):
        saved(fresh(), tiny, tmp_path)
    assert (tmp_path / MANIFEST).read_text() == "{}"
    assert not (tmp_path / "net.safetensors").exists()


def test_processes_that_save_at_once_lose_nothing(fresh, tiny, tmp_path, monkeypatch):
    def slow(path, data):
        time.sleep(0.05)
        write_atomic(path, data)

    monkeypatch.setattr(save, "write_atomic", slow)
    network = fresh()
    with ThreadPoolExecutor(4) as pool:
        addresses = list(pool.map(lambda name: saved(network, tiny, tmp_path, name), "abcd"))
    assert len(addresses) == len(open_backbones(f"checkpoint:{tmp_path}/{MANIFEST}#*")) == 4


def test_a_saved_network_can_be_trained_and_saved_again(tiny, task, tmp_path):
    network, _ = trained(tiny, task)
    (second,) = open_backbones(saved(network, tiny, tmp_path, "one"))
    again, _ = trained(second, task, seed=1)
    opened = assert_opens_as(again, second, saved(again, second, tmp_path, "two"))
    assert opened.card.origin.startswith("fine-tuned from one (fine-tuned from shapes (")


def test_saving_keeps_mode_and_random_state(fresh, tiny, tmp_path):
    network, state = fresh(), torch.get_rng_state()
    saved(network, tiny, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(m.training for m in network.modules())
    assert same_state(network, fresh())
