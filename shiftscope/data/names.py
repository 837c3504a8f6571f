"""Several data sets in one run: each under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from shiftscope.data import default_name
from shiftscope.errors import InputError

__all__ = ["Addresses", "named_addresses", "written_sources"]

# One address, several, or addresses by name.
Addresses: TypeAlias = str | Sequence[str] | Mapping[str, str]


def named_addresses(given: Addresses, role: str) -> dict[str, str]:
    """Give every address a name: where a text is ``NAME=URI`` that name, else one after its folder or file.

    Parameters
    ----------
    role
        What errors call them, ``"source"`` or ``"target"``.

    Raises
    ------
    InputError
        If one stands twice under one name, two have one name, or a name has no address.
    """
    if isinstance(given, Mapping):
        return dict(given)
    named: dict[str, str] = {}
    for text in [given] if isinstance(given, str) else given:
        name, uri = _name_and_address(text)
        if not uri:
            raise InputError(f"{text!r} has no address for the {role} {name!r}: write {name}=imagefolder:PATH.")
        if named.get(name) == uri:
            raise InputError(f"{uri} is given twice as a {role}: name it once.")
        if name in named:
            raise InputError(
                f"Two {role}s are named {name!r}, {named[name]} and {uri}: write NAME={uri} to give one another name."
            )
        named[name] = uri
    return named


def written_sources(given: Addresses) -> dict[str, Any]:
    """Sources as a specification has them: a single one without a name as ``source``, others as ``sources``."""
    if isinstance(given, str):
        given = [given]
    named = named_addresses(given, "source")
    if not isinstance(given, Mapping) and len(given) == 1 and given[0] in named.values():
        return {"source": given[0]}
    return {"sources": named} if named else {}


def _name_and_address(text: str) -> tuple[str, str]:
    name, separator, uri = text.partition("=")
    # An address may hold "=" itself, in its options or the strength of a change: what stands before is then no name.
    return (name, uri) if separator and name and ":" not in name else (default_name(text), text)
