"""Take the pictures under ``reports/screenshots``: the page of the demo, light and dark, wide and on a phone.

python tests/browser/screenshots.py
"""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from installed import executable
from PIL import Image
from playwright.sync_api import sync_playwright

from shiftscope.core.artifacts import read_thumbnails
from shiftscope.core.load import load_record
from shiftscope.report.html import render_html

REPORTS = Path(__file__).parents[2] / "reports"
VIEWS = ((1440, "light"), (1440, "dark"), (360, "light"))
# A page has few colours, some of them rare; smooth edges of letters and thumbnails need more.
COLOURS, METHOD = 128, Image.Quantize.MAXCOVERAGE


def main():
    """Write one picture for every view."""
    folder = REPORTS / "screenshots"
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory() as place, sync_playwright() as driver:
        page_file = Path(place) / "report.html"
        record = load_record(REPORTS / "demo")
        page_file.write_text(render_html(record, read_thumbnails(record, REPORTS / "demo")), encoding="utf-8")
        browser = driver.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        for width, theme in VIEWS:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
            page.goto(page_file.as_uri())
            picture = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
            picture.quantize(COLOURS, METHOD, dither=Image.Dither.NONE).save(
                folder / f"demo-{width}-{theme}.png", optimize=True
            )
        browser.close()


if __name__ == "__main__":
    main()
