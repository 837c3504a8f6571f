"""shiftscope from Python: the same runs as the command line, on addresses or on features in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftscope.analysis.memory import diagnose_features
from shiftscope.analysis.run import RunOutcome, execute
from shiftscope.analysis.sources.run import execute_sources
from shiftscope.analysis.write import write_run
from shiftscope.core.audit_spec import load_audit
from shiftscope.core.features import FeatureSet
from shiftscope.core.files import write_atomic
from shiftscope.core.load import load_record
from shiftscope.core.records import RunRecord
from shiftscope.core.sources import SourcesSpec
from shiftscope.core.spec import checked, load_spec, parse_spec
from shiftscope.data import default_name
from shiftscope.data.names import Addresses, named_addresses, written_sources
from shiftscope.errors import UnknownNameError
from shiftscope.gate.policy import parse_policy

__all__ = ["Run", "audit", "diagnose", "embed", "load", "rank", "run", "shift", "sources"]

DIAGNOSED = ("select", "measures", "gate")  # what of a specification is about features in memory


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run: prints as its tables, and can be saved or turned into a report."""

    outcome: RunOutcome

    @property
    def record(self) -> RunRecord:
        """What the run found."""
        return self.outcome.record

    def __repr__(self) -> str:
        from shiftscope.report.terminal import render_text

        return render_text(self.record)

    def report(self, path: str | Path) -> Path:
        """Write the HTML report to ``path`` and return it."""
        from shiftscope.report.html import render_html

        page = Path(path)
        write_atomic(page, render_html(self.record, self.outcome.thumbnails))
        return page

    def save(self, folder: str | Path) -> Path:
        """Write run.json, what stands beside it and report.html into ``folder`` and return it."""
        from shiftscope.report.html import render_html

        write_run(self.outcome, Path(folder), render=render_html)
        return Path(folder)


def rank(
    target: str,
    backbones: Sequence[str],
    *,
    source: Addresses | None = None,
    device: str = "auto",
    trust_code: bool = False,
    images: bool = True,
    cache: Path | None = None,
    **spec: Any,
) -> Run:
    """Rank ``backbones`` (addresses) for the labelled data set ``target`` (an address).

    ``source`` is what the target is compared with as well: an address, several, or addresses by name. ``spec`` takes
    the other fields of the specification: ``per_class``, ``budget``, ``random``, ``select``, ``measures``, ``tap``,
    ``seed``. With a source, ``images`` says whether to keep thumbnails of at most 24 samples. Same as ``shiftscope
    rank``.
    """
    written = {"targets": {default_name(target): target}, "backbones": list(backbones), **spec}
    if source is not None:
        written |= written_sources(source)
    made = parse_spec(written, at="rank")
    outcome = execute(
        made, kind="rank", given=written, device=device, trust_code=trust_code, images=images, cache=cache
    )
    return Run(outcome)


def shift(
    source: Addresses,
    target: Addresses,
    backbones: Sequence[str] = (),
    *,
    device: str = "auto",
    trust_code: bool = False,
    images: bool = True,
    cache: Path | None = None,
    **spec: Any,
) -> Run:
    """Say how far each ``target`` is from each ``source`` in the features of each of ``backbones`` (addresses).

    ``source`` and ``target`` are an address, several, or addresses by name; no backbones where all are extracted
    features. ``images`` says whether to keep thumbnails of at most 24 samples. ``spec`` takes ``per_class``,
    ``select``, ``measures`` and ``seed``. Same as ``shiftscope shift``.
    """
    written = {
        "targets": named_addresses(target, "target"),
        "backbones": list(backbones),
        **written_sources(source),
        **spec,
    }
    made = parse_spec(written, at="shift")
    outcome = execute(
        made, kind="shift", given=written, device=device, trust_code=trust_code, images=images, cache=cache
    )
    return Run(outcome)


def sources(
    target: str,
    sources: Mapping[str, str],
    backbone: str | None = None,
    *,
    device: str = "auto",
    trust_code: bool = False,
    cache: Path | None = None,
    **spec: Any,
) -> Run:
    """Say which of the labelled ``sources`` (addresses by name) help a labelled ``target``, and weigh them.

    ``backbone`` is an address, or None where all data are extracted features. ``spec`` takes ``per_class`` and
    ``seed``. Same as ``shiftscope sources``.
    """
    written = {"target": target, "sources": dict(sources), "backbone": backbone, **spec}
    made = checked(SourcesSpec, written, at="sources")
    return Run(execute_sources(made, given=written, device=device, trust_code=trust_code, cache=cache))


def run(
    file: str | Path,
    *,
    device: str = "auto",
    trust_code: bool = False,
    images: bool = True,
    cache: Path | None = None,
) -> Run:
    """Do what a TOML file says; ``images`` as for :func:`rank`. Same as ``shiftscope run``."""
    spec, given = load_spec(Path(file))
    if spec.gate:
        parse_policy(spec.gate, at=f"{file}: gate")
    outcome = execute(spec, kind="run", given=given, device=device, trust_code=trust_code, images=images, cache=cache)
    return Run(outcome)


def audit(
    file: str | Path,
    folder: str | Path,
    *,
    device: str = "auto",
    trust_code: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    max_minutes: float | None = None,
    save_networks: bool = False,
) -> Run:
    """Fine-tune as a TOML file says, and hold the measures against what happened; cells are kept in ``folder``.

    Same as ``shiftscope audit``; call it again to go on where it stopped. In a script it belongs under
    ``if __name__ == "__main__"``: the training runs in processes of its own.
    """
    from shiftscope.analysis.audit.run import audit as execute_audit

    spec, given = load_audit(Path(file))
    return Run(
        execute_audit(
            spec,
            Path(folder),
            written=given,
            device=device,
            trust_code=trust_code,
            cache=cache,
            workers=workers,
            max_minutes=max_minutes,
            save_networks=save_networks,
        )
    )


def embed(
    data: str,
    backbone: str,
    *,
    per_class: int | None = None,
    seed: int = 0,
    device: str = "auto",
    trust_code: bool = False,
    cache: Path | None = None,
) -> FeatureSet:
    """Extract features of ``data`` under one ``backbone`` (addresses), or take them from the store."""
    from shiftscope.analysis.embed import embed_all

    done = embed_all(
        data, [backbone], per_class_n=per_class, seed=seed, device=device, trust_code=trust_code, cache=cache
    )
    return next(iter(done.features.values()))


def diagnose(
    source: FeatureSet | Sequence[FeatureSet], target: FeatureSet | Sequence[FeatureSet], *, seed: int = 0, **spec: Any
) -> Run:
    """Say how far each ``target`` is from each ``source``, feature sets of one backbone, as they are.

    ``spec`` takes ``select``, ``measures`` and ``gate``; nothing else of a specification would change anything.
    """
    for option in spec:
        if option not in DIAGNOSED:
            raise UnknownNameError("option", option, ["seed", *DIAGNOSED], at="diagnose")
    sources, targets = ([given] if isinstance(given, FeatureSet) else list(given) for given in (source, target))
    return Run(diagnose_features(sources, targets, parse_spec({"seed": seed, **spec}, at="diagnose")))


def load(path: str | Path) -> RunRecord:
    """Read the record of a run from its run.json or its folder."""
    return load_record(Path(path))
