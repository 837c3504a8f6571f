"""An audit from its file to its record: do what is missing, then say what there is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shiftscope.analysis.audit.advise import asked
from shiftscope.analysis.audit.section import audit_section
from shiftscope.analysis.audit.work import Work, read_advice, read_cells
from shiftscope.analysis.audit.workshop import Workshop
from shiftscope.analysis.run import RunOutcome
from shiftscope.core.audit_spec import AuditSpec
from shiftscope.core.progress import Progress
from shiftscope.core.provenance import provenance
from shiftscope.core.records import InputCard, RunRecord
from shiftscope.extraction import cores, resolve_device

__all__ = ["audit"]

NETWORKS = "networks"  # folder of trained networks in the folder of an audit


def audit(
    spec: AuditSpec,
    folder: Path,
    *,
    written: Mapping[str, Any] | None = None,
    device: str = "auto",
    trust_code: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    max_minutes: float | None = None,
    save_networks: bool = False,
    progress: Progress | None = None,
) -> RunOutcome:
    """Fine-tune as ``spec`` says and hold the measures against what happened.

    Finished cells and advice lie in ``folder`` and are never made twice; the record says what there is, complete
    or not.

    Parameters
    ----------
    workers
        Processes at once, each with one thread; None for one per processor core, on a GPU for one. No number
        depends on it.
    save_networks
        Keep every network that is trained now as ``checkpoint:FOLDER/networks/manifest.json#NAME``.
    max_minutes
        Nothing new is begun after this time; None for no limit, 0 to read only what is finished.

    Raises
    ------
    InputError
        If a data set or backbone cannot be opened or audited, or the folder cannot be written or is in use.
    """
    where = resolve_device(device)
    shop = Workshop(spec, cache, trust_code, where, folder / NETWORKS if save_networks else None)
    asked(spec)
    shop.check()
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    work = Work(shop, folder, workers or _workers(where), progress, deadline)
    work.run()
    section = audit_section(shop, read_cells(folder), read_advice(folder).values(), work.failed)
    record = RunRecord(
        kind="audit",
        spec=spec.model_dump(mode="json", by_alias=True),
        given=dict(written or {}),
        inputs={name: _card(shop, name) for name in spec.targets},
        backbones={
            # Addresses as they were written: a record should not carry one machine's folders.
            name: shop.native(name).card.model_copy(update={"uri": given.uri})
            for name, given in spec.backbones.items()
        },
        audit=section,
        provenance=provenance(device=where, threads=work.workers),
    )
    return RunOutcome(record, [])


def _workers(device: str) -> int:
    return cores() if device == "cpu" else 1


def _card(shop: Workshop, name: str) -> InputCard:
    source = shop.source(name)
    target = source.target
    return InputCard(
        name=name,
        uri=shop.spec.targets[name].data,
        role="target",
        n=source.n,
        n_available=source.n_available,
        kind=target.kind,
        classes={c: int(k) for c, k in zip(target.class_names, target.counts, strict=True)},
        fingerprint=shop.fingerprint(name),
        skipped=list(source.skipped),
    )
