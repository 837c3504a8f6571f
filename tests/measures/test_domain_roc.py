"""The ROC curve that classifiers of the domains leave, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.measures import MEASURES
from shiftscope.measures._domain_classifier import CORNERS, NEAR, roc


def scores(n, m, shift, *, seed=0, decimals=6):
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1, n).round(decimals), rng.normal(0, 1.5, m).round(decimals)


def curves(source, target):
    found = roc(source, target)
    truth, told = np.repeat([0, 1], [len(source), len(target)]), -np.concatenate([source, target])
    wrong, right, _ = roc_curve(truth, told, drop_intermediate=False)
    return np.array([found["roc_false"], found["roc_true"]]), np.array([wrong, right]), roc_auc_score(truth, told)


@pytest.mark.parametrize(
    ("n", "m", "shift", "decimals"), [(200, 300, 1.0, 6), (1000, 40, 0.0, 6), (60, 60, -2.0, 6), (500, 500, 1.0, 0)]
)
def test_corners_lie_on_the_curve_and_the_rest_near_them(n, m, shift, decimals):
    found, whole, area = curves(*scores(n, m, shift, decimals=decimals))
    assert 2 <= found.shape[1] <= CORNERS
    assert found[:, 0].tolist() == [0, 0]
    assert found[:, -1].tolist() == [1, 1]
    assert all(np.abs(whole - corner[:, None]).max(axis=0).min() < 6e-5 for corner in found.T)
    assert auc(*found) == pytest.approx(area, abs=0.01)
    if found.shape[1] < CORNERS:
        turned = [np.array([w + r, r - w]) for w, r in (found, whole)]
        assert np.abs(np.interp(turned[1][0], *turned[0]) - turned[1][1]).max() < NEAR + 1e-4


def test_sides_that_lie_apart_turn_one_corner():
    assert roc(np.array([2.0, 3.0, 4.0]), np.array([0.0, 1.0])) == {"roc_false": [0, 0, 1], "roc_true": [0, 1, 1]}


def test_equal_scores_are_the_diagonal():
    assert roc(np.zeros(5), np.zeros(4)) == {"roc_false": [0, 1], "roc_true": [0, 1]}


@pytest.mark.parametrize("name", ["proxy_a", "c2st"])
def test_measures_leave_the_curve_of_their_auc(name):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 5)), rng.normal(size=(70, 5)) + 0.8
    found = MEASURES[name](Pair(FeatureSet.of(x, name="s"), FeatureSet.of(y, name="t")), rng=0)
    area = found.value if name == "c2st" else found.details["auc"]
    assert area > 0.8
    assert auc(found.details["roc_false"], found.details["roc_true"]) == pytest.approx(area, abs=0.004)
