"""Layer profiles on a page and in a terminal: the sentences, the table, and marks that lie where their numbers say."""

import re

import numpy as np
import pytest
from handmade import HOSTILE, ZOO, assemble, rank_parts
from paths import points

from shiftscope.core.profile import LayerGain, LayerProfile, LayerScore, LayerTap
from shiftscope.report import render_html
from shiftscope.report.figures.profile import profile as figure
from shiftscope.report.markdown import render_markdown
from shiftscope.report.profiled import best_line, layer_lead, layer_table, layer_text
from shiftscope.report.ranked import read_rankings
from shiftscope.report.terminal import render_text

NBSP, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
SHOWN = LayerGain(value=0.041, low=0.01, high=0.072)
NOT_SHOWN = LayerGain(value=0.041, low=-0.01, high=0.092)


def tap(name, depth, value):
    scores = {
        "ridge": LayerScore(value=value, low=value - 0.03, high=value + 0.03),
        "logme": LayerScore(value=0.6 * value),
    }
    return LayerTap(name=name, depth=depth, dim=64, scores=scores)


def made(backbone, values=(0.4, 0.6, 0.758), *, best=None, gain=None, spread=0.02, noise=0.03, **more):
    taps = [tap(f"layer{i + 1}", (i + 1) / len(values), v) for i, v in enumerate(values)]
    chosen = best or taps[int(np.argmax(values))].name
    return LayerProfile(
        target="sketch", backbone=backbone, measure="ridge", level=0.95, taps=taps, best=chosen, gain=gain,
        spread=spread, noise=noise, **more,
    )  # fmt: skip


def earlier(backbone, **more):
    return made(backbone, (0.4, 0.799, 0.758), gain=SHOWN, **more)


def record(*profiles, zoo=ZOO[:3], **more):
    return assemble("rank", **rank_parts(zoo=zoo, **more), profiles=list(profiles))


def view(*profiles, **more):
    (found,) = read_rankings(record(*profiles, **more))
    return found


FIRST, SECOND, THIRD = (entry[0] for entry in ZOO[:3])


@pytest.mark.parametrize(
    ("profile", "lead"),
    [
        (
            earlier(FIRST),
            f"For a frozen head use layer2 of {FIRST}: +4.1{NBSP}points [1.0,{NBSP}7.2] over its last layer.",
        ),
        (made(FIRST), f"For a frozen head the last layer of {FIRST} will do: its profile is flat."),
        (
            made(FIRST, (0.4, 0.8, 0.76), gain=NOT_SHOWN, spread=0.2),
            f"For a frozen head the last layer of {FIRST} will do: no other is shown to be better.",
        ),
        (made(FIRST, (0.7,), spread=None, noise=None), f"Only the last layer of {FIRST} could be read."),
    ],
    ids=["earlier", "flat", "unclear", "one"],
)
def test_the_lead_says_what_to_do(profile, lead):
    assert layer_lead(view(profile)) == lead


def test_picking_the_best_is_owned_up_to():
    told = layer_text(view(earlier(FIRST)))
    assert "It is the best of three, picked by these samples: so the gain errs upward" in told
    assert "wide enough to allow for that" in told
    unsure = layer_text(view(made(FIRST, (0.4, 0.8, 0.76), gain=NOT_SHOWN)))
    ends = f"[{MINUS}1.0,{NBSP}9.2]"
    assert f"layer2 scores best, +4.1{NBSP}points {ends} over the last layer, which noise may explain." in unsure


def test_flatness_is_told_in_numbers():
    words = (
        f"Over the later half of {FIRST}, ridge accuracy differs by 2.0{NBSP}points at most: within what noise alone"
    )
    assert words in layer_text(view(made(FIRST)))
    assert f"can make of equal layers, 3.0{NBSP}points." in layer_text(view(made(FIRST)))
    assert "differs by 9.0" in layer_text(view(made(FIRST, spread=0.09)))
    assert "more than what noise alone can make" in layer_text(view(made(FIRST, spread=0.09)))
    assert "later half" not in layer_text(view(made(FIRST, spread=None, noise=None)))


def test_other_candidates_are_told_of():
    assert "no other candidate" not in layer_text(view(made(FIRST)))
    assert "Of no other candidate is an earlier layer shown to be better." in layer_text(
        view(made(FIRST), made(SECOND))
    )
    told = layer_text(view(made(FIRST), earlier(SECOND), earlier(THIRD)))
    assert f"An earlier layer is shown to be better in {SECOND} at layer2 and {THIRD} at layer2." in told
    names = [entry[0] for entry in ZOO[:6]]
    many = view(made(names[0]), *(earlier(n) for n in names[1:]), zoo=ZOO[:6])
    assert f"{names[3]} at layer2 and two more." in layer_text(many)


def test_layers_without_a_number_are_named():
    told = layer_text(view(made(FIRST, left_out={"layer0": "all 60 samples of sketch have equal features."})))
    assert "Without a number: layer0 (all 60 samples of sketch have equal features)." in told


def test_the_leading_profile_is_that_of_the_best_candidate():
    # The order of profiles in the record is not that of the ranking.
    assert f"of {FIRST}, the last scores best" in best_line(view(earlier(SECOND), made(FIRST)))
    assert f"of {SECOND}, layer2 scores best: 79.9{NBSP}%" in best_line(view(earlier(SECOND)))


def test_the_table_has_every_candidate_and_the_data_table_every_layer():
    found = view(earlier(SECOND), made(FIRST), made(THIRD, (0.4, 0.8, 0.76), gain=NOT_SHOWN, spread=0.2))
    rows = [[cell.text for cell in row.cells] for row in layer_table(found).rows]
    assert [row[0] for row in rows] == [FIRST, SECOND, THIRD]
    assert rows[0][1:4] == ["layer3 (last)", "100", "75.8"]
    assert rows[1][1:5] == ["layer2", "67", "79.9", f"+4.1 [1.0,{NBSP}7.2]"]
    assert [row[-1] for row in rows] == ["flat", "earlier is better", "unclear"]
    data = figure(found, 1).table
    assert [c.head for c in data.columns] == [
        "Candidate", "Layer", "Depth, %", "Width", "Accuracy, %", f"95{NBSP}% interval", "LogME gain",
    ]  # fmt: skip
    assert len(data.rows) == 9
    assert [row.cells[1].text for row in data.rows if row.chosen] == ["layer3", "layer2", "layer2"]


def paths(svg, css):
    return re.findall(rf'<path class="{css}" d="([^"]*)"', svg)


def test_marks_lie_where_their_numbers_say():
    values = (0.4, 0.8, 0.7, 0.76)
    wide = figure(view(made(FIRST, values)), 1).drawings[0]
    (line,) = [run for run in (points(p) for p in paths(wide, "iv p")) if len(run) == 4]
    x, y = np.array(line).T
    assert np.allclose(np.diff(x), np.diff(x)[0], atol=0.11)
    slope, start = np.polyfit(values, y, 1)
    assert slope < 0
    assert np.abs(y - (start + slope * np.array(values))).max() < 0.06
    # Discs are lines of no length; the best layer is the one that no hole covers.
    dots = {p for path in paths(wide, "dot p") for p in points(path)}
    holes = {p for path in paths(wide, "dot hole") for p in points(path)}
    assert dots - holes == {line[1]}
    bars = np.array(next(points(p) for p in paths(wide, "iv p") if len(points(p)) == 8))
    assert np.allclose(np.abs(bars[::2, 1] - bars[1::2, 1]), 0.06 * abs(slope), atol=0.11)


def test_five_lines_at_most_are_drawn_and_the_note_says_so():
    names = [entry[0] for entry in ZOO[:8]]
    picture = figure(view(*(made(n) for n in names), zoo=ZOO[:8]), 1)
    assert "5 of 8 candidates are drawn" in picture.note
    assert sum(name in picture.drawings[0] for name in names) == 5
    assert len(picture.table.rows) == 24
    assert "are drawn" not in figure(view(made(FIRST)), 1).note


def test_names_at_the_ends_do_not_touch():
    names = [entry[0] for entry in ZOO[:5]]
    for drawing in figure(view(*(made(n) for n in names), zoo=ZOO[:5]), 1).drawings:
        at = [
            float(y)
            for x, y in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)">(?:mn|res|raw|random|chance)', drawing)
        ]
        assert len(at) == 8
        assert np.diff(sorted(at)).min() >= 13.9
        assert max(at) <= 24 + 210 + 5


def test_references_are_those_that_were_scored():
    wide = figure(view(made(FIRST)), 1).drawings[0]
    for words in ("raw pixels 41.1", f"random weights {100 * ZOO[0][3 + 1]:.1f}", "chance 14.3"):
        assert words in wide
    bare = rank_parts(zoo=ZOO[:1])
    rows = [r.model_copy(update={"random_copy": None}) for r in bare["rankings"][0].rows if not r.baseline]
    bare["rankings"] = [bare["rankings"][0].model_copy(update={"rows": rows})]
    (alone,) = read_rankings(assemble("rank", **bare, profiles=[made(FIRST)]))
    picture = figure(alone, 1)
    assert "raw pixels" not in picture.drawings[0]
    assert "Random weights" not in picture.note


def test_a_page_has_the_section_once_and_a_terminal_the_table():
    profiles = [earlier(FIRST), made(SECOND)]
    page, plain = render_html(record(*profiles)), render_html(record())
    assert page.count('<section id="layers">') == 1
    assert "For a frozen head use layer2" in page
    assert '<dt>Which layer?</dt><dd class="big">earlier</dd>' in page
    assert "layers" not in plain.partition('<script type="application/json"')[0].partition("<body>")[2].replace(
        "all layers", ""
    )
    assert "Best layer" in render_text(record(*profiles))
    assert "Best layer" not in render_text(record())
    assert "## Which layer should I use?" in render_markdown(record(*profiles))
    # Figures count on through the sections.
    numbers = [int(n) for n in re.findall(r"Fig\. (\d+)\.", page)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_names_are_text_wherever_they_come_from():
    zoo = tuple((name, name, name, *ZOO[i][3:]) for i, name in enumerate(HOSTILE))
    profiles = []
    for name in HOSTILE:
        taps = [tap(f"{name}{i}", (i + 1) / 2, 0.5 + 0.1 * i) for i in range(2)]
        base = made(name, left_out={name: name})
        profiles.append(base.model_copy(update={"taps": taps, "best": taps[1].name}))
    page = render_html(record(*profiles, zoo=zoo))
    for name in HOSTILE:
        if "<" in name:
            assert name not in page
