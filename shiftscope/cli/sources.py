"""``shiftscope sources``: which source data help a target, and how much each should count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from shiftscope.cli._options import place_of, run_options, trust_option
from shiftscope.errors import InputError

__all__ = ["command"]


@click.command("sources")
@click.argument("target")
@click.option(
    "--source",
    "sources",
    multiple=True,
    required=True,
    metavar="NAME=URI",
    help="Labelled source data, under the name it has in tables. Repeatable.",
)
@click.option(
    "-b",
    "--backbone",
    metavar="URI",
    help="The backbone, e.g. torchvision:resnet50 or checkpoint:manifest.json#name; none for features:FILE.",
)
@trust_option
@click.option(
    "--per-class", type=click.IntRange(min=2), metavar="N", help="Use N samples of each class of every data set."
)
@run_options
def command(
    target: str, sources: Sequence[str], backbone: str | None, per_class: int | None, seed: int | None, **options: Any
) -> None:
    """Train a probe on TARGET with and without each source, and find the weights that suit TARGET best.

    A source hurts when the probe predicts held-out samples of TARGET worse with it than without. Classes are matched
    by name; source classes that TARGET lacks are left out.

    \b
    shiftscope sources imagefolder:sketch --source photo=imagefolder:photo --source art=imagefolder:art \\
        -b torchvision:resnet18
    """  # noqa: D301  # \b keeps click from joining the example with the text
    from shiftscope.analysis.sources.run import execute_sources
    from shiftscope.cli._progress import progress_bar
    from shiftscope.cli._run import default_folder, finish
    from shiftscope.core.sources import SourcesSpec
    from shiftscope.core.spec import checked
    from shiftscope.data import default_name

    place = place_of(options)
    written = {"target": target, "sources": _named(sources), "backbone": backbone, "per_class": per_class, "seed": seed}
    given = {key: value for key, value in written.items() if value is not None}
    spec = checked(SourcesSpec, given, at="command line")
    with progress_bar() as progress:
        outcome = execute_sources(
            spec,
            given=given,
            device=place["device"],
            trust_code=place.get("trust_code", False),
            cache=place["cache"],
            progress=progress,
        )
    folder = place["output"] or default_folder("sources", [default_name(target)], spec)
    finish(outcome, folder, as_json=place["as_json"])


def _named(given: Sequence[str]) -> dict[str, str]:
    """Turn ``NAME=URI`` texts into a mapping.

    Raises
    ------
    InputError
        If one has no name or no address, or a name stands twice.
    """
    named: dict[str, str] = {}
    for text in given:
        name, separator, uri = text.partition("=")
        # An address may hold "=" itself, after the "?" of its options: what stands before is then no name.
        if not (name and separator and uri) or ":" in name:
            raise InputError(f"--source {text!r} cannot be used: write NAME=URI, for example photo=imagefolder:photo.")
        if name in named:
            raise InputError(f"--source names {name!r} twice: give each source a name of its own.")
        named[name] = uri
    return named
