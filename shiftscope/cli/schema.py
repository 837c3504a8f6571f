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
    "run": ("core.records", "RunRecord"),
    "spec": ("core.spec", "RunSpec"),
    "audit": ("core.audit_spec", "AuditSpec"),
    "cell": ("core.cells", "Cell"),
    "policy": ("gate.policy", "Policy"),
    "verdict": ("core.verdict", "Verdict"),
}


@click.command("schema")
@click.argument("what", type=click.Choice(list(MODELS)))
def command(what: str) -> None:
    """Print the JSON schema of run.json, of the TOML file of a run, an audit or a gate, of cells or of a verdict."""
    module, name = MODELS[what]
    model: type[BaseModel] = getattr(import_module(f"shiftscope.{module}"), name)
    click.echo(json.dumps(model.model_json_schema(mode="validation", by_alias=True), indent=1, sort_keys=True))
