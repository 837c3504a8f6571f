"""``shiftscope embed``: features of a data set, into the store and optionally into files."""

from __future__ import annotations

import re
from pathlib import Path

import click

from shiftscope.cli._options import cache_option, device_option, trust_option

__all__ = ["command"]


@click.command("embed")
@click.argument("data")
@click.option(
    "-b",
    "--backbone",
    "backbones",
    multiple=True,
    required=True,
    metavar="URI",
    help="Backbone, e.g. torchvision:resnet50 or checkpoint:manifest.json#name. Repeatable.",
)
@click.option("--per-class", type=click.IntRange(min=2), metavar="N", help="Use N samples of each class.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of --per-class.")
@device_option
@cache_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write one NAME.npz per backbone there, for features:FILE and --features NAME=FILE.",
)
@trust_option
def command(
    data: str,
    *,
    backbones: tuple[str, ...],
    per_class: int | None,
    seed: int,
    device: str,
    cache: Path | None,
    output: Path | None,
    trust_code: bool,
) -> None:
    """Extract features of DATA under each backbone; what is in the store already is not computed again."""
    from shiftscope.analysis.embed import embed_all, save_features
    from shiftscope.cli._progress import progress_bar

    with progress_bar() as progress:
        extraction = embed_all(
            data,
            backbones,
            per_class_n=per_class,
            seed=seed,
            device=device,
            cache=cache,
            trust_code=trust_code,
            progress=progress,
        )
    for name, features in sorted(extraction.features.items()):
        click.echo(f"{name}  {features.n} x {features.d}  {extraction.keys[name]}")
        if output:
            # A name comes from a manifest: it must not lead out of the folder.
            click.echo(f"  {save_features(features, output / (re.sub(r'[^A-Za-z0-9._@-]+', '-', name) + '.npz'))}")
    click.echo(
        f"{extraction.n_hits} of {extraction.n_hits + extraction.n_misses} feature sets from the store; "
        f"{extraction.n_decoded} images decoded, {extraction.n_forward} forward passes"
    )
