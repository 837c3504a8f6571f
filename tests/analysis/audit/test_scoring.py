"""Predictors held against truths: on places made by hand, where every answer is known."""

import numpy as np
import pytest

from shiftscope.analysis.audit.predictors import advised, static_prior
from shiftscope.analysis.audit.scoring import score_all
from shiftscope.core.advice import Advice
from shiftscope.core.audit import Accuracy, AuditedBackbone, AuditedTarget, Gap
from shiftscope.core.records import Estimate, MeasureResult

NAMES = ("a", "b", "c", "d")
GROUPS = ("one", "two", "three", "four", "five", "six")
TRUE = {"a": 0.9, "b": 0.7, "c": 0.6, "d": 0.3}


def advice_of(target, scores, *, seed=0, measures=("logme", "knn", "hscore", "ridge")):
    """Advice in which every measure says ``scores``; random copies have 0.1 less than the worst, pixels 0.5."""
    values = {**scores, "copy": min(scores.values()) - 0.1, "pixels": 0.5}
    results = [
        MeasureResult(measure=m, kind="transfer", target=target, backbone=b, estimate=Estimate(value=v))
        for b, v in values.items()
        for m in measures
    ]
    return Advice(
        key=f"{target}{seed}",
        target=target,
        regime="20",
        seed=seed,
        results=results,
        random_copies=dict.fromkeys(scores, "copy"),
    )


def accuracies_of(target, true, *, arm="full", noise=0.0):
    return [
        Accuracy(backbone=b, target=target, regime="20", arm=arm, mean=v, runs=[v - noise, v + noise])
        for b, v in true.items()
    ]


def world(scores, *, true=TRUE, **changes):
    """Six targets in six groups with the same truth, and advice that is the same everywhere."""
    targets = {f"t{i}": AuditedTarget(group=g, n=100, classes=2) for i, g in enumerate(GROUPS)}
    backbones = {b: AuditedBackbone(family=b, architecture="net", **changes.get(b, {})) for b in true}
    advice = [advice_of(t, scores) for t in targets]
    return advice, [a for t in targets for a in accuracies_of(t, true)], targets, backbones


def values_of(scores, truth="full"):
    return {(s.predictor, s.statistic): s.value for s in scores if s.truth == truth}


def test_perfect_advice_is_perfect_and_reversed_advice_is_as_wrong_as_can_be():
    good, accuracies, targets, backbones = world(TRUE)
    found = values_of(score_all(good, accuracies, [], targets, backbones))
    for predictor in ("logme", "ridge", "aggregate", "gain_over_random", "gain_over_pixels", "static_prior"):
        assert found[predictor, "weighted_tau"] == pytest.approx(1)
        assert found[predictor, "tau_b"] == pytest.approx(1)
        assert found[predictor, "regret@1"] == 0
        assert found[predictor, "top1"] == 1
    bad, *_ = world({b: -v for b, v in TRUE.items()})
    found = values_of(score_all(bad, accuracies, [], targets, backbones))
    assert found["knn", "tau_b"] == pytest.approx(-1)
    assert found["knn", "regret@1"] == pytest.approx(0.6)
    assert found["knn", "regret@3"] == pytest.approx(0.2)
    assert found["knn", "top1"] == 0


def test_random_choice_has_its_expected_regret():
    advice, accuracies, targets, backbones = world(TRUE)
    found = values_of(score_all(advice, accuracies, [], targets, backbones))
    assert found["random", "weighted_tau"] == 0
    assert found["random", "regret@1"] == pytest.approx(0.9 - np.mean(list(TRUE.values())))
    # Of three drawn from four, the best is among them three times in four; otherwise the second is.
    assert found["random", "regret@3"] == pytest.approx(0.2 / 4)
    assert found["random", "top1"] == 0.25


def test_other_seed_is_one_run_against_the_others():
    advice, _, targets, backbones = world(TRUE)
    # In one run a leads, in the other b: either way one run chooses what is second in the other.
    runs = {"a": [0.9, 0.6], "b": [0.7, 0.8], "c": [0.5, 0.5], "d": [0.3, 0.3]}
    accuracies = [
        Accuracy(backbone=b, target=t, regime="20", arm="full", mean=np.mean(r), runs=r)
        for t in targets
        for b, r in runs.items()
    ]
    found = values_of(score_all(advice, accuracies, [], targets, backbones))
    assert found["other_seed", "regret@1"] == pytest.approx((0.2 + 0.2) / 2)
    assert found["other_seed", "top1"] == 0


def test_weights_never_count_on_targets_they_know_nor_constructed_ones_at_all():
    changes = {"a": {"overlap": ["t0"]}, "d": {"constructed": "made"}}
    advice, accuracies, targets, backbones = world(TRUE, true={**TRUE, "e": 0.2}, **changes)
    advice = [advice_of(t, {**TRUE, "e": 0.95}) for t in targets]
    found = values_of(score_all(advice, accuracies, [], targets, backbones))
    # e is chosen everywhere and has 0.2; the best that counts is b on t0 and a elsewhere.
    assert found["ridge", "regret@1"] == pytest.approx(((0.7 - 0.2) + 5 * (0.9 - 0.2)) / 6)


def test_the_static_prior_knows_nothing_of_the_targets_own_group():
    advice, accuracies, targets, backbones = world(TRUE)
    # On t5 the order is the reverse of all others, and t4 is in its group.
    targets = {**targets, "t4": targets["t5"]}
    turned = dict(zip(NAMES, sorted(TRUE.values()), strict=True))
    accuracies = [a for a in accuracies if a.target not in ("t4", "t5")]
    accuracies += [a for t in ("t4", "t5") for a in accuracies_of(t, turned)]
    only = [a for a in accuracies if a.target in ("t4", "t5")]
    assert values_of(score_all(advice, accuracies, [], targets, backbones))["static_prior", "top1"] == pytest.approx(
        4 / 5
    )
    # With the two of one group alone there is nothing to learn from.
    assert ("static_prior", "top1") not in values_of(score_all(advice, only, [], targets, backbones))


def test_gaps_are_held_against_by_spearman_only():
    advice, accuracies, targets, backbones = world(TRUE)
    gaps = [
        Gap(
            question="full_vs_scratch",
            backbone=b,
            target=t,
            regime="20",
            gap=-v,
            se=0.1,
            se_images=0.1,
            n_runs=2,
            n_images=9,
        )
        for t in targets
        for b, v in TRUE.items()
    ]
    found = values_of(score_all(advice, accuracies, gaps, targets, backbones), truth="full_vs_scratch")
    assert found["ridge", "spearman"] == pytest.approx(-1)
    assert {statistic for _, statistic in found} == {"spearman"}


def test_intervals_count_groups_and_not_targets():
    advice, accuracies, targets, backbones = world(TRUE)
    scores = score_all(advice, accuracies, [], targets, backbones)
    assert {(s.n_places, s.n_groups) for s in scores if s.predictor == "ridge"} == {(6, 6)}
    one = {name: AuditedTarget(group="same", n=9, classes=2) for name in targets}
    (score,) = [
        s
        for s in score_all(advice, accuracies, [], one, backbones)
        if (s.predictor, s.statistic, s.truth) == ("ridge", "tau_b", "full")
    ]
    assert (score.n_places, score.n_groups, score.low) == (6, 1, None)


def test_the_aggregate_is_the_mean_rank_of_the_products_ranking():
    told = advice_of("t", TRUE)
    flipped = [
        r.model_copy(update={"estimate": Estimate(value=-r.estimate.value)}) if r.measure == "knn" else r
        for r in told.results
    ]
    # Ranks by logme and hscore 1 2 3 4, by knn 4 3 2 1; ridge has no part in it.
    scores = advised(told.model_copy(update={"results": flipped}), NAMES)
    assert scores["aggregate"].tolist() == pytest.approx([-2, -7 / 3, -8 / 3, -3])


def test_a_measure_that_lacks_a_backbone_is_left_out():
    told = advice_of("t", TRUE)
    kept = [r for r in told.results if (r.backbone, r.measure) != ("b", "logme")]
    scores = advised(told.model_copy(update={"results": kept}), NAMES)
    assert "logme" not in scores
    assert "knn" in scores


def test_static_prior_takes_ranks_relative_to_who_was_there():
    # b is second of two in one place and second of four in another: (1 + 1/3) / 2.
    prior = static_prior([{"a": 0.9, "b": 0.1}, {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}], ["a", "b"])
    assert prior.tolist() == pytest.approx([0, -2 / 3])
    assert static_prior([{"a": 0.9, "b": 0.1}], ["a", "c"]) is None


def test_what_is_equal_everywhere_has_no_interval():
    advice, accuracies, targets, backbones = world({"a": 1, "b": 4, "c": 3, "d": 2})
    scores = score_all(advice, accuracies, [], targets, backbones)
    (chance,) = (s for s in scores if (s.predictor, s.truth, s.statistic) == ("random", "full", "tau_b"))
    assert (chance.value, chance.low, chance.high) == (0, None, None)
