"""Sentences are chosen by rule: the same record always says the same, and never more than it holds."""

import itertools

import pytest
from handmade import FINDINGS, ZOO, assemble, input_card, rank_parts, shift_parts

from shiftscope.report import render_html
from shiftscope.report.answers import answers
from shiftscope.report.ranked import read_rankings, recommended
from shiftscope.report.sections import findings_line, grouped_findings
from shiftscope.report.shifted import read_shifts
from shiftscope.report.verdicts import headline, rank_lead, shift_lead


def read(record):
    rankings = read_rankings(record)
    return rankings, read_shifts(record, recommended(rankings))


def said(record):
    return headline(*read(record))


def test_one_clear_leader():
    assert said(assemble("rank", **rank_parts(sharp=3.0))) == "Start from mnv1_100_imagenet_embed."


def test_leaders_that_cannot_be_told_apart(rank_record):
    assert said(rank_record) == "Start from mnv1_100_imagenet_embed; two others cannot be told apart from it."
    two = assemble("rank", **rank_parts(zoo=ZOO[:2], sharp=1.0))
    assert (
        said(two)
        == "mnv1_100_imagenet_embed and mnv1_075_imagenet cannot be told apart; start from mnv1_100_imagenet_embed."
    )


def test_no_candidate_beats_raw_pixels(worse_record):
    assert said(worse_record) == "No candidate scores above raw pixels."
    assert "raw pixels" in rank_lead(read_rankings(worse_record)[0])
    assert "What next?" in [a.question for a in answers(*read(worse_record))]


def test_several_targets(large_record):
    assert said(large_record) == "Start from mnv1_100_imagenet_embed on sketch, art_painting and cartoon."


def test_one_candidate(lone_record):
    assert said(lone_record) == "mnv1_100_imagenet_embed is the only candidate."


def test_nothing(empty_record):
    assert said(empty_record) == "Nothing was measured."
    assert "Nothing was measured." in render_html(empty_record)


def test_shift_verdicts(shift_record, still_record):
    assert said(shift_record) == "sketch has shifted from photo."
    assert said(still_record) == "sketch cannot be told apart from photo."
    lead = shift_lead(read(shift_record)[1][0]).replace("\N{NO-BREAK SPACE}", " ")
    assert "MMD² is 48 times its noise floor, Holm p = 0.004" in lead
    assert "All seven classes have moved" in lead


@pytest.mark.parametrize(
    ("p", "effect", "verdict"),
    [(0.01, 0.2, "moved"), (0.01, 0.002, "small"), (0.2, 0.2, "unclear"), (None, 0.2, "untested")],
)
def test_shift_verdict_needs_test_and_effect(p, effect, verdict):
    parts = shift_parts()
    row = parts["diagnoses"][0].rows[0].model_copy(update={"pvalue": p, "pvalue_holm": p, "effect": effect})
    diagnosis = parts["diagnoses"][0].model_copy(update={"rows": [row]})
    record = assemble("shift", inputs={}, backbones={}, diagnoses=[diagnosis])
    assert read(record)[1][0].verdict == verdict


def test_gains_are_those_of_the_point_values(rank_record):
    first = read_rankings(rank_record)[0].candidates[0]
    assert first.over_pixels.value == pytest.approx(0.799 - 0.411)
    assert first.over_random.value == pytest.approx(0.799 - 0.214)
    lead = rank_lead(read_rankings(rank_record)[0]).replace("\N{NO-BREAK SPACE}", " ")
    assert "38.8 points above raw pixels and 58.5 points above its own architecture" in lead
    assert "79.9 % ridge accuracy on sketch [77.0, 82.8]" in lead


def test_best_set_is_the_smallest_that_holds_the_level(rank_record):
    view = read_rankings(rank_record)[0]
    share = {c.row.backbone: c.row.p_best for c in view.candidates}
    sizes = [
        k
        for k in range(1, 5)
        for group in itertools.combinations(share, k)
        if view.best.row.backbone in group and sum(share[b] for b in group) >= view.ranking.level
    ]
    assert len(view.best_set) == min(sizes)
    assert sum(c.row.p_best for c in view.best_set) >= view.ranking.level


def test_front_is_what_nothing_beats(rank_record):
    view = read_rankings(rank_record)[0]
    usable = [c for c in view.candidates if c.over_pixels.value > 0]

    def beaten(c):
        return any(
            o.flops <= c.flops
            and o.quality.value >= c.quality.value
            and (o.flops, o.quality.value) != (c.flops, c.quality.value)
            for o in usable
        )

    assert {c.name for c in view.front} == {c.name for c in usable if not beaten(c)}


def test_findings_are_ordered_and_counted():
    record = assemble("run", **rank_parts(), findings=FINDINGS)
    assert [g.code for g in grouped_findings(record, [])] == ["DQ303", "ST101", "PW401"]
    assert findings_line(FINDINGS, ["mnv1_100_imagenet_embed"]) == "One error, one warning and one note."
    assert findings_line(FINDINGS, ["resnet8_cifar10"]).endswith("None is about the recommended model.")


@pytest.mark.parametrize(
    "change",
    [{"subject": "net"}, {"evidence": {"candidates": ["net", "other"]}}, {"evidence": {"backbones": ["net"]}}],
)
def test_a_note_that_names_the_recommended_model_is_about_it(change):
    note = FINDINGS[1].model_copy(update=change)
    assert findings_line([note], ["net"]) == "One note."
    assert findings_line([note], ["third"]) == "One note. None is about the recommended model."


@pytest.mark.parametrize(
    ("moved", "tested", "lead", "say"),
    [
        (1, 1, "The one class has moved on its own.", "of one class has moved by a test of its own: person."),
        (1, 7, "One of seven classes has moved on its own.", "of seven classes has moved by a test of its own: "),
        (2, 2, "Both classes have moved on their own.", "of two classes have moved by tests of their own: person and"),
        (3, 3, "All three classes have moved on their own.", "of three classes have moved by tests of their own: "),
        (2, 3, "Two of three classes have moved on their own.", "of three classes have moved by tests of their own: "),
        (0, 7, "No class by itself can be told from noise.", "of seven classes have moved by tests of their own."),
        (0, 1, "No class by itself can be told from noise.", "of one class has moved by a test of its own."),
    ],
)
def test_classes_are_counted_in_whole_sentences(moved, tested, lead, say):
    parts = shift_parts()
    order = sorted((c for c in parts["diagnoses"][0].per_class if c.value is not None), key=lambda c: -c.value)
    classes = [c.model_copy(update={"pvalue_holm": 0.01 if i < moved else 0.9}) for i, c in enumerate(order[:tested])]
    diagnosis = parts["diagnoses"][0].model_copy(update={"per_class": classes})
    shifts = read_shifts(assemble("shift", inputs={}, backbones={}, diagnoses=[diagnosis]), {})
    assert shift_lead(shifts[0]).endswith(f". {lead}")
    (answer,) = [a for a in answers([], shifts) if a.question == "Which classes?"]
    assert answer.big == str(moved)
    assert answer.say.startswith(say)


def test_many_findings_of_one_code_are_folded_with_the_recommended_first():
    many = [FINDINGS[0].model_copy(update={"subject": f"net_{i}", "title": f"net {i} has moved."}) for i in range(17)]
    record = assemble("run", **rank_parts(), findings=[*many, FINDINGS[0]])
    (group,) = grouped_findings(record, ["mnv1_100_imagenet_embed"])
    assert group.first[0].subject == "mnv1_100_imagenet_embed"
    assert (len(group.first), len(group.rest)) == (3, 15)
    html = render_html(record)
    assert "15 more of ST101" in html
    assert all(f.title in html for f in many)


def test_of_those_that_share_the_first_rank_the_surer_is_recommended():
    parts = rank_parts(zoo=ZOO[:3])
    first, second, *rest = parts["rankings"][0].rows
    rows = [first.model_copy(update={"p_best": 0.4}), second.model_copy(update={"p_best": 0.58, "rank": 1}), *rest]
    record = assemble("rank", **(parts | {"rankings": [parts["rankings"][0].model_copy(update={"rows": rows})]}))
    assert said(record).endswith("start from mnv1_075_imagenet.")


def test_shift_is_read_under_the_recommended_backbone(full_record):
    rankings, shifts = read(full_record)
    assert shifts[0].diagnosis.backbone == rankings[0].best.row.backbone
    assert len(shifts[0].others) == 2


def test_a_measure_nobody_listed_goes_by_its_own_name():
    parts = rank_parts()
    renamed = [r.model_copy(update={"measure": "my_score"}) for r in parts["results"] if r.measure == "logme"]
    html = render_html(assemble("rank", **(parts | {"results": renamed})))
    assert "my_score" in html
    assert "Fig. 1. My_score of the candidates" in html


def test_broken_null_is_left_out():
    whole = shift_parts()
    for details in ({}, {"null_edges": [0.0, 1.0]}, {"null_edges": [0.0, 1.0], "null_counts": [1, 2]}):
        parts = shift_parts(details=details)
        record = assemble("shift", inputs={}, backbones={}, **parts)
        assert read(record)[1][0].null is None
        assert "shuffl" not in render_html(record)
    assert read(assemble("shift", inputs={}, backbones={}, **whole))[1][0].null.n == 999


def test_thirty_candidates_are_all_in_the_tables():
    zoo = tuple((f"net_{i:02d}", *ZOO[i % 18][1:]) for i in range(34))
    html = render_html(assemble("rank", **rank_parts(zoo=zoo)))
    assert "20 of 34 candidates are drawn, the table has all" in html
    for table in ("All candidates on", "Cost per image"):
        start = html.index(f'<caption class="vh">{table}')
        rows = html[start : html.index("</table>", start)]
        assert all(f"net_<wbr>{i:02d}<" in rows for i in range(34))


def test_target_without_labels_is_named_so():
    inputs = {"t": input_card("t", "target", classes=(), kind="none"), "s": input_card("s", "source")}
    record = assemble("shift", inputs=inputs, backbones={}, **shift_parts("t", "s"))
    html = render_html(record)
    assert "Target <b>t</b>, 120 samples" in html
    assert "Source <b>s</b>, 840 labelled samples, 7 classes" in html


def test_probes_are_named_after_what_they_predict():
    for kind, words in (("real", "Held-out R²"), ("multilabel", "Held-out mean AUC"), ("class", "Held-out accuracy")):
        parts = rank_parts()
        parts["inputs"] = {"sketch": input_card("sketch", "target", kind=kind)}
        html = render_html(assemble("rank", **parts))
        assert f"Fig. 1. {words} of the candidates" in html
        assert ("chance 14.3" in html) == (kind == "class")
