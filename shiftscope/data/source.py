"""Images as every extractor sees them: in canonical order, labelled, decoded one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.records import Skipped
from shiftscope.core.seeds import stream
from shiftscope.core.target import Target
from shiftscope.errors import InputError

__all__ = ["ImageSource", "UnreadableError", "check_unreadable", "per_class"]

MAX_UNREADABLE = 0.01  # share of a data set's files that may be unreadable


class UnreadableError(InputError):
    """A picture that cannot be decoded; the message is the reason alone, without the file's name."""


@dataclass(frozen=True, eq=False)
class ImageSource:
    """n images of one data set; made by ``ImageSource.of`` and never changed.

    Samples stand in canonical order (ascending content hash, ties by class name), so neither file names nor
    their order change any result.
    """

    uri: str
    name: str
    keys: NDArray[np.bytes_]  # (n,) content hashes, ascending
    ids: tuple[str, ...]  # file names or row numbers
    target: Target
    read: Callable[[int], NDArray[np.uint8]]  # picture by its place in the origin
    rows: NDArray[np.intp]  # (n,) places in the origin
    n_available: int  # samples before any subsample
    skipped: tuple[Skipped, ...] = ()

    @classmethod
    def of(
        cls,
        uri: str,
        *,
        keys: Sequence[str],
        ids: Sequence[str],
        target: Target,
        read: Callable[[int], NDArray[np.uint8]],
        skipped: Sequence[Skipped] = (),
    ) -> ImageSource:
        """Put samples in canonical order; ``read(i)`` decodes the i-th as uint8 (h, w, 3).

        ``read`` raises ``UnreadableError`` for a picture that cannot be decoded, and must be safe to call from
        several threads.
        """
        hashes = np.array([k.encode() for k in keys], dtype=np.bytes_)
        order = np.lexsort((target.strata, hashes))
        return cls(
            uri=uri,
            name=uri,
            keys=hashes[order],
            ids=tuple(ids[i] for i in order),
            target=target.take(order),
            read=read,
            rows=order,
            n_available=len(order),
            skipped=tuple(skipped),
        )

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.rows)

    def decode(self, i: int) -> NDArray[np.uint8]:
        """Decode sample ``i`` as RGB, uint8 (h, w, 3).

        Raises
        ------
        UnreadableError
            With the reason, if the picture cannot be decoded.
        """
        return self.read(int(self.rows[i]))

    def take(self, index: NDArray[np.intp]) -> ImageSource:
        """Return the samples at ``index`` (positions in canonical order), again in canonical order."""
        index = np.sort(index)
        return replace(
            self,
            keys=self.keys[index],
            ids=tuple(self.ids[i] for i in index),
            target=self.target.take(index),
            rows=self.rows[index],
        )


def per_class(target: Target, n: int, seed: int) -> NDArray[np.intp]:
    """Draw up to ``n`` samples of each class from a target in canonical order: positions, ascending.

    Each class has a random stream of its own, so the draw depends neither on file names nor on the other
    classes, and the draw for a smaller ``n`` is part of the one for a larger. A target without classes
    (unlabelled, real or multilabel) counts as one class: ``n`` samples in all.
    """
    drawn = [
        stream(seed, "per-class", name).permutation(np.flatnonzero(target.strata == code))[:n]
        for code, name in enumerate(target.class_names or ("",))
    ]
    return np.sort(np.concatenate(drawn))


def check_unreadable(failed: Sequence[Skipped], n_files: int, uri: str) -> None:
    """Refuse a data set of which more than 1 % of the files cannot be read."""
    if len(failed) > MAX_UNREADABLE * n_files:
        raise InputError(
            f"{uri}: {len(failed)} of {n_files} pictures cannot be read, more than 1 % (first: {failed[0].file}: "
            f"{failed[0].reason}): repair or remove them."
        )
