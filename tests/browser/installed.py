"""Which browser there is."""

import os
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def executable():
    """Path of a Chromium, or None."""
    given = os.environ.get("SHIFTSCOPE_CHROMIUM")
    return given or next(filter(None, map(shutil.which, BROWSERS)), None)
