"""``shiftscope schema``: the JSON schemas of what is read and written."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["command"]

MODELS = {
    "run": ("records", "RunRecord"),
    "spec": ("spec", "RunSpec"),
    "audit": ("audit_spec", "AuditSpec"),
    "cell": ("cells", "Cell"),
}


@click.command("schema")
@click.argument("what", type=click.Choice(list(MODELS)))
def command(what: str) -> None:
    """Print the JSON schema of run.json, of the TOML specification of a run or an audit, or of an audit's cells."""
    module, name = MODELS[what]
    model: type[BaseModel] = getattr(import_module(f"shiftscope.core.{module}"), name)
    click.echo(json.dumps(model.model_json_schema(mode="validation", by_alias=True), indent=1, sort_keys=True))
