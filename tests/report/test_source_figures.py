"""The figures of source data: gaps with their verdicts, and weights beside what similarity would give."""

import re

import numpy as np
import pytest
from handmade import HOSTILE, assemble, input_card
from paths import runs
from test_page import Page

from shiftscope.core.sources import Contrast, SchemeRow, SourceRow, SourcesReport
from shiftscope.report import render_html, render_text
from shiftscope.report.figures.source_gaps import source_gaps, source_weights
from shiftscope.report.markdown import render_markdown

VERDICTS = ("helps", "cannot be told", "hurts", "hurts")
GAPS = (-0.05, -0.01, 0.04, 0.12)
WEIGHTS = (1.0, 0.25, 0.5, 0.0)


def around(value, half=0.02):
    return Contrast(value=value, low=value - half, high=value + half)


def report(names=("near", "so so", "far", "permuted"), verdicts=VERDICTS, weights=WEIGHTS):
    sources = [
        SourceRow(
            name=name, n=200, n_used=200, n_copies=0, classes=["a", "b"], gap=around(gap), loss_gap=around(gap),
            pvalue=0.01, pvalue_holm=0.02, verdict=verdict, distance=1.0, similarity=0.5,
            weight=w, weight_low=max(0, w - 0.1), weight_high=w + 0.1,
        )
        for name, gap, verdict, w in zip(names, GAPS, verdicts, weights, strict=False)
    ]  # fmt: skip
    schemes = [
        SchemeRow(
            scheme=scheme, error=around(0.2), loss=around(0.3), penalty=1.0,
            over_target=None if scheme == "target" else around(0.05, 0.02), over_equal=None,
        )
        for scheme in ("target", "equal", "similarity", "learned")
    ]  # fmt: skip
    return SourcesReport(
        target="here", backbone="net", n=120, classes=["a", "b"], n_folds=10, level=0.95, alpha=0.05,
        sources=sources, schemes=schemes,
    )  # fmt: skip


def marks(svg, css):
    return np.array([run[0] for d in re.findall(rf'<path class="{css}" d="([^"]*)"', svg) for run in runs(d)])


def test_gaps_lie_where_their_numbers_say_with_marks_of_their_verdicts():
    for drawing in source_gaps(report(), 1).drawings:
        helps, unclear, hurts = (marks(drawing, css) for css in ("dot p", "dot n", "x"))
        assert [len(found) for found in (helps, unclear, hurts)] == [1, 1, 4]
        x = [helps[0, 0], unclear[0, 0], hurts[:2, 0].mean() + 3.5, hurts[2:, 0].mean() + 3.5]
        slope, start = np.polyfit(GAPS, x, 1)
        assert slope > 0
        assert np.abs(start + slope * np.array(GAPS) - x).max() < 0.11


@pytest.mark.parametrize(
    ("n", "verdicts", "reading"),
    [
        (4, VERDICTS, "Of four sources two hurt, one helps and of one it cannot be told."),
        (2, ("hurts", "hurts"), "Of two sources two hurt."),
        (1, ("helps",), "The one source helps."),
        (1, ("cannot be told",), "Whether the one source hurts or helps cannot be told."),
    ],
)
def test_the_caption_counts(n, verdicts, reading):
    found = report(names=("a", "b", "c", "d")[:n], verdicts=verdicts)
    assert source_gaps(found, 1).reading == reading


def test_bars_are_as_long_as_their_weights():
    for drawing in source_weights(report(), 1).drawings:
        (bars,) = re.findall(r'<path class="hist" d="([^"]*)"', drawing)
        lengths = [np.ptp([x for x, _ in run]) for run in runs(bars)]
        assert np.array(lengths) / lengths[0] == pytest.approx([1.0, 0.25, 0.5], abs=0.002)


def test_weights_in_words():
    assert source_weights(report(), 1).reading == "near counts most: 1.0 of a target sample."
    assert (
        source_weights(report(weights=(0.5, 0.5, 0, 0)), 1).reading
        == "near and so so count most: 0.50 of a target sample."
    )
    assert source_weights(report(weights=(0, 0, 0, 0)), 1).reading == "Every source has weight 0."


def test_the_page_has_both_and_names_stay_text():
    found = report(names=HOSTILE[:4])
    inputs = {name: input_card(name, "source") for name in HOSTILE[:4]} | {"here": input_card("here", "target")}
    record = assemble("sources", inputs=inputs, backbones={}, sources=found)
    html = render_html(record)
    page = Page(html)
    assert len(page.all("figure")) == 2
    assert len(page.all("script")) == 2
    assert not [e for e in page.elements if e["tag"] in ("img", "i")]
    assert "\u202e" not in html.split('<script type="application/json"')[0]
    for told in (render_markdown(record), render_text(record)):
        assert "cannot be told" in told
