"""What a reader does with a page: open, sort, filter, change the theme, look at it on a phone, print it."""

import pytest

PAGES = ("demo", "full", "pictured", "hostile", "audit", "heavy", "comparison", "index")
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
WIDTHS = (360, 719, 720, 1059, 1060, 1290, 1440)
# Elements that reach over the right edge of the window, unless they lie in something that scrolls by itself.
TOO_WIDE = """
() => [...document.querySelectorAll("main *")]
  .filter(e => !e.closest(".vh, .scroll") && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 120))
"""
COVERED = """
() => {
  const box = e => e.getBoundingClientRect();
  const touch = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const content = [...document.querySelectorAll("main .scroll, main svg, main p, main h2, main h3, main li")]
    .filter(e => !e.closest("aside") && box(e).width > 0);
  return [...document.querySelectorAll("aside")].flatMap(note =>
    content.filter(e => touch(box(note), box(e))).map(e => `${note.innerText.slice(0, 20)}: ${e.outerHTML}`));
}
"""
COLUMN = "([table, i]) => [...table.tBodies[0].rows].map(row => row.cells[i].innerText.trim())"


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def table_of(page, heading):
    """The first table below a heading."""
    return page.locator(f"h3:text-is('{heading}') ~ .scroll table").first


@pytest.mark.parametrize("name", PAGES)
def test_it_opens_from_disk_without_a_network(name, pages, visit):
    page = visit(pages[name])
    assert page.locator("h1").count() == 1
    assert page.locator("h1").is_visible()


@pytest.mark.parametrize("name", PAGES)
def test_no_width_scrolls_the_page_sideways(name, pages, visit):
    page = visit(pages[name])
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        assert page.evaluate(TOO_WIDE) == [], width


@pytest.mark.parametrize("name", ["demo", "full", "pictured", "audit", "heavy", "comparison"])
def test_notes_in_the_margin_cover_nothing(name, pages, visit):
    page = visit(pages[name])
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    for width in (1060, 1290, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(COVERED) == [], width


def test_the_verdict_is_on_the_first_screen(pages, visit):
    page = visit(pages["full"])
    for words in ("How sure?", "Is it safe?", "What next?"):
        assert page.locator("dt", has_text=words).bounding_box()["y"] < 800


def test_no_table_of_the_demo_scrolls_on_a_wide_screen(pages, visit):
    page = visit(pages["demo"])
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel)"
        )
        == []
    )


@pytest.mark.parametrize("name", ["demo", "full", "audit", "comparison"])
@pytest.mark.parametrize(("width", "kind"), [(1440, "wide"), (360, "narrow")])
def test_words_of_drawings_stay_on_their_sheet(name, width, kind, pages, visit):
    """In the reader's own font; and one of the two drawings is seen, the other is not."""
    page = visit(pages[name], width)
    beyond = page.evaluate(
        """kind => [...document.querySelectorAll(`svg.${kind} text`)].filter(text => {
          const box = text.getBBox(), sheet = text.ownerSVGElement.viewBox.baseVal;
          return box.x < -2 || box.x + box.width > sheet.width + 2;
        }).map(text => text.textContent)""",
        kind,
    )
    assert beyond == []
    other = {"wide": "narrow", "narrow": "wide"}[kind]
    assert page.locator(f"figure svg.{kind}").first.is_visible()
    assert not page.locator(f"figure svg.{other}").first.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_thumbnails_are_seen(theme, pages, visit):
    """The policy lets them in, and each has words."""
    page = visit(pages["pictured"], theme=theme)
    images = page.locator(".thumbs img")
    assert images.count() == 24
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth === 96 && i.alt.length > 20)")
    box = images.first.bounding_box()
    assert (box["width"], box["height"]) == (96, 96)


@pytest.mark.parametrize(("width", "beside"), [(1440, True), (720, True), (360, False)])
def test_small_figures_stand_side_by_side_where_there_is_room(width, beside, pages, visit):
    page = visit(pages["pictured"], width)
    pairs = page.locator("figure.half"), page.locator("figure:not(.half) svg.solo")
    for found in pairs:
        assert found.count() == 2
        first, second = (found.nth(i).bounding_box() for i in (0, 1))
        assert (second["x"] > first["x"] + first["width"]) == beside
        assert (second["y"] == first["y"]) == beside
    beyond = page.evaluate(
        """() => [...document.querySelectorAll("svg.solo text")].filter(text => {
          const box = text.getBBox(), sheet = text.ownerSVGElement.viewBox.baseVal;
          return box.x < -2 || box.x + box.width > sheet.width + 2;
        }).map(text => text.textContent)"""
    )
    assert beyond == []


def test_a_table_is_sorted_by_a_click_on_a_head(pages, visit):
    page = visit(pages["full"])
    table = table_of(page, "All candidates")
    accuracy = table.locator("thead th", has_text="Accuracy")
    column = accuracy.evaluate("th => th.cellIndex")
    below = page.evaluate("table => table.tBodies[1].innerText", table.element_handle())

    def values():
        return [float(v) for v in page.evaluate(COLUMN, [table.element_handle(), column])]

    before = values()
    accuracy.get_by_role("button").click()
    assert accuracy.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(before)
    accuracy.get_by_role("button").press("Enter")
    assert accuracy.get_attribute("aria-sort") == "descending"
    assert values() == sorted(before, reverse=True)
    # Baselines are no candidates: they stay where they are.
    assert page.evaluate("table => table.tBodies[1].innerText", table.element_handle()) == below


def test_what_has_no_value_is_last_in_either_order(pages, visit):
    page = visit(pages["full"])
    table = table_of(page, "All candidates")
    head = table.locator("thead th", has_text="H\N{NON-BREAKING HYPHEN}score")
    column = head.evaluate("th => th.cellIndex")
    for _ in range(2):
        head.get_by_role("button").click()
        shown = page.evaluate(COLUMN, [table.element_handle(), column])
        assert shown[-1] == DASH
        assert DASH not in shown[:-1]


@pytest.mark.parametrize(
    ("name", "heading", "column"), [("full", "All candidates", "Over pixels"), ("demo", "Other measures", "GBC")]
)
def test_columns_are_sorted_by_value_and_not_by_letter(name, heading, column, pages, visit):
    page = visit(pages[name])
    table = table_of(page, heading)
    head = table.locator("thead th", has_text=column)
    place = head.evaluate("th => th.cellIndex")
    head.get_by_role("button").click()
    shown = page.evaluate(COLUMN, [table.element_handle(), place])
    values = [float(words.split("[")[0].replace(MINUS, "-")) for words in shown]
    assert values == sorted(values)
    assert values[0] < values[-1] * 1.5
    assert values[0] < 0


def test_rows_are_filtered_by_what_they_hold(pages, visit):
    page = visit(pages["full"])
    box = page.get_by_label("Filter rows").first
    rows = table_of(page, "All candidates").locator("tbody").first.locator("tr:visible")
    assert rows.count() == 18
    box.fill("resnet cifar10")
    assert rows.count() == 4
    assert page.get_by_text("4 of 18", exact=True).is_visible()
    box.fill("RESNET56")
    assert rows.count() == 1
    box.fill("")
    assert rows.count() == 18


def test_findings_are_filtered_and_unfolded(pages, visit):
    page = visit(pages["heavy"])
    box = page.get_by_label("Filter findings")
    seen = page.locator("#findings li:not(.more):visible")
    folded = page.locator("#findings details").first
    assert folded.get_attribute("open") is None
    title = folded.locator("li b").last.text_content()
    box.fill(title)
    assert folded.get_attribute("open") is not None
    assert {finding.locator("b").inner_text() for finding in seen.all()} == {title}
    box.fill("no such finding")
    assert seen.count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_systems_until_it_is_changed(theme, pages, visit):
    page = visit(pages["demo"], theme=theme)
    before, button = background(page), page.locator("#theme")
    assert ("253" in before) == (theme == "light")
    assert button.inner_text() == ("Dark theme" if theme == "light" else "Light theme")
    button.click()
    after = background(page)
    assert after != before
    assert button.inner_text() == ("Light theme" if theme == "light" else "Dark theme")
    button.click()
    assert background(page) == before


def test_it_reads_with_scripts_off(pages, visit):
    page = visit(pages["full"], java_script_enabled=False)
    assert not page.locator("#theme").is_visible()
    assert page.get_by_label("Filter rows").count() == 0
    for section in page.locator("section").all():
        assert section.locator("h2").is_visible()
    page.locator("figure summary").first.click()
    assert page.locator("figure details table").first.is_visible()


def test_the_keyboard_reaches_everything(pages, visit):
    page = visit(pages["full"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName.toLowerCase()"))
    assert {"theme", "a", "summary", "button", "input", "div"} <= reached


def test_links_of_an_index_open_reports(pages, visit):
    page = visit(pages["index"])
    page.get_by_role("link", name="demo", exact=True).click()
    assert page.locator("h1").inner_text() == "Start from printed_digits."


@pytest.mark.parametrize("name", ["demo", "full", "pictured", "audit", "comparison", "index"])
def test_it_prints_light_and_whole(name, pages, visit):
    """As on A4 with its margins: no colour of the dark theme, nothing that needs a click, no table cut off."""
    page = visit(pages[name], theme="dark")
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 673, "height": 1000})
    assert background(page) == "rgb(255, 255, 255)"
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert sum(map(int, ink.strip("rgb()").split(","))) < 150
    for hidden in ("#theme", ".rail", ".filter", "details:not([open])"):
        assert page.locator(hidden).locator("visible=true").count() == 0
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(e => e.checkVisibility() && e.scrollWidth > 674)"
            ".map(e => e.ariaLabel)"
        )
        == []
    )
    assert page.evaluate(TOO_WIDE) == []
