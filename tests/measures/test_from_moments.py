"""Measures from sums: equal to the measures of the samples, whole or in shards."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from oracles import bures

import shiftscope as ss
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.moments import Moments
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._penalty import PENALTIES
from shiftscope.measures.from_moments import frechet, hscore, logme, ridge_r2
from shiftscope.measures.shift.frechet import frechet_distance

SHAPES = [(300, 20), (60, 59), (50, 140)]  # n > d, n - 1 = d, n < d


def samples(n, d, *, kind="class", seed=0):
    """Rectified features with a falling spectrum, and a target of any kind that they say something about."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 4
    hidden = (rng.normal(size=(4, d))[y] + rng.normal(size=(n, d))) * np.arange(1, d + 1) ** -0.5
    x = np.maximum(hidden @ rng.normal(size=(d, d)) + 1, 0)
    values = hidden[:, :3] + rng.normal(size=(n, 3))
    return FeatureSet.of(x, {"class": y, "multilabel": (values > 0).astype(int), "real": values}[kind])


def sums(features):
    names = features.target.class_names
    return Moments.of(features.features, features.target.matrix, names=names)


def shards(features, n_shards=5):
    parts = np.arange(features.n) % n_shards
    return reduce(add, (sums(features.take(np.flatnonzero(parts == part))) for part in range(n_shards)))


def same(found, expected):
    """Points without intervals, and equal to 1e-8."""
    assert found.value == pytest.approx(expected.value, rel=1e-8)
    assert found.details == pytest.approx(expected.details, rel=1e-8, abs=1e-12)
    assert found.draws is None
    assert found.low is None


@pytest.mark.parametrize("collect", [sums, shards])
@pytest.mark.parametrize("options", [{}, {"variant": "evidence"}, {"centred": False}])
@pytest.mark.parametrize("kind", ["class", "multilabel", "real"])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_logme_is_that_of_the_samples(n, d, kind, options, collect):
    features = samples(n, d, kind=kind)
    same(logme(collect(features), **options), MEASURES["logme"](features, intervals=False, **options))


@pytest.mark.parametrize("collect", [sums, shards])
@pytest.mark.parametrize("variant", ["adjusted", "raw"])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_hscore_is_that_of_the_samples(n, d, variant, collect):
    features = samples(n, d)
    same(hscore(collect(features), variant=variant), MEASURES["hscore"](features, intervals=False, variant=variant))


def best_r2(features):
    """The GCV R2 from dense hat matrices: pooled over columns for the penalty, then column by column."""
    x, y = features.features.astype(float), features.target.matrix
    x, y, n = x - x.mean(axis=0), y - y.mean(axis=0), len(x)
    largest, found = np.linalg.eigvalsh(x @ x.T)[-1], []
    for penalty in PENALTIES:
        rest = np.eye(n) - 1 / n - x @ np.linalg.solve(x.T @ x + penalty * largest * np.eye(x.shape[1]), x.T)
        found.append((n * np.square(rest @ y).sum(axis=0) / np.trace(rest) ** 2, np.square(rest @ y).sum(axis=0)))
    best = int(np.argmin([scores.sum() for scores, _ in found]))
    scores, rss = found[best]
    null = n * np.square(y).sum(axis=0) / (n - 1) ** 2
    return (1 - scores / null).mean(), PENALTIES[best], 1 - (rss / np.square(y).sum(axis=0)).mean()


@pytest.mark.parametrize("collect", [sums, shards])
@pytest.mark.parametrize("kind", ["class", "multilabel", "real"])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_ridge_r2_is_that_of_dense_hat_matrices(n, d, kind, collect):
    features = samples(n, d, kind=kind)
    value, penalty, in_sample = best_r2(features)
    found = ridge_r2(collect(features))
    assert found.value == pytest.approx(value, rel=1e-8)
    assert found.details["penalty"] == penalty
    assert found.details["in_sample"] == pytest.approx(in_sample, rel=1e-8)


@pytest.mark.parametrize(("n", "d"), [(500, 20), (300, 600)])
def test_ridge_r2_estimates_that_of_ten_folds(n, d):
    features = samples(n, d, kind="real")
    assert ridge_r2(sums(features)).value == pytest.approx(MEASURES["ridge"](features, rng=0).value, abs=0.02)


def test_ridge_r2_of_noise_is_next_to_nothing():
    rng = np.random.default_rng(0)
    values = [ridge_r2(Moments.of(rng.normal(size=(200, 50)), rng.normal(size=(200, 1)))).value for _ in range(40)]
    assert min(values) > -0.005
    assert np.mean(values) < 0.02


@pytest.mark.parametrize("collect", [sums, shards])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_frechet_is_the_plain_distance_of_the_samples(n, d, collect):
    sides = samples(n, d, kind="real"), samples(n, d, kind="real", seed=1)
    plain = MEASURES["frechet"](Pair(*sides), variant="plain", rng=0).details["raw"]
    assert frechet(*map(collect, sides)).value == pytest.approx(plain, rel=1e-8)


def test_frechet_takes_sides_of_unequal_size():
    a, b = samples(300, 20), samples(90, 20, seed=1)
    expected = bures(a.features.astype(float), b.features.astype(float))
    assert frechet(sums(a), sums(b)).value == pytest.approx(expected, rel=1e-8)
    a, b = samples(90, 200), samples(10, 200, seed=1)
    expected = frechet_distance(a.features, b.features)
    assert frechet(sums(a), sums(b)).value == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_frechet_of_equal_sides_is_nothing(n, d):
    whole, parts = sums(samples(n, d)), shards(samples(n, d))
    assert frechet(whole, parts).value == pytest.approx(0, abs=1e-11 * np.trace(whole.covariance()))


def test_classes_are_matched_by_name_across_shards():
    features = samples(300, 20)
    codes = features.target.values
    parts = [np.flatnonzero(codes < 3), np.flatnonzero(codes == 3)]
    joined = sums(features.take(parts[1])) + sums(features.take(parts[0]))
    assert joined.names == ("3", "0", "1", "2")
    same(logme(joined), logme(sums(features)))
    same(hscore(joined), hscore(sums(features)))


@pytest.mark.parametrize("centred", [True, False])
def test_target_columns_that_do_not_vary_say_nothing(centred):
    features = samples(200, 12, kind="real")
    x, y = features.features, np.hstack([features.target.matrix, np.full((200, 1), 3.7)])
    joined = reduce(add, (Moments.of(x[part::3], y[part::3]) for part in range(3)))
    expected = MEASURES["logme"](FeatureSet.of(x, y), intervals=False, centred=centred)
    for found in (Moments.of(x, y), joined):
        same(logme(found, centred=centred), expected)
        same(ridge_r2(found), ridge_r2(sums(features)))


def test_feature_columns_that_do_not_vary_say_nothing():
    features = samples(200, 12)
    x, y = features.features * 1e-6, features.target.matrix
    padded = np.hstack([x, np.full((200, 1), 1e5 / 3)])
    joined = reduce(add, (Moments.of(padded[part::3], y[part::3], origin=np.zeros(13)) for part in range(3)))
    for found in (Moments.of(padded, y), joined):
        assert logme(found).details["rank"] == 12
        same(hscore(found), hscore(Moments.of(x, y)))


def test_a_list_of_classes_may_name_more_than_there_are():
    features = samples(300, 20)
    more = Moments.of(features.features, np.eye(7)[features.target.values])
    same(hscore(more), hscore(sums(features)))
    same(logme(more), logme(sums(features)))


def test_far_origin_costs_digits_and_no_more():
    features = samples(300, 20)
    far = sums(features).about(np.full(20, 100.0))
    assert logme(far).value == pytest.approx(logme(sums(features)).value, rel=1e-6)


ONE_HOT = np.eye(2)[np.arange(20) % 2]
EQUAL = np.full((19, 3), 0.1)
NORMAL = np.random.default_rng(0).normal(size=(20, 3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: hscore(Moments.of(NORMAL, ONE_HOT), variant="shrinkage"), InputError, "length of every sample"),
        (lambda: hscore(Moments.of(NORMAL, ONE_HOT), variant="ajusted"), InputError, "hscore.variant: 'ajusted'"),
        (lambda: logme(Moments.of(NORMAL, ONE_HOT), variant="raw"), InputError, "logme.variant: 'raw'"),
        (lambda: hscore(Moments.of(NORMAL, NORMAL)), NotApplicableError, "not one-hot"),
        (lambda: hscore(Moments.of(NORMAL[:8], ONE_HOT[:8])), NotApplicableError, "needs 10 samples"),
        (lambda: logme(Moments.of(NORMAL[:3], ONE_HOT[:3])), NotApplicableError, "at least 4"),
        (lambda: logme(Moments.of(NORMAL)), NotApplicableError, "no target column"),
        (lambda: logme(Moments.of(NORMAL, np.full((20, 2), 0.1))), NotApplicableError, "no target column"),
        (lambda: ridge_r2(Moments.of(NORMAL, np.eye(20)[:, :1])), NotApplicableError, "no target column"),
        (lambda: logme(Moments.of(NORMAL, np.eye(3)[[0, 0]][np.zeros(20, int)])), NotApplicableError, "one class only"),
        (lambda: logme(Moments.of(NORMAL[:19], np.eye(19))), NotApplicableError, "has one sample"),
        (lambda: logme(Moments.of(EQUAL, ONE_HOT[:19])), NotApplicableError, "equal features"),
        (lambda: hscore(Moments.of(EQUAL, ONE_HOT[:19], origin=[9, 9, 9])), NotApplicableError, "equal features"),
        (lambda: frechet(Moments.of(NORMAL), Moments.of(NORMAL[:, :2])), InputError, "3 features and the target 2"),
        (lambda: frechet(Moments.of(NORMAL), Moments.of(NORMAL[:1])), NotApplicableError, "two samples"),
    ],
)
def test_says_what_is_wrong(call, error, words):
    with pytest.raises(error, match=words) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_is_found_where_the_measures_are():
    assert ss.measures.from_moments.logme is logme
