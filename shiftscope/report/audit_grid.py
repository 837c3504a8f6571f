"""The tables of what an audit trained: targets, weights, learning rates, spread between seeds, what failed."""

from __future__ import annotations

from shiftscope.core.text import shown
from shiftscope.report.audit_words import arm_name, regime_name
from shiftscope.report.audited import AuditReading, by_size
from shiftscope.report.numerals import count, fixed, listed, percent
from shiftscope.report.page import Column, Row, Table, cells, heads

__all__ = ["arm_order", "backbone_table", "failed_table", "rate_table", "spread_table", "target_table"]


def target_table(view: AuditReading) -> Table:
    """Tabulate the targets, those of a group together."""
    rows = tuple(
        Row(cells(shown(name), shown(target.group), count(target.n), count(target.classes)))
        for name, target in ((name, view.audit.targets[name]) for name in view.targets)
    )
    caption = "Targets; those of one group are no independent evidence of each other"
    return Table(caption, heads("Target", "Group", "Images", "Classes", left=(1,)), rows)


def backbone_table(view: AuditReading) -> Table:
    """Tabulate the weights, those of a family together."""
    rows = tuple(
        Row(
            cells(
                shown(name),
                shown(backbone.family),
                shown(backbone.architecture),
                listed([shown(t) for t in sorted(backbone.overlap)]),
                shown(backbone.constructed),
            )
        )
        for name, backbone in ((name, view.audit.backbones[name]) for name in view.backbones)
    )
    columns = (
        *heads("Weights", "Family", "Architecture", left=(1, 2)),
        Column("Knows the target", left=True),
        Column("Constructed", left=True),
    )
    caption = "Weights; those of one family are no independent evidence of each other"
    return Table(caption, columns, rows).filled()


def spread_table(view: AuditReading) -> Table | None:
    """Tabulate the spread between seeds by arm and regime; None where the record has none."""
    found = {tuple(key.rsplit("/", 1)): value for key, value in view.audit.spread.items()}
    if not found:
        return None
    regimes = sorted({regime for _, regime in found}, key=by_size)
    arms = sorted({arm for arm, _ in found}, key=arm_order)
    rows = tuple(
        Row(cells(arm_name(arm), *(fixed(100 * found[arm, r], 2) if (arm, r) in found else "" for r in regimes)))
        for arm in arms
    )
    caption = "Standard deviation of test accuracy between seeds, points, pooled over cells"
    return Table(caption, heads("Arm", *(regime_name(r) for r in regimes)), rows)


def rate_table(view: AuditReading) -> Table | None:
    """Tabulate the validation accuracy of every learning rate that was tried; None where none was searched."""
    if not view.audit.rates:
        return None
    tried = sorted({float(rate) for searched in view.audit.rates for rate in searched.validation})
    rows = []
    for searched in sorted(view.audit.rates, key=lambda s: (s.architecture, arm_order(s.arm))):
        seen = {float(rate): accuracy for rate, accuracy in searched.validation.items()}
        numbers = (percent(seen[rate]) if rate in seen else "" for rate in tried)
        rows.append(Row(cells(shown(searched.architecture), arm_name(searched.arm), f"{searched.rate:g}", *numbers)))
    columns = heads("Architecture", "Arm", "Chosen rate", *(f"{rate:g}" for rate in tried), left=(1,))
    return Table("Validation accuracy, %, at each learning rate that was tried", columns, tuple(rows))


def arm_order(arm: str) -> tuple[int, str]:
    """Order of arms: as little training as possible first."""
    known = ("pixels", "linear", "last_stage", "full", "scratch", "best")
    return (known.index(arm) if arm in known else len(known), arm)


def failed_table(view: AuditReading, most: int = 50) -> Table | None:
    """Tabulate the cells that could not be made, and why; None where all could."""
    failed = sorted(view.audit.failed.items())
    if not failed:
        return None
    some = f", the first {most} of {count(len(failed))}" if len(failed) > most else ""
    rows = tuple(Row(cells(shown(cell), shown(reason))) for cell, reason in failed[:most])
    return Table(f"Cells that could not be made{some}", heads("Cell", "Reason", left=(1,)), rows)
