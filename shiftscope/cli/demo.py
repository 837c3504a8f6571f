"""``shiftscope demo``: the main job on built-in data."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from shiftscope.cli._options import Place, images_option, run_options_into

__all__ = ["command"]

FOLDER = Path("shiftscope-demo")


@click.command("demo")
@images_option
@run_options_into(f"{FOLDER}/")
def command(*, seed: int | None, **place: Unpack[Place]) -> None:
    """Rank eight small networks for handwritten digits and say how far these are from printed ones.

    Needs no network. Data, weights, run.json and report.html are put into shiftscope-demo/, or the folder given by -o.
    """
    from shiftscope.cli._run import run_and_finish
    from shiftscope.demo.run import prepare

    folder = place["output"] or FOLDER
    place["output"] = folder
    run_and_finish(prepare(folder, seed=seed or 0), kind="rank", **place)
