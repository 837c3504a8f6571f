import numpy as np
import pytest
from oracles import best_evidence

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures.transfer.logme import logme


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("n", "d"), [(60, 8), (40, 39), (40, 90)])
def test_evidence_is_the_maximum_of_the_dense_likelihood(clusters, n, d, centred):
    f = clusters(n, d, 3)
    x, y = f.features.astype(float) + (0 if centred else 0.5), f.target.matrix
    f = FeatureSet.of(x, f.target, keys=list(f.keys))
    expected = np.mean([best_evidence(f.features.astype(float), c - c.mean() * centred, centred=centred) for c in y.T])
    assert logme(f, variant="evidence", centred=centred).value == pytest.approx(expected, abs=1e-7)


def test_evidence_of_a_real_target():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(50, 70)).astype(np.float32)
    y = x[:, :4].sum(axis=1) + rng.normal(size=50) + 100
    expected = best_evidence(x.astype(float), y - y.mean(), centred=True)
    assert logme(FeatureSet.of(x, y), variant="evidence").value == pytest.approx(expected, abs=1e-7)


def test_gain_is_evidence_over_its_null(clusters):
    f = clusters(80, 20, 4)
    share = f.target.matrix.mean(axis=0)
    null = np.mean(-0.5 * np.log(2 * np.pi * 80 * share * (1 - share) / 79) - 0.5)
    gain, evidence = logme(f), logme(f, variant="evidence")
    assert gain.value == pytest.approx(evidence.value - null, abs=1e-12)
    assert gain.details["null"] == pytest.approx(null, abs=1e-12)


def test_noise_in_many_dimensions_gains_nothing_and_signal_does(clusters):
    noise = logme(clusters(500, 2048, 10, apart=0.0, decay=0.0), rng=0)
    signal = logme(clusters(500, 512, 10), rng=0)
    assert 0 <= noise.value < 0.02
    assert signal.low > noise.high + 0.1


def test_labels_count_one_by_one_and_constant_ones_not_at_all():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70, 9))
    labels = (x[:, :2] + rng.normal(size=(70, 2)) > 0).astype(float)
    single = [logme(FeatureSet.of(x, labels[:, i]), rng=0).value for i in range(2)]
    both = logme(FeatureSet.of(x, np.column_stack([labels, np.zeros(70)])), rng=0)
    assert both.value == pytest.approx(np.mean(single), abs=1e-12)


@pytest.mark.parametrize(("d", "least"), [(5, 5.0), (60, 0.2)])
def test_a_target_without_noise_keeps_a_finite_gain(d, least):
    x = np.random.default_rng(0).normal(size=(30, d)).astype(np.float32)
    exact = logme(FeatureSet.of(x, x[:, 0].astype(float)), rng=0)
    assert least < exact.value < 40


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.eye(6), np.zeros(6, int), "one class only"),
        (np.eye(6), [0, 0, 0, 1, 1, 2], "'2' of data has one sample"),
        (np.eye(6), np.full(6, 0.1), "no label of data varies"),
        (np.full((6, 3), 0.1), [0, 0, 0, 1, 1, 1], "equal features"),
    ],
)
def test_says_why_it_does_not_apply(x, y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        logme(FeatureSet.of(x, y))
