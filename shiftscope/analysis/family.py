"""Which tests of a run are adjusted together."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.analysis.detectable import detectable
from shiftscope.core.records import MeasureResult
from shiftscope.core.shift import ShiftDiagnosis
from shiftscope.measures._holm import holm

__all__ = ["adjusted"]


def adjusted(diagnoses: Sequence[ShiftDiagnosis], results: Sequence[MeasureResult]) -> list[ShiftDiagnosis]:
    """Adjust the p-values of the measures with Holm's method, and take the detectable effect at the level that leaves.

    The family is every test of every measure on every pair of source and target in the run, under one backbone. They
    all make verdicts of one kind, "this target has moved from this source", and whoever reads all of them is misled
    by any with a probability of ``alpha`` at most, however many sources and targets there are. With one pair the
    family is the measures of that pair.

    Backbones are families of their own: a verdict is told under one backbone, the one ranked first or else the first,
    and the same question put to the same samples under others is shown beside it. So are the classes of each pair,
    which ``diagnose_pair`` adjusts among themselves: they say where a shift sits that a test of the pair has found.

    Parameters
    ----------
    diagnoses
        Of the whole run; what they say of adjusted p-values is made anew.
    results
        The results behind them.
    """
    made: dict[int, ShiftDiagnosis] = {}
    for backbone in dict.fromkeys(d.backbone for d in diagnoses):
        places = [i for i, d in enumerate(diagnoses) if d.backbone == backbone]
        made |= dict(zip(places, _family([diagnoses[i] for i in places], results), strict=True))
    return [made[i] for i in range(len(diagnoses))]


def _family(diagnoses: Sequence[ShiftDiagnosis], results: Sequence[MeasureResult]) -> list[ShiftDiagnosis]:
    found = {(r.source, r.target, r.backbone, r.measure): r for r in results}
    pvalues = [row.pvalue for d in diagnoses for row in d.rows]
    n_tests = sum(p is not None for p in pvalues)
    adjustments = iter(holm(pvalues))
    made = []
    for d in diagnoses:
        rows = [
            row.model_copy(
                update={
                    "pvalue_holm": next(adjustments),
                    "detectable": _detectable(
                        found[d.source, d.target, d.backbone, row.measure], d.alpha / max(1, n_tests)
                    ),
                }
            )
            for row in d.rows
        ]
        made.append(d.model_copy(update={"rows": rows, "n_tests": n_tests}))
    return made


def _detectable(result: MeasureResult, level: float) -> float | None:
    # Fused bandwidths have another unit at every number of samples.
    if result.measure != "mmd" or result.options.get("aggregate") is not None or result.estimate is None:
        return None
    return detectable(result.estimate, level)
