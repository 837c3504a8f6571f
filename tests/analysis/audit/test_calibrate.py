"""The forecast on made-up ground truth: it learns what is there, finds nothing where nothing is, and never peeks."""

import numpy as np
import pytest
from scipy.special import expit

from shiftscope.analysis.audit.calibrate import Evidence, calibrate, evidence_of, foretell
from shiftscope.analysis.audit.forecasts import brier
from shiftscope.core.advice import Advice
from shiftscope.core.audit import AuditedBackbone, Gap
from shiftscope.core.records import Estimate, MeasureResult

N_GROUPS, N_FAMILIES, KIN = 6, 4, 4
ALL = (0, 1, 2, 3)


def gap_of(backbone="b", target="t", gap=0.0, se=0.02):
    where = {"question": "full_vs_scratch", "backbone": backbone, "target": target, "regime": "20"}
    return Gap(**where, gap=gap, se=se, se_images=se, n_runs=2, n_images=100)


def made_up(effect, seed=0):
    """One cell for each of four backbones of every family on every group; ``effect`` of the first covariate."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"g{g}" for g in range(N_GROUPS)], KIN * N_FAMILIES)
    families = np.tile([f"f{f}" for f in range(N_FAMILIES)], KIN * N_GROUPS)
    x = rng.normal(size=(len(groups), 4))
    q = (rng.random(len(groups)) < expit(effect * x[:, 0] - 0.5)).astype(float)
    gaps = [gap_of(f"b{i}", f"t{i}") for i in range(len(q))]
    return Evidence(gaps, x, q, groups, families)


def test_what_is_there_is_learnt_and_beats_the_base_rate():
    evidence = made_up(effect=3.0)
    told = foretell(evidence, ALL)
    assert brier(told.p, evidence.q) < 0.7 * brier(told.base, evidence.q)
    alone = foretell(evidence, [1])
    assert brier(told.p, evidence.q) < brier(alone.p, evidence.q)


def test_where_nothing_is_there_it_stays_by_the_base_rate():
    losses = []
    for seed in range(5):
        evidence = made_up(effect=0.0, seed=seed)
        told = foretell(evidence, ALL)
        losses.append(brier(told.p, evidence.q) / brier(told.base, evidence.q))
    assert np.mean(losses) < 1.05


def test_a_cell_is_forecast_without_its_group_and_its_family():
    evidence = made_up(effect=2.0)
    before = foretell(evidence, ALL)
    mine = (evidence.groups == "g0") & (evidence.families == "f0")
    kin = (evidence.groups == "g0") | (evidence.families == "f0")
    changed = Evidence(
        evidence.gaps, evidence.x, np.where(kin, 1 - evidence.q, evidence.q), evidence.groups, evidence.families
    )
    after = foretell(changed, ALL)
    np.testing.assert_array_equal(before.p[mine], after.p[mine])
    assert (before.p[~kin] != after.p[~kin]).any()


def test_far_from_what_was_seen_the_base_rate_stands_in():
    evidence = made_up(effect=3.0)
    evidence.x[0, 2] = 50.0
    told = foretell(evidence, ALL)
    assert not told.covered[0]
    assert told.p[0] == told.base[0]
    assert told.covered[1:].mean() > 0.8


def test_a_cell_looked_at_twice_counts_once():
    once = made_up(effect=2.0)
    rows = np.repeat(np.arange(len(once.q)), 2)
    gaps = [once.gaps[i] for i in rows]
    twice = Evidence(gaps, once.x[rows], once.q[rows], once.groups[rows], once.families[rows])
    assert twice.counts.tolist() == [0.5] * len(rows)
    np.testing.assert_allclose(calibrate(twice, ALL).weights, calibrate(once, ALL).weights, atol=1e-4)


def test_one_family_leaves_nothing_to_learn_from():
    evidence = made_up(effect=1.0)
    one = Evidence(evidence.gaps, evidence.x, evidence.q, evidence.groups, np.full(len(evidence.q), "f"))
    assert foretell(one, ALL) is None


def test_gaps_meet_the_advice_given_for_them():
    def ridge(backbone, accuracy):
        details = {"accuracy": accuracy, "largest_class": 0.5, "n": 40, "n_classes": 2}
        estimate = Estimate(value=accuracy, details=details)
        return MeasureResult(measure="ridge", kind="transfer", target="t", backbone=backbone, estimate=estimate)

    results = [ridge("a", 0.9), ridge("a@random", 0.6), ridge("pixels", 0.7), ridge("b", 0.8)]
    copies = {"a": "a@random", "b": "b@random"}
    advice = [
        Advice(key=f"{s}", target="t", regime="20", seed=s, results=results, random_copies=copies) for s in (0, 1)
    ]
    backbones = {name: AuditedBackbone(family=f"of {name}", architecture="net") for name in "ab"}
    gaps = [gap_of("a", gap=-0.2), gap_of("b"), gap_of("a", target="elsewhere")]
    found = evidence_of(gaps, {"t": "one", "elsewhere": "two"}, backbones, advice)
    # b has no random copy that was measured, and nothing was told of elsewhere.
    assert [g.backbone for g in found.gaps] == ["a", "a"]
    assert found.q == pytest.approx([1, 1], abs=1e-6)
    assert (found.groups.tolist(), found.families.tolist()) == (["one", "one"], ["of a", "of a"])
    assert found.x[0, 3] == pytest.approx(np.log(20))
    assert evidence_of(gaps, {}, backbones, []) is None
