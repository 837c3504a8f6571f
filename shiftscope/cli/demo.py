"""``shiftscope demo``: the main job on built-in data."""

from __future__ import annotations

from pathlib import Path

import click

from shiftscope.cli._options import run_options

__all__ = ["command"]

FOLDER = Path("shiftscope-demo")


@click.command("demo")
@run_options
def command(*, seed: int | None, device: str, cache: Path | None, output: Path | None, as_json: bool) -> None:
    """Rank eight small networks for handwritten digits and say how far these are from printed ones.

    Needs no network. Data, weights, run.json and report.html are put into shiftscope-demo/, or the folder given by -o.
    """
    from shiftscope.cli._run import run_and_finish
    from shiftscope.demo.run import prepare

    folder = output or FOLDER
    run_and_finish(
        prepare(folder, seed=seed or 0),
        kind="rank",
        device=device,
        cache=cache,
        output=folder,
        as_json=as_json,
        trust_code=False,
    )
