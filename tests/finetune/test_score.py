import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, roc_auc_score

from shiftscope.finetune.metrics import score


def predictions(n=200, classes=4, seed=0):
    """Log probabilities (n, classes) that know something of the codes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    logits = rng.normal(size=(n, classes)) + 1.2 * np.eye(classes)[labels]
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_are_sklearns(classes):
    log_p, labels = predictions(classes=classes)
    p, named = np.exp(log_p), log_p.argmax(axis=1)
    found = score(log_p, labels)
    assert found.n == 200
    assert found.accuracy == accuracy_score(labels, named)
    assert found.macro_f1 == pytest.approx(f1_score(labels, named, average="macro"))
    one_side = p[:, 1] if classes == 2 else p
    assert found.auc == pytest.approx(roc_auc_score(labels, one_side, multi_class="ovr", average="macro"))
    assert found.nll == pytest.approx(log_loss(labels, p))
    assert found.confusion == confusion_matrix(labels, named).tolist()


def test_a_class_that_does_not_occur_counts_in_f1_and_not_in_auc():
    log_p, labels = predictions()
    kept = labels != 2
    log_p, labels = log_p[kept], labels[kept]
    found = score(log_p, labels)
    named = log_p.argmax(axis=1)
    expected = [roc_auc_score(labels == c, log_p[:, c]) for c in (0, 1, 3)]
    assert found.auc == pytest.approx(np.mean(expected))
    per_class = f1_score(labels, named, average=None, labels=range(4), zero_division=0.0)
    assert per_class[2] == 0
    assert found.macro_f1 == pytest.approx(per_class.mean())
    assert np.array(found.confusion).shape == (4, 4)
    assert sum(found.confusion[2]) == 0


def test_a_class_that_is_neither_there_nor_named_counts_as_missed():
    log_p = np.log(np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]))
    assert score(log_p, np.array([0, 1])).macro_f1 == pytest.approx(2 / 3)


def test_one_class_alone_has_no_auc():
    log_p, _ = predictions(n=20)
    assert score(log_p, np.zeros(20, dtype=np.int64)).auc is None


def test_by_hand():
    # Confidences .8, .81 (bin 12 of 15), .55 (bin 8); the second is wrong, the others right.
    p = np.array([[0.8, 0.1, 0.1], [0.81, 0.19, 0.0], [0.25, 0.2, 0.55]])
    with np.errstate(divide="ignore"):
        found = score(np.log(p), np.array([0, 1, 2]))
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.brier == pytest.approx((0.04 + 0.02 + 0.81**2 * 2 + 0.0625 + 0.04 + 0.2025) / 3)
    assert found.calibration_error == pytest.approx((abs(1.0 - 1.61) + abs(1.0 - 0.55)) / 3)
    assert found.nll == pytest.approx(-np.log([0.8, 0.19, 0.55]).mean())
    assert found.confusion == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]


def test_calibration_error_is_the_mean_gap_over_fifteen_bins():
    log_p, labels = predictions(n=2000)
    confidence, right = np.exp(log_p).max(axis=1), log_p.argmax(axis=1) == labels
    error = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert score(log_p, labels).calibration_error == pytest.approx(error)


def test_calibrated_predictions_have_a_small_error_and_boasts_a_large_one():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), size=20_000)
    labels = (rng.random((20_000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    assert score(np.log(p), labels).calibration_error < 0.015
    sure = np.full((400, 2), np.log(1e-9))
    sure[:, 0] = 0
    assert score(sure, np.arange(400) % 2).calibration_error == pytest.approx(0.5)


def test_certainty_that_is_wrong_is_finite():
    with np.errstate(divide="ignore"):
        found = score(np.log(np.array([[1.0, 0.0], [0.0, 1.0]])), np.array([1, 1]))
    assert found.nll == pytest.approx(-np.log(1e-12) / 2)
    assert found.brier == pytest.approx(1)
