"""``shiftscope report``: records as pages, made anew without the libraries that computed them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from shiftscope.core.records import RunRecord
    from shiftscope.report.compare.records import Comparison

__all__ = ["command"]

Format = Literal["html", "md", "json", "junit"]
ENDINGS: dict[str, Format] = {".md": "md", ".json": "json", ".xml": "junit"}
# What a page is called that was given no name.
PAGE, COMPARISON, INDEX = "report.html", "comparison.html", "index.html"


@click.command("report")
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; default: a page beside the record, and standard output for other formats.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "md", "json", "junit"]),
    help="Default: what the name after -o ends in, else html.",
)
@click.option("--table", is_flag=True, help="Print tables to the terminal instead.")
@click.option(
    "--no-images", is_flag=True, help="Leave out the thumbnails, which are small copies of images that the run saw."
)
def command(records: tuple[Path, ...], output: Path | None, form: Format | None, table: bool, no_images: bool) -> None:
    """Write the report of a run, compare two, or list a folder of them.

    RECORDS is one run.json or its folder; two of them, to see what changed beyond noise from the first to the second;
    or a folder of runs, for an index page.
    """
    from shiftscope.core.load import RECORD
    from shiftscope.errors import InputError

    wanted = form or ENDINGS.get(output.suffix if output is not None else "", "html")
    if len(records) > 2:
        raise InputError(f"{len(records)} records were given: give one, or two to compare, or a folder of runs.")
    if len(records) == 2:
        _compare(records[0], records[1], wanted, output, table=table)
    elif records[0].is_dir() and not (records[0] / RECORD).exists():
        _index(records[0], wanted, output, table=table)
    else:
        _report(records[0], wanted, output, table=table, images=not no_images)


def _report(path: Path, form: Format, output: Path | None, *, table: bool, images: bool) -> None:
    from shiftscope.core.artifacts import read_thumbnails
    from shiftscope.core.load import load_record

    record = load_record(path)
    if table:
        from shiftscope.report.terminal import print_record, terminal

        print_record(record, terminal())
        return
    thumbnails = read_thumbnails(record, _folder(path)) if images and form == "html" else {}
    _put(_rendered(record, form, thumbnails), form, output, _folder(path) / PAGE)


def _rendered(record: RunRecord, form: Format, thumbnails: Mapping[str, bytes]) -> str:
    if form == "html":
        from shiftscope.report.html import render_html

        return render_html(record, thumbnails)
    if form == "md":
        from shiftscope.report.markdown import render_markdown

        return render_markdown(record)
    if form == "junit":
        from shiftscope.report.junit import render_junit

        return render_junit(record)
    from shiftscope.core.load import dump_record

    return dump_record(record)


def _compare(a: Path, b: Path, form: Format, output: Path | None, *, table: bool) -> None:
    from shiftscope.core.artifacts import read_arrays
    from shiftscope.core.load import load_record
    from shiftscope.report.compare.differ import compare

    old, new = load_record(a), load_record(b)
    arrays = read_arrays(old, _folder(a)), read_arrays(new, _folder(b))
    found = compare(old, new, names=(str(a), str(b)), arrays=arrays)
    if table:
        from shiftscope.report.compare.render import print_comparison
        from shiftscope.report.terminal import terminal

        print_comparison(found, terminal())
        return
    _put(_compared(found, form), form, output, _folder(b) / COMPARISON)


def _compared(found: Comparison, form: Format) -> str:
    from shiftscope.errors import InputError
    from shiftscope.report.compare.render import comparison_html, comparison_json, comparison_markdown

    if form == "junit":
        raise InputError("A comparison cannot be told as JUnit: ask for html, md or json, or use 'shiftscope gate'.")
    return {"html": comparison_html, "md": comparison_markdown, "json": comparison_json}[form](found)


def _index(folder: Path, form: Format, output: Path | None, *, table: bool) -> None:
    from shiftscope.errors import InputError
    from shiftscope.report.index import index_html, index_markdown, index_table, read_runs

    if form not in ("html", "md"):
        raise InputError(f"{folder} is a folder of runs, whose index is html or md: give one run.json for {form}.")
    page = output or folder / INDEX
    runs = read_runs(folder, page)
    if table:
        from shiftscope.report.terminal import rich_table, terminal

        terminal().print(rich_table(index_table(runs)))
        return
    name = folder.resolve().name
    _put(index_html(runs, name) if form == "html" else index_markdown(runs, name), form, output, page)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _put(content: str, form: Format, output: Path | None, page: Path) -> None:
    """Write what was asked for: to the named file, a page to where pages go, anything else to standard output."""
    from shiftscope.core.files import write_atomic
    from shiftscope.errors import InputError

    if output is None and form != "html":
        click.echo(content, nl=False)
        return
    file = output or page
    try:
        write_atomic(file, content)
    except OSError as reason:
        raise InputError(f"{file} cannot be written ({reason.strerror}): name another file with -o.") from None
    click.echo(f"report: {file}")
