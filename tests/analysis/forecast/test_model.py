"""The logistic model against a direct minimisation, and where it says nothing."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from shiftscope.analysis.forecast.model import fit


def cells(n=80, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, -1.0]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    return x, expit(z @ [1.5, -1.0, 0.0] - 0.5 + rng.normal(size=n))


@pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
def test_it_minimises_the_expected_loss_and_the_penalty(penalty):
    x, q = cells()
    counts = np.random.default_rng(1).uniform(0.5, 1, size=len(q))
    z = (x - x.mean(axis=0)) / x.std(axis=0)

    def loss(b):
        p = expit(z @ b[:3] + b[3])
        return -(counts * (q * np.log(p) + (1 - q) * np.log1p(-p))).sum() + penalty / 2 * (b[:3] ** 2).sum()

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-8}).x
    model = fit(x, q, penalty=penalty, weights=counts)
    np.testing.assert_allclose([*model.weights, model.intercept], best, atol=1e-4)
    np.testing.assert_allclose(model.probability(x), expit(z @ best[:3] + best[3]), atol=1e-4)


def test_with_all_penalty_in_the_world_it_says_the_base_rate():
    x, q = cells()
    np.testing.assert_allclose(fit(x, q, penalty=1e9).probability(x), q.mean(), atol=1e-5)


def test_units_do_not_matter():
    x, q = cells()
    scaled = x * [1e3, 1e-3, 7.0] + [5.0, -2.0, 0.0]
    there = fit(scaled, q, penalty=1.0).probability(scaled)
    np.testing.assert_allclose(fit(x, q, penalty=1.0).probability(x), there, atol=1e-6)


def test_a_covariate_that_is_the_same_everywhere_says_nothing():
    x, q = cells()
    x[:, 0] = 3.0
    model = fit(x, q, penalty=1.0)
    assert model.weights[0] == pytest.approx(0, abs=1e-9)
    assert np.isfinite(model.probability(x)).all()


def test_it_covers_its_range_and_a_quarter_more():
    x = np.array([[0.0, 0.0], [4.0, 1.0]])
    model = fit(x, np.array([0.1, 0.9]), penalty=1.0)
    there = np.array([[0.0, 0.0], [4.9, 1.2], [5.1, 0.5], [2.0, -0.3], [-0.9, 1.0]])
    assert model.covers(there).tolist() == [True, True, False, False, True]
