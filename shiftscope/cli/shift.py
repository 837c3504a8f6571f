"""``shiftscope shift``: how far a target is from a source."""

from __future__ import annotations

from typing import Any

import click

from shiftscope.cli._options import backbone_options, given_spec, images_option, measure_options, place_of, run_options

__all__ = ["command"]


@click.command("shift")
@click.argument("source")
@click.argument("target")
@backbone_options
@measure_options
@images_option
@run_options
def command(source: str, target: str, **options: Any) -> None:
    """Measure how far TARGET is from SOURCE in the features of each backbone; labels are used where both have them.

    \b
    shiftscope shift imagefolder:photo imagefolder:sketch -b torchvision:resnet18 -m mmd --set mmd.n_permutations=1999
    """  # noqa: D301  # \b keeps click from joining the example with the text
    from shiftscope.cli._run import run_and_finish

    place = place_of(options)
    run_and_finish(given_spec(target=target, source=source, **options), kind="shift", **place)
