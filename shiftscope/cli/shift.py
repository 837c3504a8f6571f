"""``shiftscope shift``: how far a target is from a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shiftscope.cli._options import backbone_options, given_spec, measure_options, run_options

__all__ = ["command"]


@click.command("shift")
@click.argument("source")
@click.argument("target")
@backbone_options
@measure_options
@run_options
def command(
    source: str,
    target: str,
    *,
    device: str,
    cache: Path | None,
    output: Path | None,
    as_json: bool,
    trust_code: bool,
    **given: Any,
) -> None:
    """Measure how far TARGET is from SOURCE in the features of each backbone; labels are used where both have them.

    \b
    shiftscope shift imagefolder:photo imagefolder:sketch -b torchvision:resnet18 -m mmd --set mmd.n_permutations=1999
    """  # noqa: D301  # \b keeps click from joining the example with the text
    from shiftscope.cli._run import run_and_finish

    run_and_finish(
        given_spec(target=target, source=source, **given),
        kind="shift",
        device=device,
        cache=cache,
        output=output,
        as_json=as_json,
        trust_code=trust_code,
    )
