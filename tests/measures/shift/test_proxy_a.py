import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.preprocessing import StandardScaler

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import LAYERS, choose
from shiftscope.measures import MEASURES, _domain_classifier
from shiftscope.measures._domain_classifier import _held_out, side_folds
from shiftscope.measures._sides import rows_of, splits
from shiftscope.measures.shift.proxy_a import between_halves

proxy_a = MEASURES["proxy_a"]


def pair_of(x, y, *, source=None, target=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch", groups=target))


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def by_sklearn(pair, seed, penalty):
    """Held-out decision values of sklearn's ridge classifier, refitted for every fold."""
    z = StandardScaler().fit_transform(pair.pooled.astype(float))
    fold = PredefinedSplit(side_folds([pair.source, pair.target], seed))
    model = RidgeClassifier(alpha=penalty * len(z))
    return cross_val_predict(model, z, pair.is_source, cv=fold, method="decision_function")


@pytest.mark.parametrize("backend", LAYERS)
@pytest.mark.parametrize(("n", "d"), [(60, 10), (40, 90), (35, 69)])
def test_equals_sklearn(n, d, backend):
    pair = pair_of(*normal(n, n, d, shift=1.5))
    found = proxy_a(pair, rng=3, kernels=choose("cpu", backend))
    scores = by_sklearn(pair, 3, found.details["penalty"])
    err = np.mean((scores > 0) != pair.is_source)
    assert found.details["err"] == err
    assert found.value == pytest.approx(2 * (1 - 2 * err))
    assert found.details["auc"] == pytest.approx(roc_auc_score(pair.is_source, scores))


@pytest.mark.parametrize("d", [10, 90])
def test_short_form_equals_sklearn(d):
    pair = pair_of(*normal(40, 40, d, shift=1.5))
    z = StandardScaler().fit_transform(pair.pooled.astype(float))
    fold = side_folds([pair.source, pair.target], 3)
    scores = _held_out(z @ z.T, np.where(pair.is_source, 1.0, -1.0), fold, 0.7 * 80)
    np.testing.assert_allclose(scores, by_sklearn(pair, 3, 0.7), rtol=0, atol=1e-9)


def test_separable_domains_are_at_distance_two():
    found = proxy_a(pair_of(*normal(50, 50, 20, shift=40.0)), rng=0)
    assert (found.value, found.high) == (2.0, 2.0)
    assert 1.5 < found.low < 2.0
    assert found.details["auc"] == 1.0


@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 5), (25, 60, 80)])
def test_no_shift_is_zero_on_average(n, m, d):
    found = [proxy_a(pair_of(*normal(n, m, d, seed=s)), rng=s) for s in range(200)]
    values = np.array([e.value for e in found])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(200)
    assert values.min() < 0
    covered = np.mean([e.low <= 0 <= e.high for e in found])
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)
    assert np.mean([e.high - e.low for e in found]) / 3.92 == pytest.approx(values.std(), rel=0.2)


@pytest.mark.parametrize(("n_groups", "largest", "noise"), [(8, 8, 0.3), (5, 29, 1e6)])
def test_uneven_groups_without_a_shift_are_zero_on_average(n_groups, largest, noise):
    # Noise without bounds makes groups that mean nothing: the penalty is large, and a fold's share of each side would
    # decide its predictions.
    values = []
    for s in range(200):
        rng = np.random.default_rng(s)
        groups = [np.repeat(np.arange(n_groups), rng.integers(1, largest + 1, n_groups)) for _ in range(2)]
        x, y = (rng.standard_normal((n_groups, 6))[g] + noise * rng.standard_normal((len(g), 6)) for g in groups)
        values.append(proxy_a(pair_of(x, y, source=groups[0], target=groups[1]), rng=s).value)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)


def test_a_group_is_never_on_both_sides_of_a_fold():
    groups = np.repeat(np.arange(12), 3)
    pair = pair_of(*normal(36, 36, 3), source=groups, target=groups)
    fold = side_folds([pair.source, pair.target], 0)
    for side, part in ((pair.source, fold[:36]), (pair.target, fold[36:])):
        assert all(len(set(part[side.groups == g])) == 1 for g in range(12))


def test_intervals_cover_what_other_samples_give():
    found = [proxy_a(pair_of(*normal(80, 80, 10, shift=1.0, seed=s)), rng=s) for s in range(150)]
    values = np.array([e.value for e in found])
    covered = np.mean([e.low <= values.mean() <= e.high for e in found])
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 150)
    # The widening for shared training data is right for a classifier that its sample decides, as without a shift;
    # a stable one would need none of it.
    assert 0.9 < np.mean([e.high - e.low for e in found]) / 3.92 / values.std() < 1.5


def test_labels_have_no_part_in_it():
    x, y = normal(30, 30, 4, shift=1.0)
    keys = [b"%02d" % i for i in range(60)]
    with_labels = Pair(FeatureSet.of(x, ["a", "b", "c"] * 10, keys=keys[:30]), FeatureSet.of(y, keys=keys[30:]))
    without = Pair(FeatureSet.of(x, keys=keys[:30]), FeatureSet.of(y, keys=keys[30:]))
    assert proxy_a(with_labels, rng=0) == proxy_a(without, rng=0)


def test_a_larger_side_is_cut_to_equal_size():
    found = proxy_a(pair_of(*normal(400, 40, 5, shift=1.0)), rng=0)
    assert found.details["size"] == 40
    assert found.value > 0.4


def test_neither_order_scale_nor_dead_features_matter():
    x, y = normal(30, 40, 4, shift=1.0)
    mixed = np.random.default_rng(1).permutation(30)
    assert proxy_a(pair_of(x[mixed], y), rng=7) == proxy_a(pair_of(x, y), rng=7)
    keys = [b"%02d" % i for i in range(70)]

    def value(f):
        return proxy_a(Pair(FeatureSet.of(f(x), keys=keys[:30]), FeatureSet.of(f(y), keys=keys[30:])), rng=7).value

    assert value(lambda z: 16 * z) == value(lambda z: z)
    assert value(lambda z: np.column_stack([z, np.full(len(z), 3.1)])) == value(lambda z: z)
    assert value(lambda z: np.column_stack([z, z])) == value(lambda z: z)


@pytest.mark.parametrize("d", [6, 100])
def test_halves_equal_sklearn_at_one_scale_and_penalty(d, monkeypatch):
    monkeypatch.setattr(_domain_classifier, "gcv_penalty", lambda *_: 40.0)
    pair = pair_of(*normal(48, 40, d, shift=1.0))
    halves = splits(pair, 0, 4)
    z = StandardScaler().fit_transform(pair.pooled[rows_of(halves)].astype(float))
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            parts = [pair.pooled[np.sort(r)] for r in (a, b)]
            fold = side_folds([FeatureSet.of(part, keys=[b"%02d" % i for i in range(20)]) for part in parts], 0)
            rows = np.searchsorted(rows_of(halves), np.concatenate([np.sort(a), np.sort(b)]))
            model, first = RidgeClassifier(alpha=40.0), np.arange(40) < 20
            predicted = cross_val_predict(model, z[rows], first, cv=PredefinedSplit(fold))
            assert value == pytest.approx(2 * (1 - 2 * np.mean(predicted != first)))


def test_tiny_sides_have_an_answer_and_single_samples_none():
    found = proxy_a(pair_of([[0.0], [0.1]], [[5.0], [5.1]]), rng=0)
    assert found.value == 2.0
    with pytest.raises(NotApplicableError, match="photo has one sample: proxy_a"):
        proxy_a(pair_of(*normal(1, 9, 2)))
    with pytest.raises(NotApplicableError, match="one group"):
        proxy_a(pair_of(*normal(9, 9, 2), source=[1] * 9))
    with pytest.raises(NotApplicableError, match="no feature varies"):
        proxy_a(pair_of(np.ones((9, 2)), np.ones((9, 2))))
