"""What every page promises: valid, self-contained, the same bytes each time, and text that stays text."""

import base64
import hashlib
import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from handmade_heavy import heavy

from shiftscope.core.load import dump_record
from shiftscope.core.records import RunRecord
from shiftscope.report import render_html
from shiftscope.report.frame import _parts

RECORDS = (
    "rank_record",
    "shift_record",
    "still_record",
    "full_record",
    "large_record",
    "hostile_record",
    "sparse_record",
    "lone_record",
    "worse_record",
    "paired_record",
    "advised_record",
    "hostile_advised_record",
    "copyless_record",
    "large_advised_record",
    "empty_record",
    "audit_record",
    "unfinished_audit_record",
    "hostile_audit_record",
    "several_sources_record",
)
VOID = {"meta", "br", "wbr", "img", "link", "input", "hr", "base", "source"}
# Elements whose text is not read as HTML.
RAW = {"script", "style"}


NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("head", "lines"),
    [
        ("Mean rank", "Mean<br>rank"),
        ("Accuracy, %", f"Accuracy,{NBSP}%"),
        ("Parameters, M", f"Parameters,{NBSP}M"),
        ("P(best) in A", f"P(best)<br>in{NBSP}A"),
        ("Over pixels, points", "Over pixels,<br>points"),
        ("a_b <c>", f"a_<wbr>b{NBSP}&lt;c&gt;"),
        ("GBC", "GBC"),
    ],
)
def test_heads_of_columns_keep_a_unit_or_a_letter_with_the_word_before(head, lines):
    assert _parts()[0].from_string("{{ head | stacked }}").render(head=head) == lines


class Page(HTMLParser):
    """Reads a page strictly: every element closes where it should; keeps attributes and text by element."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in <{tag}>"
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "parents": [e["tag"] for e in self.open]}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1]["tag"] == tag, f"</{tag}> inside <{self.open[-1]['tag']}>"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data
        if not any(e["tag"] in RAW for e in self.open):
            self.text.append(data)

    def all(self, tag):
        return [e for e in self.elements if e["tag"] == tag]

    def ids(self):
        return [e["attrs"]["id"] for e in self.elements if "id" in e["attrs"]]


@pytest.fixture(params=RECORDS)
def record(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def html(record):
    return render_html(record)


@pytest.fixture
def page(html):
    return Page(html)


def test_same_record_gives_same_bytes(record, html):
    again = RunRecord.model_validate_json(dump_record(record))
    assert render_html(again) == html


def test_same_bytes_in_another_process(full_record, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(dump_record(full_record), encoding="utf-8")
    program = (
        "import sys, pathlib, hashlib;from shiftscope.core.load import load_record;"
        "from shiftscope.report import render_html;"
        "print(hashlib.sha256(render_html(load_record(pathlib.Path(sys.argv[1]))).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == hashlib.sha256(render_html(full_record).encode()).hexdigest()


def test_ids_are_unique_and_references_lead_somewhere(page):
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in element["attrs"].get("aria-labelledby", "").split():
            assert name in ids
        if element["attrs"].get("href", "").startswith("#"):
            assert element["attrs"]["href"][1:] in ids


def test_nothing_is_loaded_from_anywhere(page, html):
    assert not page.all("link") + page.all("img") + page.all("iframe")
    for element in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert element["attrs"].get(name, "#").startswith("#")
    style = next(e["text"] for e in page.all("style"))
    assert "url(" not in style
    assert "@import" not in style
    assert "://" not in html.replace(page_json(page), "")


def page_json(page):
    return next(e["text"] for e in page.all("script") if e["attrs"].get("id") == "record")


def test_the_policy_names_the_style_and_the_script_by_their_hashes(page):
    policy = next(e["attrs"]["content"] for e in page.all("meta") if "http-equiv" in e["attrs"])
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    script = next(e["text"] for e in page.all("script") if "type" not in e["attrs"])
    style = page.all("style")
    assert len(style) == 1
    for directive, text in (("style-src", style[0]["text"]), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_nothing_that_the_policy_forbids_is_there(page):
    for element in page.elements:
        assert not [name for name in element["attrs"] if name == "style" or name.startswith("on")]
    assert len(page.all("script")) == 2


def test_every_figure_has_words_and_numbers(page, html):
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    for figure in figures:
        drawn = Page(figure)
        assert drawn.all("figcaption")[0]["text"].strip().endswith(".")
        assert drawn.all("details")[0]["text"].startswith("Data table")
        assert len(drawn.all("tbody")[0]["text"].split()) > 1
        kinds = {e["attrs"]["class"] for e in drawn.all("svg")}
        assert kinds in ({"wide", "narrow"}, {"solo"})
    for drawing in (e for e in page.all("svg") if e["attrs"].get("aria-hidden") != "true"):
        assert drawing["attrs"]["role"] == "img"
        title, description = drawing["attrs"]["aria-labelledby"], drawing["attrs"]["aria-describedby"]
        spoken = {
            e["attrs"]["id"]: e["text"] for e in page.elements if e["tag"] in ("title", "desc") and "id" in e["attrs"]
        }
        assert spoken[title]
        assert spoken[description]


def test_words_stay_inside_their_drawing(page):
    """Anchors lie inside; how wide a word gets is the reader's font's business, 10 % slack is left for it."""
    box = (0.0, 0.0)
    for element in page.elements:
        if element["tag"] == "svg" and "viewbox" in element["attrs"]:
            box = tuple(float(v) for v in element["attrs"]["viewbox"].split()[2:])
        if element["tag"] == "text":
            x, y = float(element["attrs"]["x"]), float(element["attrs"]["y"])
            assert -1 <= x <= box[0] + 1
            assert 0 <= y <= box[1] + 1


def test_it_reads_without_scripts(record, page):
    assert len(page.all("h1")) == 1
    assert page.all("h1")[0]["text"].endswith(".")
    headings = [e["text"] for e in page.all("h2")]
    # An audit looks for no findings, and has no heading for them.
    assert (headings[0] == "Findings") == (record.audit is None)
    assert headings[-2:] == ["Can I trust this?", "Reproduce"]
    for head in page.all("th"):
        assert head["attrs"].get("scope") in ("col", "row")
    theme = next(e for e in page.all("button"))
    assert "hidden" in theme["attrs"]


def test_tables_are_rectangular(html):
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        widths = {len(re.findall(r"<(?:th|td)[ >]", row)) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)}
        assert len(widths) == 1


def test_the_record_is_embedded_whole(record, page):
    content = json.loads(page_json(page))
    assert RunRecord.model_validate(content).model_dump() == record.model_dump()


def test_twenty_candidates_on_three_targets_stay_small(large_record):
    html = render_html(large_record)
    assert len(html.encode()) < 500_000


@pytest.mark.parametrize(("profiles", "most"), [(False, 420_000), (True, 490_000)])
def test_so_they_do_with_every_question_asked(profiles, most):
    """With a source under every candidate, forecasts, findings, and the layers of all: with room for thumbnails."""
    record = heavy(profiles=profiles)
    assert (len(record.rankings), len(record.forecasts), len(record.diagnoses)) == (3, 60, 60)
    html = render_html(record)
    assert len(html.encode()) < most
    assert Page(html).all("footer")[0]["text"].endswith("The record is too large to be embedded: see run.json.")
    assert 'id="record"' not in html


def test_so_they_do_with_two_sources():
    """Sixty pairs more: of each target one more section, and one about both sources."""
    record = heavy(sources=("photo", "art"))
    assert (len(record.diagnoses), len(record.source_orders)) == (120, 60)
    assert len(render_html(record).encode()) < 500_000


def test_names_stay_text(hostile_record):
    from handmade import HOSTILE

    html = render_html(hostile_record)
    page = Page(html)
    assert not [e for e in page.elements if e["tag"] in ("img", "i")]
    assert "alert(1)</script>" not in html
    text = "".join(page.text)
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[3], HOSTILE[4]):
        assert name in text
    # A name with a direction override is spelled out: it must not turn the rest of the line around.
    assert "\\u202egnirts desrever" in text
    assert "\u202e" not in text
    assert "\u2068" + HOSTILE[3] + "\u2069" in text


def test_it_is_made_fast_and_light(large_record, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(dump_record(large_record), encoding="utf-8")
    program = (
        "import sys, time, pathlib\n"
        "from shiftscope.core.load import load_record\n"
        "from shiftscope.report import render_html\n"
        "render_html(load_record(pathlib.Path(sys.argv[1])))\n"
        "heavy = {'torch', 'numba', 'sklearn', 'ot', 'scipy', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "print(time.process_time(), *sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    seconds, *heavy = done.stdout.split()
    assert not heavy
    assert float(seconds) < 2.5


COLOURS = re.compile(r"--([a-z-]+): (#[0-9a-f]{6})")


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast(theme, full_record):
    style = next(e["text"] for e in Page(render_html(full_record)).all("style"))
    blocks = re.findall(r"\{([^{}]*--bg:[^{}]*)\}", style)
    colours = dict(COLOURS.findall(blocks[0 if theme == "light" else 1]))
    for role in ("ink", "muted", "pick", "bad", "warn", "tgt"):
        assert contrast(colours[role], colours["bg"]) >= 4.5, role
    # Marks stand on the washes of zones, whatever zone they belong to.
    for mark, wash in itertools.product(("pick", "bad", "other", "muted"), ("pick-wash", "bad-wash")):
        assert contrast(colours[mark], colours[wash]) >= 3, (mark, wash)
