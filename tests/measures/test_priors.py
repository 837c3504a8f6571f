import numpy as np
import pytest
from scipy.optimize import minimize, nnls
from sklearn.metrics import confusion_matrix

from shiftscope.core.features import FeatureSet
from shiftscope.measures._bootstrap import bootstrap_weights
from shiftscope.measures._priors import bbse, confusion, saerens, total_variation


def test_confusion_is_that_of_sklearn():
    rng = np.random.default_rng(0)
    y, guess, weights = rng.integers(0, 3, 80), rng.integers(0, 3, 80), rng.integers(0, 4, 80).astype(float)
    expected = confusion_matrix(y, guess, normalize="true", sample_weight=weights).T
    np.testing.assert_allclose(confusion(guess, y, weights, 3), expected)


def test_bbse_solves_for_the_shares_behind_predictions():
    confused = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.3], [0.1, 0.1, 0.6]])
    shares = np.array([0.1, 0.3, 0.6])
    np.testing.assert_allclose(bbse(confused, confused @ shares), shares)


def test_bbse_gives_shares_whatever_is_predicted():
    confused = np.array([[0.6, 0.4], [0.4, 0.6]])
    np.testing.assert_allclose(bbse(confused, np.array([0.9, 0.1])), [1.0, 0.0])
    np.testing.assert_allclose(bbse(confused, np.array([0.9, 0.1])), nnls(confused, np.array([0.9, 0.1]))[0].round())
    # A class without samples has no column: nothing is put into it.
    np.testing.assert_allclose(bbse(np.array([[0.8, 0.0], [0.2, 0.0]]), np.array([0.8, 0.2])), [1.0, 0.0])


def test_expectation_maximisation_finds_the_most_likely_shares():
    rng = np.random.default_rng(0)
    prior = np.array([0.5, 0.3, 0.2])
    chances = rng.dirichlet([0.6, 0.6, 0.6], size=200)

    def cost(logits):
        share = np.exp(logits) / np.exp(logits).sum()
        return -np.log((chances / prior) @ share).sum()

    best = minimize(cost, np.zeros(3), options={"gtol": 1e-8}).x
    np.testing.assert_allclose(saerens(chances, prior), np.exp(best) / np.exp(best).sum(), atol=1e-4)


def test_expectation_maximisation_undoes_known_priors():
    # Exact probabilities under the source's shares of samples that come in the target's.
    rng, prior, target = np.random.default_rng(0), np.array([0.5, 0.5]), np.array([0.15, 0.85])
    x = rng.normal(size=20_000) + 2.0 * (rng.random(20_000) < target[1])
    second = 1 / (1 + np.exp(-2 * (x - 1)))
    np.testing.assert_allclose(saerens(np.column_stack([1 - second, second]), prior), target, atol=0.015)


@pytest.mark.parametrize("truth", [[0, 0, 0, 0], [0.02, -0.02, 0, 0], [0.1, -0.05, -0.05, 0], [0.3, 0.1, -0.2, -0.2]])
def test_intervals_of_total_variation_hold_it(truth):
    truth, rng = np.array(truth), np.random.default_rng(1)
    cov = 0.02**2 * (np.eye(4) - 0.25)
    held = []
    for _ in range(300):
        found = truth + rng.multivariate_normal(np.zeros(4), cov)
        value, low, high = total_variation(found, rng.multivariate_normal(np.zeros(4), cov, size=200), 0.95)
        assert value == pytest.approx(np.abs(found).sum() / 2)
        assert 0 <= low <= value <= high <= 1
        held.append(low <= np.abs(truth).sum() / 2 <= high)
    assert np.mean(held) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)


def test_where_all_signs_are_clear_the_interval_is_that_of_a_sum():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4000, 3)) * 0.01
    value, low, high = total_variation(np.array([0.3, -0.1, -0.2]), noise, 0.95)
    reach = 1.96 * 0.01 * np.sqrt(3) / 2
    assert (value, low, high) == pytest.approx((0.3, 0.3 - reach, 0.3 + reach), abs=1e-3)


def test_bootstrap_draws_whole_groups_as_often_as_there_are():
    groups = np.repeat(np.arange(8), 3)
    fs = FeatureSet.of(np.random.default_rng(0).normal(size=(24, 2)), groups=groups)
    weights = bootstrap_weights(fs, 0, "source")
    assert weights.shape == (200, 24)
    assert (weights.sum(axis=1) == 24).all()
    assert all(np.ptp(weights[:, fs.groups == g], axis=1).max() == 0 for g in range(8))
    assert (weights != bootstrap_weights(fs, 0, "target")).any()
    single = bootstrap_weights(FeatureSet.of(np.arange(50.0)[:, None]), 0, "source")
    assert single.var() == pytest.approx(1 - 1 / 50, rel=0.05)
