"""Covariates against the odds they are made of."""

import numpy as np
import pytest

from shiftscope.analysis.forecast.covariates import COVARIATES, covariates_of
from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Estimate
from shiftscope.measures import MEASURES


def ridge_of(right, n=100, largest=0.25, n_classes=4):
    details = {"accuracy": right / n, "largest_class": largest, "n": n, "n_classes": n_classes}
    return Estimate(value=right / n, details=details)


def test_gains_are_differences_of_log_odds():
    x = covariates_of(ridge_of(80), ridge_of(40), ridge_of(60))
    assert x.gain_over_random == pytest.approx(np.log(80.5 / 20.5) - np.log(40.5 / 60.5))
    assert x.gain_over_pixels == pytest.approx(np.log(80.5 / 20.5) - np.log(60.5 / 40.5))
    assert x.level == pytest.approx((0.80 - 0.25) / 0.75)
    assert x.ln_per_class == pytest.approx(np.log(25))
    assert COVARIATES == ("gain_over_random", "gain_over_pixels", "level", "ln_per_class")


def test_all_right_and_all_wrong_are_finite():
    assert np.isfinite(covariates_of(ridge_of(100), ridge_of(0), ridge_of(0))).all()


def test_the_probe_says_what_the_covariates_read():
    rng, y = np.random.default_rng(0), np.arange(60) % 3
    made = MEASURES["ridge"](FeatureSet.of(rng.normal(size=(60, 4)) + y[:, None], y), rng=0)
    assert covariates_of(made, made, made) == pytest.approx((0, 0, (made.value - 1 / 3) / (2 / 3), np.log(20)))
