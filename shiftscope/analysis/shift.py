"""How far a target is from a source under one backbone: measures, their noise floor, and shift within classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shiftscope.analysis.copies import find_copies
from shiftscope.analysis.family import adjusted
from shiftscope.analysis.neighbours import neighbours
from shiftscope.analysis.witness import witness_samples
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import MeasureResult
from shiftscope.core.seeds import derive
from shiftscope.core.shift import ClassShift, ShiftDiagnosis, ShiftRow
from shiftscope.kernels import Kernels, choose
from shiftscope.measures import DEFAULT_SHIFT, MEASURES
from shiftscope.measures._holm import holm
from shiftscope.measures._max_t import max_t
from shiftscope.measures._noise_floor import Floor, noise_floor

__all__ = ["diagnose_pair"]

ALPHA = 0.05
# Samples of a side among which witnesses and near copies are looked for: those with the lowest content hashes.
MOST = 10_000


def diagnose_pair(
    pair: Pair,
    *,
    backbone: str,
    measures: Sequence[str] = DEFAULT_SHIFT,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    kernels: Any = None,
) -> tuple[list[MeasureResult], ShiftDiagnosis]:
    """Run the shift measures on ``pair`` and put each beside its size-matched noise floor.

    P-values of the measures are Holm-adjusted together, those of the classes among themselves; in a run of several
    pairs ``analysis.family.adjusted`` brings the measures of all of them together. Those of measures that exchange the
    same samples are adjusted by max-T as well, which knows how far they say the same.
    """
    given = options or {}
    where = {"target": pair.target.name, "source": pair.source.name, "backbone": backbone}
    results = [MEASURES[m].run(pair, rng=seed, kernels=kernels, **where, **given.get(m, {})) for m in measures]
    together = _together(results)
    diagnosis = ShiftDiagnosis(
        **where,
        n_source=pair.source.n,
        n_target=pair.target.n,
        rows=[
            _row(r, _floor(r, pair, seed, kernels), together.get(r.measure)) for r in results if r.estimate is not None
        ],
        per_class=_per_class(pair, given.get("mmd", {}), seed, kernels) if "mmd" in measures else [],
        not_compared=_only_one_side(pair),
        alpha=ALPHA,
        **_samples(pair, results, kernels or choose()),
    )
    return results, adjusted([diagnosis], results)[0]


def _only_one_side(pair: Pair) -> dict[str, list[str]]:
    """Classes that only one side has; none where a side has no classes at all, for then nobody knows."""
    names = {"source": pair.source.target.class_names, "target": pair.target.target.class_names}
    if not all(names.values()):
        return {}
    alone = {side: [c for c in own if c not in pair.shared_classes] for side, own in names.items()}
    return {side: classes for side, classes in alone.items() if classes}


def _together(results: Sequence[MeasureResult]) -> dict[str, float]:
    """P-values by max-T of the measures that were tested by equal exchanges, as many as most of them had."""
    nulls = {r.measure: r.estimate.exchanged for r in results if r.estimate is not None}
    known = {measure: null for measure, null in nulls.items() if null is not None}
    lengths = [len(null) for null in known.values()]
    usual = max(lengths, key=lengths.count, default=0)
    equal = {measure: null for measure, null in known.items() if len(null) == usual}
    return dict(zip(equal, max_t(list(equal.values())), strict=True)) if len(equal) > 1 else {}


def _samples(pair: Pair, results: Sequence[MeasureResult], kernels: Kernels) -> dict[str, Any]:
    """Single samples that carry the shift, where MMD says which, and those that both sides hold."""
    some = pair if max(pair.source.n, pair.target.n) <= MOST else Pair(_first(pair.source), _first(pair.target))
    near = neighbours(some, kernels)
    mmd = next((r for r in results if r.measure == "mmd" and r.estimate is not None), None)
    witnesses = [] if mmd is None else witness_samples(some, mmd, near, kernels)
    return {"witnesses": witnesses, "copies": find_copies(pair, some, near)}


def _first(side: FeatureSet) -> FeatureSet:
    return side.take(np.arange(min(side.n, MOST)))


def _floor(result: MeasureResult, pair: Pair, seed: int, kernels: Any) -> Floor | None:
    """Noise floor of one measure under its options, or None where the halves are too small for it, or it fails."""
    try:
        return noise_floor(result.measure, pair, seed=seed, options=result.options, kernels=kernels)
    except Exception:
        # As in Measure.run, one failure does not end a run; tables show that there is no floor.
        return None


def _row(result: MeasureResult, floor: Floor | None, together: float | None) -> ShiftRow:
    estimate = result.estimate
    assert estimate is not None
    return ShiftRow(
        measure=result.measure,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        pvalue=estimate.pvalue,
        pvalue_max_t=together,
        effect=None if floor is None else floor.effect,
        effect_se=None if floor is None else floor.effect_se,
        floor=None if floor is None else floor.floor,
        n_splits=0 if floor is None else floor.n_splits,
        size=None if floor is None else floor.size,
    )


def _per_class(pair: Pair, options: Mapping[str, Any], seed: int, kernels: Any) -> list[ClassShift]:
    """MMD within each class that both sides have, in falling order of the shift; classes without a value last."""
    found = [_class_shift(pair.of_class(c), c, options, seed, kernels) for c in pair.shared_classes]
    together = holm([c.pvalue for c in found])
    rows = [c.model_copy(update={"pvalue_holm": p}) for c, p in zip(found, together, strict=True)]
    return sorted(rows, key=lambda c: (np.inf if c.value is None else -c.value, c.name))


def _class_shift(pair: Pair, name: str, options: Mapping[str, Any], seed: int, kernels: Any) -> ClassShift:
    result = MEASURES["mmd"].run(
        pair,
        target=pair.target.name,
        backbone="",
        # Each class gets permutations of its own, so that classes do not share the luck of one draw.
        rng=derive(str(seed), "class", name)[0],
        kernels=kernels,
        **options,
    )
    estimate = result.estimate
    return ClassShift(
        name=name,
        n_source=pair.source.n,
        n_target=pair.target.n,
        value=None if estimate is None else estimate.value,
        pvalue=None if estimate is None else estimate.pvalue,
        reason=result.reason,
    )
