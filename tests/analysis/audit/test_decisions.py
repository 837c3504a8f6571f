"""The advice against what happened, on made-up truths whose scores can be counted by hand."""

import numpy as np
import pytest

from shiftscope.analysis.audit.calibrate import Evidence
from shiftscope.analysis.audit.decisions import score_choices, score_findings, score_strategy
from shiftscope.core.advice import Advice
from shiftscope.core.audit import Accuracy, Gap
from shiftscope.core.forecast import Paired
from shiftscope.core.records import Choice, Estimate, MeasureResult, Ranking, RankRow

GROUPS = {"t": "g"}
NAMES = [f"f{f}{k}" for f in range(6) for k in (0, 1)]


def accuracy(backbone, mean, arm="full", target="t"):
    return Accuracy(backbone=backbone, target=target, regime="20", arm=arm, mean=mean, runs=[mean, mean])


def advice(p_best, tried, regret=0.0, *, target="t", seed=0, gains=None, probes=None):
    rows = [RankRow(backbone=b, rank=i + 1, p_best=p) for i, (b, p) in enumerate(p_best.items())]
    choices = [
        Choice(backbones=tried[:1], why="first", expected_regret=regret),
        Choice(backbones=tried, why="second", expected_regret=0.0),
    ]
    return Advice(
        key="k",
        target=target,
        regime="20",
        seed=seed,
        results=[probe(b, target, low) for b, low in (probes or {}).items()],
        random_copies={},
        ranking=Ranking(target=target, measures=["knn"], rows=rows, n_draws=100, level=0.9, choices=choices),
        gains=gains or {},
    )


def probe(backbone, target, low):
    details = {"accuracy": 0.985, "largest_class": 0.5, "n": 40, "n_classes": 2}
    estimate = Estimate(value=0.985, low=low, high=0.99, level=0.95, details=details)
    return MeasureResult(measure="ridge", kind="transfer", target=target, backbone=backbone, estimate=estimate)


def value(scores, predictor, statistic, truth):
    (found,) = [s for s in scores if (s.predictor, s.statistic, s.truth) == (predictor, statistic, truth)]
    return found.value


def test_choices_by_hand():
    truths = [accuracy("a", 0.80), accuracy("b", 0.88), accuracy("c", 0.90), accuracy("d", 0.5)]
    told = advice({"a": 0.7, "b": 0.25, "c": 0.05, "d": 0.0}, ["a", "b"], regret=0.01)
    scores = score_choices([told], truths, {"full/20": 0.0}, GROUPS)
    assert value(scores, "two_to_try", "regret@2", "full") == pytest.approx(0.02)
    assert value(scores, "expected_regret", "excess", "full") == pytest.approx(0.01 - 0.10)
    assert value(scores, "confidence_set", "set_share", "full") == 0.5
    assert value(scores, "confidence_set", "median_set_share", "full") == 0.5
    # b is 2 points below the best: one of the best only where the standard error of two runs is that large.
    assert value(scores, "confidence_set", "holds_best", "full") == 0.0
    wider = score_choices([told], truths, {"full/20": 0.02 * np.sqrt(2) + 1e-9}, GROUPS)
    assert value(wider, "confidence_set", "holds_best", "full") == 1.0


def test_a_place_where_a_ranked_candidate_was_never_trained_is_left_out():
    told = advice({"a": 0.7, "b": 0.2, "c": 0.1, "e": 0.0}, ["a", "b"])
    truths = [accuracy(b, 0.8) for b in "abc"]
    assert score_choices([told], truths, {}, GROUPS) == []
    assert score_choices([told.model_copy(update={"ranking": None})], truths, {}, GROUPS) == []


def evidence(question, q, *, outcomes):
    """Six groups and families, two cells of each pair; ``q`` (n,) by cell, gaps of +-10 points or 0."""
    names = [(f"g{g}", f"f{f}") for g in range(6) for f in range(6)]
    gaps = [
        Gap(question=question, backbone=f"{f}{k}", target=g, regime="20", gap=o, se=0.01, se_images=0.01, n_runs=2,
            n_images=100)
        for (g, f), o in zip(names, outcomes, strict=True)
        for k in range(2)
    ]  # fmt: skip
    n = len(gaps)
    groups, families = (np.repeat([name[i] for name in names], 2) for i in (0, 1))
    x = np.column_stack([np.repeat(q, 2), *np.zeros((3, n))])
    return Evidence(gaps, x, np.repeat(q, 2), groups, families, np.zeros(n, dtype=np.int64))


def gain(shown):
    return Paired(
        measure="ridge", baseline="pixels", gain=0.1, low=0.0, high=0.2, level=0.95, pvalue_holm=0.01 if shown else 0.5
    )


def test_findings_are_counted_among_cells_that_are_told_from_nothing():
    # Families 0 to 2 hurt everywhere and are foretold; family 3 helps and shows a gain, 4 helps and shows none.
    q = np.tile([0.95, 0.95, 0.95, 0.05, 0.05, 0.05], 6)
    outcomes = np.tile([-0.1, -0.1, -0.1, 0.1, 0.1, 0.0], 6).tolist()
    found = evidence("full_vs_scratch", q, outcomes=outcomes)
    told = [
        advice({"x": 1.0}, ["x", "y"], target=f"g{g}", gains={b: [gain(b.startswith("f3"))] for b in NAMES})
        for g in range(6)
    ]
    scores = score_findings({"full": found}, told, {f"g{g}": f"g{g}" for g in range(6)})
    assert value(scores, "NT201", "caught", "full_vs_scratch") == 1.0
    assert value(scores, "NT201", "false_alarms", "full_vs_scratch") == 0.0
    assert value(scores, "NT201 or NT202", "false_alarms", "full_vs_scratch") == pytest.approx(0.5)
    (n,) = {s.n_places for s in scores if s.statistic == "false_alarms"}
    assert n == 24  # the twelve of family 5 are not told from nothing


def test_strategy_by_hand():
    q = np.tile([0.95, 0.95, 0.95, 0.05, 0.05, 0.05], 6)
    both = [evidence(f"{arm}_vs_scratch", q, outcomes=np.zeros(36).tolist()) for arm in ("head", "full")]
    told = [
        # The probe of family 3 has nearly solved the target: 0.5 + 0.96 / 2.
        advice({"x": 1.0}, ["x", "y"], target=f"g{g}", gains={b: [gain(shown=False)] for b in NAMES},
               probes={b: 0.98 if b.startswith("f3") else 0.6 for b in NAMES})
        for g in range(6)
    ]  # fmt: skip
    reached = {"linear": 0.70, "full": 0.85, "scratch": 0.80}
    truths = [accuracy(b, v, arm, f"g{g}") for g in range(6) for b in NAMES for arm, v in reached.items()]
    scores = score_strategy(*both, told, truths, {f"g{g}": f"g{g}" for g in range(6)})
    # Half of the cells: scratch loses 5 points; a sixth: a head loses 15; the others are fine-tuned.
    assert value(scores, "strategy", "regret", "arm") == pytest.approx(0.5 * 0.05 + 0.15 / 6)
    assert value(scores, "always_full", "regret", "arm") == 0.0
    assert value(scores, "always_head", "regret", "arm") == pytest.approx(0.15)
    assert not [s for s in scores if s.predictor == "always_last_stage"]
