"""Ranks and probabilities of being best, from draws made by hand."""

import dataclasses

import numpy as np
import pytest

from shiftscope.analysis.rank import measure_candidates, rank_candidates
from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Estimate, MeasureResult, Published
from shiftscope.measures import MEASURES


def result(backbone, measure, value, draws=None, *, target="here", kind="transfer"):
    draws = [value] * 4 if draws is None else draws
    estimate = Estimate(value=value, draws=np.array(draws, dtype=np.float64))
    return MeasureResult(measure=measure, kind=kind, target=target, backbone=backbone, estimate=estimate)


def lost(backbone, measure):
    return MeasureResult(
        measure=measure, kind="transfer", target="here", backbone=backbone, status="not_applicable", reason="no"
    )


def by_name(ranking):
    return {row.backbone: row for row in ranking.rows}


def test_probability_of_being_best_is_the_share_of_draws():
    ranking = rank_candidates(
        [result("a", "knn", 0.9, [9, 9, 9, 1]), result("b", "knn", 0.8, [8, 8, 8, 8]), result("c", "knn", 0.1)],
        target="here",
    )
    rows = by_name(ranking)
    assert [row.backbone for row in ranking.rows] == ["a", "b", "c"]
    assert [row.rank for row in ranking.rows] == [1, 2, 3]
    assert [row.p_best for row in ranking.rows] == [0.75, 0.25, 0]
    assert rows["a"].p_rank == [0.75, 0.25, 0]
    assert rows["b"].p_rank == [0.25, 0.75, 0]
    assert rows["c"].p_rank == [0, 0, 1]
    assert (ranking.n_draws, ranking.measures) == (4, ["knn"])
    assert ranking.best_set == ("a", "b")


def test_mean_rank_is_taken_over_measures():
    # a is first by two measures and last by one; b is always second.
    values = {"logme": {"a": 3, "b": 2, "c": 1}, "knn": {"a": 3, "b": 2, "c": 1}, "hscore": {"a": 1, "b": 2, "c": 3}}
    ranking = rank_candidates(
        [result(b, m, v) for m, column in values.items() for b, v in column.items()], target="here"
    )
    rows = by_name(ranking)
    assert [rows[b].mean_rank for b in "abc"] == pytest.approx([5 / 3, 2, 7 / 3])
    assert rows["a"].ranks == {"logme": 1, "knn": 1, "hscore": 3}
    assert rows["a"].p_best == 1
    assert ranking.best_set == ("a",)
    # What no draw shows: the measures hardly agree. Sums 5, 6, 7 of three measures on three candidates.
    assert ranking.kendall_w == pytest.approx(12 * 2 / (9 * 24))


def test_interval_holds_the_point_and_the_draws():
    rng = np.random.default_rng(0)
    draws = {b: v + rng.normal(0, 1, 400) for b, v in (("a", 1.0), ("b", 0.5), ("c", 0.0))}
    ranking = rank_candidates([result(b, "knn", d.mean(), d) for b, d in draws.items()], target="here")
    drawn = (-np.array(list(draws.values()))).argsort(axis=0).argsort(axis=0) + 1
    for row, ranks in zip(ranking.rows, drawn, strict=True):
        low, high = np.quantile(ranks, [0.05, 0.95])
        assert (row.mean_rank_low, row.mean_rank_high) == (min(low, row.mean_rank), max(high, row.mean_rank))
        assert row.p_best == pytest.approx((ranks == 1).mean())
        assert row.mean_rank_low <= row.mean_rank <= row.mean_rank_high


def test_equal_candidates_share_places():
    ranking = rank_candidates([result(b, "knn", v) for b, v in (("b", 2), ("a", 2), ("c", 1))], target="here")
    assert [(row.backbone, row.rank, row.mean_rank) for row in ranking.rows] == [
        ("a", 1, 1.5),
        ("b", 1, 1.5),
        ("c", 3, 3),
    ]
    rows = by_name(ranking)
    assert rows["a"].p_rank == rows["b"].p_rank == [0.5, 0.5, 0]
    assert ranking.best_set == ("a", "b")


def test_order_of_results_does_not_matter():
    rng = np.random.default_rng(1)
    results = [result(b, m, rng.normal(), rng.normal(size=50)) for b in "dbca" for m in ("knn", "logme", "hscore")]
    assert rank_candidates(results, target="here") == rank_candidates(results[::-1], target="here")


def test_measure_that_one_lacks_is_left_out_for_all():
    # By logme b would come first; a has no logme.
    results = [result("a", "knn", 2), result("b", "knn", 1), result("b", "logme", 9), lost("a", "logme")]
    ranking = rank_candidates(results, target="here")
    assert ranking.measures == ["knn"]
    assert [row.backbone for row in ranking.rows] == ["a", "b"]


def test_candidate_without_any_measure_keeps_no_one_from_a_rank():
    results = [result("b", "knn", 2), result("c", "knn", 1), lost("a", "knn"), lost("a", "logme")]
    ranking = rank_candidates([*results, result("pixels", "knn", 3)], target="here", baselines={"pixels"})
    assert [(row.backbone, row.rank) for row in ranking.rows] == [("b", 1), ("c", 2), ("a", None), ("pixels", None)]
    assert ranking.best_set == ("b",)


def test_nothing_in_common_ranks_nobody():
    ranking = rank_candidates([result("a", "knn", 1), result("b", "logme", 1)], target="here")
    assert (ranking.measures, ranking.n_draws) == ([], 0)
    assert [(row.backbone, row.rank, row.p_best) for row in ranking.rows] == [("a", None, None), ("b", None, None)]
    assert ranking.best_set == ()


def test_baselines_are_shown_and_never_ranked():
    results = [result("a", "knn", 1), result("pixels", "knn", 9), result("a@random", "knn", 8)]
    ranking = rank_candidates(results, target="here", baselines={"pixels", "a@random"}, random_copies={"a": "a@random"})
    assert [(r.backbone, r.baseline, r.rank) for r in ranking.rows] == [
        ("a", False, 1),
        ("a@random", True, None),
        ("pixels", True, None),
    ]
    assert ranking.rows[0].random_copy == "a@random"


def test_best_of_one_says_nothing():
    (row,) = rank_candidates([result("a", "knn", 1)], target="here").rows
    assert (row.rank, row.p_best, row.p_rank) == (1, None, [])


def test_gains_are_differences_with_the_spread_of_paired_draws():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=400)
    results = [
        result("a", "ridge", 0.8, 0.8 + 0.1 * shared + 0.01 * rng.normal(size=400)),
        result("a", "knn", 0.7, 0.7 + 0.0 * shared),
        result("pixels", "ridge", 0.75, 0.75 + 0.1 * shared),
        result("a@random", "ridge", 0.3, 0.3 - 0.1 * shared),
    ]
    row = rank_candidates(
        results, target="here", baselines={"pixels", "a@random"}, random_copies={"a": "a@random"}
    ).rows[0]
    assert row.over_pixels.value == pytest.approx(0.05)
    # What both share cancels: only the candidate's own .01 is left, and twice the shared .1 against the copy.
    assert row.over_pixels.high - row.over_pixels.value == pytest.approx(1.96 * 0.01, rel=0.1)
    assert row.over_random.high - row.over_random.value == pytest.approx(1.96 * 0.2, rel=0.1)


def test_baseline_without_a_measure_takes_it_from_nobody():
    results = [result("a", "logme", 1), result("a", "knn", 1), result("pixels", "knn", 9), lost("pixels", "logme")]
    assert rank_candidates(results, target="here", baselines={"pixels"}).measures == ["logme", "knn"]


def test_only_this_target_and_transfer_measures_count():
    results = [result("a", "knn", 1), result("b", "knn", 2), result("a", "knn", 9, target="there")]
    shift = result("a", "mmd", 5, kind="shift")
    ranking = rank_candidates([*results, shift], target="here", aggregate=("knn", "mmd"))
    assert [row.backbone for row in ranking.rows] == ["b", "a"]
    assert ranking.measures == ["knn"]


def test_measure_without_draws_does_not_rank():
    bare = [
        r.model_copy(update={"estimate": Estimate(value=1.0)}) for r in (result("a", "knn", 1), result("b", "knn", 2))
    ]
    assert rank_candidates([*bare, result("a", "logme", 1), result("b", "logme", 0)], target="here").measures == [
        "logme"
    ]


def test_least_value_comes_first_where_less_is_better(monkeypatch):
    lower = dataclasses.replace(MEASURES["knn"], name="regret", better="lower")
    monkeypatch.setitem(MEASURES._loaders, "regret", lambda: lower)
    monkeypatch.setitem(MEASURES._loaded, "regret", lower)
    results = [result("a", "regret", 0.3), result("b", "regret", 0.1), result("c", "regret", 0.2)]
    ranking = rank_candidates(results, target="here", aggregate=("regret",))
    assert [row.backbone for row in ranking.rows] == ["b", "c", "a"]


def test_no_candidate():
    ranking = rank_candidates([result("pixels", "knn", 1)], target="here", baselines={"pixels"})
    assert [row.backbone for row in ranking.rows] == ["pixels"]
    assert ranking.best_set == ()


def test_measures_that_take_a_pair_get_the_source_under_the_same_backbone():
    rng = np.random.default_rng(0)

    def features(d, moved=0.0):
        return FeatureSet.of(rng.normal(size=(40, d)) + moved, np.arange(40) % 2)

    told = measure_candidates(
        {"ant": features(3), "bee": features(4)},
        target="here",
        measures=("otce", "knn"),
        sources={"data": {"ant": features(3, moved=1.0)}},
    )
    found = {(r.backbone, r.measure): r for r in told}
    assert found["ant", "otce"].status == "ok"
    assert found["ant", "otce"].source == "data"
    assert found["bee", "otce"].status == "not_applicable"
    assert "needs a source" in found["bee", "otce"].reason
    assert {found[b, "knn"].source for b in ("ant", "bee")} == {None}


@pytest.mark.parametrize(("outputs", "votes"), [((10, 1000), ["knn", "leep"]), ((9, 1000), ["knn"])])
def test_the_source_head_has_a_vote_where_all_heads_have_ten_outputs(outputs, votes):
    results = [result(b, "knn", v) for b, v in (("a", 2), ("b", 1))]
    for b, v, k in zip("ab", (1, 2), outputs, strict=True):
        r = result(b, "leep", v)
        results.append(r.model_copy(update={"estimate": r.estimate.model_copy(update={"details": {"outputs": k}})}))
    assert rank_candidates(results, target="here").measures == votes
    assert rank_candidates(results[:3], target="here").measures == ["knn"]
    # Asked for alone, it ranks by what there is.
    assert rank_candidates(results[2:], target="here", aggregate=["leep"]).measures == ["leep"]


def test_one_backbone_under_two_names_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    made = {m: rng.normal(1, 0.1, size=60) for m in ("logme", "knn", "hscore")}
    results = [result(b, m, d.mean(), d) for b in ("net", "twin") for m, d in made.items()]
    results += [result("other", m, 0.0, rng.normal(0, 0.1, size=60)) for m in made]
    ranking = rank_candidates(results, target="here")
    rows = by_name(ranking)
    assert rows["net"].p_best == rows["twin"].p_best == 0.5
    assert ranking.best_set == ("net", "twin")
    assert [row.rank for row in ranking.rows] == [1, 1, 3]


@pytest.mark.parametrize("noise", [1.0, 0.1, 1e-3, 0.0])
def test_opposite_measures_leave_both_winners_whatever_the_number_of_samples(noise):
    rng = np.random.default_rng(0)
    values = {"logme": {"a": 9, "b": 0, "c": -9}, "knn": {"a": 0, "b": 9, "c": -9}}
    results = [
        result(b, m, v, v + noise * rng.normal(size=200)) for m, column in values.items() for b, v in column.items()
    ]
    ranking = rank_candidates(results, target="here")
    assert [row.p_best for row in ranking.rows] == [0.5, 0.5, 0]
    assert ranking.best_set == ("a", "b")


def test_measures_that_agree_say_what_one_of_them_says():
    rng = np.random.default_rng(1)
    drawn = {b: v + rng.normal(size=300) for b, v in (("a", 1.0), ("b", 0.8), ("c", -1.0))}
    alone = rank_candidates([result(b, "knn", d.mean(), d) for b, d in drawn.items()], target="here")
    # The same order in every draw, on another scale.
    results = [result(b, m, k * d.mean(), k * d) for b, d in drawn.items() for m, k in (("knn", 1), ("logme", 7))]
    ranking = rank_candidates(results, target="here")
    assert ranking.measures == ["logme", "knn"]
    assert [row.p_rank for row in ranking.rows] == [row.p_rank for row in alone.rows]
    assert 0.1 < ranking.rows[1].p_best < 0.5
    assert ranking.best_set == alone.best_set
    assert ranking.kendall_w == pytest.approx(1)


def test_the_ranking_says_whom_to_try():
    results = [result(b, m, v) for m in ("knn", "ridge") for b, v in (("a", 0.9), ("b", 0.8), ("c", 0.7))]
    figures = {"b": Published(dataset="photos", top1=0.5), "c": Published(dataset="photos", top1=0.6), "a": None}
    ranking = rank_candidates(results, target="here", published=figures)
    assert [row.backbone for row in ranking.rows] == ["a", "b", "c"]
    assert [choice.backbones for choice in ranking.choices] == [["a"], ["a", "c"]]
    # Expected regret is told in accuracy; where ridge was not measured nothing is.
    assert [choice.expected_regret for choice in ranking.choices] == [0, 0]
    bare = rank_candidates([r for r in results if r.measure == "knn"], target="here", published=figures)
    assert [choice.expected_regret for choice in bare.choices] == [None, None]
    assert rank_candidates(results, target="here", baselines={"b", "c"}).choices == []
    assert ranking.kendall_w is None
