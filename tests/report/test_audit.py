"""What the report of an audit says is what a recount of its record says."""

import re
import subprocess
import sys

import numpy as np
import pytest
from handmade_audit import audit, audited, gap, scores
from test_page import Page

from shiftscope.core.audit import Score
from shiftscope.core.load import dump_record
from shiftscope.core.records import RunRecord
from shiftscope.report import render_html, render_text
from shiftscope.report.audit_grid import rate_table, spread_table
from shiftscope.report.audit_tables import count_table, matrix, pair_table
from shiftscope.report.audit_verdicts import audit_headline, audit_lead
from shiftscope.report.audited import AuditReading
from shiftscope.report.figures.curves import curves
from shiftscope.report.figures.gaps import gaps
from shiftscope.report.figures.predictors import predictors
from shiftscope.report.figures.reliability import reliability
from shiftscope.report.foresight import foresight_line, order_line, told_apart

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
QUESTIONS = ("full_vs_scratch", "head_vs_scratch", "best_vs_pixels")


def plain(text):
    return text.replace(NBSP, " ").replace(MINUS, "-")


def recount(made, question, evidence, regime=None):
    """Outcomes of one question, from intervals of the normal distribution."""
    found = {"negative": 0, "indistinguishable": 0, "positive": 0}
    for g in made.gaps:
        weights = made.backbones[g.backbone]
        kind = "constructed" if weights.constructed else "overlap" if g.target in weights.overlap else "natural"
        if (g.question, kind) != (question, evidence) or regime not in (None, g.regime):
            continue
        low, high = g.gap - 1.959964 * g.se, g.gap + 1.959964 * g.se
        found["negative" if high < -0.01 else "positive" if low > 0 else "indistinguishable"] += 1
    return found


@pytest.fixture
def view(audit_record):
    return AuditReading(audit_record.audit)


def nothing(**parts):
    empty = {"gaps": [], "accuracies": [], "scores": [], "spread": {}, "rates": [], "curves": {}, "foretold": [],
             "reliability": {}}  # fmt: skip
    return AuditReading(audit(**(empty | parts)))


def test_headline_and_lead_count_what_the_gaps_say(view):
    full, head = (recount(view.audit, q, "natural") for q in QUESTIONS[:2])
    n = sum(full.values())
    assert n == 36
    assert audit_headline(view) == (
        f"Of {n} comparisons (18 natural pairs of weights and target, each at two amounts of labels), fine-tuning hurt "
        f"in {full['negative']} and helped in {full['positive']}; in {full['indistinguishable']} it cannot be told."
    )
    assert audit_lead(view).startswith(f"A frozen head hurt in {head['negative']} and helped in {head['positive']}; ")


@pytest.mark.parametrize("evidence", ["natural", "overlap", "constructed"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_count_tables_agree_with_a_recount(view, question, evidence):
    table = count_table(view, (question,), evidence, "")
    rows = {plain(row.cells[0].note): [int(c.text) for c in row.cells[1:5]] for row in table.rows}
    for name, regime in (("20 a class", "20"), ("all images", "all"), ("together", None)):
        found = recount(view.audit, question, evidence, regime)
        expected = [found[o] for o in ("negative", "indistinguishable", "positive")]
        assert rows[name] == [sum(expected), *expected]


def test_a_median_is_that_of_the_gaps(view):
    table = count_table(view, ("head_vs_scratch",), "natural", "")
    counted = [g.gap for g in view.audit.gaps if g.question == "head_vs_scratch" and view.audit.counts(g)]
    assert float(plain(table.rows[-1].cells[-1].text)) == pytest.approx(100 * np.median(counted), abs=0.05)


@pytest.mark.parametrize("regime", ["20", "all"])
def test_matrix_holds_every_natural_gap_and_no_other(view, regime):
    table = matrix(view, "full_vs_scratch", "natural", regime)
    targets = [column.head for column in table.columns[1:]]
    shown = {
        (row.cells[0].text, target): cell
        for row in table.rows
        for target, cell in zip(targets, row.cells[1:], strict=True)
    }
    assert not any(b == "mnv1_025_shuffled" for b, _ in shown)
    mine = [g for g in view.audit.gaps if g.question == "full_vs_scratch" and g.regime == regime]
    for g in mine:
        if view.audit.backbones[g.backbone].constructed:
            continue
        cell = shown[g.backbone, g.target]
        if not view.audit.counts(g):
            assert cell.text == "\N{EN DASH}"
            continue
        number = re.search(r"[-+]?[\d.]+$", plain(cell.text)).group()
        assert float(number) == pytest.approx(100 * g.gap, abs=0.051)
        assert float(plain(cell.note)[2:]) == pytest.approx(100 * g.se, abs=0.051)
        assert {"▼": "negative", "▲": "positive"}.get(cell.text[0], "indistinguishable") == g.outcome()


def test_pair_table_tells_intervals_and_outcomes_in_words(view):
    table = pair_table(view, ("full_vs_scratch", "head_vs_scratch"))
    assert [plain(c.head) for c in table.columns[1:]] == [
        "Fine-tuned, 20 a class", "Fine-tuned, all images", "Frozen head, 20 a class", "Frozen head, all images",
    ]  # fmt: skip
    g = next(g for g in view.audit.gaps if g.question == "head_vs_scratch" and g.regime == "all")
    row = next(row for row in table.rows if row.cells[0].text == f"{g.backbone} on {g.target}")
    value, low, high, word = re.fullmatch(
        r"([-+\d.]+) \[([-\d.]+), ([-\d.]+)\] (.+)", plain(row.cells[4].text)
    ).groups()
    assert [float(v) for v in (value, low, high)] == pytest.approx(
        [100 * v for v in (g.gap, g.gap - 1.959964 * g.se, g.gap + 1.959964 * g.se)], abs=0.051
    )
    assert word == {"negative": "hurt", "positive": "helped", "indistinguishable": "cannot be told"}[g.outcome()]


def test_the_margin_of_the_audit_decides():
    where = {"question": "full_vs_scratch", "backbone": "mnv1_025_imagenet", "target": "pacs_photo", "regime": "20"}
    made = {"gaps": [gap(-0.05, 0.005, **where)]}
    assert "hurt in 1 " in audit_headline(nothing(**made))
    assert "hurt in none " in audit_headline(nothing(**made, margin=0.06))


def test_no_gap_to_pixels_is_called_transfer(view):
    page = Page(render_html(audited(view.audit)))
    tables = [e for e in page.all("table") if "Best arm" in e["text"] and "Pairs" in e["text"]]
    assert len(tables) == 3
    for table in tables:
        assert "Hurt" not in table["text"]
        assert "Fine-tuned" not in table["text"]


def centres(svg, css):
    paths = re.findall(rf'<path class="{css}" d="([^"]*)"', svg)
    return [tuple(map(float, m)) for d in paths for m in re.findall(r"M([-\d.]+) ([-\d.]+)[LHVlhv]", d)]


def test_marks_of_the_gaps_lie_at_their_values_by_outcome(view):
    wide = gaps(view, 1).drawings[0]
    assert "class" in wide
    for css, outcome, per_mark in (("dot p", "positive", 1), ("dot n", "indistinguishable", 1), ("x", "negative", 2)):
        mine = [sorted((g for g in view.gaps(q) if g.outcome() == outcome), key=lambda g: g.gap) for q in QUESTIONS[:2]]
        values = np.array([g.gap for panel in mine for g in panel])
        y = np.array(centres(wide, css))[::per_mark, 1] + (0 if per_mark == 1 else 3.5)
        assert len(y) == len(values)
        n = len(mine[0])
        for part in (slice(None, n), slice(n, None)):
            if len(values[part]) > 2:
                slope, start = np.polyfit(values[part], y[part], 1)
                assert slope < 0
                assert np.abs(y[part] - (start + slope * values[part])).max() < 0.11


def test_a_panel_draws_a_part_of_many_pairs_and_says_so(large_audit_record):
    view = AuditReading(large_audit_record.audit)
    picture = gaps(view, 1)
    n = len(view.gaps("full_vs_scratch"))
    assert n == 678
    assert "One in 3 is drawn" in picture.note
    drawn = sum(len(centres(picture.drawings[0], css)) for css in ("iv p", "iv n", "iv b"))
    assert n * 2 / 3 <= drawn <= n * 2 / 3 + 6
    cells = [c.text for row in picture.table.rows for c in row.cells[1:]]
    assert sum(text != "\N{EN DASH}" for text in cells) == 2 * n


def test_scores_are_told_with_their_intervals(view):
    table = next(t for t in Page(render_html(audited(view.audit))).all("table") if "Top-1" in t["text"])
    text = plain(table["text"])
    assert "0.62 [0.42, 0.82]" in text
    assert "1.5 [0.5, 2.5]" in text
    names = ["LogME gain", "Ranking (mean rank)", "Static prior", "Random choice", "Truth, other seed"]
    places = [text.index(name) for name in names]
    assert places == sorted(places)


def score(predictor, value, half, statistic="weighted_tau"):
    return Score(
        predictor=predictor, truth="best", statistic=statistic, value=value, low=value - half, high=value + half,
        n_places=8, n_groups=5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("prior", "half", "said"),
    [
        (0.2, 0.05, "best, clear of the static prior."),
        (0.5, 0.2, "best, but its interval overlaps that of the static prior."),
        (0.7, 0.05, "best of what looks at the target; the static prior came closer, with a weighted tau of 0.70."),
        (0.6, 0.05, "best of what looks at the target; the static prior came as close, with a weighted tau of 0.60."),
    ],
)
def test_the_static_prior_is_held_against_the_leader(prior, half, said):
    made = [score("logme", 0.6, half), score("knn", 0.1, half), score("static_prior", prior, half)]
    view = nothing(scores=made)
    assert foresight_line(view, "best").endswith(said)
    assert order_line(view, "best").startswith("LogME gain came closest")


@pytest.mark.parametrize(("baseline", "name"), [("static_prior", "static prior"), ("other_seed", "truth of another")])
def test_nobody_came_closest_whom_a_baseline_beats(baseline, name):
    ahead, behind = (
        plain(order_line(nothing(scores=[score("logme", 0.6, 0.1), score(baseline, at, 0.1)]), "best"))
        for at in (0.7, 0.5)
    )
    assert "LogME gain came closest of what looks at the target to the order" in ahead
    assert re.search(rf"The {name}.* came closer, with 0\.70 \[0\.60, 0\.80\]\.", ahead)
    assert "LogME gain came closest to the order" in behind
    assert "closer" not in behind


def test_overlap_and_distance_are_told_apart():
    made = [score("logme", 0.6, 0.1), score("knn", 0.55, 0.1), score("ridge", 0.1, 0.1), score("random", 0.0, 0.2)]
    said = told_apart(nothing(scores=made), "best")
    assert said == (
        "The interval of LogME gain overlaps that of one of the two other predictors; it keeps clear of that of random "
        "choice."
    )


def test_predictor_marks_lie_at_their_values(view):
    wide = predictors(view, 1).drawings[0]
    leader = centres(wide, "dot p")
    others = centres(wide, "dot n")
    assert len(leader) == 2
    assert len(others) == 18
    tau = {s.predictor: s.value for s in view.audit.scores if s.truth == "best" and s.statistic == "weighted_tau"}
    rows = sorted(leader + others, key=lambda xy: (xy[1], xy[0]))[::2]
    values = [tau[p] for p in (*view.advisers("best"), *view.baselines("best"))]
    slope, start = np.polyfit(values, [x for x, _ in rows], 1)
    assert slope > 0
    assert np.abs(np.array([x for x, _ in rows]) - (start + slope * np.array(values))).max() < 0.11


def test_curves_say_whether_more_steps_would_help():
    rising = {"a on b, 20: full": {"100": 0.4, "300": 0.6}, "a on b, 20: scratch": {"100": 0.4, "300": 0.35}}
    level = {"a on b, 20: full": {"300": 0.605, "100": 0.6}}
    assert plain(curves(nothing(curves=rising), 1).reading) == (
        "More steps still help: a on b, 20 a class, fine-tuned, gains +20.0 points from 100 to 300 steps."
    )
    assert plain(curves(nothing(curves=level), 1).reading).endswith(
        "the last raise of the budget gains +0.5 points at most."
    )


def test_spread_and_rates_are_tabulated(view):
    spread = spread_table(view)
    assert [plain(c.head) for c in spread.columns] == ["Arm", "20 a class", "all images"]
    row = next(r for r in spread.rows if r.cells[0].text == "From scratch")
    assert float(row.cells[1].text) == pytest.approx(100 * view.audit.spread["scratch/20"], abs=0.0051)
    rates = rate_table(view)
    assert [c.head for c in rates.columns][2:] == ["Chosen rate", "0.001", "0.003", "0.01"]
    assert {row.cells[2].text for row in rates.rows} == {"0.003", "0.01"}


def test_reliability_marks_lie_at_their_bins_and_gaps_at_their_forecasts(view):
    picture = reliability(view, 1)
    wide = picture.drawings[0]
    bins = [b for q in QUESTIONS[:2] for b in view.audit.reliability[q]]
    marks = centres(wide, "dot p")
    assert len(marks) == len(bins)
    for half in (slice(0, 5), slice(5, 10)):
        x, y = np.array(marks[half]).T
        for at, values in ((x, [b.forecast for b in bins[half]]), (y, [b.happened for b in bins[half]])):
            slope, start = np.polyfit(values, at, 1)
            assert abs(slope) == pytest.approx(190, abs=2)
            np.testing.assert_allclose(at, slope * np.array(values) + start, atol=0.3)
    assert [row.cells[2].key for row in picture.table.rows] == [b.happened for b in bins]
    n_natural = sum(view.audit.counts(g) and g.question != "best_vs_pixels" for g in view.audit.gaps)
    crosses = len(centres(wide, "x")) / 2
    small = [len(centres(wide, f"dot {css} small")) for css in ("p", "n")]
    assert crosses + sum(small) == n_natural
    assert "saw neither the target's group nor the source's family" in picture.note


def headings(page):
    return [(e["tag"], e["text"]) for e in page.elements if e["tag"] in ("h1", "h2", "h3")]


def test_headings_come_in_order(audit_record):
    found = headings(Page(render_html(audit_record)))
    assert [text for tag, text in found if tag == "h2"] == [
        "Did transfer help?", "Are the weights of any use?", "What is in none of these counts?", "Who foresaw it?",
        "How good was the advice?", "How steady are the numbers?", "What was compared?", "Can I trust this?",
        "Reproduce",
    ]  # fmt: skip
    assert [tag for tag, _ in found[:2]] == ["h1", "h2"]


EMPTIES = (
    {},
    {"scores": scores(np.random.default_rng(0))},
    {"scores": [score("logme", 0.4, 0.1, "spearman")]},
    {"scores": [score("random", 0.1, 0.1, "regret@1")]},
    {"curves": {"a on b, 20: full": {"100": 0.4}}},
    {"gaps": [gap(0.1, 0.01, question="best_vs_pixels", backbone="mnv1_025_imagenet", target="mnist", regime="20")]},
    {"gaps": [gap(-0.1, 0.01, question="head_vs_scratch", backbone="mnv1_025_shuffled", target="mnist", regime="20")]},
    {"gaps": [gap(0.1, 0.01, question="full_vs_scratch", backbone="resnet20_mnist", target="mnist", regime="all")]},
)


@pytest.mark.parametrize("parts", EMPTIES)
def test_what_is_not_there_has_no_heading(parts):
    record = audited(nothing(**parts).audit)
    html = render_html(record)
    Page(html)
    body = html[html.index("<main") : html.index("<footer>")]
    found = re.findall(r"<h([23])[^>]*>.*?</h[23]>(.*?)(?=<h([23])|</section>)", body, re.DOTALL)
    assert len(found) > 3
    for level, after, following in found:
        # A section may open with the heading of its first part.
        assert re.sub(r"<[^>]+>", "", after).strip() or (level, following) == ("2", "3")
    assert render_text(record).strip()


def test_an_unfinished_audit_says_so_first(unfinished_audit_record):
    html, text = render_html(unfinished_audit_record), render_text(unfinished_audit_record)
    page = Page(html)
    assert page.all("h1")[0]["text"] == "Unfinished, 6 of 288 cells: nothing can be told yet."
    assert "2 %" in plain(next(e["text"] for e in page.all("dd") if "warning" in e["attrs"]["class"]))
    assert text.startswith("Unfinished, 6 of 288 cells")
    assert "282 are missing" in text


def test_an_unfinished_audit_tells_what_it_has(view):
    unfinished = AuditReading(view.audit.model_copy(update={"n_cells": 100}))
    assert audit_headline(unfinished).startswith("Unfinished, 100 of 288 cells: of 36 comparisons (18 natural pairs")


def test_pairs_are_counted_once_however_many_amounts_of_labels_they_were_compared_at(view):
    natural = view.gaps("full_vs_scratch")
    first = natural[0]
    other = next(g for g in natural if (g.backbone, g.target) == (first.backbone, first.target) and g is not first)
    one = nothing(gaps=[first])
    assert audit_headline(one).startswith("Of 1 natural pair of weights and target, fine-tuning ")
    assert audit_headline(nothing(gaps=[first, other])).startswith(
        "Of 2 comparisons (1 natural pair of weights and target, at two amounts of labels), "
    )
    fewer = nothing(gaps=[g for g in natural if g is not other])
    assert "(18 natural pairs of weights and target, each at up to two amounts of labels)" in audit_headline(fewer)


def test_cells_that_failed_are_not_missing():
    view = nothing(n_cells=10, n_planned=12, failed={"a": "no", "b": "no"})
    assert audit_headline(view) == "No gap could be measured."


def test_caveats_name_the_limits(audit_record):
    text = plain("".join(Page(render_html(audit_record)).text))
    for words in (
        "4 targets in 3 groups",
        "fewer than one of 36 helped",
        "Each gap rests on 2 runs on either side.",
        "at most 48 pixels a side",
        "300 to 500 steps",
        "The highest learning rate that was tried won 5 searches (from scratch 5)",
        "Only three groups of targets were resampled",
        "the loss became infinite.",
    ):
        assert words in text


def test_terminal_tells_counts_the_hurt_and_the_scores(audit_record):
    text = plain(render_text(audit_record))
    full = recount(audit_record.audit, "full_vs_scratch", "natural")
    assert f"fine-tuning hurt in {full['negative']} " in text.splitlines()[0]
    worst = min((g for g in audit_record.audit.gaps if g.question != "best_vs_pixels" and audit_record.audit.counts(g)),
                key=lambda g: g.gap)  # fmt: skip
    hurt = text[text.index("Where transfer hurt") :]
    assert re.search(rf"{worst.backbone} +{worst.target} .*{100 * worst.gap:.1f}", hurt)
    assert "0.62 [0.42, 0.82]" in text
    assert "mnv1_025_imagenet on mnist, all: full, seed 1" in text


def test_a_large_audit_stays_small(large_audit_record):
    html = render_html(large_audit_record)
    assert len(html.encode()) < 500_000
    page = Page(html)
    assert "less the gaps and accuracies" in page.all("footer")[0]["text"]
    embedded = next(e["text"] for e in page.all("script") if e["attrs"].get("id") == "record")
    light = RunRecord.model_validate_json(embedded)
    assert not light.audit.gaps
    assert light.audit.scores == large_audit_record.audit.scores


def test_the_order_of_a_record_does_not_matter(audit_record):
    """JSON sorts names, and gaps may come in any order."""
    made = audit_record.audit
    turned = made.model_copy(
        update={
            "gaps": made.gaps[::-1],
            "scores": made.scores[::-1],
            "rates": made.rates[::-1],
            "curves": dict(reversed(made.curves.items())),
            "backbones": dict(reversed(made.backbones.items())),
            "targets": dict(reversed(made.targets.items())),
        }
    )
    body = [render_html(audit_record.model_copy(update={"audit": a})).split("<script")[0] for a in (made, turned)]
    assert body[0] == body[1]


def test_it_is_made_without_the_heavy_libraries(audit_record, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(dump_record(audit_record), encoding="utf-8")
    program = (
        "import sys, pathlib\n"
        "from shiftscope.core.load import load_record\n"
        "from shiftscope.report import render_html, render_text\n"
        "record = load_record(pathlib.Path(sys.argv[1]))\n"
        "render_html(record), render_text(record)\n"
        "print(*sorted({'torch', 'numba', 'sklearn', 'ot', 'matplotlib.pyplot'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert not done.stdout.split()
