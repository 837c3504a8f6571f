import numpy as np
import pytest
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.preprocessing import StandardScaler

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.kernels import LAYERS, choose
from shiftscope.measures import MEASURES, _domain_classifier
from shiftscope.measures._domain_classifier import centred, side_folds
from shiftscope.measures._permutation import permuted_members
from shiftscope.measures._sides import rows_of, splits
from shiftscope.measures.shift.c2st import PENALTIES, _folds, between_halves

c2st = MEASURES["c2st"]


def pair_of(x, y, *, source=None, target=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch", groups=target))


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def refitted(z, first, fold):
    """Penalty by a dense hat matrix, held-out scores by refitting for every fold."""
    total, scatter = len(z), z.T @ z
    grid = PENALTIES * np.trace(scatter) / np.linalg.matrix_rank(z)

    def gcv(penalty):
        hat = z @ np.linalg.solve(scatter + penalty * np.eye(z.shape[1]), z.T) + 1 / total
        return np.square(first - hat @ first).sum() / (total - np.trace(hat)) ** 2

    penalty = min(grid, key=gcv)
    predicted = cross_val_predict(Ridge(alpha=penalty), z, first.astype(float), cv=PredefinedSplit(fold))
    return predicted - [first[fold != f].mean() for f in fold], penalty


@pytest.mark.parametrize("backend", LAYERS)
@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 5), (40, 17, 4), (14, 20, 50)])
def test_value_and_pvalue_equal_refits_for_every_permutation(n, m, d, backend):
    pair = pair_of(*normal(n, m, d, shift=0.8))
    kernels = choose("cpu", backend)
    found = c2st(pair, n_permutations=19, rng=3, kernels=kernels)
    z, fold = StandardScaler().fit_transform(pair.pooled.astype(float)), _folds(pair, 3)
    members = permuted_members(pair, 3, 19, kernels).astype(bool)
    refits = [refitted(z, first, fold) for first in members.T]
    areas = [roc_auc_score(first, scores) for first, (scores, _) in zip(members.T, refits, strict=True)]
    assert found.value == pytest.approx(areas[0], abs=1e-12)
    assert found.pvalue == np.mean(np.array(areas) >= areas[0] - 1e-9)
    assert found.details["penalty"] * (n + m) == pytest.approx(refits[0][1])
    # More than one penalty was chosen, so that the grouping by penalty had something to do.
    assert len({penalty for _, penalty in refits}) > 1


@pytest.mark.parametrize(("n", "m", "seed"), [(45, 25, 0), *((12, 9, seed) for seed in range(12))])
def test_accuracy_takes_its_thresholds_from_other_folds(n, m, seed):
    pair = pair_of(*normal(n, m, 4, shift=1.0, seed=seed))
    found = c2st(pair, n_permutations=0, rng=1).details
    fold = _folds(pair, 1)
    z = StandardScaler().fit_transform(pair.pooled.astype(float))
    scores, hits = refitted(z, pair.is_source, fold)[0], []
    for f, score, first in zip(fold, scores, pair.is_source, strict=True):
        rest = fold != f
        threshold = (scores[rest & pair.is_source].mean() + scores[rest & ~pair.is_source].mean()) / 2
        hits.append((score > threshold) == first)
    sides = [np.mean(np.array(hits)[pair.is_source == side]) for side in (True, False)]
    assert found["accuracy"] == pytest.approx(np.mean(sides))
    assert found["total_variation"] == pytest.approx(2 * np.mean(sides) - 1)


def test_agrees_with_discriminant_analysis_where_samples_are_many():
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((6, 6))
    x, y = (z @ mix for z in normal(700, 500, 6, shift=1.0))
    pair = pair_of(x, y)
    cv = PredefinedSplit(_folds(pair, 0))
    scores = cross_val_predict(
        LinearDiscriminantAnalysis(), pair.pooled, pair.is_source, cv=cv, method="decision_function"
    )
    assert c2st(pair, n_permutations=0, rng=0).value == pytest.approx(roc_auc_score(pair.is_source, scores), abs=0.005)


def test_total_variation_of_gaussians_is_found_and_its_lower_end_rarely_above_it():
    truth, area = 2 * norm.cdf(0.5) - 1, norm.cdf(1 / np.sqrt(2))
    found = [c2st(pair_of(*normal(300, 200, 5, shift=1.0, seed=s)), n_permutations=0, rng=s) for s in range(60)]
    assert np.mean([e.value for e in found]) == pytest.approx(area, abs=0.01)
    assert np.mean([e.details["total_variation"] for e in found]) == pytest.approx(truth, abs=0.02)
    lows = np.array([e.details["total_variation_low"] for e in found])
    assert np.mean(lows > truth) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 60)
    assert lows.mean() > 0.6 * truth
    assert all(e.low > 0.5 for e in found)


@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 4), (12, 40, 60)])
def test_pvalue_is_exact_without_a_shift(n, m, d):
    found = [c2st(pair_of(*normal(n, m, d, seed=s)), n_permutations=19, rng=s) for s in range(300)]
    pvalues = np.array([e.pvalue for e in found])
    assert pvalues.min() >= 1 / 20
    for level in (0.05, 0.5):
        assert abs(np.mean(pvalues <= level + 1e-9) - level) < 3 * np.sqrt(level * (1 - level) / 300)
    values = np.array([e.value for e in found])
    assert values.mean() == pytest.approx(0.5, abs=0.03)
    assert np.mean([e.low <= values.mean() <= e.high for e in found]) > 0.9
    assert np.mean([e.high - e.low for e in found]) / 3.92 == pytest.approx(values.std(), rel=0.15)


def test_pvalue_is_exact_with_ties_and_unequal_sides():
    pvalues = []
    for s in range(300):
        rng = np.random.default_rng(s)
        x, y = ((rng.random((k, 2)) < 0.3).astype(float) for k in (15, 40))
        pvalues.append(c2st(pair_of(x, y), n_permutations=19, rng=s).pvalue)
    assert np.mean(np.array(pvalues) <= 0.05 + 1e-9) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def clustered(rng, n_groups):
    """Samples that are near-copies of their group's centre."""
    group = np.repeat(np.arange(n_groups), rng.choice([1, 4, 7], n_groups))
    return rng.standard_normal((n_groups, 3))[group] + 0.1 * rng.standard_normal((len(group), 3)), group


def test_groups_keep_the_level_where_samples_are_near_copies():
    with_groups, without = [], []
    for s in range(200):
        rng = np.random.default_rng(s)
        (x, source), (y, target) = (clustered(rng, k) for k in (12, 9))
        with_groups.append(c2st(pair_of(x, y, source=source, target=target), n_permutations=19, rng=s).pvalue)
        without.append(c2st(pair_of(x, y), n_permutations=19, rng=s).pvalue)
    assert np.mean(np.array(with_groups) <= 0.05 + 1e-9) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(np.array(without) <= 0.05 + 1e-9) > 0.5


def test_groups_that_are_all_told_apart_are_few_answers():
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(4), 50)
    x, y = (9.0 * side + rng.normal(size=(200, 2)) for side in range(2))
    found = c2st(pair_of(x, y, source=groups, target=groups), n_permutations=0, rng=0)
    assert found.value == 1.0
    # As if 4 of 4 samples a side were right, by Agresti and Coull.
    low = 1 - 1.96 * np.sqrt(2 * (1 + 10 / 9) * 0.25 * 0.75 / 4)
    assert found.details["total_variation_low"] == pytest.approx(max(low, 0.0), abs=1e-4)


def test_a_group_is_never_in_two_folds_and_sides_have_no_part_in_them():
    groups = np.repeat(np.arange(12), 3)
    pair = pair_of(*normal(36, 40, 3), source=groups)
    fold = _folds(pair, 0)
    assert all(len(set(fold[:36][pair.source.groups == g])) == 1 for g in range(12))
    assert set(fold) == set(range(10))
    # As many samples on one side and one fewer on the other: the folds are those of the sum.
    assert (_folds(pair_of(*normal(20, 30, 2)), 0) == _folds(pair_of(*normal(35, 15, 2)), 0)).all()


@pytest.mark.parametrize(("d", "shift"), [(5, 1.5), (100, 3.0)])
def test_a_shift_is_found(d, shift):
    pvalues = [
        c2st(pair_of(*normal(50, 40, d, shift=shift, seed=s)), n_permutations=99, rng=s).pvalue for s in range(20)
    ]
    assert np.mean(np.array(pvalues) <= 0.05) >= 0.9


def test_separable_domains():
    found = c2st(pair_of(*normal(50, 50, 20, shift=40.0)), n_permutations=99, rng=0)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.9 < found.low < 1.0
    assert found.pvalue == found.details["smallest_pvalue"] == 0.01
    assert found.details["total_variation"] == 1.0
    assert 0.8 < found.details["total_variation_low"] < 1.0


def test_the_same_samples_on_both_sides_are_not_told_apart():
    x, _ = normal(40, 1, 5)
    found = c2st(pair_of(x, x), n_permutations=99, rng=0)
    assert found.value < 0.5
    assert found.pvalue > 0.5
    assert found.details["total_variation_low"] == 0.0


@pytest.mark.parametrize("d", [6, 100])
def test_halves_equal_sklearn_at_one_scale_and_penalty(d, monkeypatch):
    monkeypatch.setattr(_domain_classifier, "gcv_penalty", lambda *_: 40.0)
    pair = pair_of(*normal(48, 40, d, shift=1.0))
    halves = splits(pair, 0, 4)
    z = StandardScaler().fit_transform(pair.pooled[rows_of(halves)].astype(float))
    model, first = RidgeClassifier(alpha=40.0), np.arange(40) < 20
    for row, s in zip(between_halves(pair, halves, {}, None), halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            parts = [pair.pooled[np.sort(r)] for r in (a, b)]
            fold = side_folds([FeatureSet.of(part, keys=[b"%02d" % i for i in range(20)]) for part in parts], 0)
            rows = np.searchsorted(rows_of(halves), np.concatenate([np.sort(a), np.sort(b)]))
            cv = PredefinedSplit(fold)
            scores = cross_val_predict(model, z[rows], first, cv=cv, method="decision_function")
            assert value == pytest.approx(roc_auc_score(first, scores))


def test_predictions_are_centred_for_one_column_and_for_many():
    rng = np.random.default_rng(0)
    y, fold = np.sign(rng.standard_normal((30, 3))), rng.integers(4, size=30)
    expected = np.array([-y[fold != f].mean(axis=0) for f in fold])
    np.testing.assert_allclose(centred(np.zeros((30, 3)), y, fold), expected, atol=1e-12)
    np.testing.assert_allclose(centred(np.zeros(30), y[:, 1], fold), expected[:, 1], atol=1e-12)


def test_tiny_sides_have_an_answer_and_single_samples_none():
    found = c2st(pair_of([[0.0], [0.1]], [[5.0], [5.1], [5.2]]), rng=0)
    assert found.value == 1.0
    assert found.details["smallest_pvalue"] == pytest.approx(1 / 10)
    with pytest.raises(NotApplicableError, match="photo has one sample: c2st"):
        c2st(pair_of(*normal(1, 9, 2)))
    with pytest.raises(NotApplicableError, match="one group"):
        c2st(pair_of(*normal(9, 9, 2), source=[1] * 9))
    with pytest.raises(NotApplicableError, match="no feature varies"):
        c2st(pair_of(np.ones((9, 2)), np.ones((9, 2))))
    with pytest.raises(InputError, match="n_permutations: -1 cannot be used"):
        c2st(pair_of(*normal(9, 9, 2)), n_permutations=-1)
