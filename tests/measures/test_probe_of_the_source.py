import numpy as np
import pytest
from sklearn.linear_model import Ridge

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._source_probe import probe
from shiftscope.measures._spectrum import spectrum


def classes(n, d, *, n_classes=3, apart=1.0, seed=0, groups=None):
    rng, y = np.random.default_rng(seed), np.arange(n) % n_classes
    means = np.random.default_rng(99).normal(size=(n_classes, d)) * apart
    return FeatureSet.of(means[y] + rng.normal(size=(n, d)), y, groups=groups)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (40, 90), (95, 12)])
def test_each_fold_is_scored_by_ridge_regression_on_the_others(n, d):
    fs, others = classes(n, d), classes(31, d, seed=1).features
    found = probe(fs, others, 3)
    elsewhere = list(found.other())
    penalties = fold_penalties(fs, 3) * spectrum(fs).values[0]
    x, y = fs.features.astype(float), fs.target.matrix
    for fold, penalty in enumerate(penalties):
        rest = found.folds != fold
        model = Ridge(alpha=penalty).fit(x[rest], y[rest])
        # The shares of the classes are those of all samples.
        move = y.mean(axis=0) - y[rest].mean(axis=0)
        np.testing.assert_allclose(found.own[~rest], model.predict(x[~rest]) + move, atol=1e-7)
        np.testing.assert_allclose(elsewhere[fold], model.predict(others.astype(float)) + move, atol=1e-7)


def test_chances_are_calibrated():
    # Two Gaussians one standard deviation from their middle: Bayes' rule knows the true probabilities.
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, (2, 4000))
    x, other = (rng.normal(size=(4000, 1)) + 2.0 * codes[:, None] for codes in (y, z))
    fs = FeatureSet.of(x, y)
    found = probe(fs, other.astype(np.float32), 0)
    chances = found.other_chances()
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    assert np.abs(chances[:, 1] - 1 / (1 + np.exp(-2 * (other[:, 0] - 1)))).mean() < 0.03


def test_groups_are_scored_by_probes_that_have_not_seen_them():
    groups = np.arange(60) // 5
    fs = classes(60, 4, groups=groups)
    found = probe(fs, fs.features, 0)
    assert all(len(set(found.folds[fs.groups == g])) == 1 for g in range(12))
    own = np.array(list(found.other()))[found.folds, np.arange(60)]
    np.testing.assert_allclose(own, found.own, atol=1e-9)


def test_a_class_that_was_never_seen_is_not_predicted():
    # Most samples are of one class, and that is one group: its fold leaves nobody to learn it from.
    y = np.repeat(["a", "b", "c"], [60, 20, 20])
    fs = FeatureSet.of(np.random.default_rng(0).normal(size=(100, 4)), y, groups=np.r_[np.zeros(60), 1 + np.arange(40)])
    alone = fs.target.values == fs.target.class_names.index("a")
    found = probe(fs, fs.features[:1], 0)
    assert (np.argmax(found.own, axis=1) != fs.target.values)[alone].all()


def test_what_cannot_be_learnt_has_no_answer():
    features = np.ones((4, 3), dtype=np.float32)
    with pytest.raises(NotApplicableError, match="one class only"):
        probe(classes(20, 3, n_classes=1), features, 0)
    with pytest.raises(NotApplicableError, match="equal features"):
        probe(FeatureSet.of(np.ones((20, 3)), np.arange(20) % 2), features, 0)
