"""What is needed to make a record again, and what making it took."""

from __future__ import annotations

import json
import shlex

from shiftscope.core.records import InputCard, RunRecord
from shiftscope.core.text import shown
from shiftscope.report.inputs import inputs_of
from shiftscope.report.numerals import count, day, fixed, listed, plural
from shiftscope.report.page import Row, Table, cells, heads

__all__ = ["command_line", "provenance_table", "spec_text", "store_line"]


def command_line(record: RunRecord) -> str:
    """Return the command as it could be typed again."""
    words = [shown(w) for w in record.provenance.command]
    return shlex.join(words) if words else ""


def store_line(record: RunRecord) -> str:
    """Say what came from the store and what was computed."""
    costs = record.costs
    total = costs.n_store_hits + costs.n_store_misses
    work = f"{plural(costs.n_decoded, 'image')} decoded, {plural(costs.n_forward, 'forward pass', 'es')}"
    return f"{count(costs.n_store_hits)} of {plural(total, 'feature set')} from the store; {work}" if total else work


def provenance_table(record: RunRecord) -> Table:
    """Tabulate versions, inputs, seed and machine."""
    made = record.provenance
    pairs = [
        ("Record", f"schema {record.schema_version}, made {day(made.created)} ({shown(made.created)})"),
        _seed(record),
        *((f"{card.role.capitalize()} {shown(card.name)}", _input(card)) for card in inputs_of(record)),
        ("Backbones", _backbones(record)),
        ("Versions", ", ".join(f"{shown(k)} {shown(v)}" for k, v in sorted(made.versions.items()))),
        ("Code", shown(made.git)),
        ("Machine", ", ".join(shown(p) for p in (made.platform, made.device) if p) + f", {made.threads} threads"),
        # The cells of an audit read their pictures themselves.
        ("Store", store_line(record) if record.audit is None else ""),
        ("Time", _time(record)),
        *(
            (f"File {shown(name)}", f"sha256 {shown(digest)[:16]}…")
            for name, digest in sorted(record.artifacts.items())
        ),
    ]
    rows = tuple(Row(cells(name, words)) for name, words in pairs if words)
    return Table("Provenance", heads("Item", "Value", left=(1,)), rows)


def _seed(record: RunRecord) -> tuple[str, str]:
    if record.audit is None:
        return "Seed", shown(str(record.spec.get("seed", "not given")))
    return "Seeds", listed([shown(str(seed)) for seed in record.spec.get("seeds", [])])


def _input(card: InputCard) -> str:
    return f"{shown(card.uri)}, {count(card.n)} samples, sha256 {shown(card.fingerprint)[:16]}…"


def _backbones(record: RunRecord) -> str:
    if not record.backbones:
        return ""
    return f"{plural(len(record.backbones), 'card')} in this record, each with the sha256 of its weights and code"


def _time(record: RunRecord) -> str:
    seconds = record.costs.seconds
    total = sum(seconds.values())
    if not total:
        return ""
    longest = sorted(seconds.items(), key=lambda item: (-item[1], item[0]))[:4]
    return f"{fixed(total, 1)} s: {listed([f'{shown(stage)} {fixed(s, 1)} s' for stage, s in longest])}"


def spec_text(spec: dict[str, object]) -> str:
    """A specification as text to read."""
    return json.dumps(spec, indent=1, sort_keys=True, ensure_ascii=False)
