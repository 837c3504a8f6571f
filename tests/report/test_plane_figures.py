"""Plane, ROC curve and overlap: marks lie where their numbers say, words follow a rule, and nothing is made up."""

import re

import numpy as np
import pytest
from handmade import HOSTILE, assemble, card, coverage_details, input_card, projection, result, roc_details, shift_parts
from paths import runs

from shiftscope.checks.causes import check_causes
from shiftscope.core.projection import ClassPlace, Points
from shiftscope.core.shift import ShiftRow
from shiftscope.report import render_html
from shiftscope.report.figures.plane import plane
from shiftscope.report.figures.roc import roc
from shiftscope.report.figures.support import support
from shiftscope.report.shifted import read_shifts

NBSP = "\N{NO-BREAK SPACE}"
WHERE = {"target": "sketch", "source": "photo"}


def record(*, plane_of=None, curve=None, overlap=(), names=("sketch", "photo")):
    """A diagnosis under the backbone ``b`` with a projection, a curve, and an overlap by backbone."""
    target, source = names
    parts = shift_parts(target, source, backbone="b")
    parts["diagnoses"] = [parts["diagnoses"][0].model_copy(update={"projection": plane_of})]
    parts["results"] = [r for r in parts["results"] if r.measure != "proxy_a"]
    if curve is not None:
        parts["results"].append(
            result("proxy_a", target, "b", 1.5, curve.pop("half", 0.2), source=source, details=curve)
        )
    parts["results"] += [
        result("coverage", target, b, 0.3, 0.05, source=source, details=coverage_details(p, r)) for b, p, r in overlap
    ]
    inputs = {target: input_card(target, "target"), "s": input_card(source, "source")}
    return assemble("shift", inputs=inputs, backbones={"b": card("b")}, **parts)


def view(**parts):
    return read_shifts(record(**parts), {})[0]


def marks(svg, css):
    return np.array([run[0] for d in re.findall(rf'<path class="{css}" d="([^"]*)"', svg) for run in runs(d)])


def test_samples_lie_where_their_places_say_at_one_scale():
    found = projection(3.0)
    drawing = plane(view(plane_of=found), 1).drawings[0]
    at = np.concatenate([marks(drawing, "dot src pt"), marks(drawing, "dot t sq pt")])
    places = np.concatenate([np.column_stack([s.x, s.y]) for s in (found.source, found.target)])
    assert at.shape == places.shape == (240, 2)
    (right, left), (up, bottom) = (np.polyfit(places[:, i], at[:, i], 1) for i in (0, 1))
    assert np.abs(at - (places * (right, up) + (left, bottom))).max() < 0.8
    assert right == pytest.approx(-up, rel=0.02)
    assert right > 0


@pytest.mark.parametrize(("gap", "height"), [(0.1, 250), (40.0, 120), (3.0, None)], ids=["tall", "flat", "between"])
def test_all_samples_lie_on_the_sheet(gap, height):
    drawing = plane(view(plane_of=projection(gap)), 1).drawings[0]
    at = np.concatenate([marks(drawing, "dot src pt"), marks(drawing, "dot t sq pt")])
    (bottom,) = (float(h) - 36 for h in re.findall(r'viewBox="0 0 328 ([\d.]+)"', drawing))
    assert at.min(axis=0).tolist() > [22, 42]
    assert at[:, 0].max() < 324
    assert 42 < at[:, 1].min() < at[:, 1].max() < bottom
    assert bottom - 42 == pytest.approx(height, abs=1) if height else 120 < bottom - 42 <= 250


def test_classes_move_from_their_source_to_their_target():
    found = projection(3.0)
    drawing = plane(view(plane_of=found), 1).drawings[1]
    start, end = marks(drawing, "dot src"), marks(drawing, "dot t sq")
    (lines,) = re.findall(r'<path class="iv n" d="([^"]*)"', drawing)
    assert [tuple(line[0]) for line in runs(lines)] == [tuple(s) for s in start]
    assert [tuple(line[1]) for line in runs(lines)] == [tuple(e) for e in end]
    assert len(start) == len(found.classes) == 7
    for name in (c.name for c in found.classes[:3]):
        assert f">{name}<" in drawing


def test_a_class_of_one_side_has_one_mark():
    classes = [ClassPlace(name="a", source=(0, 0)), ClassPlace(name="b", target=(1, 1))]
    picture = plane(view(plane_of=projection().model_copy(update={"classes": classes})), 1)
    assert len(marks(picture.drawings[1], "dot src")) == len(marks(picture.drawings[1], "dot t sq")) == 1
    assert "iv n" not in picture.drawings[1]
    assert [row.cells[-1].text for row in picture.table.rows][1:] == ["\N{EN DASH}"] * 2


@pytest.mark.parametrize(
    ("gap", "says"), [(9.0, "lie apart: 0.0"), (1.0, "overlap in part"), (0.0, "lie on each other")]
)
def test_words_go_by_the_share_nearer_to_the_other_side(gap, says):
    reading = plane(view(plane_of=projection(gap)), 1).reading
    assert f"photo and sketch {says}" in reading
    assert f"(37.5{NBSP}% of it)" in reading


def test_the_share_is_that_of_the_samples_drawn():
    """One of four source samples and none of two of the target lie beyond the middle."""
    points = {"source": Points(x=[-1, -1, -1, 3], y=[0] * 4), "target": Points(x=[4, 5], y=[0, 0])}
    reading = plane(view(plane_of=projection().model_copy(update=points)), 1).reading
    assert f": 12.5{NBSP}% of the samples are nearer to the mean of the other side." in reading


def test_without_classes_there_is_one_panel():
    picture = plane(view(plane_of=projection(classes=())), 1)
    assert (len(picture.drawings), picture.half) == (1, True)
    assert "class" not in picture.note
    assert plane(view(), 1) is None


def test_the_curve_goes_through_its_corners():
    details = roc_details()
    drawing = roc(view(curve=details), 1).drawings[0]
    (path,) = re.findall(r'<path class="now" d="([^"]*)"', drawing)
    (corners,) = runs(path)
    expected = np.column_stack([details["roc_false"], details["roc_true"]])
    (right, left), (up, bottom) = (np.polyfit(expected[:, i], np.array(corners)[:, i], 1) for i in (0, 1))
    assert np.abs(corners - (expected * (right, up) + (left, bottom))).max() < 0.8
    assert right == pytest.approx(-up, rel=0.02)


@pytest.mark.parametrize(
    ("half", "says"), [(0.2, "tells sketch from photo"), (1.6, "is not shown to tell sketch from")]
)
def test_a_classifier_that_may_have_learnt_nothing_is_said_to(half, says):
    picture = roc(view(curve=roc_details() | {"half": half}), 1)
    assert picture.reading.startswith(f"A linear classifier {says}")
    assert f"AUC{NBSP}0.95" in picture.reading
    assert f"AUC{NBSP}0.95" in picture.drawings[0]


def test_what_is_found_at_a_share_of_false_alarms():
    details = {"auc": 0.9, "roc_false": [0, 0, 0.2, 1], "roc_true": [0, 0.5, 0.9, 1]}
    table = roc(view(curve=details), 1).table
    assert {row.cells[0].text: row.cells[1].text for row in table.rows} == {
        "0.0": "50.0",
        "1.0": "52.0",
        "5.0": "60.0",
        "10.0": "70.0",
        "25.0": "90.6",
        "50.0": "93.8",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"roc_false": [0.0, 1.0]},
        {"roc_true": [0.0, 0.9, 0.5]},
        {"roc_false": [0.0, 0.5, 1.5]},
        {"roc_false": "none"},
        {"auc": "high"},
        {"roc_false": [0.1, 0.2, 1.0]},
    ],
)
def test_what_is_no_curve_is_not_drawn(change):
    whole = {"auc": 0.9, "roc_false": [0.0, 0.2, 1.0], "roc_true": [0.0, 0.9, 1.0]}
    assert roc(view(curve=whole), 1) is not None
    assert roc(view(curve=whole | change), 1) is None
    assert roc(view(), 1) is None


@pytest.mark.parametrize(
    ("precision", "recall", "says"),
    [
        (0.92, 0.90, "sketch lies where photo does."),
        (0.92, 0.30, "sketch is a part of photo."),
        (0.30, 0.30, "sketch lies outside of photo."),
        (0.30, 0.90, "sketch reaches beyond photo."),
    ],
)
def test_words_follow_the_quadrant(precision, recall, says):
    picture = support(view(overlap=[("b", precision, recall)]), 1)
    assert picture.reading == says
    drawing = picture.drawings[0]
    # Without a shift both shares are those of halves: precision 0.93 and recall 0.91, which is 1 on either axis.
    ((px, py),) = marks(drawing, "dot t")
    ticks = {t: float(x) for x, t in re.findall(r'<text x="([\d.]+)" y="290">([\d.]+)</text>', drawing)}
    assert px == pytest.approx(ticks["0"] + (ticks["1"] - ticks["0"]) * recall / 0.91, abs=0.11)
    lines = runs(re.findall(r'<path class="ref" d="([^"]*)"', drawing)[0])
    (_, level), (upright, _) = lines[0][0], lines[1][0]
    assert (py > level) == (precision < 0.9)
    assert (px < upright) == (recall < 0.8)


@pytest.mark.parametrize(
    ("precision", "recall", "code", "lesson"),
    [
        (0.92, 0.30, "ST103", "Choose the samples of the source that are like the target."),
        (0.30, 0.30, "ST102", "What was learnt on the source is not about such samples."),
        (0.30, 0.90, "ST102", "What was learnt on the source is not about those that lie beyond it."),
    ],
)
def test_the_finding_says_of_the_overlap_what_the_figure_says(precision, recall, code, lesson):
    found = record(overlap=[("b", precision, recall)])
    (d,) = found.diagnoses
    row = ShiftRow(measure="coverage", value=0.3, pvalue=0.001, pvalue_holm=0.001, effect=0.6, floor=0.05)
    found = found.model_copy(update={"diagnoses": [d.model_copy(update={"rows": [*d.rows, row]})]})
    (finding,) = [f for f in check_causes(found) if f.code in ("ST102", "ST103")]
    assert finding.code == code
    assert finding.title == support(read_shifts(found, {})[0], 1).reading
    assert finding.message.endswith(lesson)


def test_one_point_per_backbone_its_own_first():
    picture = support(view(overlap=[("a", 0.5, 0.2), ("b", 0.4, 0.1), ("c", 2.0, 0.1)]), 1)
    assert [row.cells[0].text for row in picture.table.rows] == ["b", "a", "c"]
    drawing = picture.drawings[0]
    assert len(marks(drawing, "dot t")) == 1
    assert len(marks(drawing, "dot n")) == 2
    # Far above what halves give a point stays on the sheet.
    assert marks(drawing, "dot n")[:, 1].min() >= 24
    assert "Rings: other backbones" in picture.note
    assert "Rings" not in support(view(overlap=[("b", 0.4, 0.1)]), 1).note


def test_no_overlap_without_that_of_the_backbone_drawn():
    assert support(view(overlap=[("a", 0.5, 0.2)]), 1) is None
    assert support(view(), 1) is None


def test_halves_that_hardly_reach_each_other_are_told():
    found = record(overlap=[("b", 0.1, 0.01)])
    thin = coverage_details(0.1, 0.01) | {"recall_null": 0.05}
    found = found.model_copy(
        update={
            "results": [
                r.model_copy(update={"estimate": r.estimate.model_copy(update={"details": thin})})
                if r.measure == "coverage"
                else r
                for r in found.results
            ]
        }
    )
    assert "says little" in support(read_shifts(found, {})[0], 1).note


def test_curve_and_overlap_stand_side_by_side():
    both = view(curve=roc_details(), overlap=[("b", 0.4, 0.1)])
    assert (roc(both, 1).half, support(both, 2).half) == (True, True)
    assert not roc(view(curve=roc_details()), 1).half


def test_names_in_all_of_them_are_text():
    names = ("<img src=x onerror=alert(2)>", "]]></desc><b>")
    found = record(plane_of=projection(classes=HOSTILE), curve=roc_details(), overlap=[("b", 0.4, 0.1)], names=names)
    html = render_html(found)
    assert "<img" not in html
    assert "]]></desc>" not in html
    assert html.count('<figure id="fig-') == 6
    assert [int(n) for n in re.findall(r"Fig\. (\d)\.", html)] == list(range(1, 7))
