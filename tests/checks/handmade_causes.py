"""A record of one pair of data sets under one backbone, with what the measures of causes say of it."""

from shiftscope.core.records import Estimate, MeasureResult, Provenance, RunRecord, ShiftDiagnosis, ShiftRow

ROWS = {
    "mmd": {"value": 0.3, "pvalue": 0.001, "pvalue_holm": 0.003, "effect": 0.3, "floor": 0.05},
    "coverage": {"value": 0.4, "pvalue": 0.001, "pvalue_holm": 0.003, "effect": 0.5, "floor": 0.05},
    "label_shift": {"value": 0.3, "pvalue": 0.001, "pvalue_holm": 0.003},
}
WHERE = {"source": "photo", "target": "sketch"}


def diagnosis(*, backbone="net", rows=None, per_class=(), new_classes=()):
    made = [ShiftRow(measure=m, **row) for m, row in {**ROWS, **(rows or {})}.items()]
    return ShiftDiagnosis(
        **WHERE,
        backbone=backbone,
        n_source=90,
        n_target=90,
        rows=made,
        per_class=list(per_class),
        not_compared={"target": list(new_classes)} if new_classes else {},
    )


def record(*, coverage=None, label_shift=None, concept=None, rows=None, per_class=(), new_classes=()):
    """``coverage`` are its shares, the others the lower ends of their intervals."""
    estimates = {}
    if coverage is not None:
        estimates["coverage"] = Estimate(value=0.4, low=0.3, high=0.5, level=0.95, details=coverage)
    if label_shift is not None:
        estimates["label_shift"] = Estimate(value=0.3, low=label_shift, high=0.4, level=0.95, details={"null": 0.1})
    if concept is not None:
        parts = {"source_error": 0.1, "target_error": 0.3, "x_shift": 0.0, "extra": 0.0}
        estimates["concept"] = Estimate(value=0.2, low=concept, high=0.4, level=0.95, details=parts)
    return RunRecord(
        kind="shift",
        spec={},
        given={},
        inputs={},
        backbones={},
        results=[
            MeasureResult(measure=m, kind="shift", backbone="net", estimate=e, **WHERE) for m, e in estimates.items()
        ],
        diagnoses=[diagnosis(rows=rows, per_class=per_class, new_classes=new_classes)],
        provenance=Provenance(created="2026-11-21T00:00:00Z"),
    )
