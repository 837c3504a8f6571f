"""Two records side by side: what is told to have changed has, and noise is told to be noise."""

import math

import numpy as np
import pytest
from altered import FIRST, SOURCE, TARGET, demo, with_findings, with_forecasts
from handmade_audit import small_audit
from handmade_pairs import candidates, changed, draws, moved, reordered, with_card
from scipy import stats

import shiftscope as ss
from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Finding
from shiftscope.errors import InputError
from shiftscope.report.compare.differ import compare
from shiftscope.report.compare.scores import Reading, independent, paired
from shiftscope.report.compare.words import (
    comparison_caveats,
    comparison_headline,
    first_line,
    scores_line,
    tally_line,
)
from shiftscope.report.numerals import small_count

SECOND = "printed_digits_small"


def score(found, backbone=FIRST, about="ridge"):
    (one,) = (s for s in found.scores if (s.backbone, s.about, s.target) == (backbone, about, TARGET))
    return one


def test_a_record_is_equal_to_itself():
    found = compare(demo(), demo())
    assert {s.how for s in found.scores} == {"equal"}
    assert len(found.scores) == sum(r.estimate is not None for r in demo().results)
    assert (found.beyond, found.findings, found.settings, found.uncompared) == ([], [], [], [])
    assert {card.state for card in [*found.inputs, *found.models]} == {"same"}
    assert comparison_headline(found) == f"Nothing changed: all {len(found.scores)} scores are equal."


def test_independent_interval_of_normal_scores_is_the_normal_one():
    """Two symmetric 95 % intervals give that of a difference of normals, at any level."""
    a, b = Reading(1.0, 1 - 1.96 * 0.3, 1 + 1.96 * 0.3, 0.95), Reading(1.7, 1.7 - 1.645 * 0.4, 1.7 + 1.645 * 0.4, 0.9)
    for level in (0.9, 0.999):
        z = stats.norm.ppf((1 + level) / 2)
        assert independent(a, b, z) == pytest.approx(stats.norm.interval(level, 0.7, 0.5), abs=1e-3)


def test_independent_interval_of_shares_is_newcombes():
    """Zou and Donner's rule on Wilson intervals is Newcombe's method 10 for a difference of two shares."""
    for (x, n), (y, m) in (((45, 50), (30, 40)), ((3, 80), (20, 60))):
        wilson = [stats.binomtest(k, size).proportion_ci(method="wilson") for k, size in ((x, n), (y, m))]
        a, b = (Reading(k / size, *ends, 0.95) for (k, size), ends in zip(((x, n), (y, m)), wilson, strict=True))
        (l1, u1), (l2, u2) = wilson
        d = y / m - x / n
        expected = (d - math.hypot(y / m - l2, u1 - x / n), d + math.hypot(u2 - y / m, x / n - l1))
        assert independent(a, b, stats.norm.ppf(0.975)) == pytest.approx(expected)


def test_without_an_interval_there_is_none_of_the_change():
    assert independent(Reading(1.0), Reading(2.0, 1.5, 2.5, 0.95), 2.0) is None
    assert independent(Reading(1.0, 0.5, 1.5, 0.95), Reading(2.0, 1.5, 2.5), 2.0) is None
    found = compare(demo(), changed(demo(), value=0.5, low=None, high=None, level=None))
    assert score(found).how == "no interval"
    assert not score(found).beyond


def test_paired_interval_forgets_what_both_share():
    rng = np.random.default_rng(1)
    common, own = rng.normal(0, 1, 200), rng.normal(0, 0.01, 200)
    low, high = paired((common, common + own), 0.1, 1.96)
    assert (high - low) / 2 == pytest.approx(1.96 * own.std(ddof=1))
    assert (low + high) / 2 == pytest.approx(0.1)


def test_one_score_that_moved_far_is_the_one_that_is_told():
    found = compare(demo(), moved(demo(), -0.3))
    assert [(s.backbone, s.about, s.how) for s in found.beyond] == [(FIRST, "ridge", "independent")]
    assert score(found).change == pytest.approx(-0.3)
    assert "; one of 118 scores changed beyond noise." in comparison_headline(found)
    assert tally_line(found).startswith("One of 118 scores changed beyond noise; 117 are equal, none lie")


def test_equal_scores_alone_do_not_make_it_nothing():
    """New candidates, other findings and scores of one record only are changes, too."""
    a = demo()
    n = sum(r.estimate is not None for r in a.results)
    equal = f"{FIRST} comes first in both; all {n} scores that both have are equal; what differs is "
    more = a.model_copy(update={"findings": [], "backbones": a.backbones | {"new": a.backbones[FIRST]}})
    assert comparison_headline(compare(a, more)) == f"{equal}one model and one finding."
    other = with_card(a, fingerprint="0" * 64)
    assert comparison_headline(compare(a, other)) == f"{equal}the data."
    lost = a.model_copy(update={"results": [r for r in a.results if r.measure != "knn"]})
    other_scores = small_count(sum(r.measure == "knn" for r in a.results))
    assert f"are equal; what differs is {other_scores} other scores." in comparison_headline(compare(a, lost))


def test_equal_scores_are_not_told_as_noise():
    found = compare(demo(), moved(moved(demo(), -0.3), -0.001, SECOND))
    assert tally_line(found) == (
        "One of 118 scores changed beyond noise; 116 are equal, one lies within noise or cannot be told."
    )
    assert scores_line(found).endswith(" Of the others 116 are equal, one lies within noise or cannot be told.")
    nothing = compare(demo(), moved(demo(), -0.001))
    assert scores_line(nothing) == (
        "No score changed beyond noise: 117 are equal, one lies within noise or cannot be told."
    )


def test_changes_of_shares_are_told_in_points():
    said = scores_line(compare(demo(), moved(demo(), -0.3))).replace("\N{NO-BREAK SPACE}", " ")
    assert f"ridge accuracy of {FIRST} on {TARGET} by \N{MINUS SIGN}30.0 points [" in said
    logme = scores_line(compare(demo(), moved(demo(), -9.0, measure="logme")))
    assert "points" not in logme


def test_an_independent_interval_is_not_told_to_be_never_too_narrow():
    """Scores on shared samples may move against each other: then the interval is too narrow."""
    said = " ".join(comparison_caveats(compare(demo(), moved(demo(), -0.3))))
    assert "where both records share samples, the interval is usually too wide." in said
    assert "never" not in said


def test_a_score_that_moved_little_is_noise():
    found = compare(demo(), moved(demo(), -0.01))
    assert found.beyond == []
    assert score(found).how == "independent"


def test_the_same_samples_are_compared_draw_by_draw():
    """A change that is noise between independent samples is none where both saw the same halves."""
    a, b = demo(), moved(demo(), -0.01)
    mine = draws(a)
    theirs = mine | {f"{TARGET}/{FIRST}/ridge/draws": mine[f"{TARGET}/{FIRST}/ridge/draws"] - 0.01}
    theirs[f"{TARGET}/{FIRST}/ridge/draws"][::2] += 0.001
    found = score(compare(a, b, arrays=(mine, theirs)))
    assert (found.how, found.beyond) == ("paired", True)
    assert found.high - found.low == pytest.approx(
        2 * 1.96 * np.std([0, 0.001], ddof=0) * math.sqrt(100 / 99), rel=1e-3
    )


@pytest.mark.parametrize("case", ["seed", "samples", "arrays of one", "other length"])
def test_other_samples_are_never_paired(case):
    a, b = demo(), moved(demo(), -0.01)
    mine, theirs = draws(a), draws(a)
    if case == "seed":
        b = b.model_copy(update={"spec": b.spec | {"seed": 5}})
    elif case == "samples":
        b = with_card(b, fingerprint="0" * 64)
    elif case == "arrays of one":
        theirs = {}
    else:
        theirs = draws(a, n=40)
    assert score(compare(a, b, arrays=(mine, theirs))).how == "independent"


def test_noise_alone_rarely_shows_a_change_anywhere():
    """Of records that differ by noise only, at most 5 % (here: with 3 standard errors) show any change."""
    rng = np.random.default_rng(0)
    n, se, wrong = 100, 0.02, 0
    z = stats.norm.ppf(1 - 0.05 / (2 * n))
    for _ in range(400):
        noise = rng.normal(0, se, (n, 2))
        pairs = [[Reading(v, v - 1.96 * se, v + 1.96 * se, 0.95) for v in row] for row in noise]
        ends = [independent(a, b, z) for a, b in pairs]
        wrong += any(low > 0 or high < 0 for low, high in ends)
    assert wrong / 400 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_intervals_hold_for_all_scores_that_are_not_equal():
    record = demo()
    others = [r for r in record.results if r.kind == "transfer" and r.estimate is not None and r.measure != "ridge"][
        :39
    ]
    shifted = moved(record, 0.004)
    for r in others:
        shifted = moved(shifted, 1e-9, r.backbone, r.measure)
    found = compare(record, shifted)
    assert found.n_unequal == 40
    one = score(found)
    (old,) = (r.estimate for r in record.results if (r.backbone, r.measure) == (FIRST, "ridge"))
    factor = stats.norm.ppf(1 - 0.05 / 80) / stats.norm.ppf(0.975)
    assert one.change - one.low == pytest.approx(factor * math.hypot(old.value - old.low, old.high - old.value))


def test_what_has_no_counterpart_is_told_and_not_compared():
    a = demo()
    fewer = a.model_copy(update={"results": [r for r in a.results if r.measure != "knn"]})
    assert {(u.about, u.reason) for u in compare(a, fewer).uncompared} == {("knn", "only in A")}
    assert {(u.about, u.reason) for u in compare(fewer, a).uncompared} == {("knn", "only in B")}
    other = a.model_copy(
        update={
            "results": [r.model_copy(update={"options": {"k": 99}}) if r.measure == "knn" else r for r in a.results]
        }
    )
    found = compare(a, other)
    assert {(u.about, u.reason) for u in found.uncompared} == {("knn", "other options")}
    assert "knn" not in {s.about for s in found.scores}


def test_first_place():
    a, names = demo(), candidates()
    turned = [names[1], names[0], *names[2:]]

    def first(old, new):
        (order,) = compare(old, new).orders
        return order.first, first_line(order)

    assert first(a, a) == ("same", f"{FIRST} comes first in both.")
    near_a = reordered(a, names, {names[0]: 0.6, names[1]: 0.4})
    near_b = reordered(a, turned, {names[0]: 0.4, names[1]: 0.6})
    said = f"{names[1]} comes first instead of {FIRST}"
    assert first(near_a, near_b) == ("within noise", f"{said}, within noise.")
    sure = reordered(a, turned, {names[1]: 1.0})
    assert first(near_a, sure) == ("beyond noise", f"{said}, beyond noise.")
    assert first(a, near_b)[0] == "beyond noise"
    without = reordered(a, names[1:], {names[1]: 1.0})
    assert first(a, without) == ("other candidates", f"{said}, among other candidates.")
    assert first(without, a)[0] == "other candidates"


def test_places_stand_beside_each_other():
    names = candidates()
    turned = [names[2], *names[:2], *names[3:]]
    (order,) = compare(demo(), reordered(demo(), turned, {names[2]: 0.9})).orders
    assert [p.backbone for p in order.places] == turned
    assert [(p.rank_a, p.rank_b) for p in order.places[:3]] == [(3, 1), (1, 2), (2, 3)]
    assert [p.moved for p in order.places] == [True] * 3 + [False] * (len(names) - 3)


def test_findings_about_several_sources_are_told_apart():
    """One target moved from two sources: two findings, of which the record before had one."""
    rng = np.random.default_rng(0)
    sources = [FeatureSet.of(rng.normal(size=(40, 3)) + at, name=name) for name, at in (("a", 2), ("b", 3))]
    target, options = FeatureSet.of(rng.normal(size=(40, 3)), name="t"), {"select": ["mmd"]}
    both = ss.diagnose(sources, target, **options).record
    before = both.model_copy(update={"findings": [f for f in both.findings if f.evidence.get("source") != "b"]})
    (change,) = compare(before, both).findings
    assert (change.state, change.finding.code, change.finding.evidence["source"]) == ("came", "ST101", "b")


def test_findings_that_came_and_went():
    """A finding whose numbers changed is the same finding."""
    a, b = with_findings(demo(), "ST101", "NT202"), with_findings(demo(), "ST101", "DQ303")
    b = b.model_copy(
        update={"findings": [f.model_copy(update={"title": "other words", "message": "7"}) for f in b.findings]}
    )
    found = compare(a, b)
    assert [(c.state, c.finding.code) for c in found.findings] == [("came", "DQ303"), ("went", "NT202")]
    assert found.n_findings_kept == 1


@pytest.mark.parametrize("key", ["target", "arm", "measure"])
def test_findings_about_other_things_are_others(key):
    made = [
        Finding(code="NT201", severity="error", title="t", message="", subject="s", evidence={key: value})
        for value in ("one", "other")
    ]
    a, b = (demo().model_copy(update={"findings": [f]}) for f in made)
    assert [c.state for c in compare(a, b).findings] == ["came", "went"]


def test_data_and_models_that_differ():
    b = with_card(demo(), fingerprint="0" * 64, n=7)
    cards = dict(b.backbones)
    cards[FIRST] = cards[FIRST].model_copy(update={"identity": "0" * 64})
    gone = cards.pop(SECOND)
    b = b.model_copy(update={"backbones": cards, "inputs": {k: v for k, v in b.inputs.items() if v.name != SOURCE}})
    found = compare(demo(), b)
    assert {(c.name, c.role): c.state for c in found.inputs} == {
        (TARGET, "target"): "changed",
        (SOURCE, "source"): "only in A",
    }
    states = {c.name: c.state for c in found.models}
    assert (states.pop(FIRST), states.pop(gone.name)) == ("changed", "only in A")
    assert set(states.values()) == {"same"}


def test_settings_and_versions_that_differ():
    b = demo().model_copy(
        update={
            "spec": demo().spec | {"seed": 3, "measures": {"mmd": {"n_permutations": 99}}},
            "provenance": demo().provenance.model_copy(
                update={"versions": demo().provenance.versions | {"numpy": "9"}}
            ),
        }
    )
    found = compare(demo(), b)
    assert {s.path: (s.a, s.b) for s in found.settings}["seed"] == ("0", "3")
    assert {s.path: s.b for s in found.settings}["measures.mmd.n_permutations"] == "99"
    assert [(v.path, v.b) for v in found.versions] == [("numpy", "9")]


def test_forecasts_are_scores_too():
    a, b = (
        with_forecasts(demo(), {FIRST: {"probability": p, "low": p - 0.02, "high": p + 0.02, "level": 0.9}})
        for p in (0.1, 0.6)
    )
    found = compare(a, b)
    (one,) = found.beyond
    assert (one.about, one.kind, one.change) == ("full", "forecast", pytest.approx(0.5))


def test_audits_are_not_compared():
    with pytest.raises(InputError, match="B is a record of 'audit': only rankings and shifts can be compared"):
        compare(demo(), small_audit())
