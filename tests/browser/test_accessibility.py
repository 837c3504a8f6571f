"""What axe-core finds in a page: nothing serious, in either theme, wide and narrow, with everything unfolded."""

import pytest

pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed: it brings axe-core")

from axe_playwright_python.sync_playwright import Axe

SERIOUS = ("serious", "critical")
KINDS = [
    *((name, 1440, "light") for name in ("demo", "full", "pictured", "hostile", "audit", "comparison", "index")),
    *((name, 1440, "dark") for name in ("full", "pictured", "audit", "comparison")),
    *((name, 360, "light") for name in ("full", "pictured", "audit", "index")),
]


@pytest.mark.parametrize(("name", "width", "theme"), KINDS)
def test_nothing_serious_is_found(name, width, theme, pages, visit):
    page = visit(pages[name], width, theme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page).response
    wrong = [(v["id"], v["impact"], [n["target"] for n in v["nodes"]][:3]) for v in found["violations"]]
    assert [v for v in wrong if v[1] in SERIOUS] == []


def test_it_would_be_found(pages, visit):
    """The checks do run: a picture without words and grey on grey are told."""
    page = visit(pages["demo"], bypass_csp=True)
    page.evaluate(
        """() => {
          document.querySelector("h1").style.color = "#ccc";
          document.querySelector("figure svg").removeAttribute("aria-labelledby");
          document.querySelector("figure svg title").remove();
        }"""
    )
    found = {v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in SERIOUS}
    assert {"color-contrast", "svg-img-alt"} <= found
