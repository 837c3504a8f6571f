"""What fine-tuning really gave: accuracies, their spread between runs, and the three gaps with standard errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.audit import QUESTIONS, Accuracy, Gap, Question
from shiftscope.core.cells import Cell, CellArm, unpack
from shiftscope.errors import InputError

__all__ = ["Place", "Places", "accuracies", "gaps", "spread"]

Place: TypeAlias = tuple[str, str, str]  # backbone as the audit file names it, target, regime
Places: TypeAlias = Mapping[Place, Mapping[CellArm, Sequence[Cell]]]  # arm -> a cell per seed, in the order of seeds
Runs: TypeAlias = dict[str, Sequence[Cell]]  # the same with arm "best"

SIDES: Final[dict[Question, tuple[str, str]]] = {
    "head_vs_scratch": ("linear", "scratch"),
    "full_vs_scratch": ("full", "scratch"),
    "best_vs_pixels": ("best", "pixels"),
}
CANDIDATES: Final[tuple[CellArm, ...]] = ("linear", "last_stage", "full")
SHOWN: Final = ("linear", "last_stage", "full", "scratch", "best")


class Training(NamedTuple):
    """How much the accuracy of one arm in one regime varies between runs, pooled over cells."""

    variance: float  # by training alone
    observed: float  # with the noise of the test images: what `variance` was estimated from
    dof: int


def accuracies(places: Places) -> list[Accuracy]:
    """Test accuracy of every arm of every place.

    Parameters
    ----------
    places
        The cells that count. Under ``scratch`` stand the cells of the backbone's architecture, under ``pixels``
        those of the baseline; several places may hold the same ones.

    Returns
    -------
    list of Accuracy
        In the order of the places. Arm ``best`` takes, seed by seed, the arm among ``linear``, ``last_stage`` and
        ``full`` with the highest validation accuracy (ties: lower validation loss, then this order), over the seeds
        in which all of them that the place has are finished. The pixel baseline knows no backbone: it appears once
        per target and regime, under the name of its cells.
    """
    found: dict[tuple[str, ...], Accuracy] = {}
    for (backbone, target, regime), runs in _with_best(places).items():
        names = {"pixels": "pixels"} | dict.fromkeys(SHOWN, backbone)
        for arm, name in names.items():
            if runs.get(arm):
                values = [cell.test.accuracy for cell in runs[arm]]
                found[name, target, regime, arm] = Accuracy.model_validate(
                    {"backbone": name, "target": target, "regime": regime, "arm": arm}
                    | {"mean": float(np.mean(values)), "runs": values}
                )
    return list(found.values())


def spread(places: Places) -> dict[str, float]:
    """Return ``arm/regime`` -> standard deviation of test accuracy between seeds, pooled over cells.

    The square root of the mean over cells of the sample variance between their runs. Cells that several places share
    count once, cells with a single run not at all. Runs differ in their training, their labelled images and their
    test images; all of it is in this number.
    """
    return {
        f"{arm}/{regime}": float(np.sqrt(np.mean([_between_runs(cells)[0] for cells in pool])))
        for (arm, regime), pool in _repeated(_with_best(places)).items()
    }


def gaps(places: Places) -> list[Gap]:
    """Paired differences of accuracy with standard errors.

    With d_is = 1, 0 or -1 for image i in run s (a named it rightly, both or neither did, b did), n_s test images and
    S runs that both sides have:

    - gap = mean over s of gap_s, gap_s = mean over i of d_is;
    - image variance V = N/(N-1) sum_i u_i^2, u_i = sum_s (d_is - gap_s)/(n_s S), over the N different test images;
    - SE^2 = V + (var_a + var_b)/S with var the training variance of an arm in this regime: the sample variance of
      accuracy between runs less the part that the test images explain, averaged over all cells with two or more
      runs and never below 0. Without this subtraction image noise would be counted twice. What a shared split does
      to both sides alike stays in both variances although it cancels in the gap, which makes SE conservative;
    - degrees of freedom by Satterthwaite over the three parts: N - 1 for the images; for an arm one per target and
      run beyond the first, as all cells of a target share their splits.

    Where no cell of an arm and regime was run twice its training variance is not known: the largest of the audit
    stands in for it. If nothing at all was run twice no honest standard error exists, and there are no gaps.

    Raises
    ------
    InputError
        If the two sides of a gap were not judged on the same images.

    Notes
    -----
    Cost: a few passes over the predictions. In simulated audits without a true difference at most 4.2 % of the gaps
    are called either way (reports/outcome_calls.json). Fails when the training variance of a place is far above
    that of the cells it is pooled with, because its interval is then too short: 30 % are called on a target whose
    standard deviation is 8 times that of all others, 29 % where such an arm was never repeated.
    """
    complete = _with_best(places)
    compared = {
        (place, question): pairs
        for place, runs in complete.items()
        for question in QUESTIONS
        if (pairs := _paired(*(runs.get(arm, ()) for arm in SIDES[question])))
    }
    training = {name: _training(pool) for name, pool in _repeated(complete).items()}
    if not training:
        return []
    largest = max(training.values())
    return [
        _gap(question, place, pairs, [training.get((arm, place[2]), largest) for arm in SIDES[question]])
        for (place, question), pairs in compared.items()
    ]


def _gap(question: Question, place: Place, pairs: list[tuple[Cell, Cell]], training: list[Training]) -> Gap:
    backbone, target, regime = place
    differences = [a.correct.astype(float) - b.correct for a, b in pairs]
    runs = len(pairs)
    images, n_images = _image_variance([a for a, _ in pairs], [d / runs for d in differences])
    square = images + sum(arm.variance for arm in training) / runs
    # How sure each part itself is; an arm's variance is as unsure as what it was estimated from.
    doubt = images**2 / (n_images - 1) + sum((arm.observed / runs) ** 2 / arm.dof for arm in training)
    least = min(n_images - 1, *(arm.dof for arm in training))
    return Gap(
        question=question,
        backbone=backbone,
        target=target,
        regime=regime,
        gap=float(np.mean([d.mean() for d in differences])),
        se=float(np.sqrt(square)),
        se_images=float(np.sqrt(images)),
        dof=max(least, square**2 / doubt) if doubt else n_images - 1,
        n_runs=runs,
        n_images=n_images,
    )


def _training(pool: list[Sequence[Cell]]) -> Training:
    observed, by_images = np.mean([_between_runs(cells) for cells in pool], axis=0)
    repeats: dict[str, int] = defaultdict(int)
    for cells in pool:
        repeats[cells[0].target] = max(repeats[cells[0].target], len(cells) - 1)
    return Training(max(0.0, float(observed - by_images)), float(observed), sum(repeats.values()))


def _between_runs(cells: Sequence[Cell]) -> tuple[float, float]:
    """Sample variance of accuracy between runs, and what the test images explain of it: means over pairs of runs."""
    pairs = [
        (
            (a.correct.mean() - b.correct.mean()) ** 2,
            _image_variance([a, b], [a.correct.astype(float), -b.correct.astype(float)])[0],
        )
        for a, b in combinations(cells, 2)
    ]
    observed, by_images = np.mean(pairs, axis=0) / 2
    return float(observed), float(by_images)


def _image_variance(cells: Sequence[Cell], values: Sequence[NDArray[np.floating]]) -> tuple[float, int]:
    """Variance, over the choice of images, of a sum over runs of means over images; and how many images there are.

    Deviations of one image are added up over its runs before they are squared: they are not independent.
    """
    total, seen = np.zeros(cells[0].n), np.zeros(cells[0].n, dtype=bool)
    for cell, value in zip(cells, values, strict=True):
        total[cell.rows] += (value - value.mean()) / len(value)
        seen[cell.rows] = True
    n = int(seen.sum())
    return float((total**2).sum() * n / (n - 1)), n


def _paired(a: Iterable[Cell], b: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    """Cells of either side by common seed."""
    others = {cell.seed: cell for cell in b}
    pairs = [(cell, others[cell.seed]) for cell in a if cell.seed in others]
    for one, other in pairs:
        # Texts are not compared: zlib may pack equal arrays differently on another machine.
        if not (np.array_equal(one.rows, other.rows) and np.array_equal(unpack(one.truth), unpack(other.truth))):
            raise InputError(
                f"{one.address} and {other.address} were not judged on the same test images: make both again from "
                "one version of the target."
            )
    return pairs


def _with_best(places: Places) -> dict[Place, Runs]:
    """Add arm ``best``."""
    return {
        place: {**{str(arm): cells for arm, cells in runs.items()}, "best": _best(runs)}
        for place, runs in places.items()
    }


def _best(runs: Mapping[CellArm, Sequence[Cell]]) -> list[Cell]:
    arms = [{cell.seed: cell for cell in runs[arm]} for arm in CANDIDATES if runs.get(arm)]
    # A seed in which an arm is still missing had less to choose from: it would be another quantity.
    seeds = [seed for seed in arms[0] if all(seed in arm for arm in arms)] if arms else []
    return [
        min((arm[seed] for arm in arms), key=lambda cell: (-cell.validation.accuracy, cell.validation.nll))
        for seed in seeds
    ]


def _repeated(places: Mapping[Place, Runs]) -> dict[tuple[str, str], list[Sequence[Cell]]]:
    """Cells with two or more runs, by arm and regime; those that several places share, once."""
    found: dict[tuple[str, str], dict[tuple[str, ...], Sequence[Cell]]] = defaultdict(dict)
    for (_, _, regime), runs in places.items():
        for arm, cells in runs.items():
            if len(cells) > 1:
                found[arm, regime][tuple(cell.key for cell in cells)] = cells
    return {name: list(once.values()) for name, once in found.items()}
