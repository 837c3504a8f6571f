import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shiftscope.finetune.linear import PENALTIES, fit_head
from shiftscope.finetune.split import Split


def clouds(n=240, d=12, *, apart=1.0, seed=0, classes=3):
    """Features around class means ``apart`` from the origin, on scales that differ a thousandfold, and the codes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    x = rng.normal(size=(n, d)) + apart * np.eye(classes, d)[labels]
    return (x * np.logspace(-1, 2, d) + 5).astype(np.float32), labels


def thirds(n):
    return Split(*np.sort(np.random.default_rng(9).permutation(n).reshape(3, -1), axis=1))


@pytest.mark.parametrize(("apart", "classes"), [(0.3, 3), (1.0, 3), (3.0, 3), (1.0, 2)])
def test_the_head_is_sklearns_with_the_least_validation_loss(apart, classes):
    x, y = clouds(apart=apart, classes=classes)
    parts = thirds(len(y))
    scaler = StandardScaler().fit(x[parts.train].astype(float))
    z = [scaler.transform(x[rows]) for rows in (parts.train, parts.validation, parts.test)]
    fits = {c: LogisticRegression(C=c, max_iter=1000).fit(z[0], y[parts.train]) for c in PENALTIES}
    losses = {c: log_loss(y[parts.validation], fit.predict_proba(z[1])) for c, fit in fits.items()}
    wanted = min(losses, key=losses.get)
    penalty, validation, test = fit_head(x, y, parts)
    assert penalty == wanted
    np.testing.assert_allclose(np.exp(validation), fits[wanted].predict_proba(z[1]), rtol=1e-5)
    np.testing.assert_allclose(np.exp(test), fits[wanted].predict_proba(z[2]), rtol=1e-5)


def test_the_head_is_at_the_optimum():
    x, y = clouds()
    parts = thirds(len(y))
    penalty, _, test = fit_head(x, y, parts)
    exact = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, tol=1e-12, max_iter=100_000))
    exact.fit(x[parts.train].astype(float), y[parts.train])
    np.testing.assert_allclose(np.exp(test), exact.predict_proba(x[parts.test].astype(float)), atol=1e-3)


def test_test_images_have_no_say():
    x, y = clouds()
    parts = thirds(len(y))
    penalty, validation, _ = fit_head(x, y, parts)
    changed_x, changed_y = x.copy(), y.copy()
    changed_x[parts.test], changed_y[parts.test] = 1e4, 0
    again = fit_head(changed_x, changed_y, parts)
    assert again[0] == penalty
    np.testing.assert_array_equal(again[1], validation)


def test_more_features_than_images_and_a_constant_one():
    x, y = clouds(n=180, d=300)
    x += x.std(axis=0) * np.random.default_rng(2).normal(size=(3, 300)).astype(np.float32)[y]
    x[:, 7] = 2.0
    parts = thirds(180)
    _, _, test = fit_head(x, y, parts)
    assert not np.isnan(test).any()
    assert (test.argmax(axis=1) == y[parts.test]).mean() > 0.9


def test_noise_is_told_apart_from_signal_by_the_penalty():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(240, 40)).astype(np.float32), np.arange(240) % 3
        assert fit_head(x, y, thirds(240))[0] <= 1e-2
        assert fit_head(x + 8 * np.eye(3, 40, dtype=np.float32)[y], y, thirds(240))[0] >= 1


def test_certain_heads_warn_of_nothing():
    x, y = clouds(apart=10.0)
    parts = thirds(240)
    x[parts.test[:5]] *= 1000
    _, _, test = fit_head(x, y, parts)
    assert np.isneginf(test[:5]).any()
    assert not np.isnan(test).any()
