"""One way from a specification to files and tables, for every command that runs something."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Unpack

import click

from shiftscope.analysis.run import Kind, execute
from shiftscope.analysis.write import write_run
from shiftscope.cli._options import Place
from shiftscope.cli._progress import progress_bar
from shiftscope.core.load import dump_record
from shiftscope.core.spec import RunSpec

__all__ = ["run_and_finish"]


def run_and_finish(
    given_spec: tuple[RunSpec, dict[str, Any]],
    *,
    kind: Kind,
    **place: Unpack[Place],
) -> None:
    """Run, write run.json, its arrays and report.html, and print the tables or the record."""
    from shiftscope.report.html import render_html

    spec, given = given_spec
    with progress_bar() as progress:
        outcome = execute(
            spec,
            kind=kind,
            given=given,
            device=place["device"],
            trust_code=place.get("trust_code", False),
            images=place.get("images", True),
            cache=place["cache"],
            progress=progress,
        )
    folder = place["output"] or _default_folder(kind, spec)
    record = write_run(outcome, folder, render=render_html)
    if place["as_json"]:
        click.echo(dump_record(record), nl=False)
        return
    from shiftscope.report.terminal import print_record, terminal

    print_record(record, terminal())
    click.echo(f"record: {folder / 'run.json'}\nreport: {folder / 'report.html'}")


def _default_folder(kind: str, spec: RunSpec) -> Path:
    """Folder of a run that was given none: the same specification always gets the same one."""
    digest = hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(sorted(spec.targets)))[:40]
    return Path("runs") / f"{kind}-{name}-{digest}"
