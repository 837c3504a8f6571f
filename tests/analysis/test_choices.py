"""What to try and what it may lose, and how far measures agree: against sums done by hand."""

import numpy as np
import pytest
from scipy.stats import rankdata

from shiftscope.analysis.choices import choices, kendall_w
from shiftscope.core.records import Published, RankRow


def rows(**p_best):
    return [RankRow(backbone=b, rank=i + 1, p_best=p) for i, (b, p) in enumerate(p_best.items())]


def published(dataset, **top1):
    return {b: Published(dataset=dataset, top1=t) for b, t in top1.items()}


def two(ranked, accuracy, figures):
    alone, both = choices(ranked, accuracy, figures)
    assert alone.backbones == [ranked[0].backbone] == both.backbones[:1]
    return both


def by_hand(ranks):
    """W = 12 S / (m^2 (n^3 - n) - m T), with T the sum of t^3 - t over groups of tied ranks (Kendall 1962)."""
    m, n = ranks.shape
    sums = ranks.sum(axis=0)
    ties = sum(float(t**3 - t) for row in ranks for t in np.unique(row, return_counts=True)[1])
    return 12 * ((sums - sums.mean()) ** 2).sum() / (m**2 * (n**3 - n) - m * ties)


def test_agreement_with_ties_by_hand():
    ranks = np.array([[1, 2, 3, 4], [1.5, 1.5, 3, 4], [2, 1, 3.5, 3.5]])
    # Sums 4.5, 4.5, 9.5, 11.5 about 7.5: S = 9 + 9 + 4 + 16; two pairs of ties: T = 6 + 6.
    assert kendall_w(ranks) == pytest.approx(12 * 38 / (9 * 60 - 3 * 12), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_agreement_with_many_ties(seed):
    ranks = rankdata(np.random.default_rng(seed).integers(0, 4, size=(4, 7)), axis=1)
    assert kendall_w(ranks) == pytest.approx(by_hand(ranks), rel=1e-10)


def test_agreement_of_measures_that_agree_and_of_opposite_ones():
    order = np.array([3.0, 1, 2, 4])
    assert kendall_w(np.array([order, order, order])) == pytest.approx(1, abs=1e-12)
    assert kendall_w(np.array([order, 5 - order])) == pytest.approx(0, abs=1e-12)
    tied = np.array([[1, 2.5, 2.5], [1, 2.5, 2.5]])
    assert kendall_w(tied) == pytest.approx(1, abs=1e-12)
    # One that ties everybody says half as much as one that agrees: S = 2, 2^2 24 - 2 24.
    assert kendall_w(np.array([[1.0, 2, 3], [2, 2, 2]])) == pytest.approx(24 / 48)


@pytest.mark.parametrize(
    "ranks",
    [[[1, 2, 3]], [[1, 2], [2, 1]], [[2, 2, 2], [2, 2, 2]]],
    ids=["one measure", "two candidates", "all tie everybody"],
)
def test_agreement_of_nothing(ranks):
    assert kendall_w(np.array(ranks, dtype=float)) is None


def test_the_second_is_the_best_published_one():
    figures = published("photos", a=0.7, c=0.9, d=0.8)
    both = two(rows(a=0.5, b=0.3, c=0.2, d=0), dict.fromkeys("abcd", 0.5), figures)
    assert (both.backbones, both.why) == (["a", "c"], "best published accuracy on its source")


def test_of_several_data_sets_the_one_whose_best_ranks_first():
    # More candidates have a figure on photos, and a higher one on letters; d's is alone.
    figures = {**published("letters", c=0.99, f=0.9), **published("photos", b=0.6, e=0.7, g=0.8), "a": None}
    figures |= published("clouds", d=1.0)
    both = two(rows(**dict.fromkeys("abcdefg", 1 / 7)), dict.fromkeys("abcdefg", 0.5), figures)
    assert both.backbones == ["a", "c"]


def test_its_best_is_the_one_with_the_best_figure_not_the_best_rank():
    figures = {**published("letters", b=0.5, c=0.9), **published("photos", d=0.9, e=0.1)}
    assert two(rows(a=1, b=0, c=0, d=0, e=0), {}, figures).backbones == ["a", "c"]
    figures = {**published("letters", b=0.5, e=0.9), **published("photos", c=0.1, d=0.9)}
    assert two(rows(a=1, b=0, c=0, d=0, e=0), {}, figures).backbones == ["a", "d"]


def test_equal_figures_leave_the_order_of_the_ranking():
    assert two(rows(a=1, b=0, c=0), {}, published("photos", c=0.9, b=0.9)).backbones == ["a", "b"]


@pytest.mark.parametrize(
    "figures",
    [
        {},
        published("photos", c=0.9),
        {**published("photos", b=0.9), **published("letters", c=0.9)},
        published("photos", a=0.9, c=0.8),
        # Comparable figures of others than candidates say nothing.
        published("photos", c=0.9, elsewhere=0.8),
    ],
    ids=["none", "one", "one each", "the first itself", "one of a candidate"],
)
def test_without_a_prior_of_its_own_the_second_is_the_second(figures):
    both = two(rows(a=0.6, b=0.4, c=0), {}, figures)
    assert (both.backbones, both.why) == (["a", "b"], "second in mean rank")


def test_expected_regret_is_what_others_may_have_over_those_tried():
    ranked = rows(a=0.5, b=0.2, c=0.2, d=0.1)
    accuracy = {"a": 0.7, "b": 0.75, "c": 0.9, "d": 0.6}
    alone, both = choices(ranked, accuracy, published("photos", b=0.9, d=0.1))
    assert alone.expected_regret == pytest.approx(0.2 * 0.05 + 0.2 * 0.2)
    assert both.backbones == ["a", "b"]
    assert both.expected_regret == pytest.approx(0.2 * 0.15)


def test_expected_regret_of_random_rankings_by_an_independent_sum():
    rng = np.random.default_rng(0)
    for _ in range(20):
        chance, accuracy = rng.dirichlet(np.ones(6)), rng.uniform(size=6)
        names = [f"n{i}" for i in range(6)]
        for choice in choices(
            rows(**dict(zip(names, chance, strict=True))), dict(zip(names, accuracy, strict=True)), {}
        ):
            tried = [names.index(b) for b in choice.backbones]
            others = [i for i in range(6) if i not in tried]
            lost = sum(
                chance[i] * (accuracy[i] - accuracy[tried].max()) for i in others if accuracy[i] > accuracy[tried].max()
            )
            assert choice.expected_regret == pytest.approx(lost, abs=1e-15)


def test_one_without_an_accuracy_is_not_missed_and_gives_no_regret_when_tried():
    ranked = rows(a=0.5, b=0.3, c=0.2)
    alone, both = choices(ranked, {"a": 0.5, "c": 0.9}, {})
    assert alone.expected_regret == pytest.approx(0.2 * 0.4)
    assert (both.backbones, both.expected_regret) == (["a", "b"], None)
    assert [c.expected_regret for c in choices(ranked, {"b": 0.5}, {})] == [None, None]


def test_one_candidate_is_no_choice():
    assert choices(rows(a=1), {"a": 0.5}, published("photos", a=0.9)) == []
    assert choices([], {}, {}) == []
