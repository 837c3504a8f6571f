"""Label shift: do the classes come in other proportions in the target than in the source?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import Pair
from shiftscope.core.records import Detail, Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._bootstrap import bootstrap_weights, bootstrap_weights_by_class
from shiftscope.measures._declare import measure
from shiftscope.measures._permutation import null_of, permuted_members, pvalue
from shiftscope.measures._priors import bbse, confusion, saerens, total_variation
from shiftscope.measures._resampling import LEVEL
from shiftscope.measures._sides import Floats, Options, Permutations, Rows, Split, demand_units, over_splits
from shiftscope.measures._source_probe import probe

__all__ = ["between_halves", "label_shift"]

BLOCK = 4096


class Labels(NamedTuple):
    """Class codes of the pooled samples (N,), by name, and the names."""

    codes: NDArray[np.int64]
    names: tuple[str, ...]


@measure(
    asks="Do the classes come in other proportions in the target than in the source?",
    kind="shift",
    better="lower",
    unit="total variation of class shares",
    needs=("source classes",),
    bounds=(0.0, 1.0),
    null="0, and above it by noise: details.null where the target has labels",
    invariant=("order", "scale", "rotation", "dead", "duplicate"),
    pvalue="exact",
    reference=(
        "Pearson's chi-square by permutation; without target labels Lipton, Wang and Smola, ICML 2018 (BBSE), and "
        "Saerens et al., Neural Computation 2002"
    ),
)
def label_shift(
    pair: Pair,
    *,
    n_permutations: Permutations = 999,
    rng: RngLike = None,
    kernels: Kernels | None = None,
) -> Estimate:
    """Total variation between the class shares of source and target, sum |q - p|/2, whether q is known or not.

    It is the share of target samples that would have to change class. Classes are matched by name; one that a side
    lacks has share 0 there.

    **Both sides labelled.** The p-value is that of the chi-square statistic of the table of sides and classes under
    random exchanges of samples, or of whole groups: exact at any count.

    **Target unlabelled.** Its shares are estimated on the assumption that samples of one class look alike on both
    sides. With a cross-fitted ridge probe of the source's classes, q solves C q = mu (BBSE), C the held-out confusion
    matrix P(predicted | class) of the source and mu the shares of what is predicted for the target. There is no
    p-value: the probe knows the source.

    Parameters
    ----------
    pair
        The source labelled with at least two classes, the target with classes or without.
    n_permutations
        0 for no p-value.

    Returns
    -------
    Estimate
        Intervals come from 200 bootstrap samples of samples, or groups, without refitting the probe; near 0 they begin
        at 0. ``details``: ``known``, whether the target has labels; ``source`` and ``target``, class shares. Known:
        ``chi2``, ``dof``, ``cramers_v``, ``null``, the mean value under exchanges, ``smallest_pvalue``, quantiles and
        histogram of the permuted chi-square. Unknown: ``target_low`` and ``target_high``, 95 % intervals of the
        target's shares, ``em``, shares by a second way, the prior under which the probe's calibrated probabilities
        are most likely (expectation maximisation), ``em_value``, their total variation, ``sigma_min``, the least
        singular value of C, and ``sigma_noise``, the 95th percentile of the noise in C (its spectral norm).

    Raises
    ------
    InputError
        For a negative number of permutations.
    NotApplicableError
        If a side has one sample or one group, or there is one class; with a test, if groups are so few that no p-value
        could reach 0.05; for a target without labels, if ``sigma_min`` is below ``sigma_noise``: the probe confuses
        some classes so much that any shares would fit.

    Notes
    -----
    O(N C B) with labels; without, O(n d min(n, d)) once for the probe and O((n + C^2) C) for each bootstrap sample.

    Fails when classes were drawn on purpose (so many of each): their shares say nothing then. Without target labels
    it also fails when more than the class shares has changed (mistrust it where ``em`` and ``target`` disagree), and
    classes that the source lacks are taken for others.
    """
    demand_units(pair, "label_shift")
    seed, numbers = seed_of(rng), kernels or choose()
    labels = _labels(pair)
    if len(labels.names) < 2:
        raise NotApplicableError(f"there is one class only, {labels.names[0]!r}: shares compare at least 2.")
    if pair.target.target.kind != "class":
        return _estimated(pair, seed, numbers)
    return _counted(pair, labels, seed, n_permutations, numbers)


def _labels(pair: Pair) -> Labels:
    """Number the class names of both sides in one row; a target without classes adds none."""
    sides = (pair.source.target, pair.target.target)
    names = tuple(dict.fromkeys(name for side in sides for name in side.class_names))
    code = {name: i for i, name in enumerate(names)}
    return Labels(np.array([code[name] for side in sides for name in side.names()]), names)


def _counted(pair: Pair, labels: Labels, seed: int, n_permutations: int, kernels: Kernels) -> Estimate:
    onehot = np.eye(len(labels.names))[labels.codes]
    members = permuted_members(pair, seed, n_permutations, kernels)
    counts = np.zeros((members.shape[1], onehot.shape[1]))
    for start in range(0, len(members), BLOCK):
        counts += members[start : start + BLOCK].T.astype(np.float64) @ onehot[start : start + BLOCK]
    totals = onehot.sum(axis=0)
    p, q = _shares(counts), _shares(totals - counts)
    sizes = counts.sum(axis=1)
    chi2 = (sizes * (len(onehot) - sizes) / len(onehot)) * (np.square(p - q) / (totals / len(onehot))).sum(axis=1)
    noise = _resampled(onehot, pair, seed)
    value, low, high = total_variation(q[0] - p[0], noise, LEVEL)
    details: Details = {
        "known": True,
        "source": dict(zip(labels.names, p[0].tolist(), strict=True)),
        "target": dict(zip(labels.names, q[0].tolist(), strict=True)),
        "chi2": float(chi2[0]),
        "dof": len(totals) - 1,
        "cramers_v": float(np.sqrt(chi2[0] / len(onehot))),
    }
    if n_permutations:
        details["null"] = float(np.abs(p - q)[1:].sum(axis=1).mean() / 2)
        details |= null_of(pair, chi2)
    return Estimate(
        value=value,
        low=low,
        high=high,
        level=LEVEL,
        pvalue=pvalue(chi2) if n_permutations else None,
        exchanged=chi2 if n_permutations else None,
        details=details,
    )


def _shares(counts: NDArray[Any]) -> Floats:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _resampled(onehot: Floats, pair: Pair, seed: int) -> Floats:
    """Errors of the difference of class shares (R, C) in bootstrap samples of both sides."""
    n = pair.source.n
    errors = [
        _shares(bootstrap_weights(side, seed, name) @ rows) - rows.mean(axis=0)
        for side, name, rows in ((pair.source, "source", onehot[:n]), (pair.target, "target", onehot[n:]))
    ]
    return np.asarray(errors[1] - errors[0])


def _estimated(pair: Pair, seed: int, kernels: Kernels) -> Estimate:
    source, target = pair.source.target, pair.target
    found, n_classes = probe(pair.source, target.features, seed, kernels), source.n_classes
    guessed = np.argmax(found.own, axis=1)
    # What the probes predict for every target sample, as shares of their votes.
    votes = sum(np.eye(n_classes)[np.argmax(scores, axis=1)] for scores in found.other()) / len(found.slopes)

    def solved(w: Floats, v: Floats) -> tuple[Floats, Floats]:
        confused = confusion(guessed, source.values, w, n_classes)
        return confused, bbse(confused, v @ votes / v.sum())

    confused, shares = solved(np.ones(pair.source.n), np.ones(target.n))
    # What is predicted of a class has nothing to do with how many samples it has: the two are resampled apart. Drawn
    # together, a small class would now and then be missing, and the probe be taken for one that never finds it.
    weights = zip(
        bootstrap_weights_by_class(pair.source, seed, "source"), bootstrap_weights(target, seed, "target"), strict=True
    )
    again = [solved(w, v) for w, v in weights]
    sigma = float(np.linalg.norm(confused, -2))
    noise = float(np.quantile([np.linalg.norm(draw[0] - confused, 2) for draw in again], LEVEL))
    if sigma <= noise:
        raise NotApplicableError(
            f"a probe confuses classes of {pair.source.name} too much to count them in {target.name}: the least "
            f"singular value of its confusion matrix is {sigma:.3f}, and noise alone gives {noise:.3f}."
        )
    drawn = np.array([draw[1] for draw in again])
    priors = _shares(bootstrap_weights(pair.source, seed, "source") @ source.matrix)
    errors = drawn - shares - priors + found.share
    value, low, high = total_variation(shares - found.share, errors, LEVEL)
    likely = saerens(found.other_chances(), found.share)
    ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)

    def by_class(values: Floats) -> dict[str, Detail]:
        return dict(zip(source.class_names, values.tolist(), strict=True))

    details: Details = {
        "known": False,
        "source": by_class(found.share),
        "target": by_class(shares),
        "target_low": by_class(np.minimum(ends[0], shares)),
        "target_high": by_class(np.maximum(ends[1], shares)),
        "em": by_class(likely),
        "em_value": float(np.abs(likely - found.share).sum() / 2),
        "sigma_min": sigma,
        "sigma_noise": noise,
    }
    return Estimate(value=value, low=low, high=high, level=LEVEL, details=details)


def between_halves(pair: Pair, halves: list[Split], options: Options, kernels: Kernels | None) -> Floats:  # noqa: ARG001
    """Total variation as [T(X1, Y1), T(X1, X2), T(Y1, Y2)] for each split (S, 3), from labels.

    Raises
    ------
    NotApplicableError
        If the target has none.
    """
    if pair.target.target.kind != "class":
        raise NotApplicableError("class shares that are estimated have no noise floor: their interval says it.")
    labels = _labels(pair)

    def distance(a: Rows, b: Rows) -> float:
        shares = [_shares(np.bincount(labels.codes[rows], minlength=len(labels.names))) for rows in (a, b)]
        return float(np.abs(shares[0] - shares[1]).sum() / 2)

    return over_splits(distance, halves)
