"""The sample under ``reports/demo`` is a record of today's schema, and its page says what the record says."""

from pathlib import Path

from shiftscope.core.load import dump_record, load_record
from shiftscope.report import render_html

SAMPLE = Path(__file__).parent.parent.parent / "reports" / "demo"


def test_sample_loads_unchanged_and_renders():
    record = load_record(SAMPLE)
    assert dump_record(record) == (SAMPLE / "run.json").read_text(encoding="utf-8")
    # Long names may break after an underscore, which a reader does not see.
    page, committed = (
        text.replace("<wbr>", "")
        for text in (render_html(record), (SAMPLE / "report.html").read_text(encoding="utf-8"))
    )
    for words in ("Start from printed_digits.", "shuffled_digits", "ST101"):
        assert words in page
        assert words in committed
