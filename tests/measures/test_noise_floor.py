import numpy as np
import pytest
from oracles import gaussian_mmd2, mmd2

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Estimate
from shiftscope.core.registry import Registry
from shiftscope.errors import NotApplicableError
from shiftscope.measures import MEASURES, _noise_floor, measure
from shiftscope.measures._noise_floor import floor_of, noise_floor
from shiftscope.measures._sides import over_splits, splits
from shiftscope.measures.shift import mmd

ALL = ["mmd", "proxy_a", "wasserstein", "frechet"]


def pair_of(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return Pair(FeatureSet.of(x), FeatureSet.of(y))


@pytest.mark.parametrize("name", ALL)
def test_a_shift_stands_out_of_the_floor_and_none_does_not(name):
    shifted = noise_floor(name, pair_of(80, 100, 8, shift=3.0), seed=0)
    assert shifted.effect > 2 * shifted.floor > 0
    assert shifted.size == 40
    assert shifted.n_splits == 20
    still = [noise_floor(name, pair_of(80, 100, 8, seed=s), seed=s) for s in range(1, 9)]
    assert sum(f.effect > f.floor for f in still) <= 1
    assert abs(np.mean([f.effect for f in still])) < np.mean([f.floor for f in still])


def test_effect_is_the_population_value():
    floors = [
        noise_floor("mmd", pair_of(60, 60, 3, shift=1.0, seed=s), seed=s, options={"bandwidth": 2.0}) for s in range(60)
    ]
    effects = np.array([f.effect for f in floors])
    assert abs(effects.mean() - gaussian_mmd2(1.0, 1.0, 1.0, 2.0, 3)) < 3 * effects.std() / np.sqrt(60)
    assert np.mean([f.effect_se for f in floors]) == pytest.approx(effects.std(), rel=0.4)


def test_floor_is_the_spread_of_within_terms_about_their_mean():
    terms = np.array([[5.0, 2.0, 7.0], [5.0, 4.0, 7.0], [6.0, 3.0, 7.0], [6.0, 3.0, 7.0]])
    found = floor_of(terms, size=9)
    assert found.effect == np.mean([0.5, -0.5, 1.0, 1.0])
    assert found.effect_se == pytest.approx(np.std([0.5, -0.5, 1.0, 1.0], ddof=1))
    assert found.floor == np.quantile([1, 1, 0, 0, 0, 0, 0, 0], 0.95)


def test_a_floor_of_rounding_is_none():
    terms = np.array([[1.0, 1e-15, 0.0], [1.0, -2e-15, 3e-16], [1.0, 0.0, 1e-15]])
    assert floor_of(terms, size=9).floor == 0.0
    assert floor_of(terms * [1, 1e8, 1e8], size=9).floor > 0.0


@pytest.mark.parametrize("options", [{}, {"aggregate": "fuse"}])
def test_groups_of_many_sizes_are_compared_at_their_own(options):
    groups = np.repeat(np.arange(8), [2, 5, 10, 20, 40, 60, 9, 30])
    rng = np.random.default_rng(0)
    pair = Pair(*(FeatureSet.of(rng.normal(size=(176, 3)) + move, groups=groups) for move in (0.0, 0.5)))
    halves = splits(pair, 0, 20)
    assert len({len(split.x1) for split in halves}) > 1
    checked = MEASURES["mmd"].check({"bandwidth": 2.0, **options})
    found = mmd.between_halves(pair, halves, checked, None)
    z = pair.pooled.astype(float)
    if not options:
        each = [[mmd2(z[a], z[b], 2.0) for a, b in ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2))] for s in halves]
        np.testing.assert_allclose(found, each, atol=1e-6)
    assert noise_floor("mmd", pair, seed=0, options=options).size == min(len(split.x1) for split in halves)


def test_large_sides_are_limited():
    assert noise_floor("frechet", pair_of(90, 90, 3), seed=0, max_points=80).size == 20


def test_equal_seeds_give_equal_floors():
    pair = pair_of(40, 40, 3)
    assert noise_floor("mmd", pair, seed=4) == noise_floor("mmd", pair, seed=4) != noise_floor("mmd", pair, seed=5)


def test_a_plugin_needs_nothing_but_its_measure(monkeypatch):
    @measure(asks="?", kind="shift", better="lower", unit="1", null="0", reference="this test")
    def centres(pair, *, power: int = 2, rng=None, kernels=None):  # noqa: ARG001
        apart = pair.source.features.mean(axis=0) - pair.target.features.mean(axis=0)
        return Estimate(value=float(np.linalg.norm(apart) ** power))

    registry = Registry[object]("measure", "shiftscope.no_such_group")
    registry.add("centres", lambda: centres)
    monkeypatch.setattr(_noise_floor, "MEASURES", registry)
    pair = pair_of(30, 24, 4, shift=2.0)
    z = pair.pooled.astype(float)
    halves = splits(pair, 0, 20)
    terms = over_splits(lambda a, b: np.linalg.norm(z[a].mean(axis=0) - z[b].mean(axis=0)) ** 3, halves)
    found = noise_floor("centres", pair, seed=0, options={"power": 3})
    np.testing.assert_allclose(found, floor_of(terms, size=12), rtol=1e-4)


def test_sides_too_small_to_halve_have_no_floor():
    with pytest.raises(NotApplicableError, match="cut into 2 parts"):
        noise_floor("mmd", pair_of(3, 30, 2), seed=0)


def test_measures_with_halves_of_their_own_are_the_built_in_ones():
    assert all(hasattr(__import__(MEASURES[m].function.__module__, fromlist=["_"]), "between_halves") for m in ALL)
