"""What else differs between two records: data, models, settings, the order of the candidates, findings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shiftscope.core.records import Finding, RunRecord
from shiftscope.errors import InputError
from shiftscope.report.compare.records import (
    Comparison,
    FindingChange,
    Matched,
    Order,
    OrderChange,
    Place,
    Setting,
    Side,
    State,
)
from shiftscope.report.compare.scores import LEVEL, Arrays, compare_scores
from shiftscope.report.ranked import Candidate, RankReading, read_rankings

__all__ = ["compare"]

COMPARED = ("rank", "shift", "run")


def compare(
    a: RunRecord, b: RunRecord, *, names: tuple[str, str] = ("A", "B"), arrays: tuple[Arrays, Arrays] = ({}, {})
) -> Comparison:
    """Compare two records of rankings and shifts.

    Parameters
    ----------
    names
        What the records are called, like their paths.
    arrays
        The arrays beside either record; scores that have draws in both are compared draw by draw.

    Raises
    ------
    InputError
        If one of them is of another kind.
    """
    for record, name in zip((a, b), names, strict=True):
        if record.kind not in COMPARED:
            raise InputError(f"{name} is a record of '{record.kind}': only rankings and shifts can be compared.")
    scores, uncompared = compare_scores(a, b, arrays)
    old, new = _findings(a, b)
    return Comparison(
        a=Side(name=names[0], kind=a.kind, created=a.provenance.created),
        b=Side(name=names[1], kind=b.kind, created=b.provenance.created),
        level=LEVEL,
        inputs=_inputs(a, b),
        models=_models(a, b),
        settings=_settings(dict(_flat(a.spec)), dict(_flat(b.spec))),
        versions=_settings(a.provenance.versions, b.provenance.versions),
        orders=_orders(a, b),
        scores=scores,
        uncompared=uncompared,
        findings=[
            *(FindingChange(state="came", finding=f) for about, f in new.items() if about not in old),
            *(FindingChange(state="went", finding=f) for about, f in old.items() if about not in new),
        ],
        n_findings_kept=len(old.keys() & new.keys()),
    )


def _inputs(a: RunRecord, b: RunRecord) -> list[Matched]:
    old, new = ({(card.role, card.name): card for card in record.inputs.values()} for record in (a, b))
    found = []
    for role, name in sorted({*old, *new}, key=lambda key: (key[0] != "target", key[1])):
        before, after = old.get((role, name)), new.get((role, name))
        state = _state(before.fingerprint if before else None, after.fingerprint if after else None)
        found.append(
            Matched(name=name, role=role, state=state, n_a=before.n if before else None, n_b=after.n if after else None)
        )
    return found


def _models(a: RunRecord, b: RunRecord) -> list[Matched]:
    old, new = ({name: card.identity for name, card in record.backbones.items()} for record in (a, b))
    return [
        Matched(name=name, role="model", state=_state(old.get(name), new.get(name))) for name in sorted({*old, *new})
    ]


def _state(old: str | None, new: str | None) -> State:
    if old is None or new is None:
        return "only in B" if old is None else "only in A"
    return "same" if old == new else "changed"


def _flat(given: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Paths of a specification and what stands there, as JSON."""
    for key, value in given.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", json.dumps(value, ensure_ascii=False)


def _settings(old: Mapping[str, str], new: Mapping[str, str]) -> list[Setting]:
    return [
        Setting(path=path, a=old.get(path), b=new.get(path))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]


def _orders(a: RunRecord, b: RunRecord) -> list[OrderChange]:
    before = {view.ranking.target: view for view in read_rankings(a)}
    return [_order(before[v.ranking.target], v) for v in read_rankings(b) if v.ranking.target in before]


def _order(old: RankReading, new: RankReading) -> OrderChange:
    first_a, first_b = (view.best.row.backbone if view.best is not None else None for view in (old, new))
    stood, stands = ({c.row.backbone: c for c in view.candidates} for view in (old, new))
    places = [_place(name, stood.get(name), stands.get(name)) for name in dict.fromkeys([*stands, *stood])]
    return OrderChange(
        target=new.ranking.target,
        first_a=first_a,
        first_b=first_b,
        first=_first(first_a, first_b, places),
        n_draws_a=old.ranking.n_draws,
        n_draws_b=new.ranking.n_draws,
        places=places,
    )


def _place(name: str, old: Candidate | None, new: Candidate | None) -> Place:
    return Place(
        backbone=name,
        rank_a=old.row.rank if old else None,
        rank_b=new.row.rank if new else None,
        p_best_a=old.row.p_best if old else None,
        p_best_b=new.row.p_best if new else None,
        in_set_a=old is not None and old.in_best_set,
        in_set_b=new is not None and new.in_best_set,
    )


def _first(a: str | None, b: str | None, places: list[Place]) -> Order:
    """Whether first place changed, and whether either record can tell the two that held it apart."""
    if a == b:
        return "same"
    known = {place.backbone: place for place in places}
    if a is None or b is None or known[a].rank_b is None or known[b].rank_a is None:
        return "other candidates"
    return "within noise" if known[a].in_set_b and known[b].in_set_a else "beyond noise"


def _findings(a: RunRecord, b: RunRecord) -> list[dict[tuple[str, ...], Finding]]:
    """Findings of both records by what they are about."""
    n_sources = max(sum(card.role == "source" for card in record.inputs.values()) for record in (a, b))
    # Earlier records do not say which source a finding is about, and with one source nobody need.
    keys = ("target", "arm", "measure", *(["source"] if n_sources > 1 else []))
    return [{_about(f, keys): f for f in record.findings} for record in (a, b)]


def _about(finding: Finding, keys: Sequence[str]) -> tuple[str, ...]:
    """What makes two findings the same one: their numbers may differ."""
    named = (finding.evidence.get(key, "") for key in keys)
    return finding.code, finding.subject, *map(str, named)
