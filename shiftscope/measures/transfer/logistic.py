"""Logistic regression: what the strongest linear head on frozen features predicts for samples it has not seen."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels, choose
from shiftscope.measures._declare import measure
from shiftscope.measures._held_out import calibration_error, judge_classes, log_softmax
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures._targets import usable_targets

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["logistic"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Masks = NDArray[np.bool_]

# Tried from strong to weak, in units of the largest eigenvalue.
PENALTIES = 10.0 ** np.arange(1, -9, -1)
# Blocks of folds that take turns in choosing it.
BLOCKS = 5
# Length of the gradient of the mean loss in the metric of the approximate inverse Hessian; to choose a penalty
# likelihoods need fewer digits than probabilities do.
TOLERANCE = 1e-6
TOLERANCE_OF_CHOICE = 1e-3
MAX_STEPS = 2000
MEMORY = 10
SUFFICIENT_DECREASE = 1e-4
LEAST_SIZE = 1e-9
# Of p(1 - p), which is 0 to rounding where a step went too far.
LEAST_CURVATURE = 1e-4
ROUNDING = 1e-14


@measure(
    asks="How well does the best linear classifier on the frozen features predict samples it has not seen?",
    kind="transfer",
    better="higher",
    unit="accuracy, mean recall if balanced",
    needs=("classes",),
    bounds=(0.0, 1.0),
    null="share of the largest class; 1/C if balanced",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Cox, J. Royal Statistical Society B 1958; by L-BFGS: Liu and Nocedal, Math. Programming 1989",
)
def logistic(
    features: FeatureSet, *, balanced: bool = False, rng: RngLike = None, kernels: Kernels | None = None
) -> Estimate:
    """Held-out accuracy of multinomial logistic regression with an L2 penalty, in ten folds.

    Minimises sum_i -ln p(y_i | x_i) + penalty |B|^2/2 over weights B and free intercepts b, with p(c | x)
    proportional to exp(b_c + x'B_c). The other folds lack just the samples of a class that this one has;
    probabilities are moved from the shares that classes have there to their shares in all, or else noise in
    small classes would be predicted below chance.

    No label of a fold has a part in the choice of its penalty. Folds form five blocks; regressions that leave out
    two blocks predict each of them, and the penalty for a block is the one of the greatest likelihood of all
    others when they and it are left out. Decades are tried from strong to weak until no block gains, and a
    parabola through the best three gives the penalty.

    Parameters
    ----------
    features
        Labelled with classes.
    balanced
        Give the mean recall of the classes instead of the accuracy, which classes of many samples dominate.

    Returns
    -------
    Estimate
        ``losses``: 1 - correct per sample (balanced: times n/(C n_c)). ``details``: ``nll``, the negative
        log-likelihood in nats, ``nll_null``, the entropy of the class shares, ``calibration_error``, the mean gap
        between confidence and accuracy in at most 15 bins, ``penalty`` in units of the largest eigenvalue
        (geometric mean over folds), ``rank`` of the features, ``gradient``, the longest one at which a fit ended
        (1e-6 in the metric of the inverse Hessian, or more after 2 000 steps), ``accuracy``,
        ``balanced_accuracy``, ``largest_class``.

    Raises
    ------
    NotApplicableError
        If there is one class only, a class with one sample, fewer than three groups, or features do not vary.

    Notes
    -----
    All folds are fitted at once, on the principal directions of all samples: a rotation of the features without
    those in which nothing varies, which an L2 penalty does not see. A step is two products of (n, k) and
    (k, 10 C) in float64, on the device of ``kernels``; the measure takes some hundred. On one CPU thread it has
    0.9 (n = 2 000, d = 512) to 1.7 times (n = 958, d = 800; both C = 10) the speed of scikit-learn for the same
    fits to the same accuracy: both spend their time in the same products. The interval leaves out that other
    training samples would have given other weights.

    Fails when classes differ in spread and not in mean.
    """
    targets, classes = usable_targets(features), features.target.values
    seed = seed_of(rng)
    parts = folds(features, seed)
    n_folds = int(parts.max()) + 1
    if n_folds < 3:
        raise NotApplicableError(f"logistic chooses its penalty within 3 groups or more; {features.name} has 2.")
    probe = _Probe(features, kernels or choose())
    penalties, starts = _choose(probe, classes, parts)
    train = parts[:, None] != np.arange(n_folds)
    weights, gradient = probe.fit(train, penalties, starts)
    seen, share = train.T @ targets, targets.mean(axis=0)
    to_all = np.where(seen > 0, np.log(share) - np.log(np.maximum(seen, 1.0) / seen.sum(axis=1, keepdims=True)), 0.0)
    rows = np.arange(features.n)
    log_chances = log_softmax(probe.log_chances(weights)[rows, parts] + to_all[parts])
    # A class that only one fold has is given the probability 1/n there, because the truth is 0.
    nll = np.where(seen[parts, classes] > 0, -log_chances[rows, classes], np.log(features.n))
    details: Details = {
        "nll": float(nll.mean()),
        "nll_null": -float(share @ np.log(share)),
        "calibration_error": calibration_error(np.exp(log_chances), classes),
        "penalty": float(np.exp(np.log(penalties).mean())),
        "rank": len(weights) - 1,
        "gradient": gradient,
    }
    return judge_classes(features, np.argmax(log_chances, axis=1), seed, details, balanced=balanced)


def _choose(probe: _Probe, classes: Codes, parts: Codes) -> tuple[Floats, Tensor]:
    """Penalty of every fold (F,), and weights (k + 1, F, C) to start from that were found with it.

    A regression for every two blocks of folds leaves both out and predicts each, to judge penalties for the other.
    """
    import torch

    n_folds = int(parts.max()) + 1
    n_blocks = min(BLOCKS, n_folds)
    block_of = np.arange(n_folds) * n_blocks // n_folds
    pairs = np.array(list(combinations(range(n_blocks), 2)))
    inside = block_of[parts][:, None, None] == pairs  # (n, P, 2)
    train = ~inside.any(axis=2)
    known = train.T @ np.eye(int(classes.max()) + 1)[classes] > 0
    fits: list[Tensor] = []
    losses = np.empty((0, n_blocks))
    best = np.zeros(n_blocks, dtype=np.int64)
    for penalty in PENALTIES:
        same, start = np.full(len(pairs), penalty), fits[-1] if fits else None
        fits.append(probe.fit(train, same, start, tolerance=TOLERANCE_OF_CHOICE)[0])
        nll = -probe.log_chances(fits[-1])[np.arange(len(parts)), :, classes]
        nll[~known.T[classes]] = 0.0
        # What a pair says of one of its blocks judges the other.
        of_other = np.einsum("np,npb->pb", nll, inside)[:, ::-1]
        losses = np.vstack([losses, np.bincount(pairs.ravel(), of_other.ravel(), n_blocks)])
        best = np.argmin(losses, axis=0)
        if (best < len(losses) - 1).all():
            break
    penalties = np.array([_lowest(curve) for curve in losses.T])
    pair_of = np.array([np.argmax((pairs == block).any(axis=1)) for block in range(n_blocks)])
    starts = [fits[best[block]][:, pair_of[block]] for block in block_of]
    return penalties[block_of], torch.stack(starts, dim=1)


def _lowest(losses: Floats) -> float:
    """Penalty at the lowest point of the parabola through the least of ``losses`` and its neighbours."""
    place, ends = int(np.argmin(losses)), (0, len(losses) - 1)
    if place in ends:
        return float(PENALTIES[place])
    before, least, after = losses[place - 1 : place + 2]
    away = (before - after) / (before - 2 * least + after) / 2
    return float(PENALTIES[place] * (PENALTIES[place + 1] / PENALTIES[place]) ** away)


class _Probe:
    """Logistic regressions on the same rows, many at once, each on its own part of them and with its own penalty.

    Rows are the principal directions at variance 1 and a one for the intercept (n, k + 1); weights of B
    regressions are (k + 1, B, C), so that all logits are one product of matrices.
    """

    def __init__(self, features: FeatureSet, kernels: Kernels) -> None:
        import torch

        values, left = spectrum(features, kernels)
        rows = np.column_stack([np.ones(features.n), left * np.sqrt(features.n)])
        device = "cpu" if kernels.device.startswith("mps") else kernels.device  # mps has no float64
        self.rows = torch.tensor(rows, device=device)
        self.onehot = torch.tensor(features.target.matrix, device=device)
        # On columns of variance 1 the penalty grows as their variance falls; the intercept has none.
        self.ridge = torch.tensor(np.append(0.0, values[0] / values), device=device)[:, None]

    def fit(
        self, train: Masks, penalties: Floats, start: Tensor | None = None, *, tolerance: float = TOLERANCE
    ) -> tuple[Tensor, float]:
        """Weights (k + 1, B, C) for ``train`` (n, B) and ``penalties`` (B,), and the longest gradient left."""
        import torch

        used = self.onehot.new_tensor(train)
        ridge = self.ridge * self.onehot.new_tensor(penalties)
        # Rows that the same regressions train on go together: no product is made to be thrown away.
        patterns, pattern_of = np.unique(train, axis=0, return_inverse=True)
        together = [torch.tensor(np.flatnonzero(pattern_of == s), device=used.device) for s in range(len(patterns))]
        batch = _Batch(
            [(self.rows[rows], self.onehot[rows]) for rows in together],
            torch.tensor(patterns, device=used.device),
            used.sum(0),
            ridge / used.sum(0) * len(train),
        )
        weights = self.rows.new_zeros((*ridge.shape, self.onehot.shape[1])) if start is None else start
        return _minimise(batch, weights, tolerance)

    def log_chances(self, weights: Tensor) -> Floats:
        """Logarithms of the probabilities (n, B, C) of all rows under all regressions."""
        logits = (self.rows @ weights.flatten(1)).view(-1, *weights.shape[1:])
        chances: Floats = logits.log_softmax(2).cpu().numpy()
        return chances


class _Batch(NamedTuple):
    """B regressions that are being fitted, and the rows in S parts, each of which some of them train on."""

    parts: list[tuple[Tensor, Tensor]]  # rows (m, p) and their classes (m, C)
    used: Tensor  # (S, B)
    sizes: Tensor  # (B,)
    ridge: Tensor  # (p, B)

    def take(self, kept: Tensor) -> _Batch:
        return _Batch(self.parts, self.used[:, kept], self.sizes[kept], self.ridge[:, kept])

    def at(self, weights: Tensor) -> _Point:
        import torch

        held = self.ridge[:, :, None] * weights
        loss, gradient, curvature = _dot(held, weights) / 2, held, torch.full_like(self.sizes, LEAST_CURVATURE)
        for (rows, onehot), used in zip(self.parts, self.used, strict=True):
            which = used.nonzero()[:, 0]
            logits = (rows @ weights[:, which].flatten(1)).view(len(rows), -1, onehot.shape[1])
            log_chances = logits.log_softmax(2)
            chances, mean = log_chances.exp(), 1 / self.sizes[which]
            loss.index_add_(0, which, (log_chances * onehot[:, None]).sum((0, 2)) * -mean)
            curvature.index_add_(0, which, (chances - chances.square()).mean(2).sum(0) * mean)
            away = (rows.T @ (chances - onehot[:, None]).flatten(1)).view(len(weights), -1, onehot.shape[1])
            gradient.index_add_(1, which, away * mean[:, None])
        return _Point(weights, loss, gradient, curvature)


class _Point(NamedTuple):
    """Weights (p, B, C), mean loss with penalty (B,), its gradient, and the mean of p(c | x)(1 - p(c | x)) (B,)."""

    weights: Tensor
    loss: Tensor
    gradient: Tensor
    curvature: Tensor

    def take(self, kept: Tensor) -> _Point:
        return _Point(self.weights[:, kept], self.loss[kept], self.gradient[:, kept], self.curvature[kept])


def _minimise(batch: _Batch, start: Tensor, tolerance: float) -> tuple[Tensor, float]:
    """L-BFGS with backtracking for every regression of the batch; those that have converged leave it.

    The Hessian starts at every step from its mean diagonal: columns are orthonormal, so it is close to diagonal.
    """
    import torch

    found, left = start.clone(), torch.arange(start.shape[1], device=start.device)
    longest, past, point = 0.0, list[_Move](), batch.at(start)
    for step in range(MAX_STEPS + 1):
        scale = 1 / (point.curvature[:, None] + batch.ridge[:, :, None])
        length = _dot(point.gradient, scale * point.gradient).sqrt()
        done = length <= (tolerance if step < MAX_STEPS else torch.inf)
        if done.any():
            found[:, left[done]] = point.weights[:, done]
            longest, kept = max(longest, float(length[done].max())), ~done
            if not kept.any():
                break
            batch, point, left, scale = batch.take(kept), point.take(kept), left[kept], scale[:, kept]
            past = [move.take(kept) for move in past]
        new = _step(batch, point, _direction(point.gradient, past, scale))
        past = [*past[1 - MEMORY :], _Move.of(new.weights - point.weights, new.gradient - point.gradient)]
        point = new
    return found, longest


def _step(batch: _Batch, point: _Point, way: Tensor) -> _Point:
    """Go along ``way``, by half as far as before wherever the loss does not fall enough."""
    import torch

    slope, size = _dot(way, point.gradient), torch.ones_like(point.loss)
    while True:
        new = batch.at(point.weights + size[:, None] * way)
        # Close to the minimum the loss cannot fall by more than its rounding.
        enough = point.loss + SUFFICIENT_DECREASE * size * slope + ROUNDING * point.loss
        short = (new.loss > enough) & (size > LEAST_SIZE)
        if not short.any():
            return new
        size = torch.where(short, size / 2, size)


class _Move(NamedTuple):
    """A step of all regressions and how the gradient changed, (p, B, C), with 1/(step'change) (B,) or 0."""

    step: Tensor
    change: Tensor
    inverse: Tensor

    @classmethod
    def of(cls, step: Tensor, change: Tensor) -> _Move:
        product = _dot(step, change)
        usable = product > ROUNDING * _dot(change, change)
        return cls(step, change, usable / product.where(usable, product.new_ones(())))

    def take(self, kept: Tensor) -> _Move:
        return _Move(self.step[:, kept], self.change[:, kept], self.inverse[kept])


def _direction(gradient: Tensor, past: list[_Move], scale: Tensor) -> Tensor:
    """Minus the gradient times the inverse Hessian that ``past`` moves suggest (two-loop recursion)."""
    way, shares = -gradient, []
    for move in reversed(past):
        shares.append(move.inverse * _dot(move.step, way))
        way = way - shares[-1][:, None] * move.change
    way = scale * way
    if past:
        curvature = past[-1].inverse * _dot(past[-1].change, scale * past[-1].change)
        way = way / curvature.where(curvature > 0, curvature.new_ones(()))[:, None]
    for move, share in zip(past, reversed(shares), strict=True):
        way = way + (share - move.inverse * _dot(move.change, way))[:, None] * move.step
    return way


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner products (B,) of (p, B, C)."""
    return (a * b).sum((0, 2))
