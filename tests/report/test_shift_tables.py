"""Single samples and extents of a shift, as page and terminal tell them."""

import re

import pytest
from handmade import HOSTILE, assemble, card, input_card, shift_parts

from shiftscope.core.shift import Copies, CopyPair, ShiftRow, Witness
from shiftscope.report import render_html
from shiftscope.report.caveats import caveats, trust_lead
from shiftscope.report.figures.effect import effect
from shiftscope.report.page import EMPTY
from shiftscope.report.shift_tables import copy_table, witness_tables
from shiftscope.report.shifted import read_shifts
from shiftscope.report.terminal import render_text
from shiftscope.report.verdicts import how_far, shift_headline

MINUS = "\N{MINUS SIGN}"
PLAIN = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NON-BREAKING HYPHEN}": "-", MINUS: "-"})
NOT_SHOWN = "Not shown to be beyond noise"


def plain(text):
    return text.translate(PLAIN)


def sampled(*, moved=True, names=None, copies=None, row=None):
    """A record with 12 witnesses on each side; ``row`` is what to change of the row of MMD."""
    names = names or [f"dog/{i:02d}.jpg" for i in range(12)]
    witnesses = [
        Witness(side=side, id=name, label="dog", value=sign * (0.3 - 0.01 * i), nearest=f"cat/{i}.png", distance=0.4)
        for side, sign in (("target", -1), ("source", 1))
        for i, name in enumerate(names)
    ]
    parts = shift_parts(moved=moved)
    first, *rest = parts["diagnoses"][0].rows
    rows = [first.model_copy(update=row or {}), *rest]
    changed = {"witnesses": witnesses, "copies": copies or Copies(n_exact=0, n_near=0, typical=0.31), "rows": rows}
    parts["diagnoses"] = [parts["diagnoses"][0].model_copy(update=changed)]
    inputs = {"sketch": input_card("sketch", "target", n=80), "photo": input_card("photo", "source")}
    backbones = {"mnv1_100_imagenet_embed": card("mnv1_100_imagenet_embed")}
    return assemble("shift", inputs=inputs, backbones=backbones, **parts)


def view(record):
    return read_shifts(record, {})[0]


def test_page_has_all_witnesses_and_the_terminal_three_of_each_side():
    record = sampled()
    html, text = render_html(record), render_text(record)
    for side in ("sketch most unlike photo", "photo most unlike sketch"):
        start = html.index(f'<caption class="vh">Samples of {side}')
        assert html[start : html.index("</table>", start)].count("dog/") == 12
        assert f"Samples of {side}, the most first." in text
    assert text.count("dog/") == 6
    assert len(re.findall(r"dog/0[012]\.jpg", text)) == 6
    first, second = witness_tables(view(record))
    assert [c.text for c in first.rows[0].cells] == ["dog/00.jpg", "dog", f"{MINUS}0.300", "cat/0.png", "0.40"]
    assert second.rows[0].cells[2].text == "0.300"
    assert "samples of one side have 0.31 between them" in first.note


def test_no_witnesses_of_a_shift_that_no_test_sees():
    record = sampled(moved=False)
    assert witness_tables(view(record)) == []
    assert "most unlike" not in render_html(record) + render_text(record)


def test_samples_without_a_class_have_no_column_for_it():
    record = sampled()
    bare = [w.model_copy(update={"label": ""}) for w in record.diagnoses[0].witnesses]
    made = record.model_copy(
        update={"diagnoses": [record.diagnoses[0].model_copy(update={"witnesses": bare, "copies": None})]}
    )
    table = witness_tables(view(made))[0]
    assert [c.head for c in table.columns] == ["Sample", "Witness", "Nearest in photo", "Distance"]
    assert table.note.endswith("1 minus the cosine.")


def test_copies_in_a_table():
    pairs = [
        CopyPair(source="a.jpg", target="b.jpg", exact=True),
        CopyPair(source="c.jpg", target="d.jpg", exact=False, distance=0.0123),
    ]
    copies = Copies(n_exact=1, n_near=30, n_compared=560, limit=0.25, typical=0.4, examples=pairs)
    record = sampled(copies=copies)
    table = copy_table(view(record))
    assert table.caption == "Samples of sketch with a copy in photo; 2 of 31"
    assert [[c.text for c in row.cells] for row in table.rows] == [
        ["b.jpg", "a.jpg", "same content", EMPTY],
        ["d.jpg", "c.jpg", "nearly the same features", "0.012"],
    ]
    assert "On both sides" in render_html(record)
    assert copy_table(view(sampled())) is None


def test_names_of_samples_are_text():
    pairs = [CopyPair(source=name, target=name, exact=True) for name in HOSTILE]
    record = sampled(names=list(HOSTILE), copies=Copies(n_exact=6, n_near=0, examples=pairs))
    html = render_html(record)
    assert "<script>alert(1)" not in html
    seen = html.split('<script type="application/json"')[0] + render_text(record)
    assert "\\u202egnirts desrever" in seen
    assert "\u202e" not in seen


@pytest.mark.parametrize(
    ("value", "se", "says"),
    [
        (0.214, 0.004, "Very far: MMD² is 48 times [46, 49] what halves of one side differ by."),
        (0.040, 0.004, "Far: MMD² is 8.9 times [7.1, 11] what halves of one side differ by."),
        (0.040, 0.010, "Far: MMD² is 8.9 times [4.5, 13] what halves of one side differ by."),
        (0.040, 0.015, "Somewhat: MMD² is 8.9 times [2.4, 15] what halves of one side differ by."),
        (0.009, 0.004, f"{NOT_SHOWN}: MMD² is 2.0 times [0.26, 3.7] what halves of one side differ by."),
        (0.003, 0.004, f"{NOT_SHOWN}: MMD² is 0.67 times [-1.1, 2.4] what halves of one side differ by."),
        (-0.001, 0.004, f"{NOT_SHOWN}: the effect on MMD² is not above zero."),
    ],
)
def test_how_far_goes_by_the_interval(value, se, says):
    row = {"effect": value, "effect_se": se}
    untested = {"pvalue": 0.9, "pvalue_holm": 0.9}
    assert plain(how_far(view(sampled(moved=False, row=row | untested)))) == says
    # A test that rejects is told where the size alone would not say it.
    rejects = plain(how_far(view(sampled(row=row))))
    assert rejects == says + (" A test tells the sides apart all the same." if says.startswith("Not") else "")


def measured(*effects, rejects=False):
    """What the figure says of measures by effect, with one interval and a floor of 1 for all."""
    names = ("mmd", "proxy_a", "wasserstein", "frechet")
    p = 0.01 if rejects else 0.9
    rows = [
        ShiftRow(measure=m, value=1.0, pvalue=p, pvalue_holm=p, effect=e, effect_se=0.5, floor=1.0)
        for m, e in zip(names, effects, strict=False)
    ]
    record = sampled()
    record = record.model_copy(update={"diagnoses": [record.diagnoses[0].model_copy(update={"rows": rows})]})
    return plain(effect(view(record), 1).reading)


def test_the_figure_of_effects_says_no_more_than_their_intervals():
    assert measured(0.6, 0.5) == "No measure is shown to lie beyond its noise floor."
    assert measured(1.5, rejects=True) == (
        "The one measure is not shown to lie beyond its noise floor. A test tells the sides apart all the same."
    )
    assert measured(20.0) == "The one measure, MMD², is 20 times its noise floor."
    assert measured(0.6, 20.0) == (
        "One of two measures lies beyond its noise floor: proxy A-distance, which is 20 times its floor."
    )
    assert measured(5.0, 1.5, 20.0) == (
        "Two of three measures lie beyond their noise floor; "
        "Wasserstein distance is the farthest, at 20 times its floor."
    )
    assert measured(5.0, 20.0) == (
        "Every measure lies beyond its noise floor; proxy A-distance is the farthest, at 20 times its floor."
    )


def test_a_test_that_rejects_makes_no_shift_of_an_effect_that_may_be_noise():
    unsure = view(sampled(row={"effect": 0.009, "effect_se": 0.004}))
    assert unsure.verdict == "small"
    assert shift_headline(unsure) == "sketch differs from photo, not clearly by more than the noise floor."


def test_terminal_and_page_tell_the_extent_of_every_measure():
    text = render_text(sampled())
    assert text.count("very far") == 3
    assert "far" in text.split("Fréchet")[1].split("\n")[0]
    html = render_html(sampled())
    assert "[46, 49]".replace(" ", "\N{NO-BREAK SPACE}") in html


def test_what_a_test_that_did_not_reject_would_have_found():
    unsure = view(sampled(moved=False, row={"detectable": 0.0123}))
    said = trust_lead([], [unsure])
    assert "not ruled out: one with MMD² of 0.0123 would have been found in four of five cases" in said
    assert "smaller than this sample can show" in trust_lead([], [view(sampled(moved=False))])


def limits_of_labels(**kinds):
    """Limits that tell of classes when the sides have labels of these kinds."""
    record = sampled()
    inputs = {
        name: card if kinds[card.role] == "class" else card.model_copy(update={"kind": kinds[card.role], "classes": {}})
        for name, card in record.inputs.items()
    }
    made = record.model_copy(update={"inputs": inputs})
    return [said for said in caveats(made, [], read_shifts(made, {})) if "compared" in said]


def test_classes_of_one_side_and_labels_of_one_side_are_told_apart():
    assert limits_of_labels(source="class", target="class") == ["Only the source has cello and harp: not compared."]
    said = ["Only photo has class labels: it is not compared with sketch class by class."]
    assert limits_of_labels(source="class", target="none") == said
    assert limits_of_labels(source="class", target="real") == said
    said = ["Only sketch has class labels: it is not compared with photo class by class."]
    assert limits_of_labels(source="none", target="class") == said
    assert limits_of_labels(source="none", target="none") == []
