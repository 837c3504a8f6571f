"""The data sets of a record, in the order in which a report tells of them."""

from __future__ import annotations

from shiftscope.core.records import InputCard, RunRecord
from shiftscope.report.numerals import count, plural

__all__ = ["inputs_of", "size_of"]


def inputs_of(record: RunRecord) -> list[InputCard]:
    """Targets, then sources, each by name: a record read back from JSON may hold them in another order."""
    return sorted(record.inputs.values(), key=lambda card: (card.role != "target", card.name))


def size_of(card: InputCard) -> str:
    """How much there is of it: "840 labelled samples, 7 classes"."""
    labelled = "" if card.kind == "none" else "labelled "
    of_classes = f", {plural(len(card.classes), 'class', 'es')}" if card.classes else ""
    return f"{count(card.n)} {labelled}samples{of_classes}"
