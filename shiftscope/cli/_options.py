"""Options that mean the same for every command, and what they are turned into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeVar

import click

from shiftscope.core.spec import RunSpec, parse_spec
from shiftscope.errors import InputError

__all__ = [
    "Place",
    "backbone_options",
    "cache_option",
    "device_option",
    "features_option",
    "given_spec",
    "images_option",
    "measure_options",
    "place_of",
    "run_options",
    "run_options_into",
    "trust_option",
]

F = TypeVar("F", bound=Callable[..., Any])


class Place(TypedDict):
    """Where a run works and what it leaves: none of it changes a number."""

    device: str
    cache: Path | None
    output: Path | None
    as_json: bool
    trust_code: NotRequired[bool]
    images: NotRequired[bool]


def place_of(options: dict[str, Any]) -> Place:
    """Take what belongs to the place of a run out of all ``options`` of a command."""
    return Place(
        device=options.pop("device"),
        cache=options.pop("cache"),
        output=options.pop("output"),
        as_json=options.pop("as_json"),
        trust_code=options.pop("trust_code"),
        images=options.pop("images", True),
    )


def _stack(*options: Callable[[F], F]) -> Callable[[F], F]:
    def apply(command: F) -> F:
        # The last decorator applied is the first shown, so the list is walked backwards.
        for option in reversed(options):
            command = option(command)
        return command

    return apply


trust_option = click.option(
    "--trust-code", is_flag=True, help="Run architecture code that lies next to a manifest (user code)."
)

device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    help="Where networks and large kernels run.",
)

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SHIFTSCOPE_CACHE",
    show_envvar=True,
    help="Folder of the feature store; default: the user's cache folder.",
)

images_option = click.option(
    "--no-images",
    "images",
    is_flag=True,
    callback=lambda _context, _option, given: not given,
    help="Keep no thumbnails. Without this, small copies of at most 24 of your images, those most unlike the other "
    "data set, are stored beside run.json and shown in the report.",
)

backbone_options = _stack(
    click.option(
        "-b",
        "--backbone",
        "backbones",
        multiple=True,
        metavar="URI",
        help="Candidate, e.g. torchvision:resnet50, timm:NAME, checkpoint:manifest.json#name. Repeatable.",
    ),
    trust_option,
)

features_option = click.option(
    "--features",
    multiple=True,
    metavar="NAME=FILE",
    help="Features of TARGET under one more backbone, where TARGET is a file of features. Repeatable.",
)

measure_options = _stack(
    click.option("-m", "--measure", "select", multiple=True, metavar="NAME", help="Only these measures. Repeatable."),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="MEASURE.OPTION=VALUE",
        help="Option of a measure, e.g. mmd.n_permutations=1999. Repeatable.",
    ),
    click.option("--per-class", type=click.IntRange(min=2), metavar="N", help="Use N samples of each class."),
)


def run_options_into(default: str) -> Callable[[F], F]:
    """Options of a command that runs something and writes to the folder ``default`` unless told otherwise."""
    return _stack(
        click.option(
            "--seed", type=click.IntRange(min=0), help="Seed of all draws; default: 0, or what the file says."
        ),
        device_option,
        cache_option,
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path, file_okay=False),
            help=f"Folder for run.json and report.html; default: {default}.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the record as JSON instead of tables."),
    )


run_options = run_options_into("runs/<name>")


def given_spec(
    *,
    targets: Sequence[str],
    sources: Sequence[str] = (),
    backbones: Sequence[str] = (),
    features: Sequence[str] = (),
    select: Sequence[str] = (),
    settings: Sequence[str] = (),
    per_class: int | None = None,
    budget: int | None = None,
    tap: str | None = None,
    no_random: bool = False,
    seed: int | None = None,
) -> tuple[RunSpec, dict[str, Any]]:
    """Turn command-line values into a specification, and keep what was written for the record."""
    from shiftscope.data.names import named_addresses, written_sources

    given = {
        "targets": named_addresses(targets, "target"),
        **written_sources(sources),
        "backbones": list(backbones),
        "features": _named_files(features),
        "select": list(select),
        "measures": _settings(settings),
        "per_class": per_class,
        "budget": budget,
        "tap": tap,
        "random": False if no_random else None,
        "seed": seed,
    }
    written = {key: value for key, value in given.items() if value not in (None, [], {})}
    return parse_spec(written, at="command line"), written


def _named_files(given: Sequence[str]) -> dict[str, str]:
    """Turn ``NAME=FILE`` texts into a mapping.

    Raises
    ------
    InputError
        If one has no name or no file, or a name stands twice.
    """
    files: dict[str, str] = {}
    for text in given:
        name, separator, file = text.partition("=")
        if not (name and separator and file):
            raise InputError(f"--features {text!r} cannot be used: write NAME=FILE.")
        if name in files:
            raise InputError(f"--features names {name!r} twice: give each file a name of its own.")
        files[name] = file if ":" in file else f"features:{file}"
    return files


def _settings(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Turn ``MEASURE.OPTION=VALUE`` texts into options per measure; values are read as TOML, else kept as text."""
    import tomllib

    options: dict[str, dict[str, Any]] = {}
    for text in given:
        path, separator, value = text.partition("=")
        measure, dot, option = path.partition(".")
        if not (measure and dot and option and separator):
            raise InputError(f"--set {text!r} cannot be used: write MEASURE.OPTION=VALUE.")
        try:
            options.setdefault(measure, {})[option] = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError:
            options.setdefault(measure, {})[option] = value
    return options
