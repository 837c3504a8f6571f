"""The least effect a test would have found: the formula by hand, and the power that it promises."""

import numpy as np
import pytest
from scipy.stats import chi2, ncx2, norm

from shiftscope.analysis.detectable import POWER, detectable
from shiftscope.analysis.shift import diagnose_pair
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Estimate
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES
from shiftscope.measures._permutation import null_details


def estimate(null):
    return Estimate(value=0.0, details=null_details(np.array([0.0, *null])))


def test_normal_null():
    """Without skewness D = (z_{1 - level} + z_{0.8}) s."""
    null = 3 + 2 * norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    for level in (0.05, 0.01):
        assert detectable(estimate(null), level) == pytest.approx(2 * (norm.isf(level) + norm.ppf(POWER)), rel=0.01)


def test_chi_square_null_gives_the_power_of_the_non_central_one():
    """What the formula approximates: the statistic is A (chi^2_v - v), non-central by D/A under a shift."""
    for v in (2, 5, 20, 200):
        null = chi2.ppf((np.arange(20_000) + 0.5) / 20_000, v) - v
        found = detectable(estimate(null), 0.05)
        assert ncx2.sf(chi2.isf(0.05, v), v, found) == pytest.approx(POWER, abs=0.03)


def test_nothing_without_a_null_or_with_too_few_permutations():
    assert detectable(Estimate(value=1.0), 0.05) is None
    assert detectable(estimate(np.arange(18)), 0.05) is None
    assert detectable(estimate(np.arange(19)), 0.05) is not None


@pytest.mark.parametrize(("d", "n", "m"), [(5, 60, 60), (64, 60, 60), (64, 150, 30)])
def test_power_at_that_effect(d, n, m):
    """A shift of the mean whose MMD^2 is the detectable one is found in about four of five samples."""
    rng = np.random.default_rng(0)
    h, level = np.sqrt(2.0 * d), 0.05

    def run(step):
        y = rng.normal(size=(m, d))
        y[:, 0] += step
        pair = Pair(FeatureSet.of(rng.normal(size=(n, d)), name="photo"), FeatureSet.of(y, name="sketch"))
        return MEASURES["mmd"](pair, bandwidth=h, n_permutations=199, rng=int(rng.integers(2**31)), kernels=choose())

    effect = np.mean([detectable(run(0.0), level) for _ in range(10)])
    # Closed form for N(0, I) against N(step e_1, I): 2 (h^2/(h^2 + 2))^(d/2) (1 - exp(-step^2/(2 (h^2 + 2)))).
    peak = 2 * (h**2 / (h**2 + 2)) ** (d / 2)
    step = np.sqrt(-2 * (h**2 + 2) * np.log(1 - effect / peak))
    found = np.mean([run(step).pvalue <= level for _ in range(250)])
    # Three standard errors of 250 samples are 0.076; the approximation itself was measured to err by 0.05 at most.
    assert 0.70 < found < 0.90


def test_diagnosis_tells_it_of_mmd_at_the_corrected_level():
    rng = np.random.default_rng(0)
    pair = Pair(*(FeatureSet.of(rng.normal(size=(40, 4)), name=s) for s in ("photo", "sketch")))
    results, diagnosis = diagnose_pair(pair, backbone="net", measures=("mmd", "energy", "frechet"), kernels=choose())
    told = {row.measure: row.detectable for row in diagnosis.rows}
    assert told == {"mmd": detectable(results[0].estimate, 0.025), "energy": None, "frechet": None}
    assert {row.size for row in diagnosis.rows} == {20}


def test_fused_bandwidths_have_none():
    rng = np.random.default_rng(0)
    pair = Pair(*(FeatureSet.of(rng.normal(size=(20, 4)), name=s) for s in ("photo", "sketch")))
    options = {"mmd": {"aggregate": "fuse", "n_permutations": 99}}
    _, diagnosis = diagnose_pair(pair, backbone="net", measures=("mmd",), options=options, kernels=choose())
    assert diagnosis.rows[0].detectable is None
