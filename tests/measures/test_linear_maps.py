import numpy as np
import pytest
from scipy.linalg import inv, sqrtm
from sklearn.covariance import ledoit_wolf

from shiftscope.measures._linear_maps import coral, procrustes, scaling, through_anchors, translation, unchanged


def two_samples(n=60, m=45, r=5, seed=0):
    """Samples whose features hang together, in two ways."""
    rng = np.random.default_rng(seed)
    chains = [np.eye(r) + 0.7 * np.eye(r, k=k) for k in (1, -2)]
    return tuple(rng.normal(size=(k, r)) @ c + rng.normal(size=r) for k, c in zip((n, m), chains, strict=True))


def test_moving_and_stretching_give_the_targets_means_and_spreads():
    x, y = two_samples()
    np.testing.assert_array_equal(unchanged(x, y)(x), x)
    np.testing.assert_allclose(translation(x, y)(x), x + y.mean(axis=0) - x.mean(axis=0))
    mapped = scaling(x, y)(x)
    np.testing.assert_allclose(mapped.mean(axis=0), y.mean(axis=0))
    np.testing.assert_allclose(mapped.std(axis=0), y.std(axis=0))
    np.testing.assert_allclose(np.corrcoef(mapped.T), np.corrcoef(x.T))


@pytest.mark.parametrize(("n", "r"), [(60, 5), (12, 30)])
def test_coral_equals_its_definition_with_covariances_of_sklearn(n, r):
    x, y = two_samples(n, n + 3, r)
    a, b = ledoit_wolf(x)[0], ledoit_wolf(y)[0]
    expected = (x - x.mean(axis=0)) @ (inv(sqrtm(a)) @ sqrtm(b)).real + y.mean(axis=0)
    np.testing.assert_allclose(coral(x, y)(x), expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_coral_gives_the_targets_covariance_where_samples_are_many():
    x, y = two_samples(20_000, 20_000)
    np.testing.assert_allclose(np.cov(coral(x, y)(x).T), np.cov(y.T), rtol=0, atol=2e-3 * np.trace(np.cov(y.T)))


def turned(r, seed, size):
    """A rotation by less than a right angle."""
    skew = np.random.default_rng(seed).normal(size=(r, r)) * size
    turn = np.linalg.qr(np.eye(r) + skew - skew.T)[0]
    return turn * np.sign(np.diag(turn))


def test_procrustes_finds_a_rotation_and_nothing_else():
    x = np.random.default_rng(0).normal(size=(4000, 6)) * np.array([6, 5, 4, 3, 2, 1])
    turn = turned(6, 1, 0.1)
    found = procrustes(x, x @ turn + 3.0)
    np.testing.assert_allclose(found.turn, turn, atol=1e-8)
    np.testing.assert_allclose(found(x), x @ turn + 3.0, atol=1e-7)
    stretched = procrustes(x, 5 * x)
    np.testing.assert_allclose(stretched.turn, np.eye(6), atol=1e-8)


def test_procrustes_is_the_best_orthogonal_map_of_covariances():
    x, y = two_samples()
    a, b = np.cov(x.T), np.cov(y.T)
    found = procrustes(x, y).turn
    np.testing.assert_allclose(found @ found.T, np.eye(5), atol=1e-10)
    reached = np.linalg.norm(found.T @ a @ found - b)
    rng = np.random.default_rng(0)
    others = [np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(500)]
    near = [found @ turned(5, s, 0.02) for s in range(100)]
    assert reached <= min(np.linalg.norm(q.T @ a @ q - b) for q in (*others, *near)) + 1e-9


def anchored(a, b):
    return through_anchors((a, b), ((a[::2], b[::2]), (a[1::2], b[1::2])))


def test_anchors_teach_a_linear_map_where_they_determine_it():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 6)), rng.normal(size=(6, 6))
    found = anchored(a, a @ b + 2.0)
    np.testing.assert_allclose(found.turn, b, atol=2e-3)
    np.testing.assert_allclose(found(a), a @ b + 2.0, atol=5e-3)


@pytest.mark.parametrize(("c", "r"), [(40, 6), (5, 12)])
def test_anchors_give_ridge_regression_towards_the_identity(c, r):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(c, r)), rng.normal(size=(c, r))
    start, end = a - a.mean(axis=0), b - b.mean(axis=0)
    top = np.linalg.eigvalsh(start.T @ start)[-1]
    penalties = np.logspace(-4, 2, 7) * top
    maps = [np.eye(r) + np.linalg.solve(start.T @ start + p * np.eye(r), start.T @ (end - start)) for p in penalties]
    found = anchored(a, b)
    assert min(np.abs(found.turn - turn).max() for turn in maps) < 1e-10
    np.testing.assert_allclose([found.departure, found.arrival], [a.mean(axis=0), b.mean(axis=0)])


def test_anchors_change_nothing_in_directions_they_do_not_span():
    rng = np.random.default_rng(0)
    a = np.zeros((8, 6))
    a[:, :2] = rng.normal(size=(8, 2))
    found = anchored(a, a * np.array([2, 3, 1, 1, 1, 1])).turn
    np.testing.assert_allclose(found[2:], np.eye(6)[2:], atol=1e-12)
    np.testing.assert_allclose(found[:2, :2], np.diag([2, 3]), atol=1e-2)


def test_three_anchors_that_leave_no_freedom_still_teach_a_turn():
    a = np.array([[3.0, 0, 0], [-1.5, 2.6, 0], [-1.5, -2.6, 0]])
    versions = [
        tuple(z + 0.02 * np.random.default_rng(s).normal(size=z.shape) for z in (a, a[[1, 2, 0]])) for s in (0, 1)
    ]
    found = through_anchors((a, a[[1, 2, 0]]), (versions[0], versions[1]))
    np.testing.assert_allclose(found(a), a[[1, 2, 0]], atol=0.01)


def test_the_penalty_of_anchors_holds_back_noise():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(40, 30))
    noise = anchored(a, a + rng.normal(size=a.shape)).turn - np.eye(30)
    free = np.linalg.lstsq(a - a.mean(axis=0), rng.normal(size=a.shape), rcond=None)[0]
    assert np.linalg.norm(noise) < 0.1 * np.linalg.norm(free)


@pytest.mark.parametrize("fit", [unchanged, translation, scaling, coral, procrustes, anchored])
def test_constants_are_no_obstacle(fit):
    x = np.ones((9, 3))
    np.testing.assert_allclose(fit(x, x)(x), x)
    spread = np.random.default_rng(0).normal(size=(9, 3))
    assert np.isfinite(fit(x, spread)(x)).all()
    assert np.isfinite(fit(spread, x)(spread)).all()
    assert np.isfinite(fit(spread[:, :1], spread[:, 1:2])(spread[:, :1])).all()
