"""``shiftscope gate``: a record held against a policy, with an exit code for pipelines."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from shiftscope.core.verdict import Verdict

__all__ = ["command"]

WIDTH_OF_LOGS = 120
A_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("gate")
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    type=A_FILE,
    help="TOML file; default: [tool.shiftscope.gate] of pyproject.toml, else [gate] of the run's own specification.",
)
@click.option("--baseline", type=click.Path(path_type=Path), help="Record that max_increase and max_decrease refer to.")
@click.option(
    "--profile",
    type=click.Choice(["strict", "default", "explore"]),
    help="What holds where the policy says nothing, instead of the profile it names.",
)
@click.option("--verify-data", is_flag=True, help="Read the data again, and check that they are those of the record.")
@click.option("--explain", is_flag=True, help="Say why each rule passed or failed.")
@click.option("--junit", type=A_FILE, help="Write the verdict as JUnit XML.")
@click.option("--summary", type=A_FILE, help="Write the verdict as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON instead of a table.")
@click.option("--mlflow", is_flag=True, help="Log record and verdict to the MLflow run of the environment.")
def command(
    record: Path,
    *,
    policy: Path | None,
    baseline: Path | None,
    profile: str | None,
    verify_data: bool,
    explain: bool,
    junit: Path | None,
    summary: Path | None,
    as_json: bool,
    mlflow: bool,
) -> None:
    """Hold the RECORD of a run (run.json or its folder) against a policy.

    Exit codes: 0 passed, 1 failed, 2 wrong usage or input, 3 cannot be decided (with inconclusive = "fail").
    """
    from shiftscope.core.load import load_record
    from shiftscope.gate.judge import judge
    from shiftscope.gate.places import find_policy

    run = load_record(record)
    found = find_policy(policy, run, profile=profile)
    before = None if baseline is None else load_record(baseline)
    if verify_data:
        from shiftscope.analysis.verify import verify_inputs

        data = verify_inputs(run)
    verdict = judge(
        run,
        found.policy,
        policy_from=found.place,
        run=str(record),
        baseline=before,
        baseline_from="" if baseline is None else str(baseline),
        data=data if verify_data else (),
    )
    _write(verdict, junit, summary)
    _say(verdict, as_json=as_json, explain=explain)
    if mlflow:
        from shiftscope.export.mlflow import log_run

        log_run(run, verdict)
    raise SystemExit(verdict.exit_code)


def _write(verdict: Verdict, junit: Path | None, summary: Path | None) -> None:
    from shiftscope.core.files import write_atomic
    from shiftscope.errors import InputError
    from shiftscope.gate.junit import render_junit
    from shiftscope.gate.markdown import render_summary

    for file, render in ((junit, render_junit), (summary, render_summary)):
        if file is not None:
            try:
                write_atomic(file, render(verdict))
            except OSError as reason:
                raise InputError(f"{file} cannot be written ({reason.strerror}): name another file.") from None


def _say(verdict: Verdict, *, as_json: bool, explain: bool) -> None:
    """Print the verdict, and in GitHub Actions annotate and summarise it too."""
    from shiftscope.core.verdict import dump_verdict
    from shiftscope.gate.github import annotation_lines, append_summary, commands_off, summary_file
    from shiftscope.gate.terminal import print_verdict

    page = summary_file()
    if as_json:
        click.echo(dump_verdict(verdict), nl=False)
    else:
        with nullcontext() if page is None else commands_off(sys.stdout):
            print_verdict(verdict, _console(), explain=explain)
    if page is not None:
        append_summary(verdict, page)
        for line in annotation_lines(verdict):
            # With --json, standard output is JSON and nothing else; GitHub reads commands from both.
            click.echo(line, err=as_json)


def _console() -> Console:
    """As wide as the terminal, or as a log in which nobody can widen the window."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_LOGS)
