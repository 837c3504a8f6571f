import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.measures._assignments import Likelihoods, estimate_of, likelihoods
from shiftscope.measures._resampling import folds


def assigned(n, k, seed=0, sharp=2.0):
    """Assignments to k states that know something of the labels, and the labels as a feature set."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    powers = np.exp(sharp * (rng.normal(size=(3, k))[y] + rng.normal(size=(n, k))))
    return powers / powers.sum(axis=1, keepdims=True), FeatureSet.of(np.eye(n), y, keys=[b"%04d" % i for i in range(n)])


def weighted_mean(a, y, weights):
    """Mean log-likelihood of labels where sample i is there ``weights[i]`` times: the definition, term by term."""
    total = 0.0
    for i in range(len(y)):
        p = sum(
            a[i, z] * (weights * a[:, z])[y == y[i]].sum() / (weights * a[:, z]).sum()
            for z in range(a.shape[1])
            if a[:, z].any()
        )
        total += weights[i] * np.log(p)
    return total / weights.sum()


def test_in_sample_is_the_definition_also_for_states_without_mass():
    a, f = assigned(40, 5)
    a = np.column_stack([a, np.zeros(40)])
    seen = likelihoods(a, f, 0)
    assert seen.in_sample.mean() == pytest.approx(weighted_mean(a, f.target.values, np.ones(40)), rel=1e-12)
    assert all(np.isfinite(part).all() for part in (seen.in_sample, seen.held_out, seen.influence))


def test_influence_is_the_derivative_by_the_weight_of_a_sample():
    a, f = assigned(40, 5)
    seen = likelihoods(a, f, 0)
    step = 1e-5
    for i in (0, 7, 39):
        up, down = np.ones(40), np.ones(40)
        up[i], down[i] = 1 + step, 1 - step
        slope = (weighted_mean(a, f.target.values, up) - weighted_mean(a, f.target.values, down)) / (2 * step)
        assert 40 * slope == pytest.approx(seen.in_sample[i] - seen.in_sample.mean() + seen.influence[i], rel=1e-6)
    assert abs(seen.influence.mean()) < 1e-12


def by_hand(a, y, parts):
    """Held-out log-likelihoods in loops; a fold's pseudo-samples suit all other folds best."""
    shares = np.bincount(y) / len(y)
    priors = [4.0**power for power in range(-7, 6)] + [1e12]

    def predicted(i, prior):
        rest = parts != parts[i]
        mass = a[rest].sum(axis=0)
        given = (a[rest & (y == y[i])].sum(axis=0) + prior * shares[y[i]]) / (mass + prior)
        return np.log(a[i] @ given)

    every = np.array([[predicted(i, prior) for i in range(len(y))] for prior in priors])
    best = {p: np.argmax(every[:, parts != p].sum(axis=1)) for p in np.unique(parts)}
    return np.array([every[best[parts[i]], i] for i in range(len(y))])


@pytest.mark.parametrize(("k", "sharp"), [(4, 2.0), (60, 6.0), (60, 0.1)])
def test_held_out_is_counted_on_the_other_folds(k, sharp):
    a, f = assigned(50, k, sharp=sharp)
    expected = by_hand(a, f.target.values, folds(f, 3))
    np.testing.assert_allclose(likelihoods(a, f, 3).held_out, expected, rtol=1e-8)


def test_an_estimate_over_repetitions_holds_the_spread_between_them():
    _, f = assigned(60, 5)
    none, flat = np.zeros(60), np.full(60, -1.0)
    seen = [Likelihoods(flat - step, flat - step, none, 0) for step in (0.0, 0.1, 0.2, 0.3, 0.4)]
    made = estimate_of(seen, f, 0, published=False, details={})
    assert made.value == pytest.approx(-1.2)
    assert made.draws.std() == pytest.approx(np.std([0.0, 0.1, 0.2, 0.3, 0.4]), rel=1e-9)
    assert made.low < -1.4
    assert made.high > -1.0
    np.testing.assert_allclose(made.losses, 1.2)
