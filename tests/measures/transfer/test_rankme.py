import numpy as np
import pytest
from scipy.stats import entropy

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures._resampling import half_samples
from shiftscope.measures.transfer.rankme import rankme


def effective_rank(x, weights=None):
    """Exponential entropy of the singular values of centred rows, samples weighted."""
    w = np.ones(len(x)) if weights is None else weights
    centred = x - w @ x / w.sum()
    return np.exp(entropy(np.linalg.svd(centred * np.sqrt(w)[:, None], compute_uv=False)))


@pytest.mark.parametrize(("n", "d"), [(80, 12), (30, 100)])
def test_is_the_exponential_entropy_of_the_singular_values(clusters, n, d):
    f = clusters(n, d, 3)
    made = rankme(f, rng=0)
    assert made.value == pytest.approx(effective_rank(f.features.astype(float)), rel=1e-5)
    assert made.details["share"] == pytest.approx(made.value / min(n - 1, d))
    assert made.details["rank"] == min(n - 1, d)


def test_a_line_has_rank_one_and_a_round_cloud_all():
    line = rankme(FeatureSet.of(np.outer(np.arange(20), [1.0, 2.0, -3.0])))
    assert line.value == pytest.approx(1, abs=1e-9)
    assert line.low == line.high == pytest.approx(1, abs=1e-9)
    assert rankme(FeatureSet.of(np.eye(15))).value == pytest.approx(14, rel=1e-9)
    assert rankme(FeatureSet.of(np.eye(15))).details["share"] == pytest.approx(1)


def test_labels_are_not_read(clusters, relabelled):
    f = clusters(50, 10, 2)
    without = FeatureSet.of(f.features, keys=[b"%08d" % i for i in range(50)])
    assert rankme(f, rng=0).value == rankme(without, rng=0).value == rankme(relabelled(f), rng=0).value


def test_replicates_are_the_first_order_change_of_every_half(clusters):
    f = clusters(60, 8, 2)
    x, made = f.features.astype(float), rankme(f, rng=0)
    signs = 2.0 * half_samples(f, 0) - 1.0
    step = 1e-5
    slopes = [(np.log(effective_rank(x, 1 + step * s)) - np.log(effective_rank(x, 1 - step * s))) / 2 for s in signs]
    expected = made.value * np.exp(np.array(slopes) / step)
    np.testing.assert_allclose(made.draws - made.draws.mean(), expected - expected.mean(), atol=1e-4)


@pytest.mark.parametrize(("n", "d"), [(200, 20), (100, 150)])
def test_interval_is_as_wide_as_the_scores_of_other_samples_differ(n, d):
    rng = np.random.default_rng(0)
    spread = np.arange(1, d + 1) ** -0.5
    made = [rankme(FeatureSet.of(rng.normal(size=(n, d)) * spread), rng=0) for _ in range(60)]
    estimated = np.mean([m.draws.std(ddof=1) for m in made])
    assert 0.75 < estimated / np.std([m.value for m in made], ddof=1) < 1.35


def test_grows_with_dimension_and_with_samples_as_the_card_warns():
    rng = np.random.default_rng(0)
    values = [rankme(FeatureSet.of(rng.normal(size=(n, d)))).value for n, d in ((40, 30), (40, 60), (160, 60))]
    assert values[0] < values[1] < values[2]
    assert "tie" in rankme.warning


def test_features_that_do_not_vary_do_not_apply():
    with pytest.raises(NotApplicableError, match="equal features"):
        rankme(FeatureSet.of(np.ones((6, 3))))
