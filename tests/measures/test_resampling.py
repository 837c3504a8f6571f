import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._resampling import folds, from_draws, from_losses, half_samples


def features(n=103, n_classes=4, *, groups=None, y=None):
    x = np.random.default_rng(0).normal(size=(n, 2))
    return FeatureSet.of(x, np.arange(n) % n_classes if y is None else y, groups=groups)


def test_folds_are_stratified_and_of_equal_size():
    f = features()
    parts = folds(f, 0)
    assert np.ptp(np.bincount(parts, minlength=10)) <= 1
    for c in range(4):
        assert np.ptp(np.bincount(parts[f.target.values == c], minlength=10)) <= 1


def test_folds_depend_on_seed_and_samples_and_not_on_features():
    x = np.random.default_rng(0).normal(size=(60, 5))
    y, keys = np.arange(60) % 3, [b"%02d" % i for i in range(60)]
    a, b = FeatureSet.of(x, y, keys=keys), FeatureSet.of(-x[:, :2], y, keys=keys)
    np.testing.assert_array_equal(folds(a, 1), folds(b, 1))
    np.testing.assert_array_equal(half_samples(a, 1), half_samples(b, 1))
    assert (folds(a, 1) != folds(a, 2)).any()
    assert (half_samples(a, 1) != half_samples(a, 2)).any()


def test_groups_stay_together():
    f = features(groups=np.random.default_rng(1).integers(25, size=103))
    parts, halves = folds(f, 0), half_samples(f, 0)
    for g in range(25):
        members = f.groups == g
        assert len(np.unique(parts[members])) == 1
        assert (np.ptp(halves[:, members].astype(int), axis=1) == 0).all()
    assert np.bincount(parts).min() >= 5


def test_a_subset_of_few_groups_is_folded_by_the_groups_it_has():
    f = features(groups=np.arange(103) % 50).take(np.arange(40))
    two = f.take(np.flatnonzero(np.isin(f.groups, np.unique(f.groups)[-2:])))
    assert set(folds(two, 0)) == {0, 1}
    one = f.take(np.flatnonzero(f.groups == f.groups.max()))
    for draw in (folds, half_samples):
        with pytest.raises(NotApplicableError, match="one group"):
            draw(one, 0)


def test_a_class_with_one_sample_cannot_be_held_out():
    with pytest.raises(NotApplicableError, match="class 'b' has one sample"):
        folds(features(4, y=["a", "a", "a", "b"]), 0)


def test_halves_are_halves_of_every_class():
    f = features(n=44, n_classes=4)
    halves = half_samples(f, 0)
    for c in range(4):
        sizes = halves[:, f.target.values == c].sum(axis=1)
        assert set(sizes) == {5, 6}
    assert abs(halves.mean() - 0.5) < 0.01


def test_spread_over_halves_is_the_standard_error_of_a_mean():
    f = features(n=400, n_classes=1)
    values = np.random.default_rng(0).normal(size=400)
    made = from_losses(values, f, 0)
    # The standard deviation of 100 draws is itself known to 7 %.
    assert made.draws.std(ddof=1) == pytest.approx(values.std(ddof=1) / 20, rel=0.2)
    assert made.high - made.low == pytest.approx(2 * 1.96 * made.draws.std(ddof=1), rel=1e-4)


@pytest.mark.parametrize("d", [12, 60])
def test_spread_over_halves_is_that_of_fresh_samples(d):
    rng = np.random.default_rng(0)
    means = rng.normal(size=(4, d)) * (np.arange(d) < 8)
    y = np.arange(200) % 4
    values, spreads = np.empty((2, 40)), np.empty((2, 40))
    for seed in range(40):
        f = FeatureSet.of((means[y] + rng.normal(size=(200, d))) * np.arange(1, d + 1) ** -0.3, y)
        for row, name in enumerate(("logme", "hscore")):
            made = MEASURES[name](f, rng=seed)
            values[row, seed], spreads[row, seed] = made.value, made.draws.std(ddof=1)
    ratio = spreads.mean(axis=1) / values.std(axis=1, ddof=1)
    # The standard deviation of 40 values is known to 11 %.
    assert (ratio > 0.75).all()
    assert (ratio < 1.35).all()


def test_draws_are_centred_and_the_interval_is_cut_at_the_bounds():
    made = from_draws(0.5, np.array([10.0, 11.0, 12.0]), bounds=(0.0, 1.0))
    np.testing.assert_allclose(made.draws, [-0.5, 0.5, 1.5])
    assert (made.low, made.high) == (0.0, 1.0)
