"""One way from a specification to files and tables, for every command that runs something."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Unpack

import click
from pydantic import BaseModel

from shiftscope.analysis.run import Kind, RunOutcome, execute
from shiftscope.analysis.write import write_run
from shiftscope.cli._options import Place
from shiftscope.cli._progress import progress_bar
from shiftscope.core.load import dump_record
from shiftscope.core.records import RunRecord
from shiftscope.core.spec import RunSpec

__all__ = ["default_folder", "finish", "run_and_finish"]


def run_and_finish(
    given_spec: tuple[RunSpec, dict[str, Any]],
    *,
    kind: Kind,
    **place: Unpack[Place],
) -> None:
    """Run, and finish what came of it."""
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
    finish(outcome, place["output"] or default_folder(kind, spec.targets, spec), as_json=place["as_json"])


def finish(outcome: RunOutcome, folder: Path, *, as_json: bool) -> RunRecord:
    """Write run.json, its arrays and report.html, and print the tables or the record."""
    from shiftscope.report.html import render_html

    record = write_run(outcome, folder, render=render_html)
    if as_json:
        click.echo(dump_record(record), nl=False)
        return record
    from shiftscope.report.terminal import print_record, terminal

    print_record(record, terminal())
    click.echo(f"record: {folder / 'run.json'}\nreport: {folder / 'report.html'}")
    return record


def default_folder(kind: str, targets: Iterable[str], spec: BaseModel) -> Path:
    """Folder of a run that was given none: the same specification always gets the same one."""
    digest = hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(sorted(targets)))[:40]
    return Path("runs") / f"{kind}-{name}-{digest}"
