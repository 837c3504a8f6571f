import numpy as np
import pytest
from oracles import canonical_h
from sklearn.covariance import ledoit_wolf

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures.transfer.hscore import hscore


def test_raw_is_the_sum_of_squared_canonical_correlations(clusters):
    f = clusters(200, 15, 4)
    x, y = f.features.astype(float), f.target.values
    means = np.array([x[y == c].mean(axis=0) for c in range(4)])[y]
    textbook = np.trace(np.linalg.solve(np.cov(x, rowvar=False), np.cov(means, rowvar=False)))
    raw = hscore(f, variant="raw")
    assert raw.value == pytest.approx(canonical_h(x, y), rel=1e-10)
    assert raw.value == pytest.approx(textbook, rel=1e-10)
    assert raw.details["saturated"] is False


def test_adjusted_is_the_adjusted_share_of_raw(clusters):
    f = clusters(200, 15, 4)
    share = canonical_h(f.features.astype(float), f.target.values) / 3
    assert hscore(f).value == pytest.approx(3 * (1 - (1 - share) * 199 / 184), rel=1e-10)
    assert hscore(f).details["components"] == 15


def test_adjusted_takes_the_leading_components_where_samples_are_few(clusters):
    f = clusters(100, 51, 3)
    x = f.features.astype(float)
    x -= x.mean(axis=0)
    leading = np.linalg.svd(x, full_matrices=False)[0][:, :20]
    share = canonical_h(leading, f.target.values) / 2
    assert hscore(f).details["components"] == 20
    assert hscore(f).value == pytest.approx(2 * (1 - (1 - share) * 99 / 79), rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(200, 12), (80, 300)])
def test_shrinkage_is_h_under_the_ledoit_wolf_covariance(clusters, n, d):
    f = clusters(n, d, 4)
    x, y = f.features.astype(float), f.target.values
    covariance, intensity = ledoit_wolf(x)
    between = np.cov(np.array([x[y == c].mean(axis=0) for c in range(4)])[y], rowvar=False, bias=True)
    shrunk = hscore(f, variant="shrinkage")
    assert shrunk.details["intensity"] == pytest.approx(intensity, rel=1e-6)
    assert shrunk.value == pytest.approx((1 - intensity) * np.trace(np.linalg.solve(covariance, between)), rel=1e-6)


def test_permuted_labels_score_as_the_card_says(clusters, relabelled):
    f = clusters(120, 20, 4)
    permuted = [relabelled(f, s) for s in range(60)]
    raw = np.array([hscore(p, variant="raw", rng=0).value for p in permuted])
    adjusted = np.array([hscore(p, rng=0).value for p in permuted])
    assert abs(raw.mean() - 20 * 3 / 119) < 3 * raw.std(ddof=1) / np.sqrt(60)
    assert abs(adjusted.mean()) < 3 * adjusted.std(ddof=1) / np.sqrt(60)
    assert hscore(f, variant="raw").details["null"] == pytest.approx(20 * 3 / 119)


def test_raw_saturates_on_any_labels_when_samples_are_few_and_says_so(clusters):
    raw = hscore(clusters(60, 200, 5, apart=0.0), variant="raw")
    assert raw.value == pytest.approx(4, abs=1e-9)
    assert raw.details["saturated"] is True
    assert raw.details["null"] == pytest.approx(4)


def test_the_same_signal_scores_alike_in_any_dimension():
    rng = np.random.default_rng(0)
    y = np.arange(2000) % 10
    signal = rng.normal(size=(10, 20))[y] + rng.normal(size=(2000, 20))
    values = []
    for d in (32, 256, 1024):
        padding = rng.normal(size=(2000, d - 20)) * 0.5
        values.append(hscore(FeatureSet.of(np.hstack([signal, padding]), y), rng=0).value)
    assert min(values) > 0.85 * max(values)


def test_too_few_samples_do_not_apply():
    with pytest.raises(NotApplicableError, match="needs 10 samples"):
        hscore(FeatureSet.of(np.eye(8), [0, 1] * 4))
