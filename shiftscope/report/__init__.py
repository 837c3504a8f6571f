"""A run record as one HTML page and as tables on a terminal; reads the record and nothing else."""

from __future__ import annotations

from shiftscope.report.html import render_html
from shiftscope.report.terminal import print_record, render_text

__all__ = ["print_record", "render_html", "render_text"]
