"""Alignability: is the shift one that a linear map undoes, or has the representation changed?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import Pair
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of, stream
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._linear_maps import (
    LinearMap,
    coral,
    procrustes,
    scaling,
    through_anchors,
    translation,
    unchanged,
)
from shiftscope.measures._resampling import Z, from_draws
from shiftscope.measures._sides import Floats, Options, Rows, Split, demand_units, rows_of, splits, units

__all__ = ["alignability", "between_halves"]

N_SPLITS, N_DRAWS = 5, 100
# The smallest part in which a map can be fitted and one of several chosen.
LEAST = 8
# What is judged on one half depends on the other, too. Nadeau and Bengio (Machine Learning 2003) widen the variance of
# k-fold results by 1 + k n_test/n_train, here for two folds.
SHARED_TRAINING = 3.0
UNPAIRED = {
    "none": unchanged,
    "translation": translation,
    "scaling": scaling,
    "coral": coral,
    "procrustes": procrustes,
}


class Sides(NamedTuple):
    """Both sides in principal coordinates, and what a map may be fitted to."""

    z: Floats  # (N, r) of pooled rows
    classes: NDArray[np.int64]  # (N,) within which the sides are compared; -1 is left out
    methods: tuple[str, ...]
    n_classes: int  # 0 where all samples are compared together
    paired: bool
    variance: float  # share of the pooled variance that lies in these coordinates


class Way(NamedTuple):
    """Rows that a map is fitted to, and rows that it is judged on, as numbers of pooled rows."""

    x: Rows
    y: Rows
    to_x: Rows
    to_y: Rows


@measure(
    asks="Which share of the shift does a linear map of the features remove?",
    kind="shift",
    better="higher",
    unit="share of the energy distance",
    bounds=(None, 1.0),
    null="0, or just below: what a map learns from noise does not help other samples",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    reference="Sun, Feng and Saenko, AAAI 2016 (CORAL); Szekely and Rizzo, J. Stat. Plan. Inference 2013 (distance)",
)
def alignability(
    pair: Pair,
    *,
    paired: bool = False,
    n_components: Annotated[int, Field(ge=1)] = 64,
    max_points: Annotated[int, Field(ge=4 * LEAST)] = 2000,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Share of the distance between the sides that is gone once the source has been mapped linearly, held out.

    Maps are fitted to half of both sides and judged by the unbiased energy distance D between the other halves,

        value = 1 - D(map(X2), Y2)/D(X2, Y2),    D(X, Y) = 2 mean|x - y| - mean|x - x'| - mean|y - y'|,

    both distances averaged over 5 splits (whole groups together) and over which half is fitted to. Where both sides
    have labels, D is the mean of the distances within the classes they have in common: a map that lays the sides
    over each other and the classes amiss has undone nothing. Maps are then fitted to as many samples of each such
    class on one side as on the other, so that class balance plays no part. A map of many parameters that has learnt
    its sample by heart gains nothing. All this happens in the leading principal
    components of the pooled sample. Each half chooses between these maps, within itself:

    - ``none``: nothing changes;
    - ``translation``: the mean becomes the target's;
    - ``scaling``: so does the standard deviation of each component;
    - ``coral``: mean and covariance become the target's (covariances shrunk as by Ledoit and Wolf);
    - ``procrustes``: principal axes turn into the target's, spreads stay;
    - ``class_means``, where both sides have two classes in common: ridge regression, from the class means a of the
      source to those of the target b, min |aA - b|^2 + penalty |A - I|^2, the penalty chosen between its own halves;
    - ``pairs``, where ``paired``: the same from each sample to its partner.

    Parameters
    ----------
    pair
        At least 16 samples on each side, of 2 groups. Labels are optional; classes with fewer than 8 samples on a side
        are left out, and if there are no others, labels are not used.
    paired
        Samples with the same id on both sides are the same thing seen twice, as in a set and its distorted copy.
        Only those are used.
    n_components
        Principal components of the pooled sample that are kept.
    max_points
        Samples used at most, both sides together; the larger side is cut by content hash.

    Returns
    -------
    Estimate
        1: a linear map undoes the shift. 0, without an interval: no half chose a map, or there is no shift to be
        seen, D being smaller than 1.96 of its standard errors, and ``shares`` is empty. Below 0: the map chosen does
        harm. The interval is ``value`` +- 1.96 standard deviations of the linearised ratio under 100
        random weightings of samples or groups (Bayesian bootstrap) that judge the same maps, widened by sqrt(3) for
        what other samples would have taught the maps. ``details``: ``shares`` by map, ``method``, the map chosen most
        often, ``shift``, D in pooled median distances, its standard error ``shift_se``, ``n_classes`` within which D
        was taken (0 for all samples together), ``size``, the samples per side that a map is fitted to,
        ``components`` and their ``variance``, a share of the pooled one.

    Raises
    ------
    InputError
        For fewer than 32 points.
    NotApplicableError
        If there are too few samples, groups or pairs, or no feature varies.

    Notes
    -----
    O(N d min(N, d)) for the components; then O(n^2 (r + R)) for each map of 10 halves of n samples in r components.

    Fails when there are no labels: then the classes may be aligned amiss, and a difference in class balance, which
    no map should undo, counts as shift. In many dimensions D sees means and spreads more than shapes. The signs of
    ``procrustes`` are wrong where axes turn by more than a right angle.
    """
    demand_units(pair, "alignability")
    seed = seed_of(rng)
    partner = _partners(pair) if paired else None
    halves = _splits(pair, seed, max_points, partner)
    sides = _sides(pair, rows_of(halves), n_components, kernels or choose(), partner)
    weights = _weights(pair, seed, partner)
    judged, choices = zip(*(_judge(sides, split, weights) for split in halves), strict=True)
    (before, again), (after, after_again), *others = [(float(row[0]), row[1:]) for row in np.mean(judged, axis=0)]
    noise = float(again.std(ddof=1))
    visible = before > Z * noise
    shares = [1 - max(other, 0.0) / before for other, _ in others] if visible else []
    details: Details = {
        "shares": dict(zip(sides.methods, shares, strict=False)),
        "method": Counter(name for names in choices for name in names).most_common(1)[0][0],
        "shift": before / pair.bandwidth,
        "shift_se": noise / pair.bandwidth,
        "n_classes": sides.n_classes,
        "size": len(halves[0].x1),
        "components": sides.z.shape[1],
        "variance": sides.variance,
    }
    if not visible or {name for names in choices for name in names} == {"none"}:
        return Estimate(value=0.0, details=details)
    left = max(after, 0.0) / before
    # The derivative of the ratio: replicates are not divided by their own distance, which may be small.
    draws = SHARED_TRAINING**0.5 * (left * again - after_again) / before
    return from_draws(1 - left, draws, details, bounds=(-np.inf, 1.0))


def _partners(pair: Pair) -> Rows:
    """Return the target row that shares the id of each source row (n,), -1 where there is none."""
    place = {name: i for i, name in enumerate(pair.target.ids)}
    return np.array([place.get(name, -1) for name in pair.source.ids])


def _splits(pair: Pair, seed: int, max_points: int, partner: Rows | None) -> list[Split]:
    """Halve both sides as ``_sides.splits`` does, or partners together."""
    if partner is None:
        found = splits(pair, seed, N_SPLITS, max_points)
    else:
        rows = np.flatnonzero(partner >= 0)
        if len(rows) < 2 * LEAST:
            raise NotApplicableError(
                f"{pair.source.name} and {pair.target.name} have {len(rows)} ids in common: alignability of pairs "
                f"needs at least {2 * LEAST}."
            )
        one, other = pair.source.take(rows), pair.source.n + partner[rows]
        drawn = splits(Pair(one, one), seed, N_SPLITS, max_points)
        found = [Split(rows[s.x1], rows[s.x2], other[s.x1], other[s.x2]) for s in drawn]
    least = min(len(part) for split in found for part in split)
    if least < LEAST:
        raise NotApplicableError(
            f"halves of {pair.source.name} ({pair.source.n} samples) and {pair.target.name} ({pair.target.n}) have as "
            f"few as {least}: alignability needs {LEAST} samples in each, and whole groups."
        )
    return found


def _weights(pair: Pair, seed: int, partner: Rows | None) -> Floats:
    """Weights of the pooled rows (R + 1, N): 1 in the first row, then exponential ones, equal within a group.

    The spread of a weighted mean under such weights is its standard error (Rubin, Ann. Statist. 1981). Unlike
    bootstrap samples, they never leave a part empty.
    """
    rng = stream(seed, "weights")
    drawn = [
        rng.exponential(size=(N_DRAWS, int(unit.max()) + 1))[:, unit] for unit in map(units, (pair.source, pair.target))
    ]
    if partner is not None:
        drawn[1][:, partner[partner >= 0]] = drawn[0][:, partner >= 0]
    return np.vstack([np.ones(len(pair.pooled)), np.hstack(drawn)])


def _sides(pair: Pair, rows: Rows, n_components: int, kernels: Kernels, partner: Rows | None) -> Sides:
    """Pooled ``rows`` in their leading principal coordinates; all others are NaN and never read."""
    values, left = kernels.eigh_gram(pair.pooled[rows])
    if not len(values):
        raise NotApplicableError("no feature varies over source and target: there is no shift to remove.")
    kept = values[:n_components]
    z = np.full((len(pair.pooled), len(kept)), np.nan)
    z[rows] = left[:, : len(kept)] * np.sqrt(kept)
    classes, n_classes = _classes(pair)
    paired = partner is not None
    anchors = ("class_means",) * (n_classes > 1) + ("pairs",) * paired
    return Sides(z, classes, (*UNPAIRED, *anchors), n_classes, paired, float(kept.sum() / values.sum()))


def _classes(pair: Pair) -> tuple[NDArray[np.int64], int]:
    """Codes of the pooled rows (N,), by name, and how many classes they stand for; all 0 and none without labels."""
    sides = (pair.source, pair.target)
    counts = [Counter(side.target.names()) for side in sides]
    large = [name for name in pair.shared_classes if min(count[name] for count in counts) >= LEAST]
    if not large:
        return np.zeros(len(pair.pooled), dtype=np.int64), 0
    code = {name: i for i, name in enumerate(large)}
    return np.array([code.get(name, -1) for side in sides for name in side.target.names()]), len(large)


def _judge(sides: Sides, split: Split, weights: Floats) -> tuple[Floats, list[str]]:
    """D without a map, with the map chosen, and with each, under all weights (2 + M, R + 1); and which were chosen.

    Both halves are fitted to, and what is judged on the other is averaged.
    """
    x1, x2, y1, y2 = split
    found, choices = [], []
    for way in (Way(x1, y1, x2, y2), Way(x2, y2, x1, y1)):
        x, y, k = way.x, way.y, len(way.x) // 2
        inner = (Way(x[:k], y[:k], x[k:], y[k:]), Way(x[k:], y[k:], x[:k], y[:k]))
        within = [[_after(sides, method, part, weights[:1])[0] for method in sides.methods] for part in inner]
        chosen = int(np.argmin(np.sum(within, axis=0)))
        after = [_after(sides, method, way, weights) for method in sides.methods]
        found.append([after[0], after[chosen], *after])
        choices.append(sides.methods[chosen])
    return np.mean(found, axis=0), choices


def _after(sides: Sides, method: str, way: Way, weights: Floats) -> Floats:
    """D of the rows that a map is judged on, under all ``weights`` (R,): its mean over classes, 0 without any."""
    mapped, target = _fitted(sides, method, way.x, way.y)(sides.z[way.to_x]), sides.z[way.to_y]
    found = [np.zeros(len(weights))]
    for i, j in _members(sides, way.to_x, way.to_y):
        if min(len(i), len(j)) > 1:
            w, v = weights[:, way.to_x[i]], weights[:, way.to_y[j]]
            within = [_mean(rows, rows, u, u, np.eye(len(rows))) for rows, u in ((mapped[i], w), (target[j], v))]
            # Partners stand at the same place on both sides.
            between = _mean(mapped[i], target[j], w, v, (sides.paired & (i[:, None] == j)).astype(np.float64))
            found.append(2 * between - within[0] - within[1])
    return np.asarray(np.sum(found, axis=0) / max(len(found) - 1, 1))


def _mean(a: Floats, b: Floats, w: Floats, v: Floats, same: Floats) -> Floats:
    """Mean distance of rows ``a`` (k, r) from rows ``b`` (l, r) but for those the ``same`` (k, l), of weights w_i v_j.

    One mean for each row of ``w`` (R, k) and ``v`` (R, l).
    """
    squares: Floats = -2 * a @ b.T
    squares += np.square(a).sum(axis=1)[:, None]
    squares += np.square(b).sum(axis=1)
    counted = 1 - same
    distances = np.sqrt(np.maximum(squares, 0.0, out=squares), out=squares) * counted
    return np.asarray(np.einsum("rl,rl->r", w @ distances, v) / np.einsum("rl,rl->r", w @ counted, v))


def _fitted(sides: Sides, method: str, x: Rows, y: Rows) -> LinearMap:
    """Fit one map to the rows ``x`` of the source and ``y`` of the target."""
    if method in UNPAIRED:
        i, j = _balanced(sides, x, y)
        return (UNPAIRED[method] if len(i) > 1 else unchanged)(sides.z[i], sides.z[j])
    source, target = sides.z[x], sides.z[y]
    if method == "pairs":
        return through_anchors((source, target), ((source[::2], target[::2]), (source[1::2], target[1::2])))
    means = [
        [(source[i].mean(axis=0), target[j].mean(axis=0)) for i, j in ((i, j), (i[::2], j[::2]), (i[1::2], j[1::2]))]
        for i, j in _members(sides, x, y)
        if min(len(i), len(j)) > 1
    ]
    if len(means) < 2:
        return translation(source, target)
    whole, first, second = np.array(means).transpose(1, 2, 0, 3)
    return through_anchors((whole[0], whole[1]), ((first[0], first[1]), (second[0], second[1])))


def _balanced(sides: Sides, x: Rows, y: Rows) -> tuple[Rows, Rows]:
    """The first of ``x`` and ``y`` of each class that both have, as many here as there; all of them without classes."""
    if not sides.n_classes:
        return x, y
    equal = [(i[: len(j)], j[: len(i)]) for i, j in _members(sides, x, y)]
    return x[np.concatenate([i for i, _ in equal])], y[np.concatenate([j for _, j in equal])]


def _members(sides: Sides, x: Rows, y: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield the places in ``x`` and in ``y`` of the samples of each class that both have."""
    for code in range(max(sides.n_classes, 1)):
        yield np.flatnonzero(sides.classes[x] == code), np.flatnonzero(sides.classes[y] == code)


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """Halves of one side have no shift of which a share could be removed.

    Raises
    ------
    NotApplicableError
        Always.
    """
    raise NotApplicableError("alignability is a share of the shift: halves of one side have none.")
