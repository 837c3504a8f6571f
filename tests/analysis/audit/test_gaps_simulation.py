"""How often gaps are called where the truth is known. The settings are those of reports/outcome_calls.json."""

from dataclasses import replace

import pytest
from benchmarks.outcome_calls import at_the_margin, beyond, calls, limits, null
from scipy.stats import norm

NULL, MARGIN = null(), at_the_margin()


def at_least(found, of, settings):
    """A bound that a share is above, at 95 % over all settings together."""
    return found[of] - norm.isf(0.05 / settings) * found[f"{of}_se"]


def at_most(found, of, settings):
    """A bound that a share is below, at 95 % over all settings together."""
    return found[of] + norm.isf(0.05 / settings) * found[f"{of}_se"]


def named(settings, name):
    (found,) = [setting for setting in settings if setting.name == name]
    return found


def test_without_a_difference_few_gaps_are_called():
    found = calls(replace(named(NULL, "150 images, all labels"), backbones=1, gaps=1600))
    assert at_most(found, "either", 1) < 0.05


def test_a_normal_interval_would_call_too_many_where_little_was_repeated():
    found = calls(replace(named(NULL, "one cell, loud training"), tested=150, gaps=600))
    assert at_least(found, "either", 1) < 0.05
    assert found["either_if_normal"] > 0.1


def test_a_difference_far_beyond_the_margin_is_found():
    found = calls(replace(named(beyond(), "12 points"), targets=4, backbones=1, gaps=800))
    assert found["negative"] > 0.9
    assert found["positive"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("setting", NULL, ids=lambda s: s.name)
def test_without_a_difference_at_most_five_percent_are_called(setting):
    found = calls(setting)
    assert at_most(found, "either", len(NULL)) <= 0.05
    assert found["n_gaps"] >= 4000
    # The standard error is right on average, or too large where a split moves both sides alike.
    assert found["root_mean_square_se"] > 0.95 * found["sd_of_gaps"]


@pytest.mark.slow
@pytest.mark.parametrize("setting", MARGIN, ids=lambda s: s.name)
def test_at_the_margin_negative_is_called_as_rarely_as_it_says(setting):
    assert at_least(calls(setting), "negative", len(MARGIN)) <= 0.025


@pytest.mark.slow
def test_larger_differences_are_found_more_often():
    shares = [calls(setting)["negative"] for setting in beyond()]
    assert shares == sorted(shares)
    assert shares[-1] > 0.98


@pytest.mark.slow
@pytest.mark.parametrize("setting", limits(), ids=lambda s: s.name)
def test_a_variance_pooled_from_quieter_cells_is_a_known_limit(setting):
    assert calls(setting)["either"] > 0.1
