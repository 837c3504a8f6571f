import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss, roc_auc_score

from shiftscope.measures._held_out import aucs, calibrated_nll


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

    losses = calibrated_nll(scores, classes, folds)
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
    before, after = calibrated_nll(scores, classes, folds), calibrated_nll(scores, swapped, folds)
    same = own[swapped[own] == classes[own]]
    assert len(same) > 10
    np.testing.assert_array_equal(before[same], after[same])
