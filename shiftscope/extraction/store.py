"""The feature store: what a backbone gave for a set of images, found again by the contents of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree

from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.records import BackboneCard
from shiftscope.data import ImageSource
from shiftscope.errors import InputError
from shiftscope.extraction.part import Part, decode, encode

__all__ = ["EVERY_DEPTH", "PENULTIMATE", "Store", "store_key"]

VERSION = "1"  # to be raised when the same images and backbone give other numbers
PENULTIMATE = "penultimate"
EVERY_DEPTH = "several depths, rule 1"  # to be raised when other depths are chosen for the same network


def store_key(source: ImageSource, card: BackboneCard, precision: str, tap: str = PENULTIMATE) -> str:
    """Return the sha256 over what decides features: images in order, backbone, tap, transform, number type, code.

    Labels are not part of it. The transform's text names the resampler, and the version stands for how pictures
    are decoded and resized. For random weights the first images, in order, are those that batch-norm statistics
    were estimated on.
    """
    assert card.transform is not None
    images = hashlib.sha256(b"\n".join(source.keys.tolist())).hexdigest()
    parts = [images, card.identity, tap, card.transform.fingerprint, precision, VERSION]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Store:
    """Features on disk: one file per set and backbone, and parts of it while it is being made.

    Files appear whole or not at all; one that is damaged counts as absent and is made again.

    Parameters
    ----------
    root
        Folder of the store; ``SHIFTSCOPE_CACHE`` or the user's cache folder when None.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = cache_folder(root) / "features"

    def read(self, key: str) -> Part | None:
        """Return the whole set under ``key``, None when it is absent or damaged."""
        return _read(self._file(key))

    def write(self, key: str, whole: Part) -> None:
        """Keep the whole set; its parts are no longer needed."""
        self._write(self._file(key), whole)
        rmtree(self._parts(key), ignore_errors=True)

    def read_part(self, key: str, index: int) -> Part | None:
        """Return one part of a set, None when it is absent or damaged."""
        return _read(self._parts(key) / f"{index:06d}.safetensors")

    def write_part(self, key: str, index: int, part: Part) -> None:
        """Keep one part of a set."""
        self._write(self._parts(key) / f"{index:06d}.safetensors", part)

    @contextmanager
    def locked(self, keys: Iterable[str], on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the locks of ``keys``, so that two processes do not make the same features at once.

        Locks are taken in the order of their names: two processes with overlapping sets cannot wait for each other.
        """
        with ExitStack() as held:
            for key in sorted(set(keys)):
                held.enter_context(self._locked(key, on_wait))
            yield

    def _locked(self, key: str, on_wait: Callable[[], None]) -> AbstractContextManager[object]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.root / "locks" / f"{key}.lock")
        try:
            Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
            return lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            return lock.acquire()
        except OSError as reason:
            raise self._unwritable(reason) from None

    def _file(self, key: str) -> Path:
        return self.root / key[:2] / f"{key}.safetensors"

    def _parts(self, key: str) -> Path:
        return self.root / key[:2] / f"{key}.parts"

    def _write(self, path: Path, part: Part) -> None:
        try:
            write_atomic(path, encode(part))
        except OSError as reason:
            raise self._unwritable(reason) from None

    def _unwritable(self, reason: OSError) -> InputError:
        return InputError(
            f"The feature store {self.root} cannot be written ({reason.strerror}): name another folder with "
            "SHIFTSCOPE_CACHE or --cache."
        )


def _read(path: Path) -> Part | None:
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except Exception:
        # However a file is damaged (cut short, overwritten, of another version), the answer is to make it again.
        return None
