"""Gaps, their standard errors and what they are pooled from, against sums by hand and closed forms."""

import json

import numpy as np
import pytest
from scipy import stats

from shiftscope.analysis.audit.gaps import accuracies, gaps, spread
from shiftscope.core.audit import Gap
from shiftscope.core.cells import Cell, Metrics, pack
from shiftscope.errors import InputError

# Four images, two runs: d = (0, 1, 1, 0) and (0, 1, -1, 0).
BY_HAND = {"full": ("1110", "1100"), "scratch": ("1000", "1010")}


def metrics(accuracy, *, nll=1.0):
    return Metrics(
        n=4, accuracy=accuracy, macro_f1=0.5, auc=None, nll=nll, brier=0.5, calibration_error=0.0, confusion=[[4]]
    )


def cell(arm, right, *, seed=0, rows=None, backbone="b", target="t", regime="20", n=None, chosen_by=(0.5, 1.0), code=0):
    """A cell of which ``right`` says image by image whether it was named rightly."""
    right = np.array([bool(int(r)) for r in right])
    rows = np.arange(len(right)) if rows is None else np.array(rows)
    truth = np.full(len(right), code)
    return Cell(
        key=f"{arm}/{backbone}/{target}/{regime}/{seed}", backbone=backbone, target=target, regime=regime, arm=arm,
        seed=seed, side=32, recipe={"steps": 300, "rate": 0.001}, n_train=8, n=n or int(rows.max()) + 1, seconds=1.0,
        validation=metrics(chosen_by[0], nll=chosen_by[1]), test=metrics(float(right.mean())),
        test_rows=pack(np.diff(rows, prepend=0)), truth=pack(truth), predicted=pack(truth + ~right),
    )  # fmt: skip


def runs(arm, rights, **kwargs):
    return [cell(arm, right, seed=seed, **kwargs) for seed, right in enumerate(rights)]


def place(arms, **kwargs):
    return {arm: runs(arm, rights, **kwargs) for arm, rights in arms.items()}


def only(places, question="full_vs_scratch"):
    (gap,) = [gap for gap in gaps(places) if gap.question == question]
    return gap


def random_place(rng, *, n=200, n_runs=3, tested=120, arms=("full", "scratch")):
    rows = [np.sort(rng.permutation(n)[:tested]) for _ in range(n_runs)]
    level = dict(zip(arms, rng.uniform(0.3, 0.9, len(arms)), strict=True))
    return {
        arm: [
            cell(arm, rng.random(tested) < level[arm] + 0.05 * rng.normal(), seed=s, rows=rows[s], n=n)
            for s in range(n_runs)
        ]
        for arm in arms
    }


def test_gap_and_standard_error_by_hand():
    gap = only({("b", "t", "20"): place(BY_HAND)})
    # u = (-1/2, 3/2, -1/2, -1/2) / 8, so V = 4/3 * 3/64. Accuracy varies by 1/32 between the runs of either arm,
    # which is just what four images explain: training adds nothing.
    assert gap.gap == pytest.approx(1 / 4)
    assert gap.se_images == pytest.approx(1 / 4)
    assert gap.se == pytest.approx(1 / 4)
    # Squared 1/16, over 1/256 shared by 3 degrees of freedom and twice 1/4096, each with one of its own.
    assert gap.dof == pytest.approx(24 / 11)
    assert (gap.n_runs, gap.n_images) == (2, 4)
    assert (gap.question, gap.backbone, gap.target, gap.regime) == ("full_vs_scratch", "b", "t", "20")


def test_training_variance_is_what_the_images_leave_by_hand():
    # Either arm names all of 100 images rightly in one run and 80 of them in the other: accuracy varies by 0.02
    # between runs, of which 0.5 * 0.16 / 99 is the noise of the images.
    arms = dict.fromkeys(("full", "scratch"), ("1" * 100, "1" * 80 + "0" * 20))
    gap = only({("b", "t", "20"): place(arms)})
    assert gap.gap == 0
    assert gap.se_images == 0
    assert gap.se**2 == pytest.approx(0.02 - 0.5 * 0.16 / 99)
    assert spread({("b", "t", "20"): place(arms)})["full/20"] ** 2 == pytest.approx(0.02)


def test_one_run_has_the_standard_error_of_a_paired_mean():
    rng = np.random.default_rng(0)
    once, pool = random_place(rng, n_runs=1), random_place(rng)
    places = {("b", "t", "20"): once, ("b", "pool", "20"): pool}
    gap = next(g for g in gaps(places) if g.target == "t")
    a, b = once["full"][0].correct, once["scratch"][0].correct
    assert gap.se_images == pytest.approx(stats.sem(a.astype(float) - b))
    assert gap.gap == pytest.approx(a.mean() - b.mean())


def test_runs_on_the_same_images_are_averaged_image_by_image():
    found = random_place(np.random.default_rng(1), n=120, tested=120)
    d = np.mean([a.correct.astype(float) - b.correct for a, b in zip(*found.values(), strict=True)], axis=0)
    gap = only({("b", "t", "20"): found})
    assert gap.se_images == pytest.approx(stats.sem(d))
    assert gap.n_images == 120


def test_runs_on_other_images_are_independent():
    rng = np.random.default_rng(2)
    rows = [np.arange(0, 150), np.arange(150, 300)]
    found = {
        arm: [cell(arm, rng.random(150) < 0.7, seed=s, rows=rows[s], n=300) for s in range(2)]
        for arm in ("full", "scratch")
    }
    d = [a.correct.astype(float) - b.correct for a, b in zip(*found.values(), strict=True)]
    gap = only({("b", "t", "20"): found})
    alone = sum(np.sum((x - x.mean()) ** 2) / (150 * 2) ** 2 for x in d)
    assert gap.se_images**2 == pytest.approx(alone * 300 / 299)
    assert gap.n_images == 300


def test_partly_shared_images_against_sums_over_a_table():
    found = random_place(np.random.default_rng(3))
    gap = only({("b", "t", "20"): found})
    table = np.full((2, 3, 200), np.nan)
    for side, arm in enumerate(("full", "scratch")):
        for s, one in enumerate(found[arm]):
            table[side, s, one.rows] = one.correct
    d = table[0] - table[1]
    gap_s = np.nanmean(d, axis=1, keepdims=True)
    u = np.nansum((d - gap_s) / (120 * 3), axis=0)
    n = int((~np.isnan(d)).any(axis=0).sum())
    assert gap.gap == pytest.approx(gap_s.mean())
    assert gap.se_images**2 == pytest.approx(n / (n - 1) * (u**2).sum())
    assert gap.n_images == n


def test_exchanging_the_sides_changes_the_sign_only():
    found = random_place(np.random.default_rng(4))
    turned = {"full": found["scratch"], "scratch": found["full"]}
    gap, other = only({("b", "t", "20"): found}), only({("b", "t", "20"): turned})
    assert other.gap == pytest.approx(-gap.gap)
    assert (other.se, other.dof) == pytest.approx((gap.se, gap.dof))


def test_what_an_image_is_called_does_not_matter():
    rights = {arm: np.random.default_rng(5).random((2, 60)) < 0.7 for arm in ("full", "scratch")}
    order = np.random.default_rng(6).permutation(60)
    gap = only({("b", "t", "20"): place(rights)})
    other = only({("b", "t", "20"): place({arm: right[:, order] for arm, right in rights.items()})})
    assert (other.gap, other.se, other.dof) == pytest.approx((gap.gap, gap.se, gap.dof))


def test_pairing_takes_out_what_both_sides_have_in_common():
    rng = np.random.default_rng(7)
    easy = rng.random(400) < 0.5
    rights = {arm: np.where(rng.random((2, 400)) < 0.05, ~easy, easy) for arm in ("full", "scratch")}
    gap = only({("b", "t", "20"): place(rights)})
    apart = np.sqrt(sum(stats.sem(right[0].astype(float)) ** 2 for right in rights.values()))
    assert gap.se_images < apart / 2


def test_equal_sides_leave_the_training_variance_only():
    rights = np.random.default_rng(8).random((2, 80)) < [[0.9], [0.4]]
    gap = only({("b", "t", "20"): place({"full": rights, "scratch": rights})})
    accuracy = rights.mean(axis=1)
    d = rights[0].astype(float) - rights[1]
    variance = (accuracy[0] - accuracy[1]) ** 2 / 2 - stats.sem(d) ** 2 / 2
    assert (gap.gap, gap.se_images) == (0, 0)
    assert gap.se**2 == pytest.approx(2 * variance / 2)
    assert gap.outcome() == "indistinguishable"


def test_runs_that_never_differ_leave_no_doubt():
    gap = only({("b", "t", "20"): place({"full": ("1111",) * 2, "scratch": ("0000",) * 2})})
    assert (gap.gap, gap.se, gap.dof) == (1, 0, 3)
    assert gap.outcome() == "positive"


def test_an_outcome_is_derived_again_at_any_margin():
    rights = {"full": np.random.default_rng(9).random((2, 300)) < 0.6, "scratch": np.ones((2, 300), dtype=bool)}
    gap = only({("b", "t", "20"): place(rights)})
    again = Gap.model_validate(json.loads(gap.model_dump_json()))
    high = gap.gap + stats.t.ppf(0.975, gap.dof) * gap.se
    assert again.interval()[1] == pytest.approx(high)
    assert again.outcome(-high - 1e-6) == "negative"
    assert again.outcome(-high + 1e-6) == "indistinguishable"


def test_without_degrees_of_freedom_the_interval_is_normal():
    gap = only({("b", "t", "20"): place(BY_HAND)}).model_copy(update={"dof": None})
    assert gap.interval() == pytest.approx(stats.norm.interval(0.95, gap.gap, gap.se), abs=1e-6)


def test_spread_is_pooled_over_cells():
    places = {
        ("b", "t", "20"): place({"full": ("1111", "1100")}),
        ("b", "u", "20"): place({"full": ("1111", "1110", "1100")}, target="u"),
        ("c", "t", "20"): place({"full": ("1111",)}, backbone="c"),
        ("b", "t", "all"): place({"full": ("1111", "1111")}, regime="all"),
    }
    pooled = np.mean([np.var([1, 0.5], ddof=1), np.var([1, 0.75, 0.5], ddof=1)])
    assert spread(places) == pytest.approx(
        {"full/20": pooled**0.5, "best/20": pooled**0.5, "full/all": 0, "best/all": 0}
    )


def test_cells_that_backbones_share_count_once():
    shared = {
        "scratch": runs("scratch", ("1111", "0000"), backbone="net"),
        "pixels": runs("pixels", ("1111", "0000"), backbone="pixels"),
    }
    other = {
        "scratch": runs("scratch", ("1111", "1111"), backbone="other"),
        "pixels": runs("pixels", ("1111", "1111"), backbone="pixels", target="u"),
    }
    places = {("a", "t", "20"): shared, ("b", "t", "20"): shared, ("c", "u", "20"): other}
    assert spread(places) == pytest.approx({"scratch/20": 0.5, "pixels/20": 0.5})


def test_only_seeds_that_both_sides_have_are_compared():
    found = place({"full": ("1110", "1100", "1111"), "scratch": ("1000", "1010")})
    del found["full"][1]
    gap = only({("b", "t", "20"): found})
    assert gap.n_runs == 1
    assert gap.gap == pytest.approx(0.5)


def test_every_question_has_its_sides():
    arms = {"linear": "1100", "full": "1110", "scratch": "1000", "pixels": "0000"}
    places = {("b", "t", "20"): place({arm: (right, right) for arm, right in arms.items()})}
    found = {gap.question: gap.gap for gap in gaps(places)}
    assert found == pytest.approx({"head_vs_scratch": 0.25, "full_vs_scratch": 0.5, "best_vs_pixels": 0.5})


def test_an_unknown_variance_is_taken_from_the_loudest_arm():
    rng = np.random.default_rng(10)
    loud, quiet = rng.random((2, 200)) < [[0.9], [0.3]], rng.random((2, 200)) < 0.5
    places = {
        ("b", "t", "20"): place({"full": quiet[:1], "scratch": loud[:1]}),
        ("c", "u", "20"): place({"linear": loud, "full": quiet}, backbone="c", target="u"),
    }
    gap = only(places)
    accuracy, d = loud.mean(axis=1), loud[0].astype(float) - loud[1]
    of_loud = (accuracy[0] - accuracy[1]) ** 2 / 2 - stats.sem(d) ** 2 / 2
    accuracy, d = quiet.mean(axis=1), quiet[0].astype(float) - quiet[1]
    of_quiet = max(0, (accuracy[0] - accuracy[1]) ** 2 / 2 - stats.sem(d) ** 2 / 2)
    assert gap.se**2 - gap.se_images**2 == pytest.approx(of_loud + of_quiet)


def test_without_any_repetition_there_is_no_honest_standard_error():
    assert gaps({("b", "t", "20"): place({"full": ("1110",), "scratch": ("1000",)})}) == []
    assert spread({("b", "t", "20"): place({"full": ("1110",), "scratch": ("1000",)})}) == {}
    assert gaps({}) == []


@pytest.mark.parametrize("difference", [{"rows": [0, 1, 2, 4]}, {"code": 1}])
def test_sides_judged_on_different_images_are_an_error(difference):
    found = place(BY_HAND)
    found["scratch"][1] = cell("scratch", "1010", seed=1, **difference)
    with pytest.raises(InputError, match=r"full/b.seed1.*scratch/b.seed1.*not judged on the same test images"):
        gaps({("b", "t", "20"): found})


def test_best_is_chosen_run_by_run_on_validation_images():
    found = {
        "full": [
            cell("full", "1111", seed=0, chosen_by=(0.6, 1.0)),
            cell("full", "0000", seed=1, chosen_by=(0.9, 1.0)),
        ],
        "linear": [
            cell("linear", "1000", seed=0, chosen_by=(0.7, 1.0)),
            cell("linear", "1100", seed=1, chosen_by=(0.8, 1.0)),
        ],
    }
    assert {a.arm: a.runs for a in accuracies({("b", "t", "20"): found})}["best"] == [0.25, 0.0]


@pytest.mark.parametrize(("full", "best"), [((0.7, 0.9), 1.0), ((0.7, 1.0), 0.25), ((0.7, 1.1), 0.25)])
def test_ties_go_to_the_lower_loss_and_then_to_the_simpler_arm(full, best):
    found = {
        "full": [cell("full", "1111", chosen_by=full)],
        "last_stage": [cell("last_stage", "1110", chosen_by=(0.6, 0.1))],
        "linear": [cell("linear", "1000", chosen_by=(0.7, 1.0))],
    }
    assert {a.arm: a.mean for a in accuracies({("b", "t", "20"): found})}["best"] == best


def test_best_waits_until_all_arms_of_a_seed_are_finished():
    found = place({"linear": ("1000", "1100"), "full": ("1111",)})
    assert {a.arm: len(a.runs) for a in accuracies({("b", "t", "20"): found})} == {"linear": 2, "full": 1, "best": 1}


def test_accuracies_name_the_backbone_whose_architecture_ran_from_scratch():
    shared = {
        "scratch": runs("scratch", ("1000", "1110"), backbone="net"),
        "pixels": runs("pixels", ("0000", "1000"), backbone="pixels"),
    }
    places = {(name, "t", "20"): shared | {"linear": runs("linear", ("1111", "1110"), backbone=name)} for name in "ab"}
    found = [(a.backbone, a.arm, a.mean) for a in accuracies(places)]
    assert found == [
        ("pixels", "pixels", 0.125),
        *((name, arm, mean) for name in "ab" for arm, mean in (("linear", 0.875), ("scratch", 0.5), ("best", 0.875))),
    ]
