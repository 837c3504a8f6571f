"""``shiftscope report``: the page of a record, made anew without the libraries that computed it."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("report")
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="HTML file, or Markdown if it ends in .md; default: report.html beside the record.",
)
@click.option("--table", is_flag=True, help="Print tables to the terminal instead.")
def command(record: Path, output: Path | None, table: bool) -> None:
    """Write the report of a run from its run.json."""
    from shiftscope.core.files import write_atomic
    from shiftscope.core.load import load_record
    from shiftscope.errors import InputError

    found = load_record(record)
    if table:
        from shiftscope.report.terminal import print_record, terminal

        print_record(found, terminal())
        return
    page = output or (record if record.is_dir() else record.parent) / "report.html"
    if page.suffix == ".md":
        from shiftscope.report.markdown import render_markdown as render
    else:
        from shiftscope.report.html import render_html as render
    try:
        write_atomic(page, render(found))
    except OSError as reason:
        raise InputError(f"{page} cannot be written ({reason.strerror}): name another file with -o.") from None
    click.echo(f"report: {page}")
