"""The plane of source and target against scikit-learn's principal components."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from shiftscope.analysis.project import CLASSES, KEPT, project
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import LAYERS, choose


def sides(n=80, m=50, d=6, *, shift=4.0, seed=0, labels=True):
    rng = np.random.default_rng(seed)
    x, y = (rng.normal(size=(k, d)) * np.geomspace(3, 0.1, d) for k in (n, m))
    y[:, 0] += shift
    classes = np.resize(["dog", "cat"], n), np.resize(["cat", "cow"], m)
    of = [FeatureSet.of(z, c if labels else None, name=s) for z, c, s in zip((x, y), classes, "st", strict=True)]
    return Pair(*of)


def by_sklearn(pair):
    """Places of as many rows of either side, signs as told, in units of the deviation along the first axis."""
    size = min(pair.source.n, pair.target.n)
    z = np.concatenate([pair.source.features[:size], pair.target.features[:size]]).astype(float)
    model = PCA(svd_solver="full").fit(z)
    at = model.transform(z)[:, :2]
    at *= np.where(at[size:].mean(axis=0) < at[:size].mean(axis=0), -1, 1)
    return at / at[:, 0].std(), model.explained_variance_ratio_, size


def places(points):
    return np.column_stack([points.x, points.y])


@pytest.mark.parametrize("backend", LAYERS)
@pytest.mark.parametrize(("n", "m", "d"), [(80, 50, 6), (30, 30, 70)])
def test_places_are_those_of_principal_components(n, m, d, backend):
    pair = sides(n, m, d)
    found = project(pair, choose("cpu", backend))
    at, shares, size = by_sklearn(pair)
    assert found.n_fit == size == m
    assert places(found.source) == pytest.approx(at[:size], abs=0.0051)
    assert places(found.target) == pytest.approx(at[size:], abs=0.0051)
    assert found.explained == pytest.approx(shares[:2], abs=5.1e-5)


def test_classes_lie_at_their_means():
    pair = sides()
    found = {c.name: c for c in project(pair, choose()).classes}
    at, _, size = by_sklearn(pair)
    assert list(found) == ["cat", "dog", "cow"]
    assert (found["dog"].target, found["cow"].source) == (None, None)
    names = np.array(pair.source.target.names()[:size])
    assert found["cat"].source == pytest.approx(at[:size][names == "cat"].mean(axis=0), abs=0.0051)
    assert found["dog"].source == pytest.approx(at[:size][names == "dog"].mean(axis=0), abs=0.0051)


def test_the_larger_side_does_not_turn_the_axes():
    """1 000 source samples that vary along one axis, 50 of the target along another: balanced, both count alike."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1000, 3)) * (2, 0.1, 0.1), rng.normal(size=(50, 3)) * (0.1, 1.9, 0.1)
    found = project(Pair(FeatureSet.of(x, name="s"), FeatureSet.of(y, name="t")), choose())
    assert found.n_fit == 50
    assert found.explained[1] > 0.3


def test_the_target_lies_to_the_right_and_above():
    for seed in range(8):
        found = project(sides(seed=seed, shift=-3.0), choose())
        assert (places(found.target).mean(axis=0) > places(found.source).mean(axis=0)).all()


def test_neither_order_nor_rotation_changes_what_is_seen():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 5)) + 1
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    keys = [[f"{side}{i:02d}".encode() for i in range(40)] for side in "st"]

    def seen(*data):
        of = [FeatureSet.of(z[order], keys=[k[i] for i in order]) for z, k in zip(data, keys, strict=True)]
        return project(Pair(*of), choose())

    order = np.arange(40)
    first = seen(x, y)
    order = rng.permutation(40)
    assert seen(x, y) == first
    turned = seen(x @ turn, y @ turn)
    assert places(turned.source) == pytest.approx(places(first.source), abs=0.011)


def test_only_some_places_and_classes_are_kept():
    rng = np.random.default_rng(0)
    labels = np.resize([f"{i:02d}" for i in range(40)], 300)
    labels[:60] = "39"
    side = [FeatureSet.of(rng.normal(size=(300, 4)) + i, labels, name=str(i)) for i in (0, 1)]
    found = project(Pair(*side), choose())
    assert len(found.source.x) == len(found.target.y) == KEPT
    assert len(found.classes) == CLASSES
    assert found.classes[-1].name == "39"


def test_one_varying_direction_and_none():
    x, y = np.zeros((10, 3)), np.zeros((10, 3))
    assert project(Pair(FeatureSet.of(x), FeatureSet.of(y)), choose()) is None
    y[:, 1] = 1
    found = project(Pair(FeatureSet.of(x), FeatureSet.of(y)), choose())
    assert found.explained == (1, 0)
    assert found.source.x == [-1.0] * 10
    assert found.target.y == [0.0] * 10


def test_without_labels_there_are_no_classes():
    assert project(sides(labels=False), choose()).classes == []
