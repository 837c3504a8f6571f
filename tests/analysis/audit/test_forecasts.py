import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from shiftscope.analysis.audit.forecasts import (
    FLOOR,
    auroc,
    brier,
    chance_of_negative,
    log_loss,
    reliability,
)
from shiftscope.core.audit import Gap
from shiftscope.errors import InputError

N_DRAWS = 4000


@pytest.fixture
def cells():
    """Forecasts with ties against chances that they have something to do with."""
    rng = np.random.default_rng(0)
    q = rng.beta(0.5, 1, size=60)
    return np.clip(np.round(q + rng.normal(0, 0.3, size=60), 1), 0.1, 0.9), q


def as_weights(p, q):
    """Every cell twice: happened with weight q, and did not with weight 1 - q."""
    return np.repeat([1, 0], len(p)), np.tile(p, 2), np.concatenate([q, 1 - q])


def drawn(q, n=N_DRAWS):
    return np.random.default_rng(1).random((n, len(q))) < q


def close(draws, value):
    """Within four standard errors of the mean of what was drawn."""
    assert abs(np.mean(draws) - value) < 4 * np.std(draws) / np.sqrt(len(draws))


def test_chance_is_the_normal_tail_below_the_margin():
    gap, se = np.array([-0.05, 0.0, 0.03]), np.array([0.02, 0.01, 0.05])
    np.testing.assert_allclose(chance_of_negative(gap, se, 0.01), norm.cdf(-0.01, loc=gap, scale=se), atol=1e-12)


def test_chance_of_an_exact_gap_is_certain():
    assert chance_of_negative([-0.02, -0.01, 0.5], [0.0, 0.0, 0.0], 0.01).tolist() == [1.0, 0.0, 0.0]


def test_a_negative_outcome_is_a_chance_above_one_in_forty():
    for value in np.linspace(-0.1, 0.1, 41):
        gap = Gap(
            question="full_vs_scratch", backbone="b", target="t", regime="20", gap=value, se=0.02, se_images=0.0,
            n_runs=1, n_images=1,
        )  # fmt: skip
        (chance,) = chance_of_negative([value], [0.02], 0.01)
        assert (gap.outcome(0.01) == "negative") == (chance > 0.975)


def test_scores_are_those_of_sklearn_with_weights(cells):
    truth, forecast, weight = as_weights(*cells)
    assert brier(*cells) == pytest.approx(brier_score_loss(truth, forecast, sample_weight=weight), abs=1e-12)
    assert log_loss(*cells) == pytest.approx(sklearn_log_loss(truth, forecast, sample_weight=weight), abs=1e-12)


def test_scores_are_expectations_over_what_may_have_happened(cells):
    p, q = cells
    y = drawn(q)
    close(((p - y) ** 2).mean(axis=1), brier(p, q))
    close(-np.log(np.where(y, p, 1 - p)).mean(axis=1), log_loss(p, q))


def test_nobody_scores_better_than_the_chance_itself(cells):
    p, q = cells
    for forecast in (p, np.clip(q + 0.01, 0, 1), np.clip(q - 0.01, 0, 1), np.sqrt(q), np.round(q)):
        assert brier(forecast, q) > brier(q, q)
        assert log_loss(forecast, q) > log_loss(q, q)
        assert auroc(forecast, q) <= auroc(q, q)
    assert brier(q, q) == pytest.approx(np.mean(q * (1 - q)), abs=1e-12)


def test_a_sure_and_wrong_forecast_costs_a_finite_amount():
    assert log_loss([0.0], [1.0]) == pytest.approx(-np.log(FLOOR))
    assert log_loss([1.0], [0.0]) == pytest.approx(-np.log(FLOOR))
    assert log_loss([1.0], [0.0], floor=0.1) == pytest.approx(-np.log(0.1))


def test_auroc_of_sure_outcomes_is_that_of_sklearn(cells):
    p, q = cells
    happened = q > 0.4
    assert auroc(p, happened) == pytest.approx(roc_auc_score(happened, p), abs=1e-12)


def test_auroc_compares_every_two_different_cells(cells):
    p, q = cells
    weight = q[:, None] * (1 - q)
    np.fill_diagonal(weight, 0)
    order = (p[:, None] > p) + 0.5 * (p[:, None] == p)
    assert auroc(p, q) == pytest.approx((weight * order).sum() / weight.sum(), abs=1e-12)


def test_auroc_is_expected_pairs_in_order_over_expected_pairs(cells):
    p, q = cells
    order = (p[:, None] > p) + 0.5 * (p[:, None] == p)
    in_order, pairs = np.array([((y @ order @ ~y), y.sum() * (~y).sum()) for y in drawn(q)]).T
    # Residuals of a ratio of means.
    close(in_order - auroc(p, q) * pairs, 0.0)


def test_auroc_with_weights_would_count_cells_against_themselves(cells):
    p, q = cells
    truth, forecast, weight = as_weights(p, q)
    pairs, itself = q.sum() * (1 - q).sum(), q @ (1 - q)
    with_itself = (auroc(p, q) * (pairs - itself) + itself / 2) / pairs
    assert roc_auc_score(truth, forecast, sample_weight=weight) == pytest.approx(with_itself, abs=1e-12)


@pytest.mark.parametrize("q", [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.3, 0.3, 0.3], [0.9, 0.9, 0.9], [0.5]])
def test_auroc_needs_a_cell_of_either_kind(q):
    assert auroc(np.linspace(0, 1, len(q)), q) is None


def test_auroc_of_one_forecast_for_all_is_one_half(cells):
    assert auroc(np.full(60, 0.3), cells[1]) == pytest.approx(0.5)


def test_bins_are_of_equal_count_and_keep_the_mean():
    rng = np.random.default_rng(0)
    p, q = rng.random(103), rng.random(103)
    table = reliability(p, q)
    assert sorted({row.n for row in table}) == [10, 11]
    order = np.argsort(p)
    ends = np.cumsum([row.n for row in table])
    for row, rows in zip(table, np.split(order, ends[:-1]), strict=True):
        assert row.forecast == pytest.approx(p[rows].mean(), abs=1e-12)
        assert row.happened == pytest.approx(q[rows].mean(), abs=1e-12)


def test_equal_forecasts_share_a_bin():
    p = np.repeat([0.1, 0.2, 0.9], [50, 3, 47])
    rows = [(row.forecast, row.n) for row in reliability(p, p, bins=4)]
    # The middle of the three lies at 51.5 of 100: beside the 0.9 at 76.5 the third quarter is theirs alone.
    assert rows == [(pytest.approx(0.1), 50), (pytest.approx(0.2), 3), (pytest.approx(0.9), 47)]
    assert [row.n for row in reliability(p, p, bins=2)] == [50, 50]
    assert [row.n for row in reliability(np.full(7, 0.5), p[:7])] == [7]


def test_a_forecast_that_knows_the_chance_lies_on_the_diagonal(cells):
    q = cells[1]
    assert all(row.forecast == row.happened for row in reliability(q, q))


def test_few_forecasts_fill_few_bins():
    assert [row.n for row in reliability([0.9, 0.1, 0.4], [1, 0, 0])] == [1, 1, 1]


def test_a_bin_has_an_interval_over_groups_where_there_are_enough():
    rng = np.random.default_rng(3)
    groups = np.repeat([f"g{i}" for i in range(8)], 30)
    rate = np.repeat(rng.random(8), 30)
    q = (rng.random(240) < rate).astype(float)
    (one,) = reliability(np.full(240, 0.4), q, groups=groups.tolist())
    # Drawing whole groups: the standard error is that of eight group means.
    means = q.reshape(8, 30).mean(axis=1)
    assert (one.high - one.low) / 2 == pytest.approx(1.96 * means.std() / np.sqrt(8), rel=0.1)
    assert one.low < q.mean() < one.high
    (few,) = reliability(np.full(120, 0.4), q[:120], groups=groups[:120].tolist())
    assert (few.low, few.high) == (None, None)
    (same,) = reliability(np.full(240, 0.4), np.full(240, 0.3), groups=groups.tolist())
    assert same.low == pytest.approx(same.high) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: brier([0.5], [0.5, 0.5]), "1 forecasts and 2 outcomes"),
        (lambda: brier([], []), "0 forecasts"),
        (lambda: log_loss([1.2], [0.5]), "above 1"),
        (lambda: auroc([0.5], [-0.1]), "below 0"),
        (lambda: reliability([np.nan], [0.1]), "finite"),
        (lambda: reliability([0.1], [0.1], bins=0), "0 bins"),
        (lambda: chance_of_negative([0.1], [-0.1], 0.01), "negative standard errors"),
        (lambda: chance_of_negative([0.1], [0.1, 0.1], 0.01), "1 gaps and 2 standard errors"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
