"""Data addresses: ``scheme:location[?key=value&key=value]``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from shiftscope.errors import InputError, UnknownNameError

__all__ = ["Address"]


@dataclass(frozen=True)
class Address:
    """A data address in its parts; ``uri`` is the text as given."""

    uri: str
    scheme: str
    location: str
    options: dict[str, str]

    @classmethod
    def parse(cls, uri: str) -> Address:
        """Split ``uri``.

        Raises
        ------
        InputError
            If it has no scheme, no location, or an option without a value.
        """
        scheme, colon, rest = uri.partition(":")
        if not colon:
            guess = f"imagefolder:{uri}" if Path(uri).is_dir() else "imagefolder:DIR, npz:FILE or features:FILE"
            raise InputError(f"{uri!r} does not say what kind of data it is: write {guess}.")
        location, _, query = rest.partition("?")
        if not location:
            raise InputError(f"{uri!r} names no file or folder: write it after the colon.")
        try:
            options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
        except ValueError:
            raise InputError(f"{uri!r} has options that cannot be read: write ?key=value&key=value.") from None
        return cls(uri, scheme, location, options)

    @property
    def path(self) -> Path:
        """The location as a path, with ``~`` for the user's home."""
        return Path(self.location).expanduser()

    def accept(self, known: Collection[str]) -> None:
        """Refuse options that are not in ``known``."""
        for key in self.options:
            if key not in known:
                if not known:
                    raise InputError(f"{self.uri!r} has the option {key!r}, but {self.scheme}: takes none.")
                raise UnknownNameError("option", key, known, at=self.uri)
