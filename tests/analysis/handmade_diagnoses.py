"""Diagnoses made by hand, with witnesses of given names."""

from shiftscope.core.projection import Points, Projection
from shiftscope.core.shift import ShiftDiagnosis, ShiftRow, Witness

PLANE = Projection(explained=(0.5, 0.2), n_fit=1, source=Points(x=[0], y=[0]), target=Points(x=[1], y=[1]))


def diagnosis(source=(), target=(), *, backbone="net", drawn=True, p=0.001):
    """Witnesses named so on either side; ``drawn``: by a report, ``p``: of its one test."""
    witnesses = [
        Witness(side=side, id=name, label=name.split("/")[0], value=0.1, nearest="x", distance=0.5)
        for side, names in (("source", source), ("target", target))
        for name in names
    ]
    return ShiftDiagnosis(
        source="light",
        target="dim",
        backbone=backbone,
        n_source=60,
        n_target=60,
        rows=[ShiftRow(measure="mmd", value=0.1, pvalue=p, pvalue_holm=p)],
        witnesses=witnesses,
        projection=PLANE if drawn else None,
    )
