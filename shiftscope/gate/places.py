"""Where a policy stands: a file, the project's pyproject.toml, or the specification of the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shiftscope.core.records import RunRecord
from shiftscope.core.spec import read_toml
from shiftscope.errors import InputError
from shiftscope.gate.policy import Policy, parse_policy

__all__ = ["Found", "find_policy"]

PROJECT = "pyproject.toml"
TABLE = "tool.shiftscope.gate"


class Found(NamedTuple):
    """A policy and the place it was read from."""

    policy: Policy
    place: str


def find_policy(
    file: Path | None, record: RunRecord, *, profile: str | None = None, folder: Path | None = None
) -> Found:
    """Return the policy to judge ``record`` by.

    The first of these that exists: ``file``; the nearest ``pyproject.toml`` with a table ``tool.shiftscope.gate``, from
    ``folder`` (None for the working directory) upwards; the ``gate`` table of the record's specification; ``profile``
    alone. The project's policy comes before the record's, so that no record can loosen the rules it is judged by.

    Raises
    ------
    InputError
        If a policy cannot be used, or there is none and no profile was named.
    """
    if file is not None:
        return _parsed(*_in_file(file), profile)
    project = _in_project(folder or Path.cwd())
    if project is not None:
        return _parsed(*project, profile)
    own = record.spec.get("gate")
    if isinstance(own, dict) and own:
        return _parsed(own, "the record: spec.gate", profile)
    if profile is not None:
        return _parsed({}, f"profile {profile}", profile)
    raise InputError(
        f"There is no policy: give one with --policy, write a table [{TABLE}] into {PROJECT}, or choose a --profile."
    )


def _parsed(given: Mapping[str, Any], place: str, profile: str | None) -> Found:
    return Found(parse_policy(given, at=place, profile=profile), place)


def _in_file(file: Path) -> tuple[Mapping[str, Any], str]:
    """The policy in a file of its own, in a pyproject.toml, or in the specification of a run."""
    content = read_toml(file)
    if file.name == PROJECT:
        table = _project_table(content)
        if table is None:
            raise InputError(f"{file} has no table [{TABLE}]: write one, or give a file that holds a policy.")
        return table, f"{file}: {TABLE}"
    own = content.get("gate")
    return (own, f"{file}: gate") if isinstance(own, dict) else (content, str(file))


def _in_project(folder: Path) -> tuple[Mapping[str, Any], str] | None:
    for place in (folder, *folder.parents):
        file = place / PROJECT
        table = _project_table(read_toml(file)) if file.is_file() else None
        if table is not None:
            return table, f"{file}: {TABLE}"
    return None


def _project_table(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """``tool.shiftscope.gate`` of a pyproject.toml."""
    table: Any = content
    for key in TABLE.split("."):
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else None
