"""Witness samples against the whole kernel matrix in float64."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from shiftscope.analysis.neighbours import neighbours
from shiftscope.analysis.shift import diagnose_pair
from shiftscope.analysis.witness import witness_samples, witness_values
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES


def two(n=40, m=30, *, far=3, seed=0, order=None):
    """A source of two classes, and a target whose last ``far`` samples are of a third, far away."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 5)), rng.normal(size=(m, 5))
    y[m - far :, 0] += 8
    labels = np.repeat(["dog", "wave"], [m - far, far])
    names = np.array([f"{c}/{i:02d}.jpg" for i, c in enumerate(labels)])
    order = np.arange(m) if order is None else order
    source = FeatureSet.of(x, np.repeat(["dog", "rail"], [n // 2, n - n // 2]), name="photo", ids=[*map(str, range(n))])
    return Pair(source, FeatureSet.of(y[order], labels[order], name="sketch", ids=list(names[order])))


def measured(pair, **options):
    return MEASURES["mmd"].run(
        pair, target="sketch", source="photo", backbone="net", rng=0, n_permutations=0, **options
    )


def dense(pair, kernel="gaussian", bandwidth=None):
    z = pair.pooled.astype(np.float64)
    h = pair.bandwidth if bandwidth is None else bandwidth
    if kernel == "linear":
        z = (z - z.mean(axis=0)) / h
        k = z @ z.T
    elif kernel == "cosine":
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        k = z @ z.T
    else:
        r = cdist(z, z) / h
        k = {"gaussian": np.exp(-(r**2) / 2), "laplace": np.exp(-r), "rational_quadratic": 1 / (1 + r**2 / 2)}[kernel]
    np.fill_diagonal(k, 0)
    n, m = pair.source.n, pair.target.n
    first = pair.is_source
    return k[:, first].sum(axis=1) / (n - first) - k[:, ~first].sum(axis=1) / (m - ~first)


@pytest.mark.parametrize("kernel", ["gaussian", "laplace", "rational_quadratic", "linear", "cosine"])
def test_witness_is_that_of_the_dense_matrix(kernel):
    pair = two()
    found = witness_values(pair, measured(pair, kernel=kernel), choose())
    assert found == pytest.approx(dense(pair, kernel), abs=1e-5)


def test_bandwidth_is_that_of_mmd():
    pair = two()
    result = measured(pair, bandwidth=2)
    values = witness_values(pair, result, choose())
    assert values == pytest.approx(dense(pair, bandwidth=2), abs=1e-5)
    n = pair.source.n
    assert values[:n].mean() - values[n:].mean() == pytest.approx(result.estimate.value, abs=1e-6)


def test_of_fused_bandwidths_the_one_that_counts_most():
    pair = two()
    result = measured(pair, aggregate="fuse")
    details = result.estimate.details
    most = details["bandwidths"][int(np.argmax(details["weights"]))]
    assert most != pytest.approx(pair.bandwidth)
    assert witness_values(pair, result, choose()) == pytest.approx(dense(pair, bandwidth=most), abs=1e-5)


def test_samples_in_order_with_class_and_nearest_of_the_other_side():
    pair = two()
    found = witness_samples(pair, measured(pair), neighbours(pair, choose()), choose())
    target, source = found[:3], found[3:]
    # The others of the target are nearer to the source than to a target that has three far away.
    assert [w.side for w in found] == ["target"] * 3 + ["source"] * 12
    assert {w.id for w in target} == {"wave/27.jpg", "wave/28.jpg", "wave/29.jpg"}
    assert {w.label for w in target} == {"wave"}
    values = dense(pair)
    n = pair.source.n
    assert [w.value for w in target] == pytest.approx(np.sort(values[n:])[:3], abs=1e-5)
    assert [w.value for w in source] == pytest.approx(-np.sort(-values[:n])[:12], abs=1e-5)
    z = pair.pooled.astype(np.float64)
    z -= z.mean(axis=0)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    for w in found:
        mine, other = (pair.source, pair.target) if w.side == "source" else (pair.target, pair.source)
        row = mine.ids.index(w.id) + (0 if w.side == "source" else n)
        cosine = z[n:] @ z[row] if w.side == "source" else z[:n] @ z[row]
        assert w.nearest == other.ids[int(cosine.argmax())]
        assert w.distance == pytest.approx(1 - cosine.max(), rel=1e-5)
        assert w.label == mine.target.names()[mine.ids.index(w.id)]


def test_samples_nearer_to_the_other_side_than_to_their_own_are_left_out():
    """A target that is a tight clump: of a wide source only what lies far from it is unlike it."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(14, 2)), 0.1 * rng.normal(size=(30, 2))
    pair = Pair(FeatureSet.of(x, name="photo"), FeatureSet.of(y, name="sketch"))
    values = witness_values(pair, measured(pair), choose())
    right = int((values[:14] > 0).sum())
    assert 0 < right < 12
    found = witness_samples(pair, measured(pair), neighbours(pair, choose()), choose())
    assert [w.side for w in found] == ["target"] * 12 + ["source"] * right
    assert all(w.value < 0 if w.side == "target" else w.value > 0 for w in found)


def test_order_of_the_files_does_not_matter():
    made = [two(order=order) for order in (None, np.random.default_rng(3).permutation(30))]
    one, other = (witness_samples(p, measured(p), neighbours(p, choose()), choose()) for p in made)
    assert one == other


def test_few_samples_and_no_labels():
    rng = np.random.default_rng(0)
    sides = ((4, 9, "photo"), (3, 0, "sketch"))
    pair = Pair(*(FeatureSet.of(rng.normal(mean, size=(k, 3)), name=s) for k, mean, s in sides))
    found = witness_samples(pair, measured(pair), neighbours(pair, choose()), choose())
    assert [w.side for w in found] == ["target"] * 3 + ["source"] * 4
    assert {w.label for w in found} == {""}


def test_diagnosis_has_them_only_with_mmd(monkeypatch):
    pair = two(far=30)
    options = {"mmd": {"n_permutations": 19}}
    _, diagnosis = diagnose_pair(pair, backbone="net", measures=("mmd",), options=options, kernels=choose())
    assert len(diagnosis.witnesses) == 24
    _, without = diagnose_pair(pair, backbone="net", measures=("frechet",), kernels=choose())
    assert without.witnesses == []
    assert without.copies is not None
    monkeypatch.setattr("shiftscope.analysis.shift.MOST", 10)
    _, few = diagnose_pair(pair, backbone="net", measures=("mmd",), options=options, kernels=choose())
    # Those with the lowest content hashes.
    assert {w.id for w in few.witnesses if w.side == "target"} == set(pair.target.ids[:10])
    assert few.n_target == 30
