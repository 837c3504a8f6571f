"""Which layer serves best: a network whose middle holds the label, equal layers, and an oracle for the intervals."""

import hashlib
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm
from torch import nn

from shiftscope.analysis.profile import BY, profile_all, profile_layers
from shiftscope.analysis.rank import measure_candidates
from shiftscope.backbones import Backbone, identity_of
from shiftscope.core.features import FeatureSet
from shiftscope.core.image import InputTransform
from shiftscope.core.records import BackboneCard
from shiftscope.core.spec import RunSpec
from shiftscope.core.target import Target
from shiftscope.data import ImageSource
from shiftscope.extraction import Layer, Store, extract

SIDE = 16


class Forgets(nn.Module):
    """The first stage sees mean brightness, the second how rough a picture is, the third brightness again.

    Pictures whose class is their roughness, and whose brightness is noise, can be told apart in the middle only.
    """

    def __init__(self):
        super().__init__()
        self.bright = nn.Conv2d(1, 2, 2, stride=2, bias=False)
        self.edges = nn.Sequential(nn.Conv2d(2, 4, 1, stride=2, bias=False), nn.ReLU())
        self.forget = nn.Conv2d(4, 3, 2, stride=2, bias=False)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.forget(self.edges(self.bright(x))).mean(dim=(2, 3)))


class Written:
    """Weights by hand: mean and checkerboard contrast of 2 x 2 pixels; both signs of the contrast; their mean only."""

    def fetch(self):
        pass

    def load(self, module):
        # Class 1 has contrast of random sign: its mean over positions is 0 until the rectifier.
        module.bright.weight.data = torch.tensor([[[[0.25, 0.25], [0.25, 0.25]]], [[[0.5, -0.5], [-0.5, 0.5]]]])
        edges = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 0.0]])
        module.edges[0].weight.data = edges[:, :, None, None]
        keeps = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1.0], [1.0, 0, 0, 1.0]])
        module.forget.weight.data = keeps[:, :, None, None].expand(-1, -1, 2, 2).clone() / 4


def rough_pictures(n, seed=0):
    """Pictures of random brightness; those of class 1 have a checkerboard of random sign in every 2 x 2 block."""
    rng = np.random.default_rng(seed)
    board = np.tile([[1, -1], [-1, 1]], (SIDE // 2, SIDE // 2))
    pictures = []
    for i in range(n):
        signs = rng.choice([-1, 1], (SIDE // 2, SIDE // 2)).repeat(2, axis=0).repeat(2, axis=1)
        strength = (30 if i % 2 else 10) + rng.normal(0, 6)
        grey = rng.uniform(80, 170) + strength * signs * board
        pictures.append(np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2))
    return pictures


def source_of(pictures):
    return ImageSource.of(
        "test:rough",
        keys=[hashlib.sha256(p.tobytes()).hexdigest() for p in pictures],
        ids=[str(i) for i in range(len(pictures))],
        target=Target.of(["rough" if i % 2 else "smooth" for i in range(len(pictures))]),
        read=lambda row: pictures[row],
    )


def forgetful():
    transform = InputTransform(resize=SIDE, crop=SIDE, channels=1, mean=(0.5,), std=(0.25,))
    draft = BackboneCard(
        name="forgets", uri="forgets", library="test", constructor="Forgets", transform=transform, num_classes=2,
        identity="",
    )  # fmt: skip
    card = draft.model_copy(update={"identity": identity_of(draft, weights="hand")})
    return Backbone(card, Forgets, Written())


def profiled(layers, measures=("logme", "ridge"), **given):
    """The profile of layers, the last of which is measured as a ranking would."""
    last = measure_candidates({"net": layers[-1].features}, target="t", measures=measures)
    known = {r.measure: r.estimate for r in last if r.estimate is not None}
    return profile_layers(layers, known, target="t", backbone="net", measures=measures, **given)


def test_the_layer_that_holds_the_label_is_found(tmp_path):
    pictures = rough_pictures(80)
    done = extract(source_of(pictures), [forgetful()], store=Store(tmp_path), device="cpu", deep=["forgets"])
    layers = done.layers["forgets"]
    assert [x.name for x in layers] == ["bright", "edges", "forget"]
    found = profiled(layers)
    accuracy = [tap.scores["ridge"].value for tap in found.taps]
    assert accuracy[1] > 0.9
    assert max(accuracy[0], accuracy[2]) < 0.7
    assert (found.best, found.verdict, found.measure) == ("edges", "earlier", "ridge")
    assert found.gain.value == pytest.approx(accuracy[1] - accuracy[2])
    assert found.gain.low > 0.1
    assert [tap.dim for tap in found.taps] == [2, 4, 3]
    assert found.taps[1].scores["logme"].value > found.taps[2].scores["logme"].value


def sets(n, matrices, seed=0, y=None):
    """Layers of the same n samples in canonical order, evenly spaced in depth."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3 if y is None else y
    keys = [f"{i:06d}".encode() for i in range(n)]
    made = [FeatureSet.of(x(rng, y), y, keys=keys) for x in matrices]
    return [Layer(f"layer{i}", (i + 1) / len(made), fs) for i, fs in enumerate(made)]


def signal(strength, d=6):
    return lambda rng, y: rng.normal(size=(len(y), d)) + strength * np.eye(3, d)[y]


def test_equal_layers_are_flat_and_the_last_will_do():
    same = np.random.default_rng(1).normal(size=(60, 5))
    layers = sets(60, [lambda *_: same] * 4)
    found = profiled(layers)
    assert (found.verdict, found.best, found.gain) == ("flat", "layer3", None)
    assert (found.spread, found.noise) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_layers_that_are_equally_good_are_flat(seed):
    found = profiled(sets(150, [signal(1.0)] * 5, seed))
    assert found.verdict == "flat"
    assert found.gain is None or found.gain.low < 0 < found.gain.high


def test_a_profile_that_rises_to_the_last_layer_is_not_flat():
    found = profiled(sets(150, [signal(s) for s in (0.2, 0.5, 1.0, 3.0)]))
    assert (found.verdict, found.best, found.flat) == ("last", "layer3", False)
    assert found.spread > found.noise


def test_intervals_are_those_of_comparisons_made_at_once():
    layers = sets(120, [signal(s) for s in (0.5, 1.6, 1.5, 1.4)])
    found = profiled(layers)
    estimates = {
        x.name: measure_candidates({x.name: x.features}, target="t", measures=["ridge"])[0].estimate for x in layers
    }
    value = {name: e.value for name, e in estimates.items()}
    best = max(value, key=value.get)
    assert found.best == best != "layer3"
    # Three layers were compared with the last, each at 1 - 0.05/3.
    spread = np.std(estimates[best].draws - estimates["layer3"].draws, ddof=1)
    assert found.gain.value == pytest.approx(value[best] - value["layer3"])
    assert found.gain.high - found.gain.value == pytest.approx(norm.ppf(1 - 0.05 / 6) * spread)
    assert found.gain.value - found.gain.low == pytest.approx(norm.ppf(1 - 0.05 / 6) * spread)
    # Depths 0.5, 0.75 and 1 make three pairs.
    later = ["layer1", "layer2", "layer3"]
    a, b = max(combinations(later, 2), key=lambda pair: abs(value[pair[0]] - value[pair[1]]))
    noise = norm.ppf(1 - 0.05 / 6) * np.std(estimates[a].draws - estimates[b].draws, ddof=1)
    assert found.spread == pytest.approx(abs(value[a] - value[b]))
    assert found.noise == pytest.approx(noise)
    assert [found.taps[i].scores["ridge"].low for i in range(4)] == [e.low for e in estimates.values()]


@pytest.mark.slow
def test_equal_layers_seldom_look_different():
    """Nominal: 2.5 % of best layers shown to be better, 5 % of profiles not flat; bounds are those of 200 trials."""
    earlier = steep = 0
    for seed in range(200):
        found = profiled(sets(300, [signal(1.0)] * 6, seed), measures=["ridge"])
        earlier += found.verdict == "earlier"
        steep += not found.flat
    assert earlier <= binom.ppf(0.999, 200, 0.025)
    assert steep <= binom.ppf(0.999, 200, 0.05)


def test_a_layer_without_a_number_is_named():
    good = sets(60, [signal(1.0), lambda _, y: np.ones((len(y), 4)), signal(1.0)])
    broken = Layer("layer9", 0.8, None, "60 of 60 feature rows hold NaN")
    found = profiled([*good[:2], broken, good[2]])
    assert [tap.name for tap in found.taps] == ["layer0", "layer2"]
    assert found.left_out == {"layer1": "all 60 samples of data have equal features.", "layer9": broken.reason}


def test_one_layer_is_a_profile_without_comparison():
    found = profiled(sets(60, [signal(1.0)]))
    assert (found.best, found.gain, found.spread, found.noise, found.verdict) == ("layer0", None, None, None, "last")


def test_the_first_of_the_usual_measures_compares():
    layers = sets(60, [signal(1.0), signal(1.0)])
    assert profiled(layers, measures=("parc", "hscore", "knn")).measure == "knn"
    assert profiled(layers, measures=("parc",)).measure == "parc"
    assert {*profiled(layers, measures=("leep", "logme")).taps[0].scores} == {"logme"}
    assert BY[0] == "ridge"


@pytest.mark.parametrize("given", [{"options": {"knn": {"k": 1}}}, {"seed": 3}])
def test_options_and_seed_reach_every_layer(given):
    layers = sets(90, [signal(1.0), signal(0.8), signal(0.5)])
    found, plain = profiled(layers, measures=["knn"], **given), profiled(layers, measures=["knn"])
    (expected,) = measure_candidates({"x": layers[0].features}, target="t", measures=["knn"], **given)
    assert found.taps[0].scores["knn"].value == expected.estimate.value != plain.taps[0].scores["knn"].value


def test_without_a_number_for_the_last_layer_there_is_no_profile():
    layers = sets(60, [signal(1.0), signal(1.0)])
    assert profile_layers(layers, {}, target="t", backbone="net", measures=["ridge"]) is None


def test_what_measures_keep_of_a_layer_is_let_go():
    layers = sets(60, [signal(1.0), signal(1.0)])
    profiled(layers)
    assert layers[0].features._memo == {}


def test_every_target_has_its_own_profiles():
    layers = tuple(sets(60, [signal(1.0), signal(1.0)]))
    found = SimpleNamespace(layers={"a": {"net": layers}, "b": {"net": layers, "gone": layers}}, device="cpu")
    results = [
        r
        for target in ("a", "b")
        for r in measure_candidates({"net": layers[-1].features}, target=target, measures=["ridge"])
    ]
    made = profile_all(found, results, ["ridge"], RunSpec(tap="all"))
    assert [(p.target, p.backbone) for p in made] == [("a", "net"), ("b", "net")]
