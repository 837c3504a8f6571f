"""``shiftscope audit``: fine-tune, and hold the advice against what happened."""

from __future__ import annotations

from pathlib import Path

import click

from shiftscope.cli._options import cache_option, device_option, trust_option

__all__ = ["command"]


@click.command("audit")
@click.argument("file", type=click.Path(path_type=Path))
@trust_option
@device_option
@cache_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for cells, run.json and report.html; default: the FILE's name beside it.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes at once; default: one per processor core.")
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0),
    help="Begin nothing new after this time; 0 only reads what is finished. Run again to go on.",
)
@click.option(
    "--save-networks", is_flag=True, help="Keep the networks trained now: checkpoint:…/networks/manifest.json."
)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON instead of tables.")
def command(
    file: Path,
    *,
    trust_code: bool,
    device: str,
    cache: Path | None,
    output: Path | None,
    workers: int | None,
    max_minutes: float | None,
    save_networks: bool,
    as_json: bool,
) -> None:
    """Fine-tune backbones on targets as the TOML FILE says, and score the measures against what happened.

    Every finished training run is kept at once: a run that was interrupted goes on where it was. Exit code 3 says
    that the grid is not complete; the report shows what there is.
    """
    from shiftscope.analysis.audit.run import audit
    from shiftscope.cli._progress import progress_bar
    from shiftscope.cli._run import finish
    from shiftscope.core.audit_spec import load_audit
    from shiftscope.errors import ExitCode

    spec, given = load_audit(file)
    folder = output or file.with_suffix("")
    with progress_bar() as progress:
        outcome = audit(
            spec,
            folder,
            written=given,
            device=device,
            trust_code=trust_code,
            cache=cache,
            workers=workers,
            max_minutes=max_minutes,
            save_networks=save_networks,
            progress=progress,
        )
    record = finish(outcome, folder, as_json=as_json)
    assert record.audit is not None
    if record.audit.n_cells < record.audit.n_planned:
        raise SystemExit(ExitCode.INCONCLUSIVE)
