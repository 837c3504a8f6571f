"""What limits an audit: the sentences under "Can I trust this?", each there only when the record gives cause."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Any

from shiftscope.core.audit_spec import AuditSpec
from shiftscope.core.records import RunRecord
from shiftscope.report.audit_verdicts import progress_line
from shiftscope.report.audit_words import TRANSFER, arm_name
from shiftscope.report.audited import FEW_GROUPS, AuditReading
from shiftscope.report.foresight import clear_of_chance, few_groups
from shiftscope.report.numerals import count, fixed, listed, opened, plural, small_count

__all__ = ["audit_caveats", "audit_trust_lead"]

# Share of pairs without any difference that a 95 % interval puts wholly on one side of zero.
ONE_SIDE = 0.025


def audit_trust_lead(view: AuditReading) -> str:
    """Return the short answer: what the evidence is enough for and what not."""
    parts = []
    if view.audit.gaps and view.n_groups < FEW_GROUPS:
        groups = "group of targets is" if view.n_groups == 1 else "groups of targets are"
        few = f"{opened(small_count(view.n_groups))} {groups} few"
        parts.append(f"{few}: the counts hold for these pairs and are no rates for others.")
    truth = next(iter(view.truths), None)
    if truth is not None and view.leader(truth) is not None:
        clear = clear_of_chance(view, truth)
        parts.append(f"That the advice is better than chance is {'clear' if clear else 'not clear'}.")
    return " ".join(parts)


def audit_caveats(record: RunRecord, view: AuditReading) -> list[str]:
    """Return the limits of an audit, the most important first."""
    found = [
        progress_line(view) if view.missing or view.audit.failed else "",
        _evidence(view),
        *_by_chance(view),
        *_runs(view),
        *_pictures(record.spec),
        *_steps(record.spec, view),
        *_rates(view),
        few_groups(view),
    ]
    return [words for words in found if words]


def _evidence(view: AuditReading) -> str:
    targets = f"{plural(len(view.targets), 'target')} in {plural(view.n_groups, 'group')}"
    families = "one family" if view.n_families == 1 else f"{small_count(view.n_families)} families"
    return (
        f"The evidence is {targets} and natural weights of {families}. Pairs that share a group or a family are not "
        "independent: their number is not the size of the evidence."
    )


def _by_chance(view: AuditReading) -> list[str]:
    """How many pairs would be called by chance alone if none differed."""
    n = max((len(view.gaps(q)) for q in TRANSFER), default=0)
    if not n:
        return []
    expected = ONE_SIDE * n
    k = "fewer than one" if expected < 1 else f"about {small_count(round(expected))}"
    would = f"intervals of this kind would still call {k} of {count(n)} helped"
    return [f"If no pair differed at all, {would}, and no more than that hurt."]


def _runs(view: AuditReading) -> list[str]:
    runs = {gap.n_runs for gap in view.audit.gaps}
    if not runs:
        return []
    n = plural(min(runs), "run") if len(runs) == 1 else f"{count(min(runs))} to {count(max(runs))} runs"
    held = "test images, seeds and splits, but no other recipe and no other data"
    return [f"Each gap rests on {n} on either side. Its standard error holds {held}."]


def _pictures(spec: Mapping[str, Any]) -> list[str]:
    sizes = [spec.get("pixels"), *(target.get("pixels") for target in spec.get("targets", {}).values())]
    known = [size for size in sizes if isinstance(size, int)]
    if not known:
        return []
    return [f"Pictures were at most {max(known)} pixels a side: larger ones may favour other weights."]


def _steps(spec: Mapping[str, Any], view: AuditReading) -> list[str]:
    """Say how long networks were trained; the specification knows what it takes where it says nothing."""
    asked = AuditSpec.model_construct(targets={}, backbones={}, steps=spec.get("steps", {}))
    regimes = {gap.regime for gap in view.audit.gaps}
    known = sorted(asked.steps_of("all" if r == "all" else int(r)) for r in regimes if r == "all" or r.isdecimal())
    if not known:
        return []
    budget = count(known[0]) if known[0] == known[-1] else f"{count(known[0])} to {count(known[-1])}"
    return [f"Networks were trained for {budget} steps: longer training can close gaps, most of all from scratch."]


def _rates(view: AuditReading) -> list[str]:
    """Say for which arms the best learning rate was the lowest or highest that was tried."""
    found = []
    for end, name in ((min, "lowest"), (max, "highest")):
        at_end: dict[str, int] = {}
        for searched in view.audit.rates:
            tried = [float(rate) for rate in searched.validation]
            if len(tried) > 1 and isclose(searched.rate, end(tried)):
                at_end[searched.arm] = at_end.get(searched.arm, 0) + 1
        if at_end:
            arms = listed([f"{arm_name(arm).lower()} {count(k)}" for arm, k in sorted(at_end.items())])
            total = plural(sum(at_end.values()), "search", "es")
            found.append(
                f"The {name} learning rate that was tried won {total} ({arms}): a still "
                f"{'lower' if name == 'lowest' else 'higher'} one may be better."
            )
    return found


def spread_line(view: AuditReading) -> str:
    """Say between which sizes the spread between seeds lies."""
    if not view.audit.spread:
        return ""
    low, high = min(view.audit.spread.values()), max(view.audit.spread.values())
    return f"Between seeds, accuracy spreads by {fixed(100 * low, 1)} to {fixed(100 * high, 1)} points, arm by arm."
