"""A real browser without a network, and pages on disk for it to open."""

import importlib.util
import sys
from io import BytesIO
from pathlib import Path

import pytest

# Records made by hand stand with the tests of the report.
sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from altered import demo
from handmade import (
    HOSTILE,
    ZOO,
    assemble,
    card,
    coverage_details,
    input_card,
    rank_parts,
    result,
    shift_parts,
    with_failure,
    with_gains,
)
from handmade_audit import small_audit
from handmade_forecasts import advice
from handmade_heavy import heavy
from handmade_pairs import moved
from installed import BROWSERS, executable


@pytest.fixture(scope="session")
def chromium():
    """The browser that all tests share."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: it drives the browser")
    if executable() is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Chromium's own sandbox does not work for root, and these pages are ours.
        browser = driver.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a page file in a window of its own; what it logs, fails at or asks for fails the test."""
    opened, wrong = [], []

    def visit(file, width=1440, theme="light", **options):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, offline=True, **options
        )
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:image/jpeg;")) else wrong.append(f"asked: {request.url}")
            ),
        )
        page.goto(Path(file).as_uri())
        return page

    yield visit
    for context in opened:
        context.close()
    assert not wrong


def _full():
    parts = with_failure(with_gains(rank_parts()))
    shift = shift_parts()
    parts["results"] += shift["results"]
    parts["inputs"] |= {"photo": parts["inputs"]["sketch"].model_copy(update={"name": "photo", "role": "source"})}
    from shiftscope.checks import find

    record = assemble("run", **advice(parts), diagnoses=shift["diagnoses"])
    return record.model_copy(update={"findings": find(record)})


def _hostile():
    zoo = tuple((name, name, name, *ZOO[i][3:]) for i, name in enumerate(HOSTILE))
    return assemble("rank", **advice(rank_parts(("<img src=x onerror=alert(2)>",), zoo)))


def _pictured():
    """A shift with every picture of it, and thumbnails of samples with odd names."""
    from PIL import Image

    from shiftscope.core.shift import Witness

    parts = shift_parts()
    names = [*HOSTILE, *(f"dog/{'long' * 20}{i}.jpg" for i in range(7))]
    witnesses = [
        Witness(side=side, id=name, label=name, value=0.2, nearest="x", distance=0.3, thumbnail=f"{side}{i}")
        for side in ("target", "source")
        for i, name in enumerate(names[:12])
    ]
    thumbnails = {}
    for i, w in enumerate(witnesses):
        Image.new("RGB", (96, 40 + i), (10 * i, 90, 120)).save(file := BytesIO(), "JPEG")
        thumbnails[w.thumbnail] = file.getvalue()
    parts["diagnoses"] = [parts["diagnoses"][0].model_copy(update={"witnesses": witnesses})]
    parts["results"] += [
        result("coverage", "sketch", b, 0.3, 0.05, source="photo", details=coverage_details(p, 0.2 * p))
        for b, p in (("mnv1_100_imagenet_embed", 0.36), (ZOO[1][0], 0.8))
    ]
    inputs = {"sketch": input_card("sketch", "target", n=80), "photo": input_card("photo", "source")}
    return assemble("shift", inputs=inputs, backbones={ZOO[0][0]: card(ZOO[0][0])}, **parts), thumbnails


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Name -> file of a page of each kind."""
    from shiftscope.core.load import dump_record
    from shiftscope.report.compare.differ import compare
    from shiftscope.report.compare.render import comparison_html
    from shiftscope.report.html import render_html
    from shiftscope.report.index import index_html, read_runs

    folder = tmp_path_factory.mktemp("pages")
    records = {"demo": demo(), "full": _full(), "hostile": _hostile(), "audit": small_audit(), "heavy": heavy()}
    files = {}
    for name, record in records.items():
        files[name] = folder / name / "report.html"
        files[name].parent.mkdir()
        files[name].write_text(render_html(record), encoding="utf-8")
        (folder / name / "run.json").write_text(dump_record(record), encoding="utf-8")
    files["pictured"] = folder / "pictured.html"
    files["pictured"].write_text(render_html(*_pictured()), encoding="utf-8")
    files["comparison"] = folder / "comparison.html"
    files["comparison"].write_text(comparison_html(compare(demo(), moved(demo(), -0.3))), encoding="utf-8")
    files["index"] = folder / "index.html"
    files["index"].write_text(index_html(read_runs(folder, files["index"]), "runs"), encoding="utf-8")
    return files
