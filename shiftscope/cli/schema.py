"""``shiftscope schema``: the JSON schemas of what is read and written."""

from __future__ import annotations

import json

import click

__all__ = ["command"]


@click.command("schema")
@click.argument("what", type=click.Choice(["run", "spec"]))
def command(what: str) -> None:
    """Print the JSON schema of run.json or of the TOML specification."""
    from shiftscope.core.records import RunRecord
    from shiftscope.core.spec import RunSpec

    model = RunRecord if what == "run" else RunSpec
    click.echo(json.dumps(model.model_json_schema(mode="validation", by_alias=True), indent=1, sort_keys=True))
