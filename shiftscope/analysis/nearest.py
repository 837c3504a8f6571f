"""Which of several sources a target is nearest to: one kernel, one sample size, and halves that all of them share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from shiftscope.analysis.features import Extracted
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.nearest import SourceDistance, SourceOrder
from shiftscope.core.seeds import stream
from shiftscope.core.spec import RunSpec
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures import MEASURES
from shiftscope.measures._noise_floor import MAX_POINTS, QUANTILE
from shiftscope.measures._sides import Floats, Rows, Split, excess, first_rows, halves_of
from shiftscope.measures.shift.mmd import between_halves

__all__ = ["order_all", "order_sources"]

N_SPLITS = 40
LEVEL = 0.95

Halves = list[tuple[Rows, Rows]]


def order_all(
    found: Extracted, measures: Sequence[str], spec: RunSpec, baselines: Collection[str]
) -> list[SourceOrder]:
    """Order the sources of every target under every backbone; nothing where MMD was not asked for."""
    if "mmd" not in measures:
        return []
    given: dict[str, Any] = {
        "options": spec.measures.get("mmd", {}),
        "seed": spec.seed,
        "kernels": choose(found.device),
    }
    orders = [
        order_sources([seen[b] for seen in found.sources.values() if b in seen], mine, backbone=b, **given)
        for features in found.targets.values()
        for b, mine in sorted(features.items())
        if b not in baselines
    ]
    return [order for order in orders if order is not None]


def order_sources(
    sources: Sequence[FeatureSet],
    target: FeatureSet,
    *,
    backbone: str,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    kernels: Kernels | None = None,
) -> SourceOrder | None:
    """Say how much further each source lies from ``target`` than the nearest one.

    The effect of a source is that of its noise floor, the mean over splits of T(X1, Y1) - [T(X1, X2) + T(Y1, Y2)]/2
    with T the unbiased MMD^2; but all sources are cut to parts of one size, T has one bandwidth for all of them (the
    mean over pairs of their median distances), and in every split all of them meet the same halves of the target. So
    their effects have one unit, and the difference of two is paired: what the target's halves do to both cancels.

    The interval of a difference is +- t standard deviations over the splits (delete-half jackknife), with t Student's
    quantile of R - 1 degrees of freedom such that the intervals of all S (S - 1)/2 pairs of S sources hold together
    (Bonferroni): which source comes first is read off the same samples.

    Parameters
    ----------
    options
        Of ``mmd``, as it was run; of them the kernel and its bandwidth count. Fused bandwidths, whose unit depends on
        the pair, are replaced by one.

    Returns
    -------
    SourceOrder or None
        None for fewer than two sources, and where a part would have fewer than two samples.

    Notes
    -----
    O(S N^2 (d + R)) for at most N = 1 600 samples of a pair and R = 40 splits. The source with the least effect is
    the one most like the target in the eyes of this backbone, which does not make it the one to learn from.

    Two random parts of one real data set (PACS photos or cartoons, 60 or 420 samples each) as sources of the sketches
    were told apart in 70 of 1 200 draws, where 5 % are allowed.

    Fails when samples depend on each other and ``groups`` does not say so: intervals are then too narrow.
    """
    if len(sources) < 2:
        return None
    pairs = [Pair(source, target) for source in sorted(sources, key=lambda fs: fs.name)]
    given = MEASURES["mmd"].check(dict(options or {}))
    middle = given["bandwidth"] or float(np.mean([pair.bandwidth for pair in pairs]))
    kernel = {**given, "bandwidth": middle, "aggregate": None}
    try:
        halves = _shared_halves(pairs, seed)
    except NotApplicableError:
        return None
    terms = [between_halves(pair, some, kernel, kernels) for pair, some in zip(pairs, halves, strict=True)]
    # Each data set against itself: the target, which all have in common, then every source.
    within = np.column_stack([terms[0][:, 2], *(t[:, 1] for t in terms)])
    effects = np.column_stack([excess(t) for t in terms])
    return SourceOrder(
        target=target.name,
        backbone=backbone,
        measure="mmd",
        rows=_rows([pair.source.name for pair in pairs], effects),
        floor=float(np.quantile(np.abs(within - within.mean(axis=0)), QUANTILE)),
        size=len(halves[0][0].x1),
        n_splits=N_SPLITS,
        level=LEVEL,
    )


def _shared_halves(pairs: Sequence[Pair], seed: int) -> list[list[Split]]:
    """Halves of every source against the same halves of the target, all cut to one size."""
    target = _halves(pairs[0].target, seed, "target")
    sources = [_halves(pair.source, seed, "source") for pair in pairs]
    size = min(len(part) for halves in (target, *sources) for both in halves for part in both)
    if size < 2:
        raise NotApplicableError(f"{pairs[0].target.name} or one of its sources cannot be cut into two parts.")
    return [
        [
            Split(*(part[:size] for part in x), *(part[:size] + pair.source.n for part in y))
            for x, y in zip(source, target, strict=True)
        ]
        for pair, source in zip(pairs, sources, strict=True)
    ]


def _halves(side: FeatureSet, seed: int, role: str) -> Halves:
    # Named by its role, not by its place among the sources: their order must not matter.
    rng, rows = stream(seed, "nearest", role), first_rows(side, MAX_POINTS // 2)
    return [halves_of(side, rows, rng) for _ in range(N_SPLITS)]


def _rows(names: Sequence[str], effects: Floats) -> list[SourceDistance]:
    """Sources in rising order of their mean effect (S splits, sources); equal ones by name."""
    means, spreads = effects.mean(axis=0), effects.std(axis=0, ddof=1)
    order = sorted(range(len(names)), key=lambda i: (means[i], names[i]))
    first, n_pairs = order[0], len(names) * (len(names) - 1) / 2
    reach = float(student.isf((1 - LEVEL) / (2 * n_pairs), len(effects) - 1))
    rows = []
    for i in order:
        row = SourceDistance(source=names[i], effect=float(means[i]), effect_se=float(spreads[i]))
        if i != first:
            further = effects[:, i] - effects[:, first]
            value, half = float(further.mean()), reach * float(further.std(ddof=1))
            row = row.model_copy(update={"further": value, "further_low": value - half, "further_high": value + half})
        rows.append(row)
    return rows
