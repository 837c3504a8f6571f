"""What limits a report: the sentences under "Can I trust this?", each there only when the record gives cause."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.core.records import InputCard, RunRecord
from shiftscope.core.text import shown
from shiftscope.report.inputs import inputs_of
from shiftscope.report.numerals import NBSP, count, level, listed, plural, pvalue, significant, small_count
from shiftscope.report.ranked import RankReading
from shiftscope.report.shifted import ShiftReading

__all__ = ["caveats", "trust_lead"]

FEW_PER_CLASS = 20


def trust_lead(rankings: Sequence[RankReading], shifts: Sequence[ShiftReading]) -> str:
    """Return the short answer: what is clear at this sample size and what is not."""
    parts = [_order_is_clear(view, several=len(rankings) > 1) for view in rankings if view.best is not None]
    alike: dict[tuple[str, str], list[ShiftReading]] = {}
    for view in shifts:
        # What could have gone unseen differs between sources.
        alone = view.source if view.verdict == "unclear" else ""
        alike.setdefault((view.diagnosis.target, f"{view.verdict} {alone}"), []).append(view)
    parts += [_shift_is_clear(views) for views in alike.values()]
    return " ".join(parts) or "Nothing was measured, so there is nothing to trust yet."


def _shift_is_clear(views: Sequence[ShiftReading]) -> str:
    """Say it of one target and the sources of which the same can be said."""
    view = views[0]
    of = f" from {listed([v.source for v in views])}" if view.several_sources else ""
    return {
        "moved": f"That {view.target} has moved{of} is clear.",
        "small": f"That {view.target} differs{of} is clear; that the difference matters is not.",
        "unclear": _not_ruled_out(view),
        "untested": f"The shift of {view.target}{of} was not tested.",
    }[view.verdict]


def _not_ruled_out(view: ShiftReading) -> str:
    least = view.key.row.detectable if view.key is not None else None
    if view.key is None or least is None:
        return f"A shift of {view.target}{view.origin} smaller than this sample can show is not ruled out."
    return (
        f"A shift of {view.target}{view.origin} is not ruled out: one with {view.key.words.name} of "
        f"{significant(least)} would have been found in four of five cases, a smaller one less often."
    )


def _order_is_clear(view: RankReading, *, several: bool) -> str:
    place = f" on {view.target}" if several else ""
    if len(view.candidates) < 2 or view.best is None or view.best.row.p_best is None:
        return f"There is no order to doubt{place}."
    n = len(view.best_set)
    at = level(view.ranking.level)
    if n == 1:
        return f"First place{place} is clear at {at} for a sample of this size."
    if n == len(view.candidates):
        return f"A sample of this size cannot order the candidates{place}."
    between = f"Between the first {small_count(n)} and the rest{place}, yes, at {at}"
    return f"{between}; among them a sample of this size cannot decide."


def caveats(record: RunRecord, rankings: Sequence[RankReading], shifts: Sequence[ShiftReading]) -> list[str]:
    """Return the limits of this record, the most important first."""
    found: list[str] = []
    if rankings:
        found.append(
            "It ranks frozen features. Fine-tuning can change the order of candidates that lie close together."
        )
    for card in inputs_of(record):
        found += _of_input(card)
    if rankings:
        found += _of_rankings(rankings)
    for view in shifts:
        found += _of_shift(record, view)
    return list(dict.fromkeys(found))


def _of_input(card: InputCard) -> list[str]:
    name = shown(card.name)
    found = []
    seen = count(card.n) if card.n >= card.n_available else f"{count(card.n)} of {count(card.n_available)}"
    kind = "" if card.kind == "none" else "labelled "
    if card.role == "target":
        found.append(f"It saw {seen} {kind}samples of {name}. If those met in use differ, so will the answer.")
    elif card.n < card.n_available:
        found.append(f"It saw {seen} {kind}samples of {name}.")
    few = sorted((k, c) for c, k in card.classes.items() if k < FEW_PER_CLASS)
    if few:
        names = [f"{shown(c)} ({k})" for k, c in few[:3]]
        more = f" and {len(few) - 3} more" if len(few) > 3 else ""
        found.append(f"Classes of {name} with few samples give coarse numbers: {', '.join(names)}{more}.")
    if card.skipped:
        files = plural(len(card.skipped), "file")
        found.append(f"{files} of {name} could not be read and {'was' if len(card.skipped) == 1 else 'were'} left out.")
    return found


def _of_rankings(views: Sequence[RankReading]) -> list[str]:
    found = []
    if any(len(view.candidates) > 1 and view.best is not None for view in views):
        found.append(
            "The probability of being best counts sampling noise on this target alone, no other data and no training "
            "run."
        )
    gains = [g for view in views for c in view.candidates for g in (c.over_pixels, c.over_random) if g is not None]
    if gains and not any(g.ends for g in gains):
        found.append(
            "Gains over raw pixels and over random copies are differences of point values: this record holds no "
            "interval for them."
        )
    if any(c.cost.images_per_second for view in views for c in view.candidates):
        found.append("Images per second depend on the machine that ran this, and on what else it was doing.")
    return found


def _of_shift(record: RunRecord, view: ShiftReading) -> list[str]:
    found = [f"Distances depend on the backbone they are measured under, here {view.backbone}."]
    least = _least_p(record, view)
    if least is not None:
        found.append(f"With these permutations no p can be smaller than {pvalue(least)}.")
    n_tests = view.diagnosis.n_tests or 0
    if n_tests > sum(row.pvalue is not None for row in view.diagnosis.rows):
        found.append(
            f"Holm{NBSP}p counts {small_count(n_tests)} tests: those of all pairs of source and target under "
            f"{view.backbone}. The classes of each pair are counted by themselves."
        )
    cost = record.costs.backbones.get(view.diagnosis.backbone)
    n = min(view.diagnosis.n_source, view.diagnosis.n_target)
    if cost is not None and cost.dim is not None and n < cost.dim:
        found.append(
            f"There are fewer samples on one side ({count(n)}) than feature dimensions ({count(cost.dim)}): "
            f"read every distance against its noise floor, never{NBSP}alone."
        )
    return found + _of_classes(view)


def _of_classes(view: ShiftReading) -> list[str]:
    """Say which classes, or that no classes, could be compared."""
    has_classes = [card is None or card.kind == "class" for card in view.cards]
    if not all(has_classes):
        labelled, other = (view.source, view.target) if has_classes[0] else (view.target, view.source)
        alone = f"Only {labelled} has class labels: it is not compared with {other} class by class."
        return [alone] if any(has_classes) else []
    found = []
    for side, names in sorted(view.diagnosis.not_compared.items()):
        some = [shown(c) for c in names[:5]]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        who = view.source if side == "source" and view.several_sources else f"the {side}"
        found.append(f"Only {who} has {', '.join(some) + more if more else listed(some)}: not compared.")
    return found


def _least_p(record: RunRecord, view: ShiftReading) -> float | None:
    """Least p that the tests of this diagnosis can give, as far as they say so."""
    d = view.diagnosis
    where = (d.target, d.source, d.backbone)
    mine = [r.estimate for r in record.results if (r.target, r.source, r.backbone) == where and r.estimate is not None]
    least = [estimate.details.get("smallest_pvalue") for estimate in mine]
    return min((p for p in least if isinstance(p, float)), default=None)
