import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from shiftscope.core.features import FeatureSet
from shiftscope.core.seeds import derive
from shiftscope.errors import NotApplicableError
from shiftscope.measures.transfer.nleep import nleep


def by_sklearn(f, seed, n_components, energy=0.8):
    """Published N-LEEP of the five mixtures, from PCA, mixture and definition."""
    x, y = f.features.astype(float), f.target.values
    rows = PCA(energy, svd_solver="full").fit_transform(x)
    rows /= np.sqrt((rows**2).mean())
    values = []
    for i in range(5):
        state = derive(str(seed), "mixture", str(i))[0]
        mixture = GaussianMixture(n_components, covariance_type="diag", reg_covar=1e-3, random_state=state)
        r = mixture.fit(rows).predict_proba(rows)
        given = np.array([r[y == c].sum(axis=0) / r.sum(axis=0) for c in range(f.target.n_classes)])
        values.append(np.mean([np.log(given[c] @ q) for c, q in zip(y, r, strict=True)]))
    return rows.shape[1], values


@pytest.mark.parametrize(("n", "d", "n_components"), [(200, 12, 15), (90, 200, 9)])
def test_the_published_form_is_leep_on_the_mixtures_of_sklearn(clusters, n, d, n_components):
    f = clusters(n, d, 3, apart=0.6)
    dimensions, values = by_sklearn(f, 4, n_components)
    made = nleep(f, variant="published", rng=4)
    assert made.value == pytest.approx(np.mean(values), rel=1e-6)
    assert made.details["seed_spread"] == pytest.approx(np.std(values, ddof=1), rel=1e-4)
    assert made.details["dimensions"] == dimensions
    assert made.details["components"] == n_components
    assert made.details["converged"] == 5


def test_permuted_labels_give_the_entropy_of_the_classes(clusters, relabelled):
    f = clusters(200, 20, 4)
    made = [nleep(relabelled(f, s), rng=s) for s in range(10)]
    values = np.array([m.value for m in made])
    assert -0.01 < values.mean() + np.log(4) < 3 * values.std(ddof=1) / np.sqrt(10)
    assert np.mean([m.details["published"] for m in made]) > -np.log(4) + 0.1


def test_the_interval_is_at_least_as_wide_as_seeds_differ(clusters):
    f = clusters(120, 30, 4, apart=0.7)
    made = nleep(f, rng=0)
    others = [nleep(f, rng=s).value for s in range(1, 5)]
    assert made.details["seed_spread"] > 0.01
    assert made.high - made.low > 2 * made.details["seed_spread"]
    assert all(made.low < other < made.high for other in others)


def test_classes_that_form_clusters_score_near_0(clusters):
    made = nleep(clusters(200, 10, 4, apart=5.0, decay=0.0), rng=0)
    assert made.value > -0.1
    assert made.details["balanced"] > 0.9


def test_duplicated_samples_are_fewer_than_components(clusters):
    f = clusters(6, 4, 2)
    copies = FeatureSet.of(np.repeat(f.features, 20, axis=0), np.repeat(f.target.values, 20))
    made = nleep(copies, rng=0)
    assert np.isfinite(made.losses).all()
    assert made.low < made.value < made.high <= 0


def test_constant_features_and_string_labels(clusters):
    f = clusters(60, 5, 2)
    names = np.array(["right", "wrong"])[f.target.values]
    padded = FeatureSet.of(np.hstack([f.features, np.full((60, 3), 7.0)]), names, keys=f.keys)
    assert nleep(padded, rng=0).value == pytest.approx(nleep(f, rng=0).value, rel=1e-6)


def test_too_few_samples_do_not_apply(clusters):
    with pytest.raises(NotApplicableError, match="needs 20 samples; data has 18"):
        nleep(clusters(18, 4, 2))


def test_features_that_do_not_vary_do_not_apply():
    with pytest.raises(NotApplicableError, match="equal features"):
        nleep(FeatureSet.of(np.ones((30, 3)), np.arange(30) % 2))
