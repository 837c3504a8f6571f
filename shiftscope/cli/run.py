"""``shiftscope run``: everything a TOML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from shiftscope.cli._options import Place, images_option, run_options, trust_option

__all__ = ["command"]


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@trust_option
@images_option
@run_options
def command(file: Path, *, seed: int | None, **place: Unpack[Place]) -> None:
    """Rank and diagnose as the TOML FILE says; the schema is printed by 'shiftscope schema spec'."""
    from shiftscope.cli._run import run_and_finish
    from shiftscope.core.spec import load_spec

    spec, given = load_spec(file)
    if spec.gate:
        from shiftscope.gate.policy import parse_policy

        # Found now rather than after the work.
        parse_policy(spec.gate, at=f"{file}: gate")
    if seed is not None:
        spec = spec.model_copy(update={"seed": seed})
    run_and_finish((spec, given), kind="run", **place)
