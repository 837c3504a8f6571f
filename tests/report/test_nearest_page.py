"""Several sources on the page: what is nearest, said only where the intervals say so, and pairs told apart."""

import re

import pytest
from handmade import HOSTILE
from handmade_sources import BACKBONES, SOURCES, TARGETS, order, several
from test_page import Page

from shiftscope.core.nearest import SourceDistance
from shiftscope.report import render_html, render_text
from shiftscope.report.answers import answers
from shiftscope.report.figures.nearest import nearest
from shiftscope.report.markdown import render_markdown
from shiftscope.report.nearest import NearestReading, nearest_lead, nearest_table, nearest_text, read_nearest
from shiftscope.report.ranked import read_rankings
from shiftscope.report.sections import target_sections, trust
from shiftscope.report.shifted import read_shifts
from shiftscope.report.verdicts import headline

PLAIN = str.maketrans(
    {"\N{NO-BREAK SPACE}": " ", "\N{MULTIPLICATION SIGN}": "x", "\N{EN DASH}": "-", "\N{MINUS SIGN}": "-"}
)
NEVER_BEST = "Nearest does not mean best to learn from"


@pytest.fixture(scope="module")
def record():
    return several()


def texts(row):
    return [cell.text.translate(PLAIN) for cell in row.cells]


def sections(record):
    return target_sections(read_rankings(record), read_shifts(record, {}), read_nearest(record, {}))


@pytest.mark.parametrize(
    ("gap", "half", "nearest", "undecided"),
    [
        (0.05, 0.04, "photo", ("photo",)),
        (0.05, 0.05, None, ("photo", "art_painting")),  # an interval that touches zero shows nothing
        (0.05, 0.06, None, ("photo", "art_painting")),
    ],
)
def test_nearest_is_who_all_others_are_shown_to_be_further_than(gap, half, nearest, undecided):
    found = order("sketch", gap=gap, half=half)
    assert found.nearest == nearest
    assert found.undecided == undecided


def test_one_clear_source_among_three_leaves_two():
    found = order("sketch", ("a", "b", "c"), gap=0.03, half=0.04)
    assert found.nearest is None
    assert found.undecided == ("a", "b")


def test_ratios_are_over_the_common_floor():
    found = order("sketch", floor=0.004)
    assert [found.ratio(row) for row in found.rows] == pytest.approx([25, 37.5])
    assert found.ratio_ends(found.rows[0]) == pytest.approx((25 - 1.959964 * 2, 25 + 1.959964 * 2))
    bare = order("sketch", floor=0.0)
    assert (bare.ratio(bare.rows[0]), bare.ratio_ends(bare.rows[0])) == (None, None)
    assert nearest([NearestReading(bare)], 1) is None
    assert texts(nearest_table([NearestReading(bare)]).rows[0])[2:4] == ["-", "-"]


def test_what_is_said_of_each_target(record):
    views = read_nearest(record, {})
    assert nearest_lead(views) == (
        "The source nearest to sketch is photo; which is nearest to cartoon, photo or art_painting, cannot be told."
    )
    assert NEVER_BEST in nearest_text(views)
    table = nearest_table(views)
    said = {tuple(cell.text for cell in row.cells[:2]): (row.cells[-1].text, row.chosen) for row in table.rows}
    assert said == {
        ("sketch", "photo"): ("nearest", True),
        ("sketch", "art_painting"): ("further", False),
        ("cartoon", "photo"): ("cannot be told", False),
        ("cartoon", "art_painting"): ("cannot be told", False),
    }
    assert texts(table.rows[1])[2:6] == ["38x", "[34, 41]", "+12x", "[+7.5, +18]"]


def test_other_backbones_are_counted():
    record = several(backbones=BACKBONES)
    made = record.model_copy(
        update={
            "source_orders": [
                order("sketch", SOURCES, BACKBONES[0]),
                order("sketch", SOURCES[::-1], BACKBONES[1]),
                order("sketch", SOURCES, BACKBONES[2], gap=0.01),
            ]
        }
    )
    (view,) = read_nearest(made, {})
    assert (view.order.backbone, len(view.others)) == (BACKBONES[0], 2)
    assert nearest_text([view]).startswith("Of two other backbones one names art_painting and one names none.")
    alone = NearestReading(view.order, view.others[:1])
    assert nearest_text([alone]).startswith("The other backbone names art_painting.")
    assert nearest_text([alone, alone]).startswith("The other backbone names art_painting for sketch.")
    (view,) = read_nearest(made, {"sketch": BACKBONES[1]})
    assert view.order.nearest == "art_painting"


def test_every_pair_has_a_section_of_its_own(record):
    made = sections(record)
    assert [s.id for s in made] == ["nearest", "shift", "shift-from-2", "shift-2", "shift-2-from-2"]
    assert made[0].title == "Which source is nearest?"
    assert [s.title for s in made[1:]] == [
        f"How far has {target} shifted from {source}, and how?" for target in TARGETS for source in SOURCES
    ]
    numbers = [picture.number for section in made for picture in section.pictures]
    assert numbers == [*range(1, len(numbers) + 1)]


def test_many_pairs_are_told_briefly():
    made = sections(several(("a", "b", "c"), gaps=(0.05, 0.05, 0.05)))
    assert "With so many pairs" in made[0].text
    for section in made[1:]:
        assert len(section.pictures) == 1
        assert section.tables[0][0] == "Within each class"
    few = sections(several())
    assert "With so many pairs" not in few[0].text
    assert all(len(section.pictures) == 5 for section in few[1:])


def test_one_source_reads_as_it_always_did(shift_record):
    (section,) = sections(shift_record)
    assert (section.id, section.title) == ("shift", "How far has the data shifted, and how?")


def test_headline_and_answers_speak_of_pairs(record):
    shifts, orders = read_shifts(record, {}), read_nearest(record, {})
    assert headline([], shifts) == "sketch and cartoon are shifted from photo and art_painting."
    found = answers([], shifts, orders)
    assert [(a.question, a.big) for a in found] == [("Shift of sketch", "2/2"), ("Shift of cartoon", "2/2")]
    assert found[0].say == "sketch is shifted from photo and art_painting. The source nearest to sketch is photo."


def test_headline_of_pairs_that_differ():
    record = several()
    still = [
        d.model_copy(
            update={"rows": [r.model_copy(update={"pvalue": 0.5, "pvalue_holm": 1.0}) for r in d.rows if r.pvalue]}
        )
        if (d.target, d.source) == ("cartoon", "photo")
        else d
        for d in record.diagnoses
    ]
    shifts = read_shifts(record.model_copy(update={"diagnoses": still}), {})
    assert trust(record, [], shifts).lead.startswith(
        "That sketch has moved from photo and art_painting is clear. A shift of cartoon from photo smaller than"
    )
    assert headline([], shifts) == (
        "sketch is shifted from photo; sketch and cartoon are shifted from art_painting; cartoon is not to be told "
        "apart from photo."
    )


def test_limits_name_the_source(record):
    found = trust(record, [], read_shifts(record, {}))
    assert found.lead == (
        "That sketch has moved from photo and art_painting is clear. That cartoon has moved from photo and "
        "art_painting is clear."
    )
    assert [column.head for column in found.samples[0].columns] == [
        "Class", "n\xa0cartoon", "n\xa0art_painting", "n\xa0photo",
    ]  # fmt: skip


def test_the_number_of_tests_stands_among_the_limits(record):
    tested = [d.model_copy(update={"n_tests": 8}) for d in record.diagnoses]
    made = record.model_copy(update={"diagnoses": tested})
    assert any("counts eight tests" in caveat for caveat in trust(made, [], read_shifts(made, {})).caveats)
    assert not any("counts" in caveat for caveat in trust(record, [], read_shifts(record, {})).caveats)


def test_terminal_and_markdown_have_the_table(record):
    text, lines = render_text(record, 120), render_markdown(record)
    assert "Targets by source, the least shift first, under mnv1_100_imagenet_embed." in text
    assert re.search(r"sketch +photo +25x +\[21, 29\] +- +- +nearest", text.translate(PLAIN))
    assert "## Which source is nearest?" in lines
    assert r"| **sketch** | **photo** | **25x** | **\[21, 29\]** |" in lines.translate(PLAIN)
    for place in (text, lines, render_html(record)):
        assert NEVER_BEST in place


def test_a_nearest_source_of_less_than_nothing_is_drawn():
    """An effect below zero has no place on a logarithmic axis: it stands at the left end."""
    low = SourceDistance(source="photo", effect=-0.001, effect_se=0.001)
    made = order("sketch")
    made = made.model_copy(update={"rows": [low, made.rows[1]]})
    picture = nearest([NearestReading(made)], 1)
    assert picture is not None
    assert texts(picture.table.rows[0])[2] == "-0.25x"


def test_hostile_names_stay_text():
    html = render_html(several(HOSTILE[:2], HOSTILE[3:5], gaps=(0.05, 0.01)))
    page = Page(html)
    assert "alert(1)</script>" not in html
    assert HOSTILE[4] in "".join(page.text)
