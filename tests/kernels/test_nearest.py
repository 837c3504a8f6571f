import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from shiftscope.kernels import choose, compiled, reference


def rows_of(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def by_sorting(x, k, folds):
    """Every pair in float64, then Python's sort."""
    x = x.astype(np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    cosine = np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    cosine = (cosine @ cosine.T).astype(np.float32)
    indices = np.full((len(x), k), -1)
    similarity = np.zeros((len(x), k))
    for i in range(len(x)):
        others = sorted((-cosine[i, j], j) for j in range(len(x)) if folds[j] != folds[i])[:k]
        for place, (negative, j) in enumerate(others):
            indices[i, place], similarity[i, place] = j, -negative
    return indices, similarity


def assert_equal(found, expected):
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=2e-6)


def test_leave_one_out_is_sklearn(kernels):
    x = rows_of(900, 24)
    indices, similarity = kernels.nearest(x, 7, np.arange(900))
    search = NearestNeighbors(n_neighbors=7, metric="cosine", algorithm="brute").fit(x.astype(np.float64))
    distances, expected = search.kneighbors()
    assert indices.dtype == np.int64
    assert similarity.dtype == np.float32
    assert_equal((indices, similarity), (expected, 1 - distances))


@pytest.mark.parametrize(("n", "d", "k", "folds"), [(61, 5, 4, 10), (700, 33, 3, 2), (12, 40, 1, 3)])
def test_neighbours_come_from_other_folds(kernels, n, d, k, folds):
    x = rows_of(n, d)
    groups = np.random.default_rng(1).permutation(n) % folds
    assert_equal(kernels.nearest(x, k, groups), by_sorting(x, k, groups))


def test_ties_go_to_the_lower_index(kernels):
    """16 signs make unit rows whose products are exact in any order: every comparison is decided."""
    x = np.sign(rows_of(800, 16))
    x[400:] = x[:400]
    groups = np.arange(800) % 5
    found, expected = kernels.nearest(x, 9, groups), by_sorting(x, 9, groups)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_copies_tie_wherever_they_stand():
    x = rows_of(150, 37)
    x = np.concatenate([x] * 5)
    for kernel in (reference.nearest, compiled.nearest):
        indices, _ = kernel(x, 4, np.arange(750))
        copies = np.arange(750)[:, None] % 150 + 150 * np.arange(5)
        others = copies[copies != np.arange(750)[:, None]].reshape(750, 4)
        np.testing.assert_array_equal(indices, others)


def test_zero_rows_are_similar_to_nothing(kernels):
    x = np.abs(rows_of(10, 4))
    x[[2, 5]] = 0
    indices, similarity = kernels.nearest(x, 3, np.arange(10))
    assert indices[2].tolist() == [0, 1, 3]
    assert indices[5].tolist() == [0, 1, 2]
    assert not similarity[[2, 5]].any()
    assert (similarity[0] > 0).all()


def test_missing_neighbours_are_marked(kernels):
    x, folds = rows_of(6, 3), np.array([0, 0, 0, 0, 1, 1])
    indices, similarity = kernels.nearest(x, 9, folds)
    assert ((indices >= 0).sum(axis=1) == [2, 2, 2, 2, 4, 4]).all()
    assert not similarity[indices < 0].any()
    assert_equal((indices, similarity), by_sorting(x, 9, folds))


@pytest.mark.parametrize("n", [1, 5])
def test_one_fold_has_no_neighbours(kernels, n):
    indices, similarity = kernels.nearest(rows_of(n, 3), 2, np.zeros(n, dtype=np.int64))
    np.testing.assert_array_equal(indices, np.full((n, 2), -1))
    np.testing.assert_array_equal(similarity, np.zeros((n, 2)))


def test_no_neighbours_asked_for(kernels):
    indices, similarity = kernels.nearest(rows_of(5, 3), 0, np.arange(5))
    assert indices.shape == similarity.shape == (5, 0)


def test_length_of_rows_does_not_matter(kernels):
    x = rows_of(80, 6)
    scaled = x * 2.0 ** np.random.default_rng(2).integers(-30, 30, (80, 1)).astype(np.float32)
    for a, b in zip(kernels.nearest(x, 5, np.arange(80)), kernels.nearest(scaled, 5, np.arange(80)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_backends_agree_across_tiles():
    x, groups = rows_of(1300, 50), np.arange(1300) % 10
    expected = reference.nearest(x, 10, groups)
    for backend in ("compiled", "tensor"):
        assert_equal(choose("cpu", backend).nearest(x, 10, groups), expected)


@pytest.mark.parametrize("mean", [1.0, 100.0, 2000.0])
def test_angles_that_float32_does_not_resolve(mean):
    x, groups = rows_of(600, 20) + np.float32(mean), np.arange(600) % 10
    assert_equal(compiled.nearest(x, 5, groups), reference.nearest(x, 5, groups))


def test_more_copies_than_candidates():
    x = np.repeat(rows_of(30, 9), 40, axis=0)
    groups = np.arange(1200) % 7
    assert_equal(compiled.nearest(x, 5, groups), reference.nearest(x, 5, groups))
