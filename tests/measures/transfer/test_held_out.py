import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from shiftscope.core.features import FeatureSet
from shiftscope.measures._held_out import aucs, calibrated, calibration_error, from_shares, judge_classes
from shiftscope.measures._resampling import half_samples


def test_auc_is_that_of_sklearn_within_every_mask():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=80).astype(float)
    scores = np.round(rng.normal(size=80) + labels, 1)  # rounded: many ties
    masks = rng.random((20, 80)) < 0.5
    expected = [roc_auc_score(labels[m], scores[m]) for m in masks]
    np.testing.assert_allclose(aucs(labels, scores, masks), expected)


def test_auc_of_one_kind_of_label_is_a_half():
    assert aucs(np.ones(4), np.arange(4.0), np.ones((1, 4), bool)) == [0.5]


def scored(n=600, n_classes=3, sharp=4.0):
    """Scores whose true probabilities are a softmax of known sharpness."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(n, n_classes)) / sharp
    chances = np.exp(sharp * scores)
    chances /= chances.sum(axis=1, keepdims=True)
    classes = np.array([rng.choice(n_classes, p=p) for p in chances])
    return scores, classes


def test_sharpness_of_a_fold_is_the_best_of_the_other_folds():
    scores, classes = scored()
    folds = np.arange(len(classes)) % 5
    share = np.bincount(classes) / len(classes)

    def chances(rows, sharpness):
        logits = np.log(share) + sharpness * (scores[rows] - share)
        weights = np.exp(logits)
        return weights / weights.sum(axis=1, keepdims=True)

    made = calibrated(scores, classes, folds)
    np.testing.assert_allclose(np.exp(made).sum(axis=1), 1.0)
    losses = -made[np.arange(len(classes)), classes]
    for fold in range(5):
        rest, own = folds != fold, folds == fold
        best = minimize_scalar(
            lambda a, rest=rest: log_loss(classes[rest], chances(rest, a), labels=[0, 1, 2]), bounds=(0, 50)
        ).x
        expected = log_loss(classes[own], chances(own, best), labels=[0, 1, 2])
        assert losses[own].mean() == pytest.approx(expected, rel=0.01)


def test_calibration_of_a_fold_does_not_see_its_labels():
    scores, classes = scored()
    folds = np.arange(len(classes)) % 5
    swapped = classes.copy()
    own = np.flatnonzero(folds == 0)
    # Another order of the same labels within one fold: shares stay, and so must the sharpness it is given.
    swapped[own] = np.roll(classes[own], 1)
    before, after = calibrated(scores, classes, folds), calibrated(scores, swapped, folds)
    np.testing.assert_array_equal(before[own], after[own])


def test_calibration_error_is_the_gap_of_confidence_and_accuracy():
    # Two bins of 50: confidence 0.6 with half of the answers right, and 0.9 with all of them right.
    chances = np.repeat([[0.6, 0.4], [0.1, 0.9]], 50, axis=0)
    classes = np.append(np.arange(50) % 2, np.ones(50, int))
    assert calibration_error(chances, classes) == pytest.approx((0.1 + 0.1) / 2)


def test_few_samples_are_put_into_few_bins():
    # 70 samples: two bins of 35, in each of which rights and wrongs make up for each other.
    confidence = np.linspace(0.6, 0.9, 70)
    right = np.arange(70) % 4 != 0
    halves = [confidence[:35].mean() - right[:35].mean(), confidence[35:].mean() - right[35:].mean()]
    made = calibration_error(np.column_stack([confidence, 1 - confidence]), (~right).astype(int))
    assert made == pytest.approx(np.abs(halves).mean())


def test_calibration_error_of_true_probabilities_is_noise_and_of_sharpened_ones_large():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1.0, size=(30, 6000))
    wrong = rng.random((30, 6000)) > confidence
    errors = [
        calibration_error(np.column_stack([c, 1 - c]), w.astype(int)) for c, w in zip(confidence, wrong, strict=True)
    ]
    # Mean of |N(0, s^2)| is 0.8 s; s varies over the 15 bins of 400 samples.
    middle = (np.arange(15) + 0.5) / 30 + 0.5
    expected = np.sqrt(2 / np.pi) * np.sqrt(middle * (1 - middle) / 400).mean()
    assert np.mean(errors) == pytest.approx(expected, abs=3 * np.std(errors, ddof=1) / np.sqrt(30))
    assert calibration_error(np.eye(2)[np.zeros(6000, int)], wrong[0].astype(int)) == pytest.approx(wrong[0].mean())


def imbalanced(groups=None):
    classes = np.repeat(["few", "many", "some"], [10, 70, 20])
    keys = [b"%03d" % i for i in range(100)]
    return FeatureSet.of(np.random.default_rng(0).normal(size=(100, 2)), classes, keys=keys, groups=groups)


def test_balanced_is_the_mean_recall_and_its_draws_are_those_of_the_halves():
    f = imbalanced()
    predicted = np.random.default_rng(1).integers(3, size=100)
    made = judge_classes(f, predicted, 0, {}, balanced=True)
    expected = balanced_accuracy_score(f.target.values, predicted)
    assert made.value == pytest.approx(expected, abs=1e-12)
    assert made.losses.mean() == pytest.approx(1 - expected, abs=1e-12)
    halves = np.array([balanced_accuracy_score(f.target.values[h], predicted[h]) for h in half_samples(f, 0)])
    np.testing.assert_allclose(made.draws, expected + halves - halves.mean(), atol=1e-12)
    plain = judge_classes(f, predicted, 0, {})
    assert plain.value == plain.details["accuracy"] == made.details["accuracy"]
    assert plain.details["balanced_accuracy"] == pytest.approx(expected, abs=1e-12)


def test_always_the_largest_class_has_the_recall_of_chance():
    made = judge_classes(imbalanced(), np.ones(100, int), 0, {}, balanced=True)
    assert made.value == pytest.approx(1 / 3)
    assert made.details["accuracy"] == made.details["largest_class"] == 0.7


@pytest.mark.parametrize("right", [0, 3, 70, 100])
def test_shares_have_score_intervals(right):
    f = FeatureSet.of(np.arange(100.0)[:, None], np.zeros(100, int), keys=[b"%03d" % i for i in range(100)])
    made = from_shares((np.random.default_rng(0).permutation(100) < right).astype(float), f, 0)
    wilson = binomtest(right, 100).proportion_ci(method="wilson")
    assert made.value == right / 100
    # Trials count as at most n, so the interval is never narrower than the one of independent answers.
    assert made.low <= wilson.low + 1e-12
    assert made.high >= wilson.high - 1e-12
    assert made.high - made.low < 1.3 * (wilson.high - wilson.low)


def test_recall_that_is_perfect_is_as_sure_as_the_smallest_class_allows():
    made = from_shares(np.ones(100), imbalanced(), 0, by_class=True)
    # The variance of a mean of three recalls is that of 9/(1/10 + 1/70 + 1/20) = 54.8 answers.
    assert made.high == 1.0
    assert made.low == pytest.approx(1 / (1 + 1.96**2 / 54.8), abs=1e-3)


def test_answers_that_agree_within_groups_count_as_fewer():
    groups = np.repeat(np.arange(20), 5)
    f = imbalanced(groups)
    made = from_shares((groups % 2).astype(float), f, 0)
    twenty = binomtest(10, 20).proportion_ci(method="wilson")
    assert made.high - made.low == pytest.approx(twenty.high - twenty.low, rel=0.25)


def test_the_interval_of_balanced_recall_covers_fresh_samples():
    chance = np.array([0.9, 0.6, 0.75])
    rng, f = np.random.default_rng(0), imbalanced()
    covered = 0
    for seed in range(200):
        hits = (rng.random(100) < chance[f.target.values]).astype(float)
        made = from_shares(hits, f, seed, by_class=True)
        covered += made.low <= chance.mean() <= made.high
    assert 0.90 <= covered / 200 <= 0.99


@pytest.mark.parametrize("by_class", [False, True])
def test_groups_that_are_all_right_are_few_answers(by_class):
    groups = np.repeat(np.arange(4), 100)
    fs = FeatureSet.of(np.random.default_rng(0).normal(size=(400, 2)), np.arange(400) % 2, groups=groups)
    found = from_shares(np.ones(400), fs, 0, by_class=by_class)
    # Wilson's interval for 4 of 4.
    assert found.low == pytest.approx(4 / (4 + 1.96**2), abs=1e-3)
