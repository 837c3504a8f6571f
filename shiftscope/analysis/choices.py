"""Which candidates to fine-tune: the first alone, or the two that are advised, and what that may lose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.records import Choice, Published, RankRow

__all__ = ["choices", "kendall_w"]

Array = NDArray[np.float64]


def kendall_w(ranks: Array) -> float | None:
    """Agreement of measures on the order of candidates: Kendall's W, corrected for ties, 0 to 1.

    ``ranks`` (measures, candidates) with ties sharing their mean. W is the Friedman statistic divided by M (n - 1).
    None for one measure or fewer than three candidates, and where every measure ties all of them.
    """
    from scipy.stats import friedmanchisquare

    n_measures, n_candidates = ranks.shape
    if n_measures < 2 or n_candidates < 3 or np.ptp(ranks, axis=1).max() == 0:
        return None
    w = float(friedmanchisquare(*ranks.T).statistic) / (n_measures * (n_candidates - 1))
    return float(np.clip(w, 0.0, 1.0))


def choices(
    rows: Sequence[RankRow], accuracy: Mapping[str, float], published: Mapping[str, Published | None]
) -> list[Choice]:
    """Return what to try: the first candidate, and the first with a second one.

    The second is chosen another way than the first (Renggli et al., CVPR 2022, "hybrid"): by published accuracy on
    the source, which knows nothing of the target, among candidates whose figures come from one data set. Where that
    is the first already, or no two figures can be compared, it is the second in mean rank.

    Parameters
    ----------
    rows
        Ranked candidates, best first.
    accuracy
        Held-out accuracy by candidate; those without one cannot be missed by regret.
    published
        Published accuracy by candidate.

    Notes
    -----
    Expected regret is the sum over candidates that are not tried of P(best) times how far their accuracy lies
    above the best of those tried; None where one that is tried has no accuracy.
    """
    if len(rows) < 2:
        return []
    first = rows[0].backbone
    alone = Choice(backbones=[first], why="least mean rank", expected_regret=_regret([first], rows, accuracy))
    prior = _best_published([row.backbone for row in rows], published)
    second, why = (
        (prior, "best published accuracy on its source")
        if prior is not None and prior != first
        else (rows[1].backbone, "second in mean rank")
    )
    two = [first, second]
    return [alone, Choice(backbones=two, why=why, expected_regret=_regret(two, rows, accuracy))]


def _regret(tried: Sequence[str], rows: Sequence[RankRow], accuracy: Mapping[str, float]) -> float | None:
    if not set(tried) <= set(accuracy):
        return None
    reached = max(accuracy[b] for b in tried)
    return sum(
        (row.p_best or 0.0) * max(accuracy[row.backbone] - reached, 0.0) for row in rows if row.backbone in accuracy
    )


def _best_published(ranked: Sequence[str], published: Mapping[str, Published | None]) -> str | None:
    """Candidate with the best published figure among comparable ones; None where no two can be compared.

    Of several groups of comparable ones, the one whose best ranks first here: how many there are says nothing.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in ranked:
        figure = published.get(name)
        if figure is not None:
            groups[figure.dataset].append(name)

    def top1(name: str) -> float:
        figure = published[name]
        assert figure is not None
        return figure.top1

    leaders = [ranked.index(max(names, key=top1)) for names in groups.values() if len(names) > 1]
    return ranked[min(leaders)] if leaders else None
