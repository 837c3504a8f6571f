"""``shiftscope shift``: how far targets are from sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from shiftscope.cli._options import backbone_options, given_spec, images_option, measure_options, place_of, run_options

__all__ = ["command"]


@click.command("shift")
@click.argument("data", nargs=-1, required=True, metavar="[SOURCE] TARGET...")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="[NAME=]URI",
    help="Data to compare every TARGET with; then no SOURCE stands before them. Repeatable.",
)
@backbone_options
@measure_options
@images_option
@run_options
def command(data: Sequence[str], sources: Sequence[str], **options: Any) -> None:
    """Measure how far each TARGET is from SOURCE in the features of each backbone; labels count where both have them.

    Several sources are given with --source: each TARGET is compared with each of them, and the page says which is
    nearest, where that can be told. NAME=URI gives a data set a name of its own.

    \b
    shiftscope shift imagefolder:photo imagefolder:sketch -b torchvision:resnet18 -m mmd --set mmd.n_permutations=1999
    shiftscope shift --source imagefolder:photo --source imagefolder:art imagefolder:sketch -b torchvision:resnet18
    """  # noqa: D301  # \b keeps click from joining the example with the text
    from shiftscope.cli._run import run_and_finish

    place = place_of(options)
    if not sources:
        sources, data = data[:1], data[1:]
        if not data:
            raise click.UsageError(f"{sources[0]} has nothing to be compared with: give SOURCE and TARGET.")
    run_and_finish(given_spec(targets=data, sources=sources, **options), kind="shift", **place)
