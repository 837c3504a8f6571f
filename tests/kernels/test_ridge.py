import numpy as np
import pytest

from shiftscope.kernels import tensor


def data_of(n, d, outputs=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) * 2.0 ** rng.integers(-3, 4, d) + 5.0
    y = x @ rng.standard_normal((d, outputs)) / d**0.5 + rng.standard_normal((n, outputs)) + 2.0
    return x, y


def refitted(x, y, folds, penalty):
    """One explicit fit for each fold; the intercept is the last unknown and not penalised."""
    predictions = np.empty_like(y)
    with_one = np.column_stack([x, np.ones(len(x))])
    weights = np.diag([penalty] * x.shape[1] + [0.0])
    for fold in np.unique(folds):
        seen = with_one[folds != fold]
        coefficients = np.linalg.solve(seen.T @ seen + weights, seen.T @ y[folds != fold])
        predictions[folds == fold] = with_one[folds == fold] @ coefficients
    return predictions


def uneven(n):
    return np.random.default_rng(3).choice(4, n, p=[0.6, 0.25, 0.1, 0.05])


CASES = {
    "tall": (120, 7, np.arange(120) % 10),
    "wide": (30, 80, np.arange(30) % 5),
    "square": (25, 25, np.arange(25) % 3),
    "leave-one-out": (40, 6, np.arange(40)),
    "leave-one-out, wide": (20, 50, np.arange(20)),
    "uneven": (90, 12, uneven(90)),
    "two": (50, 3, np.arange(50) // 25),
    "one large fold": (300, 5, np.maximum(np.arange(300), 200)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("penalty", [1e-2, 1.0, 300.0])
def test_held_out_is_refitting(kernels, case, penalty):
    n, d, folds = CASES[case]
    x, y = data_of(n, d)
    eigenvalues, left = kernels.eigh_gram(x)
    held_out = kernels.ridge_held_out(left, eigenvalues, y, folds, penalty)
    np.testing.assert_allclose(held_out, refitted(x, y, folds, penalty), rtol=1e-8, atol=1e-8)


def test_copies_and_constant_columns(kernels):
    x, y = data_of(40, 6)
    x = np.column_stack([x, x[:, :2], np.full(40, 3.3)])
    x, y = np.concatenate([x, x[:9]]), np.concatenate([y, y[:9] + 1])
    folds = np.arange(49) % 7
    eigenvalues, left = kernels.eigh_gram(x)
    assert len(eigenvalues) == 6
    held_out = kernels.ridge_held_out(left, eigenvalues, y, folds, 0.5)
    np.testing.assert_allclose(held_out, refitted(x, y, folds, 0.5), rtol=1e-8, atol=1e-8)


def test_without_features_the_other_folds_mean_is_left(kernels):
    y, folds = data_of(12, 2)[1], np.arange(12) % 3
    held_out = kernels.ridge_held_out(np.empty((12, 0)), np.empty(0), y, folds, 1.0)
    expected = np.stack([y[folds != fold].mean(axis=0) for fold in folds])
    np.testing.assert_allclose(held_out, expected, rtol=1e-12)


def test_own_target_is_never_read(kernels):
    x, y = data_of(60, 4)
    folds = np.arange(60) % 6
    eigenvalues, left = kernels.eigh_gram(x)
    before = kernels.ridge_held_out(left, eigenvalues, y, folds, 1.0)
    y[folds == 2] += 1e3
    after = kernels.ridge_held_out(left, eigenvalues, y, folds, 1.0)
    np.testing.assert_allclose(after[folds == 2], before[folds == 2], rtol=0, atol=1e-9)


def test_a_constant_added_to_the_targets_is_added_to_the_predictions(kernels):
    x, y = data_of(60, 4)
    eigenvalues, left = kernels.eigh_gram(x)
    once, shifted = (kernels.ridge_held_out(left, eigenvalues, t, np.arange(60) % 6, 1.0) for t in (y, y + 7))
    np.testing.assert_allclose(shifted, once + 7, rtol=1e-11)


def test_labels_of_folds_do_not_matter(kernels):
    x, y = data_of(30, 4)
    eigenvalues, left = kernels.eigh_gram(x)
    folds = np.arange(30) % 3
    once = kernels.ridge_held_out(left, eigenvalues, y, folds, 1.0)
    renamed = kernels.ridge_held_out(left, eigenvalues, y, np.array([900, -4, 17])[folds], 1.0)
    np.testing.assert_allclose(renamed, once, rtol=1e-12)


@pytest.mark.parametrize(
    ("folds", "penalty", "words"), [(1, 1.0, "one fold"), (3, 0.0, "penalty"), (3, np.nan, "penalty")]
)
def test_what_cannot_be_held_out_is_refused(kernels, folds, penalty, words):
    x, y = data_of(12, 2)
    eigenvalues, left = kernels.eigh_gram(x)
    with pytest.raises(ValueError, match=words):
        kernels.ridge_held_out(left, eigenvalues, y, np.arange(12) % folds, penalty)


def test_batches_hold_every_row_once_and_stay_small():
    n = 5000
    sizes = [2000, *[10] * 50, *[1] * 2500]
    folds = np.split(np.random.default_rng(0).permutation(n), np.cumsum(sizes)[:-1])
    batches = list(tensor._padded_batches(folds, n))
    assert max(batch.size for batch in batches) <= 2 * n
    rows = np.concatenate([batch.ravel() for batch in batches])
    np.testing.assert_array_equal(np.sort(rows[rows < n]), np.arange(n))


@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 45)])
def test_gcv_is_the_formula_with_the_dense_hat_matrix(kernels, n, d):
    x, y = data_of(n, d)
    penalties = np.geomspace(1e-1, 1e4, 9)
    centred = x - x.mean(axis=0)
    expected = []
    for penalty in penalties:
        inner = np.linalg.solve(centred.T @ centred + penalty * np.eye(d), centred.T)
        rest = np.eye(n) - 1 / n - centred @ inner
        expected.append(n * np.square(rest @ y).sum() / np.trace(rest) ** 2)
    eigenvalues, left = kernels.eigh_gram(x)
    np.testing.assert_allclose(kernels.ridge_gcv(left, eigenvalues, y, penalties), expected, rtol=1e-9)
