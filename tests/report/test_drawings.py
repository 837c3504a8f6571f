"""Marks lie where their numbers say, names do not cover each other, and colour comes from classes alone."""

import dataclasses
import re

import numpy as np
import pytest
from paths import runs

from shiftscope.report import render_html
from shiftscope.report.figures.accuracy import accuracy
from shiftscope.report.figures.labels import place
from shiftscope.report.figures.null import null
from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import Sheet, cut, text_width
from shiftscope.report.ranked import read_rankings
from shiftscope.report.shifted import read_shifts


def paths(svg, css):
    return re.findall(rf'<path class="{css}" d="([^"]*)"', svg)


def centres(svg, css):
    return [run[0] for d in paths(svg, css) for run in runs(d)]


def test_dots_lie_on_one_line_with_their_values(rank_record):
    view = read_rankings(rank_record)[0]
    wide = accuracy(view, 1).drawings[0]
    marked = centres(wide, "dot p") + centres(wide, "dot n")
    order = [c for c in view.candidates if not c.has_error]
    rows = sorted(marked, key=lambda xy: xy[1])
    assert len(rows) == len(order) == 17
    values = np.array([c.quality.value for c in order])
    x = np.array([x for x, _ in rows])
    slope, start = np.polyfit(values, x, 1)
    assert slope > 0
    assert np.abs(x - (start + slope * values)).max() < 0.06


def test_error_is_a_cross_and_not_a_dot(rank_record):
    wide = accuracy(read_rankings(rank_record)[0], 1).drawings[0]
    assert len(paths(wide, "x")) == 1
    assert not paths(wide, "dot b")


def test_bars_of_the_null_are_as_high_as_their_counts(shift_record):
    view = read_shifts(shift_record, {})[0]
    wide = null(view, 1).drawings[0]
    heights = [np.ptp([y for _, y in box]) for box in runs(paths(wide, "hist")[0])]
    counts = [k for k in view.null.counts if k]
    assert np.allclose(np.array(heights) / max(heights), np.array(counts) / max(counts), atol=0.002)


@pytest.mark.parametrize(
    ("low", "high", "beside"),
    [(0.2, 0.23, True), (None, None, True), (0.02, 0.41, False), (0.0, 0.43, False), (-0.1, 0.53, False)],
)
def test_the_null_is_enlarged_forwards_and_clear_of_the_observed_value(shift_record, low, high, beside):
    """Beside the whole null where there is room before the observed value and its interval, else below."""
    view = read_shifts(shift_record, {})[0]
    seen = view.null.observed.model_copy(update={"low": low, "high": high})
    found = dataclasses.replace(view, null=dataclasses.replace(view.null, observed=seen))
    for drawing, expected in zip(null(found, 1).drawings, (beside, False), strict=True):
        whole, enlarged = (np.array(runs(path)) for path in paths(drawing, "hist"))
        assert (np.diff(enlarged[:, 0, 0]) > 0).all()
        assert np.ptp(enlarged[..., 0]) >= 150
        assert (enlarged[..., 1].max() < whole[..., 1].max()) == expected
        # The interval is a wash of the purple that the caption names.
        band = [x for path in paths(drawing, "wash t") for box in runs(path) for x, _ in box]
        assert bool(band) == (low is not None)
        assert not (expected and band) or enlarged[..., 0].max() < min(band)


def test_words_need_no_glyph_and_are_never_mathematics():
    sheet = Sheet(100, 50, "solo")
    sheet.text(5, 20, "$x_1$ <b> \N{GRINNING FACE} \u7f51", "b", "end")
    svg = sheet.render("s", "a & b", "<desc>")
    assert '<g class="b e"><text x="5" y="20">$x_1$ &lt;b&gt; \N{GRINNING FACE} \u7f51</text></g>' in svg
    assert '<title id="s-t">a &amp; b</title>' in svg
    assert "style" not in svg
    assert "#" not in svg


def test_short_paths_go_where_they_were_told():
    sheet = Sheet(100, 50, "solo")
    outline = [(1.0, 2.0), (4.26, 2.0), (4.26, 6.0), (1.0, 6.0)]
    line = [(1.0, 2.0), (5.0, 2.0), (5.0, 7.0), (6.0, 8.5)]
    sheet.shapes([outline, [(x + 9, y) for x, y in outline]], "fill")
    sheet.lines([line, [(3.0, 3.0), (3.0, 9.0)]], "g")
    sheet.dots([(3.0, 4.0), (30.0, 4.0)], "p")
    svg = sheet.render("s", "a", "b")
    (boxes,), (lines,), (dots,) = (paths(svg, css) for css in ("fill", "g", "dot p"))
    assert boxes == "M1 2h3.3v4H1zM10 2h3.3v4H10z"
    assert runs(lines) == [line, [(3.0, 3.0), (3.0, 9.0)]]
    assert dots == "M3 4h0M30 4h0"


def test_drawing_ignores_the_users_matplotlibrc(full_record):
    import matplotlib as mpl

    expected = render_html(full_record)
    with mpl.rc_context({"savefig.bbox": "tight", "savefig.dpi": 200, "text.usetex": True, "path.sketch": (3, 9, 2)}):
        assert render_html(full_record) == expected


@pytest.mark.parametrize(
    ("scale", "most", "ticks"),
    [
        (Scale(0.12, 0.83, 0, 1), 5, [0.2, 0.4, 0.6, 0.8]),
        (Scale(-0.4, 1.1, 0, 1), 4, [0.0, 0.5, 1.0]),
        (Scale(3, 500, 0, 1, log=True), 6, [3, 10, 30, 100, 300]),
        (Scale(0.3, 80, 0, 1, log=True), 8, [0.5, 1, 2, 5, 10, 20, 50]),
        (Scale(1e-3, 1e6, 0, 1, log=True), 4, [1e-3, 1, 1e3, 1e6]),
    ],
)
def test_ticks(scale, most, ticks):
    assert scale.ticks(most) == pytest.approx(ticks)


def test_scale_maps_ends_to_ends():
    scale = Scale(1, 100, 10, 30, log=True)
    assert [scale(v) for v in (1, 10, 100)] == pytest.approx([10, 20, 30])
    assert scale.clipped(-5) == pytest.approx(10)
    assert scale.clipped(1e9) == pytest.approx(30)


def test_names_keep_off_each_other_and_off_points():
    rng = np.random.default_rng(0)
    points = [tuple(p) for p in rng.uniform((50, 30), (650, 270), (25, 2))]
    names = [f"network_{i}" for i in range(25)]
    placed = place(points, [(name,) for name in names], taken=[], bounds=(0, 0, 700, 300))
    boxes = []
    for label in placed:
        assert label.words == names[label.index]
        width = text_width(label.words)
        left = label.x - {"start": 0, "middle": width / 2, "end": width}[label.anchor]
        boxes.append((left, label.y - 10, left + width, label.y + 3))
    assert len(placed) > 12
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[2] <= 700
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for x, y in points:
            assert not (a[0] < x < a[2] and a[1] < y < a[3])


def test_long_names_are_cut_in_the_middle():
    name = "a_very_long_name_" * 5 + "v2"
    short = cut(name, 120)
    assert text_width(short) <= 120
    assert short.startswith("a_very")
    assert short.endswith("v2")
    assert "…" in short
    assert cut("short", 120) == "short"


def test_a_name_without_room_is_shortened():
    (label,) = place([(50.0, 20.0)], [("a_long_name_of_a_network", "a_l…rk")], taken=[], bounds=(0, 0, 120, 40))
    assert label.words == "a_l…rk"
