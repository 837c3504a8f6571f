import hashlib
import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from shiftscope.backbones import architecture_key, open_backbones, random_copy
from shiftscope.backbones.tiny import TinyNet
from shiftscope.errors import (
    BackboneError,
    InputError,
    IntegrityError,
    ShiftscopeError,
    UnknownNameError,
    UntrustedCodeError,
)

CODE = """
import torch
RAN = True

class Net(torch.nn.Module):
    def __init__(self, width=4, num_classes=3):
        super().__init__()
        self.fc = torch.nn.Linear(3, num_classes)

    def forward(self, x):
        return self.fc(x.mean(dim=(2, 3)))
"""


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entry(weights, /, **changes):
    return {
        "name": "net", "file": weights.name, "library": "shiftscope", "constructor": "TinyNet",
        "kwargs": {"width": 4, "depth": 2, "num_classes": 3}, "input_size": 16, "in_chans": 3,
        "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "num_classes": 3, "sha256": digest(weights),
        "source_domain": "noise", "licence": "Apache-2.0", "note": "passed over", **changes,
    }  # fmt: skip


def tiny(seed=0):
    torch.manual_seed(seed)
    return TinyNet(width=4, depth=2, num_classes=3)


@pytest.fixture
def weights(tmp_path):
    save_file(tiny().state_dict(), tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def opened(folder, *entries, name="net", wrap=False, **options):
    content = {"schema": 1, "backbones": list(entries)} if wrap else list(entries)
    (folder / "manifest.json").write_text(json.dumps(content))
    return open_backbones(f"checkpoint:{folder}/manifest.json{f'#{name}' if name else ''}", **options)


def same_weights(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("wrap", [False, True])
def test_an_entry_becomes_the_network_it_describes(weights, wrap):
    (backbone,) = opened(weights.parent, entry(weights), wrap=wrap)
    net = backbone.module()
    assert same_weights(net, tiny())
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    card = backbone.card
    assert (card.name, card.num_classes, card.source_domain, card.licence) == ("net", 3, "noise", "Apache-2.0")
    assert card.transform.model_dump() == {
        "resize": 16, "crop": 16, "channels": 3, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4), "bgr": False,
        "interpolation": "bilinear",
    }  # fmt: skip


def test_what_was_verified_is_the_published_accuracy(weights):
    verified = {"on": "test images", "top1": 0.75, "top5": 0.9, "n": 100}
    (card,) = (b.card for b in opened(weights.parent, entry(weights, verified=verified)))
    assert (card.published.dataset, card.published.top1) == ("noise: test images", 0.75)
    (bare,) = (b.card for b in opened(weights.parent, entry(weights)))
    assert bare.published is None
    # Telling how good weights are does not make them others.
    assert bare.identity == card.identity
    (copy,) = opened(weights.parent, entry(weights, verified=verified), name="net@random")
    assert copy.card.published is None


def test_test_images_of_another_source_are_another_data_set(weights):
    verified = {"on": "test images", "top1": 0.75}
    two = [entry(weights, verified=verified), entry(weights, name="other", source_domain="clouds", verified=verified)]
    a, b = (b.card.published.dataset for b in opened(weights.parent, *two, name="*"))
    assert a != b


def test_names_choose_entries(weights):
    two = [entry(weights), entry(weights, name="other")]
    assert [b.card.name for b in opened(weights.parent, *two, name="*")] == ["net", "other"]
    assert [b.card.name for b in opened(weights.parent, *two, name="other")] == ["other"]
    assert [b.card.name for b in opened(weights.parent, two[1], name="")] == ["other"]
    with pytest.raises(UnknownNameError, match="Did you mean 'other'"):
        opened(weights.parent, *two, name="othr")
    with pytest.raises(InputError, match="2 entries: add #NAME"):
        opened(weights.parent, *two, name="")
    with pytest.raises(BackboneError, match="two entries named 'net'"):
        opened(weights.parent, two[0], two[0])


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".th"])
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}])
def test_pickled_state_dicts_load(tmp_path, suffix, wrap):
    file = tmp_path / f"net{suffix}"
    torch.save(wrap(tiny().state_dict()), file)
    assert same_weights(opened(tmp_path, entry(file))[0].module(), tiny())


def test_half_precision_becomes_single(tmp_path):
    file = tmp_path / "net.safetensors"
    save_file({k: v.half() if v.is_floating_point() else v for k, v in tiny().state_dict().items()}, file)
    net = opened(tmp_path, entry(file))[0].module()
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    torch.testing.assert_close(net.classifier.weight, tiny().classifier.weight, rtol=1e-3, atol=1e-4)


class Trap:
    def __reduce__(self):
        return (print, ("this must never run",))


def test_a_pickle_that_runs_code_is_refused_before_any_work(tmp_path, capsys):
    file = tmp_path / "net.pth"
    file.write_bytes(pickle.dumps({"classifier.weight": Trap()}))
    torch.save({"classifier.weight": Trap()}, tmp_path / "zip.pth")
    for f in (file, tmp_path / "zip.pth"):
        with pytest.raises(BackboneError, match="holds more than tensors"):
            opened(tmp_path, entry(f))
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"sha256": "0" * 64}, IntegrityError, "the manifest says 000000000000"),
        ({"file": "../net.safetensors"}, BackboneError, "outside its folder"),
        ({"file": "/etc/passwd"}, BackboneError, "outside its folder"),
        ({"file": "gone.safetensors"}, BackboneError, "does not exist"),
        ({"kwargs": {"pretrained": True}}, BackboneError, "'pretrained' is not allowed"),
        ({"kwargs": {"heads": 3}}, BackboneError, "TinyNet has no argument 'heads'; it takes width, depth"),
        ({"constructor": "TinyNett"}, UnknownNameError, "Did you mean 'TinyNet'"),
        ({"constructor": "torch.hub.load"}, BackboneError, "constructor: string should match"),
        ({"library": "os.path"}, BackboneError, "library: string should match"),
        ({"library": "nowhere"}, BackboneError, "no library 'nowhere'"),
        ({"library": "timm", "constructor": "resnet18", "kwargs": {"checkpoint_path": "x"}}, BackboneError, "'checkp"),
        ({"library": "timm", "constructor": "resnet18", "kwargs": {"features_only": True}}, BackboneError, "'featu"),
        ({"library": "timm", "constructor": "resnet18", "kwargs": {"act_layer": "hf-hub:a/b"}}, BackboneError, "plain"),
        ({"library": "timm", "constructor": "resnet18", "kwargs": {"depth": {"a": 1}}}, BackboneError, "plain word"),
        ({"library": "timm", "constructor": "resnet_18", "kwargs": {}}, UnknownNameError, "timm model"),
        ({"library": "torchvision", "constructor": "resnet18", "kwargs": {"weights": "X"}}, BackboneError, "'weights'"),
        ({"library": "torchvision", "constructor": "get_model", "kwargs": {}}, UnknownNameError, "torchvision model"),
        ({"mean": [0.5]}, BackboneError, "1 means and 3 standard deviations"),
        ({"std": [0.5, 0.5, 0.0]}, BackboneError, "std"),
        ({"input_size": "big"}, BackboneError, "input_size"),
        ({"num_classes": None}, BackboneError, "num_classes"),
        ({"verified": {"on": "x", "top1": 75}}, BackboneError, r"verified\.top1: .* less than or equal to 1"),
        ({"verified": {"on": "x"}}, BackboneError, r"verified\.top1: field required"),
        ({"verified": {"on": "", "top1": 0.5}}, BackboneError, r"verified\.on"),
    ],
)
def test_bad_entries_are_one_clear_line_and_found_at_opening(weights, changes, error, words):
    (weights.parent.parent / "net.safetensors").write_bytes(weights.read_bytes())
    with pytest.raises(error, match=words) as caught:
        opened(weights.parent, entry(weights, **changes))
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    save_file(tiny().state_dict(), tmp_path / "net.safetensors")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "net.safetensors").symlink_to(tmp_path / "net.safetensors")
    with pytest.raises(BackboneError, match="outside its folder"):
        opened(tmp_path / "in", entry(tmp_path / "in" / "net.safetensors"))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema": 2, "backbones": [{"name": "a"}]}', "[1]", "[{}]"])
def test_files_that_are_no_manifest(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InputError, match=r"no manifest|not JSON"):
        open_backbones(f"checkpoint:{tmp_path}/m.json#*")


def test_a_missing_manifest(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        open_backbones(f"checkpoint:{tmp_path}/m.json#*")


def test_weights_of_another_architecture_name_the_keys(weights):
    (backbone,) = opened(weights.parent, entry(weights, kwargs={"width": 4, "depth": 3, "num_classes": 3}))
    with pytest.raises(BackboneError, match=r"do not have features\.2\.0\.weight.*another shape classifier\.weight"):
        backbone.module()


def test_user_code_runs_only_when_trusted(tmp_path):
    torch.manual_seed(0)
    save_file({"fc.weight": torch.rand(3, 3), "fc.bias": torch.rand(3)}, tmp_path / "net.safetensors")
    (tmp_path / "mine.py").write_text(CODE + f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    mine = entry(tmp_path / "net.safetensors", library="mine", constructor="Net", kwargs={"width": 9})
    with pytest.raises(UntrustedCodeError, match=r"mine\.py.*--trust-code"):
        opened(tmp_path, mine)
    assert not (tmp_path / "ran").exists()
    (backbone,) = opened(tmp_path, mine, trust_code=True)
    assert (tmp_path / "ran").exists()
    assert backbone.module()(torch.rand(2, 3, 4, 4)).shape == (2, 3)
    first = backbone.card.identity
    (tmp_path / "mine.py").write_text(CODE + "# changed\n")
    (changed,) = opened(tmp_path, mine, trust_code=True)
    assert changed.card.identity != first


def test_user_code_that_fails_is_one_clear_line(weights):
    (weights.parent / "mine.py").write_text("raise RuntimeError('no')")
    with pytest.raises(BackboneError, match=r"mine\.py could not be imported \(RuntimeError\('no'\)\)"):
        opened(weights.parent, entry(weights, library="mine", constructor="Net"), trust_code=True)


def test_random_copies(weights):
    same, other = entry(weights, name="a"), entry(weights, name="b", mean=[0, 0, 0], num_classes=3)
    a, b = opened(weights.parent, same, other, name="*")
    assert a.card.identity == b.card.identity
    assert architecture_key(a.card) == architecture_key(b.card)
    copy = random_copy(a, seed=1)
    assert (copy.card.name, copy.card.random, copy.card.weights) == ("a@random", True, "")
    state = torch.random.get_rng_state()
    assert same_weights(copy.module(), random_copy(a, seed=1).module())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not same_weights(copy.module(), a.module())
    assert not same_weights(copy.module(), random_copy(a, seed=2).module())
    assert len({a.card.identity, copy.card.identity, random_copy(a, seed=2).card.identity}) == 3
    (opened_copy,) = open_backbones(f"checkpoint:{weights.parent}/manifest.json#a@random", seed=1)
    assert opened_copy.card == copy.card


def test_a_random_copy_needs_no_weights(weights):
    described = entry(weights)
    weights.unlink()
    with pytest.raises(ShiftscopeError):
        opened(weights.parent, described)
    (copy,) = opened(weights.parent, described, name="net@random")
    assert copy.module()(torch.rand(2, 3, 16, 16)).shape == (2, 3)


def test_published_architectures(tmp_path):
    import timm
    import torchvision

    nets = {
        "timm": timm.create_model("test_resnet", num_classes=3),
        "torchvision": torchvision.models.shufflenet_v2_x0_5(weights=None, num_classes=3),
    }
    for library, net in nets.items():
        file = tmp_path / f"{library}.safetensors"
        save_file(net.state_dict(), file)
        name = "test_resnet" if library == "timm" else "shufflenet_v2_x0_5"
        described = entry(file, library=library, constructor=name, kwargs={"num_classes": 3})
        assert same_weights(opened(tmp_path, described)[0].module(), net)
