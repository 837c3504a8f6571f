import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures._permuted_labels import permuted_classes
from shiftscope.measures.transfer.transrate import transrate


def rate(z, eps):
    """R(Z) in d dimensions, however few the rows."""
    return np.linalg.slogdet(np.eye(z.shape[1]) + z.T @ z / (len(z) * eps))[1] / 2


def within(z, y, eps, *, own_means):
    return sum((y == c).mean() * rate(z[y == c] - z[y == c].mean(axis=0) * own_means, eps) for c in range(y.max() + 1))


def scaled(f, length):
    """Centred features with tr(F'F) = length."""
    x = f.features.astype(float)
    x -= x.mean(axis=0)
    return x * np.sqrt(length / np.square(x).sum())


@pytest.mark.parametrize(("n", "d"), [(150, 10), (60, 90)])
@pytest.mark.parametrize("eps", [0.1, 1e-3])
def test_value_and_rate_are_their_definitions(clusters, n, d, eps):
    f = clusters(n, d, 3)
    z, y = scaled(f, n), f.target.values
    made = transrate(f, eps=eps, rng=0)
    null = np.mean([within(z, p, eps, own_means=True) for p in permuted_classes(f, 0, 5)])
    assert made.value == pytest.approx(null - within(z, y, eps, own_means=True), rel=1e-8)
    assert made.details["rate"] == pytest.approx(rate(z, eps) - within(z, y, eps, own_means=False), rel=1e-8)


def test_rate_is_the_published_score_where_eps_grows_with_n(clusters):
    f = clusters(80, 20, 4)
    z, y = scaled(f, 1.0), f.target.values
    published = rate(z, 1e-4) - within(z, y, 1e-4, own_means=False)
    assert transrate(f, eps=80 * 1e-4, rng=0).details["rate"] == pytest.approx(published, rel=1e-9)


def test_permuted_labels_gain_nothing_while_the_published_score_does(clusters, relabelled):
    f = clusters(100, 120, 5)
    permuted = [transrate(relabelled(f, s), rng=s) for s in range(40)]
    values = np.array([p.value for p in permuted])
    rates = np.array([p.details["rate"] for p in permuted])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(40)
    assert rates.mean() > 0.5
    assert permuted[0].details["rate_null"] == pytest.approx(rates.mean(), rel=0.02)
    assert transrate(f, rng=0).low > values.mean() + 5 * values.std()


def test_two_equal_classes_are_seen_where_the_published_score_is_blind(clusters):
    made = transrate(clusters(200, 300, 2), rng=0)
    assert made.low > 0.2
    assert made.details["rate"] < made.details["rate_null"]


@pytest.mark.parametrize("sizes", [(2, 2), (2, 3, 40, 40), (2,) * 12])
def test_small_classes_and_skipped_values_have_a_finite_score(sizes):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(len(sizes)) * 7 + 3, sizes)
    made = transrate(FeatureSet.of(rng.normal(size=(len(y), 20)), y), rng=0)
    assert made.low < made.value < made.high
    named = transrate(FeatureSet.of(rng.normal(size=(len(y), 20)), y.astype(str)), rng=0)
    assert np.isfinite(named.draws).all()


def test_says_why_it_does_not_apply(clusters):
    with pytest.raises(NotApplicableError, match="one class only"):
        transrate(FeatureSet.of(np.eye(6), [1] * 6))
    with pytest.raises(NotApplicableError, match="equal features"):
        transrate(FeatureSet.of(np.ones((6, 3)), [0, 0, 0, 1, 1, 1]))
    with pytest.raises(InputError, match=r"measures\.transrate\.eps: 0 cannot be used"):
        transrate(clusters(30, 4, 3), eps=0)
