"""What is said of gains over baselines follows their paired intervals, and point values claim nothing more."""

import re

import pytest
from handmade import ZOO, assemble, input_card, null_details, rank_parts, shift_parts, with_gains

from shiftscope.core.records import BackboneCost, Costs, Gain, RankRow
from shiftscope.report import render_html, render_text
from shiftscope.report.answers import answers
from shiftscope.report.figures.accuracy import accuracy
from shiftscope.report.figures.null import null
from shiftscope.report.margins import margin
from shiftscope.report.ranked import first_places, read_rankings, recommended
from shiftscope.report.sections import findings_line, trust
from shiftscope.report.shifted import read_shifts
from shiftscope.report.terminal import terminal
from shiftscope.report.verdicts import against_pixels, headline, rank_lead, set_line, shift_lead


def ranked(parts):
    return read_rankings(assemble("rank", **parts))


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("low", "high", "place"),
    [
        (0.01, 0.2, "above"),
        (0.0, 0.2, "unclear"),
        (-0.1, 0.2, "unclear"),
        (-0.1, 0.0, "unclear"),
        (-0.3, -0.1, "below"),
    ],
)
def test_the_side_is_that_of_the_interval(low, high, place):
    gain = Gain(measure="ridge", value=(low + high) / 2, low=low, high=high, level=0.95)
    assert margin(gain, "ridge", 0.9, 0.1).place == place


def test_without_an_interval_the_point_value_decides_and_a_tie_is_no_gain():
    assert [margin(None, "ridge", v, 0.5).place for v in (0.6, 0.5, 0.4)] == ["above", "below", "below"]
    other = Gain(measure="knn", value=0.1, low=0.05, high=0.2, level=0.95)
    assert margin(other, "ridge", 0.6, 0.5).ends is None
    assert margin(None, "ridge", None, 0.5) is None


def test_candidates_are_counted_by_their_intervals(paired_record):
    view = read_rankings(paired_record)[0]
    assert against_pixels(view) == (
        "14 of 18 beat raw pixels, one cannot be told apart from them and three lie below them"
    )
    assert [c.name for c in view.not_above_pixels] == [
        "mnv2_035_flowers",
        "resnet20_rsscn7",
        "sketchcnn_quickdraw",
        "mnv1_025_vww_person",
    ]
    figure = accuracy(view, 1)
    assert "hollow dots are not shown to beat raw pixels" in figure.note
    # The third has an error finding: a cross.
    assert len(re.findall("M", "".join(re.findall(r'<path class="dot hole" d="([^"]*)"', figure.drawings[0])))) == 3


@pytest.mark.parametrize(
    ("half", "told", "next_step", "instead"),
    [
        (0.3, "none of them can be told apart from raw pixels", "Label more samples", "may do as well as"),
        (0.01, "all of them lie below raw pixels", "Add candidates", "do better than"),
    ],
)
def test_none_shown_to_beat_raw_pixels(half, told, next_step, instead):
    views = ranked(with_gains(rank_parts(zoo=ZOO[-3:]), half))
    assert headline(views, []) == "No candidate is shown to beat raw pixels."
    assert against_pixels(views[0]) == told
    (step,) = [a for a in answers(views, []) if a.question == "What next?"]
    assert told in step.say
    assert next_step in step.say
    assert "add nothing" not in step.say
    assert instead in set_line(views[0])


def test_no_model_is_recommended_where_none_is_shown_to_beat_raw_pixels():
    views = ranked(with_gains(rank_parts(zoo=ZOO[-3:]), 0.3))
    assert recommended(views) == {}
    assert first_places(views) == {"sketch": "resnet20_rsscn7"}


def with_failed(parts, name):
    """The same parts, with a candidate that gave no number by any measure: its row stays, without a rank."""
    rows = [RankRow(backbone=name) if r.backbone == name else r for r in parts["rankings"][0].rows]
    lost = [r for r in parts["results"] if r.backbone != name]
    return parts | {"results": lost, "rankings": [parts["rankings"][0].model_copy(update={"rows": rows})]}


def test_a_failed_candidate_makes_none_of_the_others_beat_raw_pixels():
    parts = with_failed(with_gains(rank_parts(zoo=ZOO[-4:]), 0.3), ZOO[-1][0])
    views = ranked(parts)
    assert headline(views, []) == "No candidate is shown to beat raw pixels."
    assert recommended(views) == {}
    assert against_pixels(views[0]) == (
        "none of four beats raw pixels, three cannot be told apart from them and one could not be compared with them"
    )


def test_candidates_that_could_not_be_compared_are_counted():
    for half, verb in ((0.03, "beat"), (None, "score above")):
        parts = rank_parts(zoo=ZOO[:4])
        (view,) = ranked(with_failed(parts if half is None else with_gains(parts, half), ZOO[1][0]))
        assert against_pixels(view) == f"three of four {verb} raw pixels, one could not be compared with them"


def test_nothing_is_said_of_raw_pixels_where_no_candidate_was_compared_with_them():
    parts = with_failed(rank_parts(zoo=ZOO[:1]), ZOO[0][0])
    assert not ranked(parts)[0].none_beats_pixels


def test_a_first_place_that_could_not_be_compared_is_said_to():
    parts = with_gains(rank_parts(zoo=ZOO[-3:]), 0.3)
    first, *rest = parts["rankings"][0].rows
    rows = [first.model_copy(update={"over_pixels": None}), *rest]
    results = [r for r in parts["results"] if (r.measure, r.backbone) != ("ridge", first.backbone)]
    (view,) = ranked(parts | {"results": results, "rankings": [parts["rankings"][0].model_copy(update={"rows": rows})]})
    assert set_line(view) == (
        f"None of them as it is: {first.backbone} could not be compared with raw pixels, "
        "and no other is shown to beat them."
    )


def test_the_lead_gives_gains_with_their_intervals(paired_record):
    lead = plain(rank_lead(read_rankings(paired_record)[0]))
    assert "+38.8 points [35.8, 41.8] over raw pixels and +58.5 points [55.5, 61.5] over its own" in lead
    assert "told apart" not in lead
    unclear = plain(rank_lead(ranked(with_gains(rank_parts(), 0.5))[0]))
    assert "It cannot be told apart from raw pixels." in unclear


def test_the_table_gives_gains_with_their_intervals(paired_record):
    html = plain(render_html(paired_record))
    assert ">+38.8 [35.8, 41.8]<" in html
    assert "paired, sample by sample, with 95 % intervals" in html
    assert "differences of point values" not in html
    table = plain(render_text(paired_record)).split("best first")[1]
    assert "[35.8," not in table
    assert "Gains" not in table


def test_point_values_are_called_so(rank_record):
    html = plain(render_html(rank_record))
    assert html.count("differences of point values") > 1
    assert "as point values." in html
    assert "14 of" not in html
    assert "15 of 18 score above raw pixels" in html


def test_a_lone_candidate_has_no_probability(lone_record):
    html = render_html(lone_record)
    assert "P(best)" not in html.replace("<br>", " ")
    assert "probability of being best" not in html
    assert "How sure?" not in html


def test_an_old_record_says_no_probability_of_a_lone_candidate():
    record = assemble("rank", **rank_parts(zoo=ZOO[:1]))
    assert record.rankings[0].rows[0].p_best == 1.0
    assert "P(best)" not in render_text(record)


def test_a_rank_by_no_measure_is_no_rank():
    parts = rank_parts(zoo=ZOO[:1])
    by_nothing = parts["rankings"][0].model_copy(update={"measures": []})
    views = ranked(parts | {"rankings": [by_nothing]})
    assert recommended(views) == {}
    assert headline(views, []) == "The candidates could not be ranked."


def test_nothing_is_recommended_where_nothing_was_ranked():
    parts = rank_parts(zoo=ZOO[:3])
    blank = {"rank": None, "mean_rank": None, "mean_rank_low": None, "mean_rank_high": None, "p_best": None}
    rows = [r.model_copy(update=blank | {"p_rank": [], "ranks": {}}) for r in parts["rankings"][0].rows]
    unranked = parts["rankings"][0].model_copy(update={"rows": rows, "measures": []})
    record = assemble("rank", **(parts | {"rankings": [unranked]}))
    views = read_rankings(record)
    assert recommended(views) == {}
    assert views[0].best_set == ()
    assert headline(views, []) == "The candidates could not be ranked."
    html = render_html(record)
    assert "comes first" not in html
    assert "Start from" not in html
    assert "recommended model" not in html


def test_no_findings_are_no_findings():
    assert findings_line([], ["a"]) == "No findings."


@pytest.mark.parametrize(
    ("value", "p", "words"),
    [
        (0.2, 0.001, "times_largest"),
        (-0.5, 1.0, "lies below all 999 shuffles, p = 1.000"),
        (-0.0015, 0.9, "lies below the middle of the 999 shuffles, p = 0.900"),
        (0.001, 0.21, "lies among the 999 shuffles, p = 0.210"),
        (0.003, 0.02, "lies in the upper tail of the 999 shuffles, p = 0.020"),
    ],
)
def test_the_null_says_where_the_observed_value_lies(value, p, words):
    parts = shift_parts(details=null_details())
    results = [
        r.model_copy(
            update={"estimate": r.estimate.model_copy(update={"value": value, "low": None, "high": None, "pvalue": p})}
        )
        if r.measure == "mmd"
        else r
        for r in parts["results"]
    ]
    record = assemble("shift", inputs={}, backbones={}, **(parts | {"results": results}))
    reading = plain(null(read_shifts(record, {})[0], 1).reading)
    assert ("the largest of 999 shuffles" if words == "times_largest" else words) in reading


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "MMD², unbiased"),
        ({"estimator": "biased", "aggregate": None}, "MMD², biased"),
        ({"estimator": "unbiased", "aggregate": "fuse"}, "MMD², fused bandwidths"),
    ],
)
def test_the_null_says_which_statistic_it_is_of(options, words):
    parts = shift_parts(details=null_details())
    parts["results"] = [r.model_copy(update={"options": options}) for r in parts["results"]]
    record = assemble("shift", inputs={}, backbones={}, **parts)
    assert words in str(null(read_shifts(record, {})[0], 1).drawings[0])


def test_classes_without_a_test_are_not_called_noise():
    parts = shift_parts()
    untested = [c.model_copy(update={"pvalue": None, "pvalue_holm": None}) for c in parts["diagnoses"][0].per_class]
    diagnosis = parts["diagnoses"][0].model_copy(update={"per_class": untested})
    record = assemble("shift", inputs={}, backbones={}, **(parts | {"diagnoses": [diagnosis]}))
    html = render_html(record)
    assert "told from noise" not in html
    assert "Which classes?" not in html
    assert shift_lead(read_shifts(record, {})[0]).endswith("The classes were not tested one by one.")


@pytest.mark.parametrize(
    ("n", "says"),
    [
        (1, "of seven classes has moved by a test of its own: dog."),
        (0, "of seven classes have moved by tests of their own."),
    ],
)
def test_number_of_classes_that_moved(n, says):
    parts = shift_parts()
    found = [
        c.model_copy(update={"pvalue_holm": 0.01 if c.name == "dog" and n else 0.5}) if c.pvalue is not None else c
        for c in parts["diagnoses"][0].per_class
    ]
    diagnosis = parts["diagnoses"][0].model_copy(update={"per_class": found})
    html = render_html(assemble("shift", inputs={}, backbones={}, **(parts | {"diagnoses": [diagnosis]})))
    assert says in html


def test_unknown_costs_have_no_table(rank_record):
    assert "Cost per image" in render_html(rank_record)
    dims = Costs(backbones={name: BackboneCost(dim=8) for name in rank_record.backbones})
    bare = rank_record.model_copy(update={"costs": dims})
    assert "Cost per image" not in render_html(bare)
    assert "Cost per image" not in render_text(bare)


@pytest.mark.parametrize(("columns", "width"), [("40", 80), ("100", 100)])
def test_a_terminal_is_never_narrower_than_the_tables(columns, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal().width == width


def test_sides_of_one_name_are_told_apart():
    inputs = {"data": input_card("data", "target"), "source data": input_card("data", "source")}
    record = assemble("shift", inputs=inputs, backbones={}, **shift_parts("data", "data"))
    assert headline([], read_shifts(record, {})) == "data (target) has shifted from data (source)."
    html = plain(render_html(record))
    assert "data (target) against data (source)" in html
    assert "n data<br>(source)" in html
    assert "n data<br>(target)" in html
    (samples,) = trust(record, [], read_shifts(record, {})).samples
    assert [plain(c.head) for c in samples.columns] == ["Class", "n data (target)", "n data (source)"]
