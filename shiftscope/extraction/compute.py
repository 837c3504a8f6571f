"""The work itself: parts of a set, one after another, through every backbone that still lacks them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.backbones import Backbone
from shiftscope.core.progress import Progress
from shiftscope.core.records import Skipped
from shiftscope.data import ImageSource
from shiftscope.data.source import check_unreadable
from shiftscope.extraction.device import precision
from shiftscope.extraction.part import Part, empty, join
from shiftscope.extraction.pictures import Batch, Geometry, Order, prepare
from shiftscope.extraction.store import Store

if TYPE_CHECKING:
    from shiftscope.extraction.runner import Runner

__all__ = ["PART", "Computation", "skipped_of"]

PART = 256  # images that are kept at a time, and that random weights take their batch-norm statistics from
RESIDENT = 500_000_000  # parameters that are kept in memory at once: 2 GB


Wanted: TypeAlias = Mapping[str, tuple[Backbone, str]]  # name -> backbone and store key


@dataclass
class Computation:
    """Features of one set under several backbones, computed part by part.

    Every part is kept in the store as soon as it is made, so that an interrupted run goes on where it was. Each
    image is decoded once for all backbones. A backbone that fails is left out and named in ``failed``; those named in
    ``deep`` give features at several depths.
    """

    source: ImageSource
    store: Store
    device: str
    batch_size: int | None
    progress: Progress | None
    deep: Collection[str] = ()
    failed: dict[str, str] = field(default_factory=dict)
    n_decoded: int = 0
    n_forward: int = 0
    _parts: dict[str, dict[int, Part]] = field(default_factory=dict)
    _runners: dict[str, Runner] = field(default_factory=dict)
    _done: int = 0
    _total: int = 0

    def run(self, wanted: Wanted) -> dict[str, Part]:
        """Do the work and return what each backbone gave for the whole set.

        Raises
        ------
        InputError
            If more than 1 % of the images cannot be decoded, or the store cannot be written.
        """
        n_parts = -(-self.source.n // PART)
        self._parts = {
            name: {p: part for p in range(n_parts) if (part := self.store.read_part(key, p))}
            for name, (_, key) in wanted.items()
        }
        lacking = {p: [name for name, have in self._parts.items() if p not in have] for p in range(n_parts)}
        lacking = {p: names for p, names in lacking.items() if names}
        self._total = sum(len(names) * len(self._rows(p)) for p, names in lacking.items())
        orders = [Order(self._rows(p), {_geometry(wanted[n][0]) for n in names}) for p, names in lacking.items()]
        with closing(prepare(self.source, orders, ahead=self.device != "cpu")) as batches:
            for (p, names), batch in zip(lacking.items(), batches, strict=True):
                self.n_decoded += len(self._rows(p))
                self._check_unreadable(batch)
                for name in names:
                    self._extend(*wanted[name], p, batch)
        return {name: self._whole(name, key) for name, (_, key) in wanted.items() if name not in self.failed}

    def _extend(self, backbone: Backbone, key: str, p: int, batch: Batch) -> None:
        """Add part ``p`` to what is known of one backbone."""
        name = backbone.card.name
        self._report(name, 0)
        if name not in self.failed:
            try:
                part = self._runner(backbone, batch).run(batch) if len(batch.rows) else empty(batch.unreadable)
            except Exception as reason:
                # Networks are other people's code; one that fails must not take the others with it.
                self.failed[name] = _one_line(reason)
            else:
                self.n_forward += len(part.rows)
                self._parts[name][p] = part
                self.store.write_part(key, p, part)
        self._report(name, len(self._rows(p)))

    def _runner(self, backbone: Backbone, batch: Batch) -> Runner:
        """Return the backbone ready to run; kept in memory for the next part while there is room."""
        from shiftscope.extraction.runner import Runner

        name = backbone.card.name
        if name in self._runners:
            return self._runners[name]
        first = self._parts[name].get(0)
        runner = Runner(
            backbone,
            device=self.device,
            precision=precision(self.device),
            first=batch,
            statistics=(first.running or None) if backbone.card.random and first else None,
            batch_size=self.batch_size,
            depths=name in self.deep,
        )
        if runner.parameters + sum(r.parameters for r in self._runners.values()) <= RESIDENT:
            self._runners[name] = runner
        return runner

    def _whole(self, name: str, key: str) -> Part:
        parts = self._parts[name]
        whole = join([parts[p] for p in sorted(parts)])
        self.store.write(key, whole)
        return whole

    def _check_unreadable(self, batch: Batch) -> None:
        unreadable = dict(batch.unreadable)
        for parts in self._parts.values():
            for part in parts.values():
                unreadable |= part.unreadable
        check_unreadable(skipped_of(self.source, unreadable), self.source.n, self.source.uri)

    def _rows(self, p: int) -> NDArray[np.int64]:
        return np.arange(p * PART, min((p + 1) * PART, self.source.n))

    def _report(self, name: str, n: int) -> None:
        self._done += n
        if self.progress is not None:
            self.progress(f"features of {self.source.name}", self._done, self._total, name)


def skipped_of(source: ImageSource, unreadable: Mapping[int, str]) -> list[Skipped]:
    """Name the files of samples that could not be decoded."""
    return [Skipped(file=source.ids[row], reason=why) for row, why in sorted(unreadable.items())]


def _geometry(backbone: Backbone) -> Geometry:
    assert backbone.card.transform is not None
    return backbone.card.transform.geometry


def _one_line(reason: Exception) -> str:
    text = (str(reason).splitlines() or [""])[0].rstrip(".")
    return text or type(reason).__name__
