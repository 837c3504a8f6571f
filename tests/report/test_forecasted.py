"""What is said and drawn of forecasts: words tied to zones, marks where their numbers say, nothing but the record."""

import itertools
import json
import re

import numpy as np
import pytest
from handmade import HOSTILE, ZOO, assemble, rank_parts, with_gains
from handmade_forecasts import BASES, advice, arm, arms, paired

from shiftscope.core.forecast import ARMS, ArmForecast, Basis
from shiftscope.core.load import dump_record
from shiftscope.core.records import Finding, RunRecord
from shiftscope.report import render_html, render_text
from shiftscope.report.answers import answers
from shiftscope.report.figures.harm import harm
from shiftscope.report.forecasted import basis_note, harm_lead, harm_reading, harm_text, zone_of
from shiftscope.report.harm_tables import harm_brief, harm_table
from shiftscope.report.numerals import small_count
from shiftscope.report.ranked import read_rankings
from shiftscope.report.sections import target_sections

# A probability for each zone, with an interval of 0.06 on either side.
OF_ZONE = {"safe": 0.1, "unclear": 0.4, "hurts": 0.9, "unknown": None}
PAIRS = list(itertools.product(OF_ZONE, OF_ZONE))
ANSWER = {"safe": ("Yes", "good"), "unclear": ("Unclear", "note"), "hurts": ("No", "error")} | {
    "unknown": ("Not enough data", "note")
}
COUNTS = {small_count(n): n for n in range(40)}
SAID = {"safe": "unlikely to hurt", "unclear": "unclear", "hurts": r"\blikely to hurt", "unknown": "no probability"}


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NON-BREAKING HYPHEN}", "-")


def view_of(parts):
    (view,) = read_rankings(assemble("rank", **parts))
    return view


def all_alike(head, full, n=4, **rest):
    """Candidates that have the same forecast."""
    return view_of(advice(rank_parts(zoo=ZOO[:n]), of=lambda _: arms(OF_ZONE[head], OF_ZONE[full]), **rest))


@pytest.mark.parametrize(("head", "full"), PAIRS)
def test_the_lead_says_of_each_arm_what_its_zone_is(head, full):
    lead = harm_lead(all_alike(head, full))
    assert lead.endswith(".")
    assert lead.count("mnv1_100_imagenet_embed") == 1
    assert {zone for zone, words in SAID.items() if re.search(words, lead)} == {head, full}
    if head != full:
        of_head, of_full = lead.split("; ")
        assert "frozen head" in of_head
        assert "fine-tuning it" in of_full
        assert re.search(SAID[head], of_head)
        assert re.search(SAID[full], of_full)


@pytest.mark.parametrize("probability", [0.13, 0.139, 0.141, 0.5, 0.759, 0.761, 0.9])
def test_a_zone_is_that_of_the_whole_interval(probability):
    view = view_of(advice(rank_parts(zoo=ZOO[:2]), of=lambda _: arms(probability, probability)))
    expected = "safe" if probability + 0.06 < 0.2 else "hurts" if probability - 0.06 > 0.7 else "unclear"
    assert {zone_of(c, a) for c in view.candidates for a in ARMS} == {expected}


@pytest.mark.parametrize(("head", "full"), PAIRS)
@pytest.mark.parametrize("action", ["head", "full", "last_stage"])
def test_is_it_safe_is_answered_for_what_is_advised(head, full, action):
    (answer,) = [a for a in answers([all_alike(head, full, action=action)], []) if a.question == "Is it safe?"]
    assert (answer.big, answer.tone) == ANSWER[head if action == "head" else full]
    first, second = plain(answer.say).split("; ")
    advised, other = ("head", "full") if action == "head" else ("full", "head")
    used = {"head": "s a frozen head", "full": "ine-tuned"}
    for said, name, zone in ((first, advised, {"head": head, "full": full}[advised]),
                             (second, other, {"head": head, "full": full}[other])):  # fmt: skip
        assert used[name] in said
        if zone == "unknown":
            assert "no probability can be given" in said
        else:
            p = OF_ZONE[zone]
            assert f"{p:.2f} [{p - 0.06:.2f}, {p + 0.06:.2f}]" in said
    assert len(answer.drawings) == (0 if head == full == "unknown" else 2)


def test_candidates_are_counted_by_zone(advised_record):
    (view,) = read_rankings(advised_record)
    reading = harm_reading(view)
    for name, which in (("fine-tuning", "full"), ("frozen head", "head")):
        (part,) = [p for p in reading.lower().split("; ") if name in p]
        zones = [zone_of(c, which) for c in view.candidates]
        words = {"safe": "safe with", "unclear": "unclear with", "hurts": "hurt with", "unknown": "probability for"}
        for zone, said in words.items():
            found = re.search(rf"{said} (\w+)", part)
            assert (COUNTS[found[1]] if found else 0) == zones.count(zone), (zone, part)
    assert harm_reading(all_alike("safe", "hurts")) == (
        "Fine-tuning is likely to hurt with all four; a frozen head is safe with all four."
    )


def marks(svg, css):
    return [
        tuple(map(float, m))
        for d in re.findall(rf'<path class="{css}" d="([^"]*)"', svg)
        for m in re.findall(r"M([-\d.]+) ([-\d.]+)[LHVlhv]", d)
    ]


def test_probabilities_lie_on_one_line_with_their_marks():
    """Candidates that all hurt, safe or unclear: their marks in either panel are where their probability is."""
    chances = np.array([0.81, 0.85, 0.9, 0.93])
    view = view_of(advice(rank_parts(zoo=ZOO[:4]), of=lambda i: arms(chances[i], 1.7 - chances[i])))
    for drawing in harm(view, 1).drawings[:2]:
        strokes = np.array(marks(drawing, "x"))
        # Two strokes make a cross around its middle.
        at = np.array([(x + 3.5, y + 3.5) for x, y in strokes[0::2]])
        left = sorted((y, x) for x, y in at if x < at[:, 0].mean())
        right = sorted((y, x) for x, y in at if x > at[:, 0].mean())
        for found, p in ((left, chances), (right, 1.7 - chances)):
            x = np.array([x for _, x in found])
            slope, start = np.polyfit(p, x, 1)
            assert slope > 50
            assert np.abs(x - (start + slope * p)).max() < 0.11


def test_every_mark_says_its_zone(advised_record):
    (view,) = read_rankings(advised_record)
    zones = [zone_of(c, a) for c in view.candidates for a in ARMS]
    gains = [c.forecast.over(b) for c in view.candidates for b in ("pixels", c.row.random_copy)]
    wide = harm(view, 1).drawings[0]
    assert len(marks(wide, "x")) == 2 * zones.count("hurts")
    assert wide.count(">no probability<") == zones.count("unknown") == 1
    blue = [g for g in gains if g.shown and g.baseline != "pixels"]
    assert len(marks(wide, "dot p")) == zones.count("safe") + len(blue)
    hollow = [g for g in gains if g.baseline != "pixels"]
    assert len(marks(wide, "dot hole")) == zones.count("unclear") + len(hollow)
    diamonds = sum(d.count("z") for d in re.findall(r'<path class="fill [pbn]" d="([^"]*)"', wide))
    assert diamonds == len([g for g in gains if g.baseline == "pixels"])


def test_the_table_has_every_number(advised_record):
    (view,) = read_rankings(advised_record)
    table = harm_table(view)
    assert [plain(c.head) for c in table.columns] == [
        "Candidate",
        "Frozen head",
        "Fine-tuning",
        "Over pixels, points",
        "Over random, points",
        "k-NN over pixels, points",
        "k-NN over random, points",
    ]
    for c, row in zip(view.candidates, table.rows, strict=True):
        assert row.cells[0].text == c.name
        for cell, which in zip(row.cells[1:3], ARMS, strict=True):
            found = c.forecast.of(which)
            assert cell.key == (found.probability if found.probability is not None else "")
        baselines = [(m, b) for m in ("ridge", "knn") for b in ("pixels", c.row.random_copy)]
        for cell, (measure, baseline) in zip(row.cells[3:], baselines, strict=True):
            gain = c.forecast.over(baseline, measure)
            assert cell.key == gain.gain
            assert cell.text.endswith("not shown") != gain.shown
            assert plain(cell.note) == plain(f"[{100 * gain.low:.1f}, {100 * gain.high:.1f}]").replace(
                "-", "\N{MINUS SIGN}"
            )
    assert table.rows[4].cells[1].text == "no probability"
    assert "gain over raw pixels out of range" in table.rows[4].cells[1].note
    assert "95 % intervals" in plain(table.note)
    assert "with 90 % intervals" in plain(table.caption)


def test_out_of_range_is_told(advised_record):
    (view,) = read_rankings(advised_record)
    assert "resnet8_cifar10 has no probability: the gain over raw pixels is out of the range" in harm_text(view)
    many = [arm("head", None, outside=["level"]), arm("full", None, outside=["level"])]
    text = harm_text(view_of(advice(rank_parts(zoo=ZOO[:3]), of=lambda _: many)))
    assert text.endswith("Three candidates have no probability: the accuracy is out of the range it was learnt from.")


def test_what_the_forecast_rests_on_is_told_in_its_own_numbers(advised_record):
    note = plain(basis_note(read_rankings(advised_record)[0]))
    for words in (
        "152 comparisons with training from scratch, each of one pair of weights and target at one amount of labels",
        "mean chance of harm in them, noise of the measurement included, is 80 % for a frozen head and 29 % for fine-",
        "somewhat better than chance for a frozen head (AUROC 0.68 [0.58, 0.76])",
        "barely better than chance for fine-tuning (AUROC 0.58 [0.52, 0.62])",
        "count for more than a probability itself",
    ):
        assert words in note
    assert note in plain(render_html(advised_record).replace("&#39;", "'"))


@pytest.mark.parametrize(
    ("auroc", "words"),
    [
        ((0.55, 0.48, 0.6), "no better than chance as far as can be told"),
        ((0.6, 0.51, 0.7), "barely better than chance"),
        ((0.7, 0.6, 0.8), "somewhat better than chance"),
        ((0.9, 0.85, 0.95), "in order well"),
    ],
)
def test_words_for_the_order_follow_the_auroc(auroc, words):
    basis = Basis(base_rate=0.3, n_cells=40, auroc=auroc)
    made = [ArmForecast(arm=a, probability=0.5, low=0.4, high=0.6, level=0.9, basis=basis) for a in ARMS]
    note = plain(basis_note(view_of(advice(rank_parts(zoo=ZOO[:3]), of=lambda _: made))))
    assert words in note
    assert ("count for more" in note) == (auroc[0] < 0.8)


def test_nothing_is_said_of_a_basis_that_the_record_lacks():
    bare = [ArmForecast(arm=a, probability=0.5, low=0.4, high=0.6) for a in ARMS]
    parts = advice(rank_parts(zoo=ZOO[:3]), of=lambda _: bare)
    html = render_html(assemble("rank", **parts))
    assert "What the forecast rests on" not in html
    assert "base rate" not in html
    without = Basis(base_rate=0.3, n_cells=40)
    told = [ArmForecast(arm=a, probability=0.5, low=0.4, high=0.6, basis=without) for a in ARMS]
    note = basis_note(view_of(advice(rank_parts(zoo=ZOO[:3]), of=lambda _: told)))
    assert "AUROC" not in note
    assert "40 comparisons" in note


def test_base_rates_are_drawn(advised_record):
    wide = harm(read_rankings(advised_record)[0], 1).drawings[0]
    assert [round(float(p), 2) for p in re.findall(r">base rate ([\d.]+)<", wide)] == [
        round(BASES[a].base_rate, 2) for a in ARMS
    ]
    assert len(re.findall(r'class="ref"', wide)) == 2


def test_without_random_copies_it_says_why(copyless_record):
    (view,) = read_rankings(copyless_record)
    (section,) = [s for s in target_sections([view], []) if s.kind == "harm"]
    assert section.pictures == ()
    assert "lacks one of these baselines" in section.text
    (_, table) = section.tables[0]
    assert [plain(c.head) for c in table.columns] == ["Candidate", "Over pixels, points", "k-NN over pixels, points"]
    (answer,) = [a for a in answers([view], []) if a.question == "Is it safe?"]
    assert answer.big == "Not enough data"
    assert "no probability" in harm_lead(view)
    assert "Over pixels" in " ".join(c.head for c in harm_brief(view).columns)


def test_a_record_without_forecasts_has_no_section(paired_record):
    html = render_html(paired_record)
    assert 'id="harm"' not in html
    assert 'id="advice"' not in html
    assert "Is it safe?" not in html
    assert "of fine-tuning it this page says nothing" in html
    assert "Will it hurt" not in render_text(paired_record)


def test_a_record_with_forecasts_does_not_say_it_has_none(advised_record):
    html = render_html(advised_record)
    assert "this page says nothing" not in html
    assert "what fine-tuning it may do stands below" in html


def test_a_record_of_before_forecasts_is_read(paired_record):
    content = json.loads(dump_record(paired_record))
    for new in ("forecasts", "strategies"):
        del content[new]
    for ranking in content["rankings"]:
        del ranking["kendall_w"], ranking["choices"]
    for card in content["backbones"].values():
        del card["published"]
    record = RunRecord.model_validate_json(json.dumps(content))
    assert render_html(record) == render_html(paired_record)


def test_questions_stand_in_the_order_of_the_page(advised_record, large_advised_record):
    (view,) = read_rankings(advised_record)
    assert [s.kind for s in target_sections([view], [])] == ["rank", "harm", "advice"]
    sections = target_sections(read_rankings(large_advised_record), [])
    numbers = [p.number for s in sections for p in s.pictures]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [s.title for s in sections if s.kind == "harm"] == [
        f"Will it hurt on {t}?" for t in ("sketch", "art_painting", "cartoon")
    ]


def test_a_target_has_its_own_forecasts():
    parts = advice(rank_parts(("sketch", "cartoon"), ZOO[:3]), of=lambda _: arms(0.1, 0.1))
    for i, found in enumerate(parts["forecasts"]):
        if found.target == "sketch":
            parts["forecasts"][i] = found.model_copy(update={"arms": arms(0.9, 0.9)})
    sketch, cartoon = read_rankings(assemble("rank", **parts))
    assert "both likely" in harm_lead(sketch)
    assert "both unlikely" in harm_lead(cartoon)


def test_forecasts_do_not_make_a_page_heavy(large_advised_record):
    assert len(render_html(large_advised_record).encode()) < 600_000


def test_a_terminal_shows_twenty():
    zoo = tuple((f"net_{i:02d}", *ZOO[i % 18][1:]) for i in range(34))
    text = render_text(assemble("rank", **advice(rank_parts(zoo=zoo))), 120)
    table = text.split("Will it hurt")[1].split("Cost per image")[0]
    assert "14 more in the report" in " ".join(table.split())
    assert [f"net_{i:02d}" in table for i in range(34)] == [i < 20 for i in range(34)]


def test_a_terminal_says_zone_and_gain(advised_record):
    text = plain(render_text(advised_record, 120))
    row = next(line for line in text.split("Will it hurt")[1].splitlines() if "mnv1_075_imagenet" in line)
    assert re.search(r"0\.\d\d (safe|unclear|hurts) +0\.\d\d (safe|unclear|hurts) +\+38\.4 shown +\+55\.9 shown", row)
    assert harm_lead(read_rankings(advised_record)[0]) in render_text(advised_record, 120).replace("\n", " ")


def error(backbone, which=None):
    evidence = {"target": "sketch"} | ({} if which is None else {"arm": which})
    return Finding(code="NT201", severity="error", subject=backbone, title="t", message="m", evidence=evidence)


@pytest.mark.parametrize(
    ("findings", "crossed"),
    [
        ([error("resnet8_cifar10", "head")], False),
        ([error("resnet8_cifar10", "full")], False),
        ([error("resnet8_cifar10", "head"), error("resnet8_cifar10", "full")], True),
        ([error("resnet8_cifar10")], True),
        ([error("resnet8_cifar10", "head"), error("resnet56_cifar10", "full")], False),
    ],
)
def test_an_error_of_one_use_is_none_of_the_candidate(findings, crossed):
    record = assemble("rank", **advice(with_gains(rank_parts())), findings=findings)
    (view,) = read_rankings(record)
    assert [c.name for c in view.candidates if c.has_error] == (["resnet8_cifar10"] if crossed else [])


def test_names_and_reasons_stay_text(hostile_advised_record):
    html = render_html(hostile_advised_record)
    assert "<script>alert(3)" not in html
    assert "<i>rule" not in html
    assert "&lt;i&gt;rule" in html
    assert "&lt;b&gt;covariate" in html
    assert "&lt;b&gt;why" in html
    assert "\\u202egnirts" in html
    assert HOSTILE[0] not in html
    seen = re.sub(r'<script type="application/json".*?</script>', "", html, flags=re.DOTALL)
    assert "\u202e" not in seen


def test_an_unshown_gain_below_zero_is_orange():
    parts = advice(rank_parts(zoo=ZOO[:2]))
    worse = [paired("ridge", "pixels", -0.2), paired("ridge", parts["rankings"][0].rows[0].random_copy, 0.0)]
    parts["forecasts"][0] = parts["forecasts"][0].model_copy(update={"evidence": worse})
    wide = harm(view_of(parts), 1).drawings[0]
    assert len(re.findall(r'<path class="fill b"', wide)) == 1
    assert ">worse<" in wide
