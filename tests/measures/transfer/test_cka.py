from itertools import combinations

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures._resampling import half_samples
from shiftscope.measures.transfer.cka import cka


def keys_of(n):
    return [b"%08d" % i for i in range(n)]


def hsic(k, l):
    """HSIC_1 from n x n matrices, as Song et al. write it."""
    n = len(k)
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    ones = np.ones(n)
    total = np.trace(k @ l) + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * ones @ k @ l @ ones
    return total / (n * (n - 3))


def unbiased(x, y):
    k, l = x @ x.T, y @ y.T
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def plain(x, y):
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return np.square(x.T @ y).sum() / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


@pytest.mark.parametrize(("n", "d"), [(80, 9), (40, 70)])
@pytest.mark.parametrize("kind", ["classes", "labels", "real"])
def test_is_the_definition_on_n_by_n_matrices(n, d, kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32) + 1
    real = x[:, :2].astype(float) + rng.normal(size=(n, 2))
    y = {"classes": np.arange(n) % 3, "labels": (real > 1).astype(float), "real": real * [1, 100]}[kind]
    columns = {"classes": np.eye(3)[np.arange(n) % 3], "labels": y, "real": real / real.std(axis=0)}[kind]
    made = cka(FeatureSet.of(x, y), rng=0)
    assert made.value == pytest.approx(unbiased(x.astype(float), columns), rel=1e-6, abs=1e-9)
    assert made.details["n_labels"] == columns.shape[1]


def test_draws_are_the_same_of_half_samples(clusters):
    f = clusters(60, 9, 3)
    made = cka(f, rng=0)
    halves = np.array([unbiased(f.features[h].astype(float), f.target.matrix[h]) for h in half_samples(f, 0)])
    np.testing.assert_allclose(made.draws, made.value + halves - halves.mean(), atol=1e-9)


def test_over_all_labellings_the_mean_is_zero():
    x = np.random.default_rng(0).normal(size=(10, 25))
    values, biased = [], []
    for pair in combinations(range(10), 2):
        f = FeatureSet.of(x, np.isin(np.arange(10), pair).astype(int), keys=keys_of(10))
        values.append(cka(f, rng=0).value)
        biased.append(plain(x, f.target.matrix))
    assert np.mean(values) == pytest.approx(0, abs=1e-9)
    assert np.mean(biased) > 0.2


def test_permuted_labels_score_at_zero(clusters, relabelled):
    f = clusters(60, 200, 4)
    values = np.array([cka(relabelled(f, s), rng=s).value for s in range(30)])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(30)
    assert cka(f, rng=0).low > values.mean() + 3 * values.std()


def test_features_agree_with_themselves_and_similarity_may_be_opposed():
    x = np.random.default_rng(0).normal(size=(30, 4))
    x = x / x.std(axis=0)
    assert cka(FeatureSet.of(x, x.astype(np.float32).astype(float))).value == pytest.approx(1, abs=1e-6)
    pairs = np.repeat(np.eye(6), 2, axis=0) * 5 + np.random.default_rng(1).normal(size=(12, 6)) * 0.1
    apart = cka(FeatureSet.of(pairs, np.arange(12) % 2))  # twins always in different classes
    assert -1 <= apart.low <= apart.value < -0.1


def test_labels_that_do_not_vary_do_not_count():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5))
    labels = (x[:, :2] > 0).astype(float)
    f = FeatureSet.of(x, np.column_stack([labels, np.zeros(40)]), keys=keys_of(40))
    assert cka(f, rng=0).value == pytest.approx(cka(FeatureSet.of(x, labels, keys=keys_of(40)), rng=0).value)
    assert cka(f, rng=0).details["n_labels"] == 2


@pytest.mark.parametrize("groups", [np.arange(24) // 12, np.minimum(np.arange(24), 1)])
def test_few_groups_leave_halves_without_pairs_and_the_score_finite(groups):
    rng = np.random.default_rng(0)
    made = cka(FeatureSet.of(rng.normal(size=(24, 5)), np.arange(24) % 2, groups=groups, keys=keys_of(24)), rng=0)
    assert made.low <= made.value <= made.high


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.eye(12), [0, 1] * 6, "equally similar"),
        (np.eye(12), [1] * 12, "one class only"),
        (np.random.default_rng(0).normal(size=(8, 3)), [0, 1] * 4, "cka needs 10 samples .* data has 8"),
        (np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 10, "3 per class on average; data has 20"),
        (np.ones((12, 3)), [0, 1] * 6, "equal features"),
        (np.eye(12), np.full(12, 0.5), "no label of data varies"),
    ],
)
def test_says_why_it_does_not_apply(x, y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        cka(FeatureSet.of(x, y))
