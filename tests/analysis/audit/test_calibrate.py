"""The forecast on made-up ground truth: it learns what is there, finds nothing where nothing is, and never peeks."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import t

from shiftscope.analysis.audit.calibrate import PENALTIES, Evidence, calibrate, calibration, evidence_of, foretell
from shiftscope.analysis.audit.forecasts import brier
from shiftscope.analysis.audit.work import read_advice
from shiftscope.analysis.forecast.foresee import calibration_of_package
from shiftscope.analysis.forecast.model import Model, fit
from shiftscope.core.advice import Advice
from shiftscope.core.audit import MARGIN, AuditedBackbone, Gap
from shiftscope.core.forecast import ARMS
from shiftscope.core.load import load_record
from shiftscope.core.records import Estimate, MeasureResult

GROUNDTRUTH = Path(__file__).parents[3] / "reports" / "groundtruth"
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
    return Evidence(gaps, x, q, groups, families, np.zeros(len(q), dtype=np.int64))


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
    changed = dataclasses.replace(evidence, q=np.where(kin, 1 - evidence.q, evidence.q))
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
    gaps, seeds = [once.gaps[i] for i in rows], np.tile([0, 1], len(once.q))
    twice = Evidence(gaps, once.x[rows], once.q[rows], once.groups[rows], once.families[rows], seeds)
    assert twice.counts.tolist() == [0.5] * len(rows)
    np.testing.assert_allclose(calibrate(twice, ALL).weights, calibrate(once, ALL).weights, atol=1e-4)


def test_one_family_leaves_nothing_to_learn_from():
    evidence = made_up(effect=1.0)
    one = dataclasses.replace(evidence, families=np.full(len(evidence.q), "f"))
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
    assert found.seeds.tolist() == [0, 1]
    assert found.x[0, 3] == pytest.approx(np.log(20))
    assert evidence_of(gaps, {}, backbones, []) is None


def test_penalties_are_half_decades_from_a_hundredth_to_a_thousand():
    np.testing.assert_allclose(np.log10(PENALTIES), np.arange(-2, 3.25, 0.5))


def test_what_is_kept_of_a_fit_says_the_same_as_the_fit():
    evidence = made_up(effect=2.0)
    made = calibration({"head": evidence, "full": made_up(effect=0.0, seed=1)})
    kept, fitted = made.questions["head"], calibrate(evidence, ALL)
    assert kept.penalty == pytest.approx(fitted.penalty, rel=1e-5)
    x = np.random.default_rng(5).normal(size=(50, 4))
    # Six digits of every number.
    np.testing.assert_allclose(Model.of(kept).probability(x), fitted.probability(x), atol=2e-5)
    np.testing.assert_array_equal(kept.low, [float(f"{v:.6g}") for v in evidence.x.min(axis=0)])
    np.testing.assert_array_equal(kept.high, [float(f"{v:.6g}") for v in evidence.x.max(axis=0)])
    assert kept.base_rate == pytest.approx(evidence.q.mean(), rel=1e-5)
    assert kept.n_cells == len(evidence.q)
    assert (made.margin, made.covariates) == (MARGIN, ["gain_over_random", "gain_over_pixels", "level", "ln_per_class"])
    assert made.groups == [f"g{g}" for g in range(N_GROUPS)]
    assert made.families == [f"f{f}" for f in range(N_FAMILIES)]


def test_a_cell_looked_at_twice_is_one_cell_of_the_calibration():
    once = made_up(effect=2.0)
    rows = np.concatenate([np.arange(len(once.q)), np.flatnonzero(once.groups == "g0")])
    twice = Evidence(
        [once.gaps[i] for i in rows], once.x[rows], once.q[rows], once.groups[rows], once.families[rows], rows * 0
    )
    kept = calibration({"head": twice, "full": twice}).questions["head"]
    assert kept.n_cells == len(once.q)
    assert kept.base_rate == pytest.approx(once.q.mean(), rel=1e-5)


def test_resampled_lines_are_refits_to_resampled_groups(monkeypatch):
    evidence, drawn = made_up(effect=2.0), []

    class Watched:
        def __init__(self, *_):
            self.rng = np.random.default_rng(7)

        def multinomial(self, *how):
            drawn.append(self.rng.multinomial(*how))
            return drawn[-1]

    monkeypatch.setattr("shiftscope.analysis.audit.calibrate.stream", Watched)
    kept = calibration({"head": evidence, "full": evidence}).questions["head"]
    assert len(kept.resampled) == len(drawn) / 2 == 200
    x = np.random.default_rng(5).normal(size=(30, 4))
    z = (x - kept.mean) / np.array(kept.scale)
    for line, times in list(zip(kept.resampled, drawn, strict=False))[:20]:
        assert times.sum() == N_GROUPS
        # Whole groups count as often as they were drawn; the line is told on the scale of all cells.
        counts = np.repeat(times, KIN * N_FAMILIES).astype(float)
        there = counts > 0
        again = fit(evidence.x[there], evidence.q[there], penalty=kept.penalty, weights=counts[there])
        np.testing.assert_allclose(expit(line[0] + z @ line[1:]), again.probability(x), atol=2e-5)


def test_resampling_is_the_same_every_time_and_spreads_where_groups_differ():
    evidence = made_up(effect=2.0)
    made = calibration({"head": evidence, "full": evidence})
    assert made == calibration({"head": evidence, "full": evidence})
    weights = np.array(made.questions["head"].resampled)[:, 1]
    assert weights.min() < made.questions["head"].weights[0] < weights.max()
    assert weights.std() > 0.05


def test_the_digest_knows_covariates_and_chances():
    evidence = made_up(effect=1.0)
    cells = calibration({"head": evidence, "full": evidence}).cells
    for change in ({"x": evidence.x + 1e-6}, {"q": np.where(np.arange(len(evidence.q)) == 3, 0.5, evidence.q)}):
        other = dataclasses.replace(evidence, **change)
        assert calibration({"head": evidence, "full": other}).cells != cells


@pytest.fixture(scope="module")
def audit():
    return load_record(GROUNDTRUTH).audit


@pytest.fixture(scope="module")
def evidence(audit):
    """What the committed advice and gaps say, arm by arm."""
    told = list(read_advice(GROUNDTRUTH).values())
    groups = {name: target.group for name, target in audit.targets.items()}
    counted = [g for g in audit.gaps if audit.counts(g)]
    return {
        arm: evidence_of([g for g in counted if g.question == question], groups, audit.backbones, told)
        for arm, question in ARMS.items()
    }


def test_the_shipped_calibration_is_what_the_committed_ground_truth_gives(evidence):
    made, shipped = calibration(evidence), calibration_of_package()
    # How good it was found to be is a score of the audit; see below.
    unscored = {arm: q.model_copy(update={"auroc": None}) for arm, q in shipped.questions.items()}
    assert made.model_copy(update={"questions": {}}) == shipped.model_copy(update={"questions": {}})
    for arm, fitted in made.questions.items():
        assert fitted.model_copy(update={"auroc": None}) == unscored[arm], arm


def test_the_shipped_calibration_saw_all_natural_cells_and_nothing_else(audit, evidence):
    shipped = calibration_of_package()
    natural = {name: b for name, b in audit.backbones.items() if not b.constructed}
    assert shipped.groups == sorted({t.group for t in audit.targets.values()})
    assert shipped.families == sorted({b.family for b in natural.values()})
    places = {
        (g.backbone, g.target, g.regime)
        for g in audit.gaps
        if g.backbone in natural and g.target not in natural[g.backbone].overlap
    }
    for arm, found in evidence.items():
        assert {(g.backbone, g.target, g.regime) for g in found.gaps} == places
        # Each was looked at from the labelled images of either split.
        assert len(found.q) == 2 * len(places)
        assert shipped.questions[arm].n_cells == len(places)
        assert shipped.questions[arm].penalty in [float(f"{p:.6g}") for p in PENALTIES]
    assert shipped.margin == audit.margin == MARGIN == 0.01


def test_the_package_ships_the_calibration_of_the_committed_record(audit):
    assert calibration_of_package() == audit.calibration


def test_the_shipped_calibration_says_how_good_it_was_found_to_be(audit):
    for arm, question in ARMS.items():
        (score,) = (s for s in audit.scores if (s.truth, s.predictor, s.statistic) == (question, "forecast", "auroc"))
        assert calibration_of_package().questions[arm].auroc == pytest.approx(
            (score.value, score.low, score.high), abs=5e-4
        )


def test_covariates_and_chances_of_a_committed_cell_by_hand(evidence):
    advice = next(a for a in read_advice(GROUNDTRUTH).values() if a.target == "mnist" and a.seed == 1)
    details = {r.backbone: r.estimate.details for r in advice.results if r.measure == "ridge"}
    mine, copy = details["mnv1_075_imagenet"], details[advice.random_copies["mnv1_075_imagenet"]]

    def odds(d):
        k = round(d["accuracy"] * d["n"])
        share = (k + 1 / 2) / (d["n"] + 1)
        return math.log(share / (1 - share))

    expected = [
        odds(mine) - odds(copy),
        odds(mine) - odds(details["pixels"]),
        (mine["accuracy"] - mine["largest_class"]) / (1 - mine["largest_class"]),
        math.log(mine["n"] / mine["n_classes"]),
    ]
    found = evidence["full"]
    (row,) = (
        i
        for i, (g, seed) in enumerate(zip(found.gaps, found.seeds, strict=True))
        if (g.backbone, g.target, g.regime, seed) == ("mnv1_075_imagenet", "mnist", advice.regime, 1)
    )
    assert found.x[row].tolist() == pytest.approx(expected, rel=1e-12)
    gap = found.gaps[row]
    assert gap.question == "full_vs_scratch"
    assert found.q[row] == pytest.approx(t.cdf((-0.01 - gap.gap) / gap.se, gap.dof), rel=1e-9)
