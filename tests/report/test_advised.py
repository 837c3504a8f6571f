"""What a person is told to do: the action, the reasons, the two to try, and what the order is worth."""

import html as markup
import re

import pytest
from handmade import ZOO, assemble, rank_parts, with_gains
from handmade_forecasts import CURVE, REASONS, advice, arms, strategy
from paths import points

from shiftscope.core.records import Choice, Published
from shiftscope.core.strategy import LearningPoint
from shiftscope.report import render_html, render_text
from shiftscope.report.advised import advice_lines, reasons, regret_line, strategy_lead, two_line
from shiftscope.report.answers import answers
from shiftscope.report.caveats import caveats
from shiftscope.report.figures.learning import learning
from shiftscope.report.markdown import render_markdown
from shiftscope.report.rank_tables import origin_table
from shiftscope.report.ranked import read_rankings
from shiftscope.report.verdicts import order_line

LESS = " (counting sampling noise of the probe only, which against the ground truth was about two points too little)."
FIRST, SECOND = ZOO[0][0], ZOO[1][0]


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NON-BREAKING HYPHEN}", "-")


def view_of(parts):
    (view,) = read_rankings(assemble("rank", **parts))
    return view


def what_next(view):
    (answer,) = [a for a in answers([view], []) if a.question == "What next?"]
    return answer


ACTIONS = {
    "head": "Train a head on frozen features of",
    "last_stage": "Train only the last stage of",
    "full": "Fine-tune all layers of",
    "scratch": "Do not transfer from",
}


@pytest.mark.parametrize("action", ACTIONS)
def test_the_action_leads(action):
    view = view_of(advice(rank_parts(), action=action))
    assert strategy_lead(view).startswith(f"{ACTIONS[action]} {FIRST}")
    html = render_html(assemble("rank", **advice(rank_parts(), action=action)))
    section = html[html.index('<section id="advice">') :]
    assert section.index("<h2>What should I do?</h2>") < section.index(strategy_lead(view)) < section.index("<li>")


@pytest.mark.parametrize("action", ["head", "last_stage", "full"])
def test_two_runs_are_the_two_that_are_advised(action):
    view = view_of(advice(rank_parts(), action=action))
    assert len(view.best_set) > 1
    found = what_next(view)
    assert (found.big, found.unit) == ("2", "runs")
    assert found.say.startswith(f"{ACTIONS[action]} {FIRST} and {SECOND} on sketch and keep the better.")
    assert ("Search the learning rate of AdamW from 0.003 to 0.03." in found.say) == (action != "head")
    assert "1.2 points of ridge accuracy" in plain(found.say)
    assert "0.4 points with the two" in plain(found.say)


def test_the_two_need_not_be_the_first_two():
    parts = advice(rank_parts())
    (ranking,) = parts["rankings"]
    why = "best published accuracy on its source"
    odd = Choice(backbones=[FIRST, ZOO[6][0]], why=why, expected_regret=0.002)
    changed = ranking.model_copy(update={"choices": [ranking.choices[0], odd]})
    view = view_of(parts | {"rankings": [changed]})
    assert f"{FIRST} and {ZOO[6][0]} on sketch" in what_next(view).say
    assert f"take {FIRST} and {ZOO[6][0]} ({why}), and keep the better" in two_line(view)


def test_a_clear_first_needs_one_run():
    found = what_next(view_of(advice(rank_parts(sharp=3.0))))
    assert (found.big, found.unit) == ("1", "run")
    trial = "as far as sampling noise of the probe goes, no other candidate needs a trial"
    assert f"Fine-tune all layers of {FIRST} on sketch; {trial}." in found.say
    assert SECOND not in found.say
    assert "the two" not in found.say


def test_no_run_where_transfer_is_advised_against():
    found = what_next(view_of(advice(rank_parts(), action="scratch")))
    assert (found.big, found.unit) == ("0", "runs")
    assert found.say.startswith(f"Do not transfer from {FIRST}: train from scratch")
    assert found.say.endswith(REASONS[0].says)


def test_where_none_beats_raw_pixels_the_advice_comes_second():
    found = what_next(view_of(advice(with_gains(rank_parts(zoo=ZOO[-3:]), 0.3))))
    assert found.big == "0"
    assert "none of them can be told apart from raw pixels" in found.say
    assert found.say.endswith(f"To use one nevertheless: fine-tune all layers of {ZOO[-3][0]}.")


@pytest.mark.parametrize(
    ("regrets", "said"),
    [
        ((0.012, 0.004), "1.2 points of ridge accuracy with {} alone, 0.4 points with the two"),
        ((0.0, 0.0), "less than 0.1 points of ridge accuracy with {} alone, and as much with the two"),
        ((0.0004, 0.0), "less than 0.1 points of ridge accuracy with {} alone, and as much with the two"),
        ((0.02, 0.0), "2.0 points of ridge accuracy with {} alone, less than 0.1 points with the two"),
        ((0.02, None), "2.0 points of ridge accuracy with {} alone"),
        ((None, None), ""),
    ],
)
def test_regret_is_told_in_points(regrets, said):
    line = plain(regret_line(view_of(advice(rank_parts(), regrets=regrets))))
    assert line == (f"Expected to be given up against trying all 18: {said.format(FIRST)}{LESS}" if said else "")


def test_of_two_candidates_nothing_is_left_to_regret_with_both():
    line = plain(regret_line(view_of(advice(rank_parts(zoo=ZOO[:2])))))
    assert line.endswith(f"1.2 points of ridge accuracy with {FIRST} alone{LESS}")
    assert regret_line(view_of(advice(rank_parts(zoo=ZOO[:1])))) == ""
    assert two_line(view_of(advice(rank_parts(zoo=ZOO[:1])))) == ""


def test_choices_without_advice_are_told_without_an_action():
    """Multi-label and real targets have a ranking and two to try, but no forecast."""
    parts = advice(rank_parts())
    view = view_of(parts | {"forecasts": [], "strategies": []})
    assert what_next(view).say.startswith(f"Train {FIRST} and {SECOND} on sketch and keep the better.")
    assert advice_lines(view) == [two_line(view)]
    html = render_html(assemble("rank", **(parts | {"forecasts": [], "strategies": []})))
    assert 'id="advice"' not in html


def test_reasons_keep_their_order_and_say_how_they_stand():
    view = view_of(advice(rank_parts()))
    assert [(w.says, w.rule, w.standing) for w in reasons(view)] == [
        (REASONS[0].says, "enough-labels", "scored against ground truth"),
        (REASONS[1].says, "learning-rate", "unscored"),
    ]
    html = render_html(assemble("rank", **advice(rank_parts())))
    found = re.findall(r"<li>(.*?) <span class=\"muted\">Rule <code>(.*?)</code>, (.*?)</span></li>", html)
    assert found == [(w.says, w.rule, w.standing) for w in reasons(view)]


def test_the_curve_is_a_figure_with_its_numbers():
    view = view_of(advice(rank_parts()))
    figure = learning(view, 7)
    assert plain(figure.reading) == "From 420 to 840 labelled samples the probe gained 3.9 points."
    assert [(r.cells[0].text, r.cells[1].text) for r in figure.table.rows] == [
        ("210", "70.0"),
        ("420", "76.0"),
        ("840", "79.9"),
    ]
    for drawing in figure.drawings:
        (dot,) = re.findall(r'<path class="dot p" d="([^"]*)"', drawing)[-1:]
        (curve,) = re.findall(r'<path class="iv p" d="([^"]*)"', drawing)
        xs, ys = zip(*points(curve), strict=True)
        # Doubling the samples is the same way along a log axis; up is better.
        assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
        assert (ys[0] - ys[1]) / (ys[1] - ys[2]) == pytest.approx(0.06 / 0.039, rel=0.02)
        assert dot.startswith(f"M{xs[2]:g} {ys[2]:g}")
        assert len(re.findall("M", re.findall(r'class="ref" d="([^"]*)"', drawing)[0])) == 2


def test_a_curve_that_falls_is_said_to_fall():
    parts = advice(rank_parts())
    falling = [*CURVE[:2], LearningPoint(n=840, accuracy=0.75)]
    found = learning(view_of(parts | {"strategies": [strategy("sketch", FIRST, curve=falling)]}), 1)
    assert plain(found.reading).endswith("the probe lost 1.0 points.")


@pytest.mark.parametrize("curve", [[], CURVE[:1]])
def test_without_a_curve_there_is_no_figure(curve):
    parts = advice(rank_parts()) | {"strategies": [strategy("sketch", FIRST, curve=curve)]}
    assert learning(view_of(parts), 1) is None
    assert "the probe gained" not in render_html(assemble("rank", **parts))


@pytest.mark.parametrize(
    ("w", "words"),
    [
        (1.0, "agree closely"),
        (0.9, "agree closely"),
        (0.89, "agree by and large"),
        (0.7, "agree by and large"),
        (0.6, "agree in part only"),
        (0.49, "disagree"),
        (0.0, "disagree"),
    ],
)
def test_agreement_of_the_measures_in_words(w, words):
    parts = rank_parts()
    (ranking,) = parts["rankings"]
    line = plain(order_line(view_of(parts | {"rankings": [ranking.model_copy(update={"kendall_w": w})]})))
    assert f"These measures {words} on it (Kendall's W {w:.2f}, from 0 to 1)." in line
    assert "Kendall" not in order_line(view_of(parts))


def test_published_accuracy_is_a_column_only_where_there_is_any():
    parts = rank_parts()
    heads = [plain(c.head) for c in origin_table(view_of(parts)).columns]
    assert "Published top-1, %" not in heads
    assert "Published" not in origin_table(view_of(parts)).note
    card = parts["backbones"][SECOND].model_copy(update={"published": Published(dataset="<b>ImageNet", top1=0.706)})
    told = view_of(parts | {"backbones": parts["backbones"] | {SECOND: card}})
    table = origin_table(told)
    at = [plain(c.head) for c in table.columns].index("Published top-1, %")
    assert [row.cells[at].text for row in table.rows[:3]] == ["\N{EN DASH}", "70.6", "\N{EN DASH}"]
    assert table.rows[1].cells[at + 1].text == "<b>ImageNet"
    assert "never changes the order" in table.note
    record = assemble("rank", **(parts | {"backbones": parts["backbones"] | {SECOND: card}}))
    assert "&lt;b&gt;ImageNet" in render_html(record)
    assert "70.6" not in render_text(record)


def test_the_probability_of_being_best_is_explained(rank_record):
    view = read_rankings(rank_record)[0]
    (sure,) = [a for a in answers([view], []) if a.question == "How sure?"]
    assert "100 draws of half the samples with the least mean rank over LogME gain" in sure.say
    (limit,) = [c for c in caveats(rank_record, [view], []) if "probability of being best" in c]
    assert "sampling noise on this target alone" in limit


def test_what_expected_losses_leave_out_is_said_wherever_they_stand(advised_record):
    for text in (render_html(advised_record), render_text(advised_record, 1000)):
        assert text.count("Expected to be given up") == text.count("was about two points too little") > 0


def test_probabilities_of_being_best_never_go_beyond_what_the_draws_can_show():
    """Even a true probability of 0.97 wins all of 100 draws in one case of twenty."""
    parts = rank_parts(zoo=ZOO[:3])
    (ranking,) = parts["rankings"]
    sure = {ZOO[0][0]: 1.0}
    rows = [row.model_copy(update={"p_best": sure.get(row.backbone, 0.0)}) for row in ranking.rows]
    record = assemble("rank", **(parts | {"rankings": [ranking.model_copy(update={"rows": rows})]}))
    (view,) = read_rankings(record)
    (answer,) = [a for a in answers([view], []) if a.question == "How sure?"]
    assert plain(answer.big) == "> 0.97"
    assert "is the best of 3: in all 100 draws of half the samples it had the least mean rank" in answer.say
    for text in (render_html(record), render_text(record, 200), render_markdown(record)):
        told = plain(markup.unescape(text)).replace("\\", "")
        assert "> 0.97" in told
        assert "> 0.99" not in told
        assert "< 0.01" not in told


def test_a_terminal_is_told_what_to_do(advised_record):
    text = plain(render_text(advised_record, 400))
    assert (
        f"Fine-tune all layers of {FIRST}. {REASONS[0].says} (rule enough-labels, scored against ground truth)" in text
    )
    assert f"If two can be tried, take {FIRST} and {SECOND} (second in mean rank), and keep the better." in text
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Fine-tune"))
    assert lines[at - 1].strip() == ""
    assert at < next(i for i, line in enumerate(lines) if line.startswith("Will it hurt"))


def test_several_targets_are_each_told(large_advised_record):
    views = read_rankings(large_advised_record)
    for view, answer in zip(views, answers(views, []), strict=True):
        assert answer.question == f"On {view.target}"
        assert strategy_lead(view) in answer.say
        assert "hurt" in answer.say


def test_arms_are_read_of_the_best_and_not_of_the_first_row():
    """Of two in first place the surer is recommended, and it is its forecast that is told."""
    parts = advice(rank_parts(zoo=ZOO[:3]), of=lambda i: arms(*[(0.9, 0.9), (0.1, 0.1), (0.4, 0.4)][i]))
    (ranking,) = parts["rankings"]
    first, second, *rest = ranking.rows
    rows = [first.model_copy(update={"p_best": 0.4}), second.model_copy(update={"p_best": 0.58, "rank": 1}), *rest]
    view = view_of(parts | {"rankings": [ranking.model_copy(update={"rows": rows})]})
    (safe,) = [a for a in answers([view], []) if a.question == "Is it safe?"]
    assert safe.big == "Yes"
    assert SECOND in safe.say
