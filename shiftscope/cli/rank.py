"""``shiftscope rank``: which pretrained model to start from."""

from __future__ import annotations

from typing import Any

import click

from shiftscope.cli._options import (
    backbone_options,
    features_option,
    given_spec,
    images_option,
    measure_options,
    place_of,
    run_options,
)

__all__ = ["command"]


@click.command("rank")
@click.argument("target")
@backbone_options
@features_option
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="[NAME=]URI",
    help="Also say how far TARGET is from this data set; never changes the rank. Repeatable.",
)
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    metavar="IMAGES",
    help="Embed at most so many images in total: a race that drops candidates which cannot win. No random copies.",
)
@click.option(
    "--tap",
    type=click.Choice(["penultimate", "all"]),
    help="all: also say which layer of each candidate serves best, from the same forward passes; never changes the "
    "rank.",
)
@click.option("--no-random", is_flag=True, help="Leave out the random copy of each architecture.")
@measure_options
@images_option
@run_options
def command(target: str, **options: Any) -> None:
    """Rank candidates for TARGET, a labelled data set such as imagefolder:photos.

    \b
    shiftscope rank imagefolder:photos -b torchvision:resnet50 -b torchvision:vit_b_16 -o out/
    """  # noqa: D301  # \b keeps click from joining the example with the text
    from shiftscope.cli._run import run_and_finish

    place = place_of(options)
    run_and_finish(given_spec(targets=[target], **options), kind="rank", **place)
