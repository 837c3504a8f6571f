"""Forecasts of negative transfer against gaps made by hand."""

import numpy as np
import pytest
from scipy.stats import norm, t
from test_scoring import GROUPS, NAMES, TRUE, advice_of

from shiftscope.analysis.audit.forecasts import chance_of_negative
from shiftscope.analysis.audit.negatives import score_negatives
from shiftscope.analysis.forecast.covariates import COVARIATES
from shiftscope.core.audit import AuditedBackbone, Gap
from shiftscope.core.records import Estimate

TARGETS = {f"t{i}": group for i, group in enumerate(GROUPS)}


def gap_of(backbone, target, gap, se=0.02, dof=None):
    return Gap(
        question="full_vs_scratch",
        backbone=backbone,
        target=target,
        regime="20",
        gap=gap,
        se=se,
        se_images=se,
        dof=dof,
        n_runs=2,
        n_images=100,
    )


def scored(gaps, advice=(), families=NAMES):
    backbones = {b: AuditedBackbone(family=f, architecture="net") for b, f in zip(NAMES, families, strict=True)}
    found = score_negatives(gaps, TARGETS, backbones, list(advice))
    return {(s.predictor, s.statistic): s for s in found}


def test_students_distribution_is_used_where_the_standard_error_is_an_estimate():
    known, unsure = chance_of_negative([-0.05, -0.05], [0.02, 0.02], dof=[np.inf, 3])
    assert known == pytest.approx(norm.cdf(2))
    assert unsure == pytest.approx(t.cdf(2, 3))


def test_base_rate_is_that_of_the_other_groups_and_scored_place_by_place():
    # Harm is certain on t0 and impossible elsewhere.
    gaps = [gap_of(b, target, -0.5 if target == "t0" else 0.5, se=0.0) for target in TARGETS for b in NAMES]
    found = scored(gaps)
    # On t0 the base rate elsewhere is 0, on each other target it is one place in five.
    assert found["base_rate", "brier"].value == pytest.approx((1 + 5 * 0.2**2) / 6)
    assert found["best", "brier"].value == 0
    assert found["best", "auroc"].value == 1
    assert found["base_rate", "auroc"].value == 0


def test_gains_that_order_the_gaps_have_an_auroc_of_one_and_reversed_ones_of_zero():
    signs = {"a": 0.3, "b": 0.1, "c": -0.3, "d": -0.4}
    gaps = [gap_of(b, target, v, se=0.0) for target in TARGETS for b, v in signs.items()]
    right = [advice_of(target, TRUE) for target in TARGETS]
    assert scored(gaps, right)["gain_over_random", "auroc"].value == 1
    wrong = [advice_of(target, {b: -v for b, v in TRUE.items()}) for target in TARGETS]
    found = scored(gaps, wrong)["gain_over_pixels", "auroc"]
    assert (found.value, found.n_groups) == (0, len(GROUPS))


def test_gains_are_means_over_the_seeds_and_need_every_cell():
    signs = {"a": 0.3, "b": 0.1, "c": -0.3, "d": -0.4}
    gaps = [gap_of(b, target, v, se=0.0) for target in TARGETS for b, v in signs.items()]
    slightly_wrong = {b: -0.1 * v for b, v in TRUE.items()}
    both = [advice_of(target, s, seed=i) for target in TARGETS for i, s in enumerate((TRUE, slightly_wrong))]
    assert scored(gaps, both)["gain_over_random", "auroc"].value == 1
    assert ("gain_over_random", "auroc") not in scored(gaps, both[2:])


def test_without_any_harm_nothing_is_ranked():
    gaps = [gap_of(b, target, 0.5, se=0.0) for target in TARGETS for b in NAMES]
    found = scored(gaps)
    assert not [name for name in found if name[1] == "auroc"]
    assert found["base_rate", "log_loss"].value == pytest.approx(-np.log1p(-0.001))


def test_no_gaps_no_scores():
    assert score_negatives([], TARGETS, {}, []) == []


def test_the_forecast_is_scored_beside_the_base_rate_and_each_covariate():
    signs = {"a": 0.3, "b": 0.1, "c": -0.3, "d": -0.4}
    gaps = [gap_of(b, target, v, se=0.0) for target in TARGETS for b, v in signs.items()]
    advice = [told_with_details(target, {"a": 0.9, "b": 0.85, "c": 0.4, "d": 0.35}) for target in TARGETS]
    found = scored(gaps, advice, families=("one", "two", "one", "two"))
    forecasters = {"forecast", "base_rate", "best", *(f"forecast_{c}" for c in COVARIATES)}
    assert {p for p, statistic in found if statistic == "brier"} == forecasters
    # Either family tells of the other on which side harm lies.
    assert found["forecast", "brier"].value < 0.1 * found["base_rate", "brier"].value
    assert found["forecast_ln_per_class", "brier"].value == pytest.approx(found["base_rate", "brier"].value, abs=1e-6)
    assert found["forecast", "coverage"].value == 1
    assert found["forecast", "auroc"].value == 1


def told_with_details(target, accuracy):
    """Advice whose probes say how many images they judged."""
    advice = advice_of(target, accuracy, measures=("ridge",))
    results = [
        r.model_copy(
            update={
                "estimate": Estimate(
                    value=r.estimate.value,
                    details={"accuracy": r.estimate.value, "largest_class": 0.25, "n": 100, "n_classes": 4},
                )
            }
        )
        for r in advice.results
    ]
    return advice.model_copy(update={"results": results})
