"""Conditional shift: do samples of one class look alike on both sides, whatever the balance of the classes?"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, derive, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._discrepancy import exchanged
from shiftscope.measures._holm import holm
from shiftscope.measures._permutation import demand_reachable, null_details, permuted_members, pvalue, smallest_pvalue
from shiftscope.measures._resampling import LEVEL, Z
from shiftscope.measures._sides import Floats, Options, Permutations, Rows, Split, over_splits, rows_of, units

__all__ = ["between_halves", "conditional"]

BLOCK = 1024


class OfClass(NamedTuple):
    """What one class says: MMD^2 under every exchange (B+1,), witness functions by side, least p-value."""

    statistics: Floats
    witnesses: list[Floats]
    smallest: float


@measure(
    asks="Do samples of one class look alike in source and target, whatever the balance of the classes?",
    kind="shift",
    better="lower",
    unit="squared kernel distance, mean over classes",
    needs=("classes",),
    bounds=(None, 2.0),
    null="0, values below 0 included",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    pvalue="conservative",
    reference="Gretton et al., JMLR 2012, eq. 3, within classes; Holm, Scand. J. Statist. 1979",
)
def conditional(
    pair: Pair,
    *,
    n_permutations: Permutations = 999,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Mean over classes of the squared MMD between source and target within the class.

    Every class that both sides have, by name, counts alike; a difference in class balance is no part of it. Each is
    an ``mmd`` of its own, with a Gaussian kernel at the median distance within the class: the per-class table of a
    diagnosis shows the same values and p-values.

    The p-value is that of the mean under random exchanges of samples, or groups, within each class. It is exact for
    the hypothesis that samples of a class come from one distribution on both sides, in whatever shares the classes
    come. Where groups hold samples of several classes, such exchanges would tear them apart: then it is the least of
    the classes' p-values after Holm's adjustment, which is conservative.

    Parameters
    ----------
    pair
        Both sides labelled with classes. Classes with fewer than two samples, or two groups, on a side are left out.
    n_permutations
        For each class; 0 for no p-value.

    Returns
    -------
    Estimate
        The interval is ``value`` +- 1.96 standard deviations from the witness functions of the classes, summed over
        groups; without a shift it is wider than need be. ``details``: ``values``, ``pvalues`` and ``pvalues_holm``
        by class (Holm over the classes); ``test``, ``"exchanges"`` or ``"holm"``; ``left_out``, classes with too few
        samples; ``smallest_pvalue``; and over the classes that count, at one bandwidth, ``marginal``, the MMD^2 of
        the samples as they come, and ``reweighted``, what is left of it once the classes have equal shares on both
        sides. Where ``reweighted`` is far below ``marginal``, class balance makes the shift. By exchanges also
        quantiles and histogram of the null.

    Raises
    ------
    InputError
        For a negative number of permutations.
    NotApplicableError
        If no class has two samples, of two groups, on each side; with a test, if groups are so few that no p-value
        could reach 0.05.

    Notes
    -----
    O(sum_c N_c^2 (d + B) + N^2 d).

    Fails when the classes are broad and hold other things on the two sides (their subclasses have another balance):
    that is a difference within the class. Classes of few samples count as much as large ones and have a large noise;
    groups lift values above 0 even without a shift, as they do for ``mmd``.
    """
    numbers, seed = kernels or choose(), seed_of(rng)
    pairs = _classes(pair)
    found = {name: _of_class(sub, name, seed, n_permutations, numbers) for name, sub in pairs.items()}
    statistics = np.mean([one.statistics for one in found.values()], axis=0)
    value, reach = float(statistics[0]), Z * _standard_error(list(pairs.values()), list(found.values()))
    marginal, reweighted = _balances(pair, list(pairs))
    details: Details = {
        "values": {name: float(one.statistics[0]) for name, one in found.items()},
        "left_out": [name for name in pair.shared_classes if name not in pairs],
        "marginal": marginal,
        "reweighted": reweighted,
    }
    chance = None
    if n_permutations:
        each = [pvalue(one.statistics) for one in found.values()]
        smallest = [one.smallest for one in found.values()]
        details |= {
            "pvalues": dict(zip(found, each, strict=True)),
            "pvalues_holm": dict(zip(found, holm(each), strict=True)),
        }
        if any(_straddles(side, pairs) for side in (pair.source, pair.target)):
            chance, least = min(1.0, len(each) * min(each)), min(1.0, len(each) * min(smallest))
            details |= {"test": "holm", "smallest_pvalue": least}
        else:
            chance = pvalue(statistics)
            least = max(1 / (n_permutations + 1), prod(smallest))
            details |= {"test": "exchanges", "smallest_pvalue": least, **null_details(statistics)}
        demand_reachable(pair, least, n_permutations)
    return Estimate(
        value=value, low=value - reach, high=min(value + reach, 2.0), level=LEVEL, pvalue=chance, details=details
    )


def _classes(pair: Pair) -> dict[str, Pair]:
    """Return the pair of each class that has two samples, of two groups, on both sides."""
    pairs = {name: pair.of_class(name) for name in pair.shared_classes}
    large = {name: sub for name, sub in pairs.items() if min(units(sub.source).max(), units(sub.target).max()) > 0}
    if not large:
        raise NotApplicableError(
            f"none of the {len(pairs)} classes that {pair.source.name} and {pair.target.name} have in common has 2 "
            "samples, of 2 groups, on each side: there is nothing to compare within a class."
        )
    return large


def _of_class(pair: Pair, name: str, seed: int, n_permutations: int, kernels: Kernels) -> OfClass:
    # The stream of the class, as analysis.shift has it: both show the same p-values.
    members = permuted_members(pair, derive(str(seed), "class", name)[0], n_permutations, kernels)
    statistics, witness = exchanged(_rows(pair.pooled), partial(_gaussian, bandwidth=pair.bandwidth), members)
    return OfClass(statistics, np.split(witness, [pair.source.n]), smallest_pvalue(pair, n_permutations))


def _rows(z: NDArray[np.float32]) -> Floats:
    rows: Floats = z.astype(np.float64)
    rows -= rows.mean(axis=0)
    return rows


def _gaussian(x: Floats, y: Floats, *, bandwidth: float) -> Floats:
    """exp(-|x - y|^2 / (2 bandwidth^2)) of rows (a, d) and (b, d)."""
    square = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * x @ y.T
    return np.asarray(np.exp(np.maximum(square, 0.0) / (-2 * bandwidth**2)))


def _standard_error(pairs: list[Pair], found: list[OfClass]) -> float:
    """Standard error of the mean over classes; samples of one group count together, whatever their classes."""
    variance = 0.0
    for i, sides in enumerate(zip(*((pair.source, pair.target) for pair in pairs), strict=True)):
        witnesses = [one.witnesses[i] for one in found]
        n_units = [int(units(side).max()) + 1 for side in sides]
        # Every class has a mean of its own, which takes a unit's worth of spread with it.
        pulls = [
            (w - w.mean()) / (len(w) * len(found)) * np.sqrt(u / (u - 1))
            for w, u in zip(witnesses, n_units, strict=True)
        ]
        groups = [side.groups for side in sides if side.groups is not None]
        unit = np.unique(np.concatenate(groups), return_inverse=True)[1] if groups else None
        summed = np.concatenate(pulls) if unit is None else np.bincount(unit, weights=np.concatenate(pulls))
        variance += float(summed @ summed)
    return 2 * float(np.sqrt(variance))


def _straddles(side: FeatureSet, names: dict[str, Pair]) -> bool:
    """Say whether a group of ``side`` holds samples of several of the classes ``names``."""
    if side.groups is None:
        return False
    kept = np.isin(side.target.class_names, list(names))[side.target.values]
    pairs = np.unique(np.column_stack([side.groups, side.target.values])[kept], axis=0)
    return len(np.unique(pairs[:, 0])) < len(pairs)


def _balances(pair: Pair, names: list[str]) -> tuple[float, float]:
    """Unbiased MMD^2 over the classes ``names``: as the samples come, and with all classes at equal shares."""
    code = {name: i for i, name in enumerate(names)}
    place = [code.get(name, -1) for side in (pair.source, pair.target) for name in side.target.names()]
    kept = np.flatnonzero(np.array(place) >= 0)
    # Blocks of the kernel matrix: classes of the source, then of the target.
    block = np.array(place)[kept] + len(names) * ~pair.is_source[kept]
    rows, marks = _rows(pair.pooled[kept]), np.eye(2 * len(names))[block]
    sums = np.zeros((2 * len(names), 2 * len(names)))
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        sums += marks[part].T @ (_gaussian(rows[part], rows, bandwidth=pair.bandwidth) @ marks)
    counts = marks.sum(axis=0)
    sums[np.diag_indices_from(sums)] -= counts  # a sample and itself
    means = sums / (np.outer(counts, counts) - np.diag(counts))
    source = np.arange(len(counts)) < len(names)

    signs = np.where(source, 1.0, -1.0) / len(names)
    n, m = counts[source].sum(), counts[~source].sum()
    own, other = sums[np.ix_(source, source)].sum(), sums[np.ix_(~source, ~source)].sum()
    across = sums[np.ix_(source, ~source)].sum()
    return float(own / (n * (n - 1)) + other / (m * (m - 1)) - 2 * across / (n * m)), float(signs @ means @ signs)


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """Mean MMD^2 within classes as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3).

    Over the classes of which both parts have two samples.

    Raises
    ------
    NotApplicableError
        If there is none.
    """
    pairs = _classes(pair)
    names = np.array([name for side in (pair.source, pair.target) for name in side.target.names()])
    rows = rows_of(halves)
    kernels_of = {}
    for name, sub in pairs.items():
        own = rows[names[rows] == name]
        kernels_of[name] = own, _gaussian(*(2 * [_rows(pair.pooled[own])]), bandwidth=sub.bandwidth)

    def distance(a: Rows, b: Rows) -> float:
        found = []
        for own, values in kernels_of.values():
            i, j = (np.flatnonzero(np.isin(own, part)) for part in (a, b))
            if min(len(i), len(j)) > 1:
                within = [(values[np.ix_(k, k)].sum() - len(k)) / (len(k) * (len(k) - 1)) for k in (i, j)]
                found.append(sum(within) - 2 * values[np.ix_(i, j)].mean())
        if not found:
            raise NotApplicableError("no class has 2 samples in each half: conditional has no noise floor.")
        return float(np.mean(found))

    return over_splits(distance, halves)
