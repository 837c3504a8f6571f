"""Someone who has never seen the tool reads the report of the demo, and nothing else: the five things to know.

The text is what a reader sees: scripts, folded tables and what is only spoken are left out.
"""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from shiftscope.core.load import load_record
from shiftscope.report import render_html

SAMPLE = Path(__file__).parents[2] / "reports" / "demo"
VOID = {"meta", "br", "wbr", "link", "input"}
INLINE = {"b", "code", "small", "span", "a"}
UNSEEN = {"script", "style", "head", "details", "title", "desc", "caption"}


class Seen(HTMLParser):
    """Text of a page by the section it stands in; the verdict is the first."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.sections, self.name = [], {}, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in VOID:
            return
        hidden = (tag in UNSEEN and "open" not in attrs) or attrs.get("class") in ("vh", "narrow") or "hidden" in attrs
        self.open.append((tag, hidden))
        if tag not in INLINE:
            self.handle_data(" ")
        if tag in ("header", "section"):
            self.name = attrs["id"]

    def handle_endtag(self, tag):
        if tag in ("header", "section"):
            self.name = ""
        while self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(hidden for _, hidden in self.open):
            self.sections[self.name] = self.sections.get(self.name, "") + data

    def text(self, section):
        return " ".join(self.sections[section].split())


@pytest.fixture(scope="module")
def page():
    return Seen(render_html(load_record(SAMPLE)))


@pytest.fixture(scope="module")
def verdict(page):
    return page.text("verdict")


def test_which_model(page, verdict):
    assert "Start from printed_digits." in verdict
    assert re.search(r"printed_digits reaches 8\d\.\d % ridge accuracy on handwritten_digits \[", verdict)
    # And what that accuracy is.
    assert "a ridge probe on frozen features, each sample predicted while held out" in page.text("start")


def test_how_sure(verdict):
    assert re.search(r"How sure\?\s*(> 0\.97|0\.9\d)\s*probability that printed_digits is the best of 8", verdict)
    assert "All others can be told apart from it at 90 %." in verdict


def test_will_fine_tuning_hurt(page, verdict):
    answer = verdict[verdict.index("Is it safe?") : verdict.index("What next?")]
    assert re.search(r"Is it safe\? Yes", answer)
    assert re.search(
        r"Fine-tuned, printed_digits is unlikely to end below training from scratch, probability 0\.\d\d \[", answer
    )
    assert "To hurt is to end more than 1 point below the same architecture trained from scratch" in page.text("harm")


def test_what_is_the_main_shift(page, verdict):
    answer = verdict[verdict.index("Shift") :]
    assert re.search(r"Shift moved handwritten_digits has shifted from printed_digits\.", answer)
    assert re.search(r"MMD² is \d+ times its noise floor, Holm p = 0\.00\d", answer)
    section = page.text("shift")
    assert "classes have moved" in section
    assert "the floor is the 95th percentile of the shift between halves of one side" in section


def test_what_to_do(page, verdict):
    answer = verdict[verdict.index("What next?") :]
    assert re.search(r"What next\? 1 run Fine-tune all layers of printed_digits on handwritten_digits", answer)
    assert re.search(r"Search the learning rate of AdamW from 0\.\d+ to 0\.\d+\.", answer)
    assert "Fine-tune all layers of printed_digits." in page.text("advice")
    assert "Rule " in page.text("advice")


def test_what_not_to_take_is_told_at_once(page):
    findings = page.text("findings")
    assert findings.startswith("Findings")
    assert "None is about the recommended model." in findings
    assert "colour_noise: a frozen head on handwritten_digits will likely hurt." in findings


def test_what_the_committed_page_says_is_what_the_record_says(verdict):
    committed = Seen((SAMPLE / "report.html").read_text(encoding="utf-8"))
    assert committed.text("verdict") == verdict
