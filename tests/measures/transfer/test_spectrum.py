import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.measures import _spectrum
from shiftscope.measures._resampling import half_samples
from shiftscope.measures._spectrum import halves, projection, spectrum
from shiftscope.measures.transfer.hscore import hscore
from shiftscope.measures.transfer.logme import logme
from shiftscope.measures.transfer.ridge import ridge


def along_of(x, y):
    """Eigenvalues and squared projections by a plain SVD: signs of directions do not matter."""
    left, singular, _ = np.linalg.svd(x, full_matrices=False)
    kept = singular > 1e-6 * singular[0]
    return singular[kept] ** 2, np.square(left[:, kept].T @ y)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("d", [10, 60])
def test_projections_are_those_of_an_svd(d, centred):
    rng = np.random.default_rng(0)
    f = FeatureSet.of(rng.normal(size=(40, d)) + 2.0, np.arange(40) % 3)
    x, y = f.features.astype(float), f.target.matrix
    masks = half_samples(f, 1)
    parts = [(np.ones(40, bool), projection(f, centred=centred))]
    parts += list(zip(masks[:5], halves(f, 1, centred=centred)[:5], strict=True))
    for mask, part in parts:
        xs, ys = x[mask] - x[mask].mean(axis=0) * centred, y[mask]
        values, along = along_of(xs, ys)
        np.testing.assert_allclose(part.values, values, rtol=1e-8)
        np.testing.assert_allclose(np.square(part.along), along, atol=1e-8)
        np.testing.assert_allclose(part.norms, np.square(ys - ys.mean(axis=0) * centred).sum(axis=0))
        np.testing.assert_allclose(part.totals, ys.sum(axis=0))


def test_halves_keep_the_leading_components_only(monkeypatch):
    monkeypatch.setattr(_spectrum, "LEADING", 5)
    rng = np.random.default_rng(0)
    f = FeatureSet.of(rng.normal(size=(40, 12)), np.arange(40) % 2)
    x = f.features.astype(float)
    x -= x.mean(axis=0)
    leading = np.linalg.svd(x, full_matrices=False)[2][:5].T
    mask = half_samples(f, 0)[0]
    z = x[mask] @ leading
    np.testing.assert_allclose(halves(f, 0)[0].values, np.linalg.svd(z - z.mean(axis=0))[1] ** 2, rtol=1e-8)


def test_one_decomposition_serves_all_measures(clusters, monkeypatch):
    f = clusters(60, 10, 3)
    once, parts = spectrum(f), halves(f, 0)

    def refuse(*_args, **_kwargs):
        raise AssertionError("decomposed again")

    monkeypatch.setattr(np.linalg, "eigh", refuse)
    for measure in (logme, hscore, ridge):
        measure(f, rng=0)
    assert spectrum(f) is once
    assert halves(f, 0) is parts
