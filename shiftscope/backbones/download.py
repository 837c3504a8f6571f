"""Published weights from the network into a file, checked by the digest in their name."""

from __future__ import annotations

import re
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import IO

from shiftscope.core.files import sha256_of
from shiftscope.errors import IntegrityError, WeightsUnavailableError

__all__ = ["download", "named_digest", "reachable", "unavailable"]

TIMEOUT = 8.0  # seconds without an answer
CHUNK = 1 << 20


def download(url: str, path: Path, owner: str) -> None:
    """Bring ``url`` to ``path`` unless it is there; a partial file is never left, and the digest is checked.

    Raises
    ------
    WeightsUnavailableError
        If the address cannot be reached.
    IntegrityError
        If the file, new or old, is not the one its name describes.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, _whole(path) as out:  # noqa: S310  # https
                for chunk in _shown(answer, path.name):
                    out.write(chunk)
        except OSError as reason:
            raise unavailable(owner, url, reason) from None
    digest = named_digest(path.name)
    if digest and not sha256_of(path).startswith(digest):
        raise IntegrityError(f"{owner}: {path} is not the published file (sha256 {digest}…): delete it and try again.")


def unavailable(owner: str, url: str, reason: object) -> WeightsUnavailableError:
    """Say which weights are missing, where they are published, and two ways out."""
    why = reason.reason if isinstance(reason, urllib.error.URLError) else reason
    return WeightsUnavailableError(
        f"{owner}: the weights could not be downloaded from {url} ({why}): put the file on this machine and name it "
        "in a manifest (checkpoint:manifest.json#NAME), or choose another backbone."
    )


def reachable(url: str) -> str:
    """Return why ``url`` cannot be reached, empty when it can; a server that refuses the page was reached."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310  # https
    try:
        urllib.request.urlopen(request, timeout=TIMEOUT).close()  # noqa: S310  # https
    except urllib.error.HTTPError:
        return ""
    except OSError as reason:
        return str(reason.reason if isinstance(reason, urllib.error.URLError) else reason)
    return ""


def named_digest(name: str) -> str:
    """Return the first digits of the sha256 that torch's convention puts into a file name, or nothing."""
    found = re.search(r"-([0-9a-f]{8,64})\.", name)
    return found.group(1) if found else ""


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Write beside ``path`` and move there only when all went well."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        try:
            yield part
            part.flush()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _shown(answer: HTTPResponse, name: str) -> Iterator[bytes]:
    """Yield the body in chunks, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import wrap_file

    if not sys.stderr.isatty():
        yield from iter(lambda: answer.read(CHUNK), b"")
        return
    total = int(answer.headers.get("Content-Length") or 0)
    console = Console(stderr=True)
    with wrap_file(answer, total=total, description=f"downloading {name}", console=console) as stream:
        yield from iter(lambda: stream.read(CHUNK), b"")
