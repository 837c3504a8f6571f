import importlib

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import choose
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures.transfer.logistic import logistic

module = importlib.import_module("shiftscope.measures.transfer.logistic")


def by_sklearn(f, train, penalty):
    """Log-probabilities (n, C) of a regression on the features themselves."""
    x, y, n_classes = f.features.astype(float), f.target.values, f.target.n_classes
    # scikit-learn fits two classes with one vector of weights, whose square is twice the sum of both.
    strength = penalty * spectrum(f).values[0] / (2 if n_classes == 2 else 1)
    model = LogisticRegression(C=1 / strength, tol=1e-9, max_iter=20_000).fit(x[train] - x.mean(axis=0), y[train])
    made = np.full((f.n, n_classes), -np.inf)
    made[:, model.classes_] = model.predict_log_proba(x - x.mean(axis=0))
    return made


@pytest.mark.parametrize(("n", "d", "n_classes"), [(120, 10, 4), (90, 120, 3), (80, 6, 2)])
@pytest.mark.parametrize("penalty", [1e-1, 1e-4])
def test_probabilities_are_those_of_sklearn(clusters, n, d, n_classes, penalty):
    f = clusters(n, d, n_classes, apart=0.7)
    train = folds(f, 0)[:, None] != np.arange(10)
    probe = module._Probe(f, choose())
    weights, gradient = probe.fit(train, np.full(10, penalty))
    made = probe.log_chances(weights)
    assert gradient <= 1e-6
    for fold in (0, 7):
        expected = np.exp(by_sklearn(f, train[:, fold], penalty))
        np.testing.assert_allclose(np.exp(made[:, fold]), expected, atol=1e-4)


def test_fits_from_anywhere_end_alike(clusters):
    f = clusters(60, 5, 3)
    train = folds(f, 0)[:, None] != np.arange(10)
    probe = module._Probe(f, choose())
    weights, _ = probe.fit(train, np.full(10, 1e-2))
    astray = weights + 300 * weights.new_tensor(np.random.default_rng(0).normal(size=weights.shape))
    again, gradient = probe.fit(train, np.full(10, 1e-2), astray)
    assert gradient <= 1e-6
    np.testing.assert_allclose(np.exp(probe.log_chances(again)), np.exp(probe.log_chances(weights)), atol=1e-5)


def held_out(f, seed):
    """Held-out log-probabilities by explicit fits and choices of penalties, all by scikit-learn."""
    y, parts = f.target.values, folds(f, seed)
    blocks, made, rows = parts // 2, np.empty((f.n, f.target.n_classes)), np.arange(f.n)
    for block in range(5):
        losses = []
        for penalty in module.PENALTIES[:6]:
            fits = {o: by_sklearn(f, (blocks != block) & (blocks != o), penalty) for o in range(5) if o != block}
            losses.append(-sum(fit[rows, y][blocks == o].sum() for o, fit in fits.items()))
        place = int(np.argmin(losses))
        a, b, _ = np.polyfit([-1, 0, 1], losses[place - 1 : place + 2], 2)
        penalty = module.PENALTIES[place] * 10 ** (b / (2 * a))
        for fold in (2 * block, 2 * block + 1):
            rest = parts != fold
            chances = np.exp(by_sklearn(f, rest, penalty))
            moved = chances[~rest] * (np.bincount(y) / f.n / (np.bincount(y[rest]) / rest.sum()))
            made[~rest] = np.log(moved / moved.sum(axis=1, keepdims=True))
    return made


def test_value_and_likelihood_are_those_of_nested_fits_by_sklearn(clusters):
    f = clusters(97, 8, 3, apart=0.6)
    expected = held_out(f, 4)
    made = logistic(f, rng=4)
    np.testing.assert_array_equal(made.losses, np.argmax(expected, axis=1) != f.target.values)
    nll = -expected[np.arange(97), f.target.values].mean()
    assert made.details["nll"] == pytest.approx(nll, abs=1e-4)


def test_balanced_is_the_mean_recall():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [90, 45, 9])
    f = FeatureSet.of(rng.normal(size=(3, 6))[y] + rng.normal(size=(144, 6)), y)
    plain, balanced = logistic(f, rng=0), logistic(f, balanced=True, rng=0)
    wrong = plain.losses.astype(bool)
    recall = [1 - wrong[f.target.values == c].mean() for c in range(3)]
    assert balanced.value == pytest.approx(np.mean(recall))
    assert plain.value == balanced.details["accuracy"]


def test_likelihood_is_that_of_the_shares_on_noise_and_better_than_chance_on_signal(clusters):
    noise = logistic(clusters(200, 50, 4, apart=0.0), rng=0).details
    signal = logistic(clusters(200, 50, 4, apart=2.0), rng=0).details
    assert noise["nll_null"] == pytest.approx(np.log(4))
    assert noise["nll"] == pytest.approx(np.log(4), abs=0.02)
    assert noise["penalty"] > 0.1 > signal["penalty"]
    assert signal["nll"] < 0.5
    assert max(noise["calibration_error"], signal["calibration_error"]) < 0.1


@pytest.mark.parametrize(("n", "d", "n_classes"), [(60, 40, 10), (61, 40, 2)])
def test_noise_lies_at_chance_even_in_small_classes(clusters, n, d, n_classes):
    made = [logistic(clusters(n, d, n_classes, apart=0.0, seed=s), rng=s).value for s in range(40)]
    # One class of 61 samples is larger by one, and a strong penalty predicts nothing else.
    largest = -(-n // n_classes) / n
    assert 1 / n_classes - 3 * np.std(made, ddof=1) / np.sqrt(40) < np.mean(made)
    assert np.mean(made) < largest + 3 * np.std(made, ddof=1) / np.sqrt(40)


def test_permuted_labels_score_at_chance(clusters, relabelled):
    f = clusters(90, 10, 3)
    values = np.array([logistic(relabelled(f, s), rng=0).value for s in range(30)])
    assert abs(values.mean() - 1 / 3) < 3 * values.std(ddof=1) / np.sqrt(30)
    assert logistic(f, rng=0).low > values.max()


def test_separable_classes_of_copies_converge():
    y = np.arange(40) % 4
    made = logistic(FeatureSet.of(np.eye(4)[y], y), rng=0)
    assert made.value == 1.0
    assert made.details["gradient"] <= 1e-6
    assert made.details["nll"] < 1e-3


def test_a_class_of_one_group_is_never_predicted_and_has_a_finite_loss():
    groups = np.append(np.zeros(10, int), 1 + np.arange(60) // 3)
    y = np.append(np.zeros(10, int), 1 + np.arange(60) % 2)
    x = np.random.default_rng(0).normal(size=(70, 5)) + 4 * np.eye(5)[y]
    made = logistic(FeatureSet.of(x, y, keys=[b"%02d" % i for i in range(70)], groups=groups), rng=0)
    np.testing.assert_array_equal(made.losses[:10], 1.0)
    assert made.losses[10:].mean() < 0.1
    assert 10 * np.log(70) / 70 < made.details["nll"] < 10 * np.log(70) / 70 + 0.3


def test_training_on_one_class_converges():
    # Leaving out groups 1 and 2 leaves one class, as leaving out 0 and 1 does.
    groups, y = np.repeat([0, 1, 2], 8), np.repeat([0, 0, 1], 8)
    y[[8, 9]] = 1
    made = logistic(FeatureSet.of(np.random.default_rng(0).normal(size=(24, 3)), y, groups=groups), rng=0)
    assert made.details["gradient"] <= 1e-6
    assert made.low <= made.value <= made.high


def test_two_groups_do_not_apply(clusters):
    f = clusters(24, 5, 2)
    two = FeatureSet.of(f.features, f.target, groups=np.arange(24) % 2)
    with pytest.raises(NotApplicableError, match="within 3 groups or more; data has 2"):
        logistic(two)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.eye(6), np.zeros(6, int), "one class only"),
        (np.eye(6), [0, 0, 0, 1, 1, 2], "'2' of data has one sample"),
        (np.full((6, 3), 0.1), [0, 0, 0, 1, 1, 1], "equal features"),
        (np.eye(6), np.linspace(0, 1, 6), "logistic needs classes"),
    ],
)
def test_says_why_it_does_not_apply(x, y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        logistic(FeatureSet.of(x, y))
