"""How common each class is on either side: marks lie where their numbers say, and equal sides have no figure."""

import re

import numpy as np
import pytest
from handmade import CLASSES, HOSTILE, assemble, card, input_card, shift_parts
from paths import runs

from shiftscope.report import render_html
from shiftscope.report.figures.class_shares import class_shares
from shiftscope.report.shifted import read_shifts

NBSP = "\N{NO-BREAK SPACE}"


def sides(source, target):
    """A diagnosis of photo and sketch with these counts by class."""
    inputs = {
        "sketch": input_card("sketch", "target").model_copy(update={"classes": target}),
        "photo": input_card("photo", "source").model_copy(update={"classes": source}),
    }
    return assemble("shift", inputs=inputs, backbones={"b": card("b")}, **shift_parts(backbone="b"))


def figure(source, target):
    (view,) = read_shifts(sides(source, target), {})
    return class_shares(view, 1)


def centres(svg, css):
    return np.array([run[0] for d in re.findall(rf'<path class="{css}" d="([^"]*)"', svg) for run in runs(d)])


def test_marks_lie_where_their_shares_say():
    source, target = {"a": 10, "b": 30, "c": 60}, {"a": 50, "b": 30, "c": 20}
    for drawing in figure(source, target).drawings:
        discs, triangles = centres(drawing, "dot src"), centres(drawing, "fill t")
        shares = [0.1, 0.6, 0.3, 0.5, 0.2, 0.3]  # a, c, b: by how much they differ
        slope, start = np.polyfit(shares, np.r_[discs[:, 0], triangles[:, 0]], 1)
        assert slope > 100
        assert np.abs(start + slope * np.array(shares) - np.r_[discs[:, 0], triangles[:, 0]]).max() < 0.11
        assert np.diff(discs[:, 1]).min() > 20


def test_it_says_what_differs_most():
    picture = figure({"a": 10, "b": 30, "c": 60}, {"a": 50, "b": 30, "c": 20})
    assert picture.reading.replace(NBSP, " ") == (
        "a differs most: 10.0 % of photo, 50.0 % of sketch; 40.0 % of the samples would have to change class for both "
        "sides to agree."
    )
    assert [[c.text for c in row.cells] for row in picture.table.rows] == [
        ["a", "10", "50", "10.0", "50.0", "+40.0"],
        ["c", "60", "20", "60.0", "20.0", "\N{MINUS SIGN}40.0"],
        ["b", "30", "30", "30.0", "30.0", "0.0"],
    ]


@pytest.mark.parametrize("sides_with_several", [("sketch",), ("photo", "sketch")])
def test_labels_of_which_a_sample_has_several_have_no_shares_of_samples(sides_with_several):
    record = sides({"a": 10, "b": 30, "c": 60}, {"a": 50, "b": 30, "c": 20})
    changed = {name: record.inputs[name].model_copy(update={"kind": "multilabel"}) for name in sides_with_several}
    (view,) = read_shifts(record.model_copy(update={"inputs": record.inputs | changed}), {})
    assert class_shares(view, 1) is None


def test_a_class_of_one_side_only_is_there():
    picture = figure({"a": 50, "b": 50}, {"a": 50, "c": 50})
    assert {row.cells[0].text for row in picture.table.rows} == {"a", "b", "c"}


@pytest.mark.parametrize("target", [{"a": 20, "b": 40}, {}], ids=["equally common", "no labels"])
def test_without_a_difference_there_is_no_figure(target):
    assert figure({"a": 10, "b": 20}, target) is None


def test_of_many_classes_those_that_differ_most_are_drawn():
    source = {f"class {i:02d}": 10 for i in range(40)}
    target = {name: 10 + i for i, name in enumerate(source)}
    picture = figure(source, target)
    assert len(picture.table.rows) == 40
    assert len(centres(picture.drawings[0], "dot src")) == 20
    assert "The 20 that differ most are drawn." in picture.note


def test_it_stands_in_the_section_about_the_shift():
    html = render_html(sides(dict.fromkeys(CLASSES, 120), dict(zip(CLASSES, range(10, 80, 10), strict=True))))
    section = html[html.index('<section id="shift">') : html.index('<section id="trust">')]
    assert "differs most:" in section
    assert "\\u202e" in render_html(sides(dict.fromkeys(HOSTILE, 5), dict(zip(HOSTILE, range(1, 7), strict=True))))
