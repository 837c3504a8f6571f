from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shiftscope.backbones.tiny import TinyNet
from shiftscope.demo import train as training
from shiftscope.demo.pictures import SOURCES, handwritten_digits

ENTRIES = json.loads((training.ZOO / "manifest.json").read_text(encoding="utf-8"))
RECIPES = {recipe.name: recipe for recipe in training.RECIPES}
by_name = pytest.mark.parametrize("entry", ENTRIES, ids=[e["name"] for e in ENTRIES])


@pytest.fixture
def one_thread():
    """One thread, as the training command sets it; what that command changes is put back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=False)


def network(entry) -> TinyNet:
    net = TinyNet(**entry["kwargs"])
    state = load((training.ZOO / entry["file"]).read_bytes())
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return net.eval()


def penultimate(net, images):
    with torch.no_grad():
        return net.features(training.normalised(images)).mean(dim=(2, 3)).numpy()


def probe(features, labels) -> float:
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-2, 5, 15)))
    return cross_val_score(model, features, labels, cv=StratifiedKFold(5, shuffle=True, random_state=0)).mean()


@by_name
def test_the_manifest_describes_the_file_beside_it(entry):
    data = (training.ZOO / entry["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert len(data) == entry["bytes"] < 300_000
    assert all(v.dtype == torch.float16 for v in load(data).values() if v.ndim > 1)


@by_name
def test_the_manifest_agrees_with_the_recipe_and_the_network(entry):
    recipe, net = RECIPES[entry["name"]], network(entry)
    assert entry["kwargs"] == recipe.kwargs
    assert entry["source_domain"] == recipe.domain
    assert entry["num_classes"] == net.classifier.out_features
    assert entry["params"] == sum(p.numel() for p in net.parameters())


@by_name
def test_the_stated_accuracy_holds_on_pictures_nobody_has_seen(entry):
    pictures = SOURCES[RECIPES[entry["name"]].source](100, 30_000)
    stated, n = entry["verified"]["top1"], len(pictures.labels)
    spread = np.sqrt(max(stated * (1 - stated), 0.002) * (1 / n + 1 / entry["verified"]["n"]))
    assert abs(training.accuracy(network(entry), pictures) - stated) < 4 * spread


def test_the_zoo_holds_its_manifest_and_nothing_else_and_is_small():
    files = {f.name: f.stat().st_size for f in training.ZOO.iterdir()}
    assert set(files) == {"manifest.json", *(e["file"] for e in ENTRIES)}
    assert [e["name"] for e in ENTRIES] == list(RECIPES)
    assert sum(files.values()) < 1_000_000


def test_shuffled_labels_were_learned_by_heart():
    recipe = RECIPES["shuffled_digits"]
    net = network(next(e for e in ENTRIES if e["name"] == recipe.name))
    seen = SOURCES[recipe.source](recipe.by_heart // 10, training.TRAIN_SEED)
    assert training.accuracy(net, seen) > 0.99


@pytest.mark.parametrize("name", ["printed_digits_small", "shuffled_digits"])
@pytest.mark.usefixtures("one_thread")
def test_training_again_gives_the_same_bytes(name, monkeypatch):
    monkeypatch.setattr(training, "ROUND", 2000)
    first = training.weights(training.train(RECIPES[name], steps=4))
    torch.manual_seed(123)  # what else draws random numbers has no part in it
    torch.rand(10)
    assert training.weights(training.train(RECIPES[name], steps=4)) == first


@pytest.mark.usefixtures("one_thread")
def test_training_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    training.train(RECIPES["colour_noise"], steps=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.usefixtures("one_thread")
def test_training_writes_a_zoo_that_reads_back(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(training, "ROUND", 640)
    monkeypatch.setattr(training, "ROUNDS", 1)
    monkeypatch.setattr(training, "RECIPES", training.RECIPES[1:2])
    monkeypatch.setattr(training, "TEST_PICTURES", 100)
    training.main(tmp_path)
    (entry,) = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_sources_close_to_the_target_probe_better_and_bad_ones_no_better_than_random_weights():
    target = handwritten_digits(40, 0)
    score = {e["name"]: probe(penultimate(network(e), target.images), target.labels) for e in ENTRIES}
    torch.manual_seed(0)
    copy = TinyNet(**ENTRIES[0]["kwargs"])
    for layer in copy.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # one pass gives the target's own statistics
    with torch.no_grad():
        copy(training.normalised(target.images))
    random = probe(penultimate(copy.eval(), target.images), target.labels)
    pixels = probe(target.images.reshape(400, -1) / 255, target.labels)
    # Two standard errors of a difference between accuracies on 400 pictures are about 0.06.
    assert min(score["printed_digits"], score["printed_letters"]) > max(pixels, random) + 0.12
    assert max(score["shuffled_digits"], score["colour_noise"]) < random
