"""Thumbnails on a page: with words for those who do not see them, and only where they are given."""

import base64
import re

import pytest
from handmade import HOSTILE
from test_page import Page
from test_shift_tables import sampled

from shiftscope.report import frame, render_html
from shiftscope.report.junit import render_junit
from shiftscope.report.markdown import render_markdown

FILES = {"aa": b"\xff\xd8first", "bb": b"\xff\xd8second"}


def pictured(names=None):
    """A record whose first target witness shows ``aa`` and whose last source witness shows ``bb``."""
    record = sampled(names=names)
    (d,) = record.diagnoses
    first, *rest, last = d.witnesses
    witnesses = [first.model_copy(update={"thumbnail": "aa"}), *rest, last.model_copy(update={"thumbnail": "bb"})]
    return record.model_copy(update={"diagnoses": [d.model_copy(update={"witnesses": witnesses})]})


def test_they_are_part_of_the_page_with_file_class_and_side():
    html = render_html(pictured(), FILES)
    images = Page(html).all("img")
    assert [i["attrs"]["alt"] for i in images] == [
        "dog/00.jpg, class dog, target sketch",
        "dog/11.jpg, class dog, source photo",
    ]
    for image, file in zip(images, FILES.values(), strict=True):
        head, data = image["attrs"]["src"].split(",")
        assert head == "data:image/jpeg;base64"
        assert base64.b64decode(data) == file
    # Each stands above the table of its side.
    of_target, of_source = (html.index(f"<h3>Samples of {side}") for side in ("sketch", "photo"))
    first, second = (m.start() for m in re.finditer("<img", html))
    assert of_target < first < of_source < second


def test_below_each_stands_the_class_and_the_sample_that_its_row_names():
    html = render_html(pictured(), FILES)
    below = re.findall(r"<li><img[^>]*>(.*?)</li>", html)
    assert [re.findall(r"<span[^>]*>(.*?)</span>", words) for words in below] == [["dog", "00.jpg"], ["dog", "11.jpg"]]
    long = render_html(pictured(["dogs/" + "a_very_long_name_" * 6 + "7.jpg", "b"]), FILES)
    label, name = re.findall(r"<span[^>]*>(.*?)</span>", re.search(r"<li><img[^>]*>(.*?)</li>", long)[1])
    assert label == "dog"
    assert len(name) < 24
    assert name.endswith("7.jpg")


def test_without_their_files_the_page_is_as_before():
    assert render_html(pictured()).count("<img") == 0
    assert render_html(pictured(), {"cc": b"\xff\xd8"}).count("<img") == 0
    bare = [text.replace('"thumbnail":"aa",', "").replace('"thumbnail":"bb",', "") for text in
            (render_html(pictured()), render_html(sampled()))]  # fmt: skip
    assert bare[0] == bare[1]


def test_the_policy_lets_in_nothing_but_data():
    policy = next(
        e["attrs"]["content"] for e in Page(render_html(pictured(), FILES)).all("meta") if "content" in e["attrs"]
    )
    assert "img-src data:;" in policy
    assert policy.startswith("default-src 'none'")


def test_names_in_their_words_are_text():
    page = Page(render_html(pictured([*HOSTILE, "plain"]), FILES))
    first, second = page.all("img")
    assert first["attrs"]["alt"] == f"{HOSTILE[0]}, class dog, target sketch"
    assert set(first["attrs"]) == {"src", "alt", "width", "height"}
    assert second["attrs"]["alt"].startswith("plain")


def test_they_take_no_room_from_the_record(monkeypatch):
    record = pictured()
    monkeypatch.setattr(frame, "LARGEST_PAGE", len(render_html(record).encode()) + 1000)
    html = render_html(record, dict.fromkeys(FILES, b"x" * 50_000))
    assert len(html) > 100_000
    assert 'id="record"' in html


@pytest.mark.parametrize("render", [render_markdown, render_junit])
def test_other_formats_have_no_pictures(render):
    assert not [sign for sign in ("data:image", "![", "<img") if sign in render(pictured())]
