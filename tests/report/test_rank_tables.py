"""The tables of a ranking: what the order rests on, what has no part in it, costs, and where candidates come from."""

from handmade import ZOO, assemble, card, rank_parts, result, with_gains

from shiftscope.core.records import Published
from shiftscope.measures import MEASURES
from shiftscope.report import render_html
from shiftscope.report.figures.cost import cost
from shiftscope.report.rank_tables import cost_table, measure_table, origin_table, score_table
from shiftscope.report.ranked import read_rankings
from shiftscope.report.vocabulary import means

MINUS = "\N{MINUS SIGN}"
NAMES = [entry[0] for entry in ZOO]


def view(parts):
    (found,) = read_rankings(assemble("rank", **parts))
    return found


def heads(table):
    return [c.head.replace("\N{NON-BREAKING HYPHEN}", "-") for c in table.columns]


def names(rows, heading=1):
    return [row.cells[heading].text for row in rows]


def about_cost(numbers, *, half=0.03):
    """What the figure of cost says of candidates by accuracy and MFLOPs; raw pixels have 41.1 %."""
    zoo = [
        (f"net_{i}", "", "", accuracy, 0.2, 10**6, mflops, 100, 64) for i, (accuracy, mflops) in enumerate(numbers, 1)
    ]
    parts = rank_parts(zoo=zoo)
    picture = cost(view(parts if half is None else with_gains(parts, half)), 1)
    return picture.reading.replace("\N{NO-BREAK SPACE}", " ")


def test_compute_is_told_by_what_is_on_the_front():
    """The first is the one that is recommended."""
    assert about_cost([(0.7, 10), (0.8, 20)]) == "net_1 has the least compute of the front."
    assert about_cost([(0.7, 20), (0.65, 10)]) == "net_2 gives up 5.0 points against net_1 for 50.0 % less compute."
    # Another of the same compute scores higher: the first is not on the front.
    assert about_cost([(0.7, 20), (0.8, 20)]) == "net_2 scores 10.0 points higher than net_1 at the same compute."
    assert about_cost([(0.42, 10), (0.8, 20)]) == (
        "net_1 is not shown to beat raw pixels; net_2 is, with the least compute."
    )
    assert about_cost([(0.40, 10), (0.8, 20), (0.9, 40)], half=None) == (
        "net_1 does not score above raw pixels; net_2 does, with the least compute."
    )


def test_a_front_of_one_is_told_as_what_it_is():
    assert about_cost([(0.8, 10), (0.42, 20)]) == "net_1 is the only candidate shown to beat raw pixels."
    assert about_cost([(0.8, 10), (0.3, 20)], half=None) == "net_1 is the only candidate that scores above raw pixels."
    assert about_cost([(0.8, 10), (0.7, 20)]) == (
        "net_1 has the highest score and the least compute of what is shown to beat raw pixels."
    )


def with_others(zoo=ZOO[:3]):
    parts = rank_parts(zoo=zoo)
    parts["results"] += [result("gbc", "sketch", name, -0.1 * i, 0.01) for i, name in enumerate(NAMES[: len(zoo)])]
    return parts


def test_what_the_order_rests_on_stands_apart_from_other_measures():
    found = view(with_others())
    scores, others = score_table(found), measure_table(found)
    assert heads(scores)[-5:] == ["k-NN, %", "LogME gain", "H-score", "Mean rank", "P(best)"]
    assert "GBC" not in heads(scores)
    assert heads(others) == ["#", "Candidate", "GBC"]
    assert names(others.rows) == names(scores.rows) == NAMES[:3]
    assert [row.cells[2].key for row in others.rows] == [0.0, -0.1, -0.2]


def test_other_measures_say_what_they_mean_and_which_way_is_better():
    note = measure_table(view(with_others())).note
    assert note == f"GBC: how little the classes overlap, {MINUS}1 at chance and 0 at best. More of each is better."
    assert note in render_html(assemble("rank", **with_others()))
    parts = rank_parts(zoo=ZOO[:3])
    parts["results"] += [result("mine", "sketch", name, 0.5, 0.01) for name in NAMES[:3]]
    assert measure_table(view(parts)).note == ""


def test_every_measure_of_a_backbone_has_a_meaning_and_more_of_it_is_better():
    cards = [card for card in (MEASURES[name] for name in MEASURES) if card.kind == "transfer"]
    assert {card.better for card in cards} == {"higher"}
    assert all(means(card.name) for card in cards)
    assert means("otce from photo") == means("otce")


def test_without_other_measures_there_is_no_table_of_them():
    assert measure_table(view(rank_parts(zoo=ZOO[:3]))) is None


def test_few_random_copies_have_rows_and_many_do_not():
    few, many = view(with_others(ZOO[:8])), view(with_gains(with_others(ZOO[:9])))
    assert len(names(score_table(few).below)) == len(names(measure_table(few).below)) == 9
    assert names(score_table(many).below) == names(measure_table(many).below) == ["pixels"]
    assert "Accuracy of the random copies stands in the table of the first figure." in score_table(many).note
    assert "random copies stands" not in score_table(few).note
    # Where it is said to stand, it stands.
    html = render_html(assemble("rank", **with_gains(with_others(ZOO[:9]))))
    figure = html[html.index('<figure id="fig-1"') : html.index("</figure>")]
    assert f"{100 * ZOO[8][4]:.1f}" in figure[figure.index("Random<br>weights") :]


def test_costs_and_origins_are_told_once_for_the_same_candidates():
    parts = rank_parts(("sketch", "cartoon"), ZOO[:3])
    html = render_html(assemble("rank", **parts))
    for heading in ("What they cost", "Where they come from"):
        assert html.count(f"<h3>{heading}</h3>") == 1
    assert html.count("<h3>All candidates</h3>") == 2


def test_a_licence_is_a_cost_and_a_source_is_an_origin():
    found = view(rank_parts(zoo=ZOO[:2]))
    assert heads(cost_table(found))[-1] == "Licence"
    assert heads(origin_table(found)) == ["Candidate", "Source"]


def test_published_data_are_not_told_twice():
    parts = rank_parts(zoo=ZOO[:2])
    domain = "digits in 21 fonts"
    known = Published(dataset=f"{domain}: fresh ones", top1=0.99)
    parts["backbones"][NAMES[0]] = card(NAMES[0], domain).model_copy(update={"published": known})
    assert [c.text for c in origin_table(view(parts)).rows[0].cells] == [NAMES[0], domain, "99.0", "fresh ones"]


def test_nothing_known_of_origins_is_no_table():
    zoo = [(name, "", *rest) for name, _, *rest in ZOO[:2]]
    assert origin_table(view(rank_parts(zoo=zoo))) is None
