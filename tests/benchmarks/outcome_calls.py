"""How often a gap is called negative or positive where the true gap is known: simulated audits through `gaps`.

python tests/benchmarks/outcome_calls.py   writes reports/outcome_calls.json

An audit has targets, backbones and runs. Images are easy or hard, and every network takes to some of them more than
to others; each run shifts the logits of all images so that the accuracy over the population moves by a normal effect
of the stated size: one of the arm's own training, and one of the split, which both arms share. The runs of a target
are tested on partly the same images.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import expit, logit

from shiftscope.analysis.audit.gaps import gaps, spread
from shiftscope.core.cells import Cell, Metrics, pack

FILE = Path(__file__).parent.parent.parent / "reports" / "outcome_calls.json"
AUDITS = 200  # per setting, at least: gaps of one audit are not independent
QUIET, LOUD = 0.005, 0.04  # least and largest training standard deviation
MARGIN = 0.01


@dataclass(frozen=True)
class Setting:
    """What is simulated. Effects are standard deviations of accuracy over the population."""

    name: str
    targets: int = 8
    backbones: int = 3
    runs: int = 2
    tested: int = 600  # test images of a run
    share: float = 0.85  # of the target's images that a run is tested on
    accuracy: float = 0.75
    training: tuple[float, float] = (0.02, 0.02)  # of either arm
    varies: str = ""  # "cells", "targets": log-uniform instead, from QUIET to LOUD; "one": target 0 LOUD, others QUIET
    split: float = 0.01  # what a split does to both arms
    together: float = 0.0  # share of the training variance that all backbones of an arm have in common
    once: str = ""  # "targets": every second target has one run; "scratch": that arm has one run everywhere
    true_gap: float = 0.0
    gaps: int = 4000  # simulated, at least

    def counts(self, target):
        """Whether the gaps of a target are counted."""
        return target % 2 == 1 if self.once == "targets" else target == 0 or self.varies != "one"


ALONE = {"split": 0.0}  # nothing that the arms share makes the standard error too large
AT_WORST = {"training": (LOUD, LOUD), **ALONE}
FEW = {"backbones": 1, "targets": 6, "gaps": 8000}
ONE = {"backbones": 1, "targets": 1, "gaps": 16_000}


def null():
    """No true difference."""
    return [
        Setting("usual"),
        Setting("usual, no effect of the split", **ALONE),
        Setting("all labels", share=1 / 3),
        Setting("150 images", tested=150),
        Setting("150 images, all labels", tested=150, share=1 / 3),
        Setting("2500 images", tested=2500, **ALONE),
        Setting("quiet training", training=(QUIET, QUIET), **ALONE),
        Setting("quiet training, 150 images, all labels", training=(QUIET, QUIET), tested=150, share=1 / 3, **ALONE),
        Setting("loud training", training=(LOUD, LOUD)),
        Setting("loud training, no effect of the split", **AT_WORST),
        Setting("a quiet and a loud arm", training=(QUIET, LOUD), **ALONE),
        Setting("training varies between cells", varies="cells", **ALONE),
        Setting("training varies between targets", varies="targets", **ALONE),
        Setting("training varies between targets, 2500 images", varies="targets", tested=2500, **ALONE),
        Setting("high accuracy, 150 images", accuracy=0.96, training=(QUIET, QUIET), tested=150, **ALONE),
        Setting("one run, variance from other targets", once="targets"),
        Setting("one run, loud training", once="targets", **AT_WORST),
        Setting("one arm never repeated", once="scratch", **ALONE),
        Setting("3 runs", runs=3),
        Setting("5 runs", runs=5),
        Setting("5 runs, loud training", runs=5, **AT_WORST),
        Setting("60 cells", targets=6, backbones=10),
        Setting("60 cells, loud training", targets=6, backbones=10, **AT_WORST),
        Setting("6 cells", **FEW),
        Setting("6 cells, loud training", **FEW, **AT_WORST),
        Setting("6 cells, training varies between targets", varies="targets", **FEW, **ALONE),
        Setting("two targets, loud training", targets=2, backbones=1, **AT_WORST),
        Setting("one target, loud training", targets=1, backbones=8, **AT_WORST),
        Setting("one target, training effects shared", targets=1, backbones=8, together=0.7, **AT_WORST),
        Setting("4 targets, training effects shared", targets=4, backbones=6, together=0.7, **AT_WORST),
        Setting("one cell", **ONE),
        Setting("one cell, loud training", **ONE, **AT_WORST),
        Setting("one cell, training varies", varies="cells", **ONE, **ALONE),
    ]


def at_the_margin():
    """The true gap is exactly the margin: to call it negative is wrong."""
    settings = [
        Setting("usual"),
        Setting("loud training", **AT_WORST),
        Setting("training varies between targets", varies="targets", **ALONE),
        Setting("6 cells, loud training", **FEW, **AT_WORST),
        Setting("one run, loud training", once="targets", **AT_WORST),
        Setting("one cell, loud training", **ONE, **AT_WORST),
    ]
    return [replace(s, true_gap=-MARGIN) for s in settings]


def beyond():
    """True differences that should be found."""
    return [Setting(f"{-100 * gap:g} points", true_gap=gap) for gap in (-0.04, -0.06, -0.08, -0.10, -0.12)]


def limits():
    """No true difference, where the pooled variance says too little of the cell: too many calls are expected."""
    return [
        Setting("one loud target among quiet ones", varies="one", gaps=3 * AUDITS, **ALONE),
        Setting("a loud arm never repeated, beside a quiet one", training=(QUIET, LOUD), once="scratch", **ALONE),
    ]


class Population:
    """Logits of images, and how far to shift them to reach an accuracy."""

    def __init__(self, accuracy, rng):
        self.accuracy, self.rng = accuracy, rng
        everyone = self.base(40_000) + self.liking(40_000)
        self.shifts = np.linspace(-6, 6, 121)
        self.reached = np.array([expit(everyone + shift).mean() for shift in self.shifts])

    def base(self, *shape):
        """Difficulty: the chance of being named rightly is beta distributed, most images are easy or hard."""
        p = self.rng.beta(self.accuracy, 1 - self.accuracy, size=shape)
        return logit(np.clip(p, 1e-4, 1 - 1e-4))

    def liking(self, *shape):
        """What one network makes of one image, in all its runs."""
        return self.rng.normal(size=shape)

    def shift(self, accuracy):
        """Shift of all logits that gives ``accuracy`` over the population."""
        return np.interp(accuracy, self.reached, self.shifts)


def audit(setting, population, rng):
    """Cells of one simulated audit: arms full and scratch of every backbone on every target."""
    places = {}
    for t in range(setting.targets):
        runs = 1 if setting.once == "targets" and t % 2 else setting.runs
        n = round(setting.tested / setting.share)
        rows = [np.sort(rng.permutation(n)[: setting.tested]) for _ in range(runs)]
        tests = [(r, pack(np.diff(r, prepend=0)), pack(np.zeros(len(r)))) for r in rows]
        base = population.base(n)
        effects = _effects(setting, t, runs, rng) + setting.split * rng.normal(size=runs)
        effects[0] += setting.true_gap
        for k in range(setting.backbones):
            place = f"b{k}", f"t{t}", "20"
            places[place] = {
                arm: _cells(
                    arm,
                    place,
                    logits=base + population.liking(n),
                    effects=effects[side, k],
                    tests=tests,
                    population=population,
                )
                for side, arm in enumerate(("full", "scratch"))
            }
            if setting.once == "scratch":
                del places[place]["scratch"][1:]
    return places


def _effects(setting, target, runs, rng):
    """What training does to accuracy (arm, backbone, run), apart from the split."""
    size = np.reshape(setting.training, (2, 1, 1))
    if setting.varies == "one":
        size = QUIET if target else LOUD
    elif setting.varies:
        shape = (2, setting.backbones if setting.varies == "cells" else 1, 1)
        size = np.exp(rng.uniform(np.log(QUIET), np.log(LOUD), size=shape))
    own, common = rng.normal(size=(2, setting.backbones, runs)), rng.normal(size=(2, 1, runs))
    return size * (np.sqrt(1 - setting.together) * own + np.sqrt(setting.together) * common)


def _cells(arm, place, *, logits, effects, tests, population):
    chances = expit(logits + population.shift(population.accuracy + effects)[:, None])
    right = population.rng.random(chances.shape) < chances
    return [_cell(arm, place, seed, right[seed], test) for seed, test in enumerate(tests)]


def _cell(arm, place, seed, right, test):
    backbone, target, regime = place
    rows, packed, truth = test
    scored = Metrics.model_construct(n=len(rows), accuracy=float(right[rows].mean()), nll=0.0)
    # Not validated, because hundreds of thousands are made. The truth is class 0 everywhere, and a mistake class 1.
    return Cell.model_construct(
        key=f"{arm}/{backbone}/{target}/{seed}", backbone=backbone, target=target, regime=regime, arm=arm, seed=seed,
        validation=scored, test=scored, n=len(right), test_rows=packed, truth=truth, predicted=pack(~right[rows]),
    )  # fmt: skip


def calls(setting):
    """Shares of gaps called either way, with standard errors over audits, and what simpler intervals would call.

    ``either_if_normal``: the same standard errors with the normal distribution. ``either_if_plain``: the normal
    distribution, and the variance between seeds as it is, which holds image noise a second time.
    """
    rng = np.random.default_rng(list(setting.name.encode()))
    population = Population(setting.accuracy, rng)
    counted = setting.backbones * sum(map(setting.counts, range(setting.targets)))
    audits = np.array([_judged(setting, population, rng) for _ in range(max(AUDITS, -(-setting.gaps // counted)))])
    shares = audits[:, :, :4].mean(axis=1)
    either = shares[:, 0] + shares[:, 1]
    return {
        "negative": shares[:, 0].mean(),
        "positive": shares[:, 1].mean(),
        "either": either.mean(),
        "negative_se": shares[:, 0].std(ddof=1) / np.sqrt(len(audits)),
        "either_se": either.std(ddof=1) / np.sqrt(len(audits)),
        "either_if_normal": shares[:, 2].mean(),
        "either_if_plain": shares[:, 3].mean(),
        "sd_of_gaps": audits[:, :, 4].std(),
        "root_mean_square_se": np.sqrt(audits[:, :, 5].mean()),
        "n_gaps": audits.shape[0] * audits.shape[1],
    }


def _judged(setting, population, rng):
    """A row for every gap that counts: negative, positive, either if normal, either if plain, gap, squared se."""
    places = audit(setting, population, rng)
    between = spread(places)
    plain = sum(between.get(f"{arm}/20", max(between.values())) ** 2 for arm in ("full", "scratch"))
    found = [gap for gap in gaps(places) if gap.question == "full_vs_scratch"]
    return [_row(gap, plain) for gap in found if setting.counts(int(gap.target[1:]))]


def _row(gap, plain):
    normal = gap.model_copy(update={"dof": None})
    twice = normal.model_copy(update={"se": float(np.hypot(gap.se_images, np.sqrt(plain / gap.n_runs)))})
    called = gap.outcome(MARGIN)
    simpler = [other.outcome(MARGIN) != "indistinguishable" for other in (normal, twice)]
    return [called == "negative", called == "positive", *simpler, gap.gap, gap.se**2]


def main():
    """Simulate every setting and write the file."""
    result = {"command": "python tests/benchmarks/outcome_calls.py", "margin": MARGIN}
    for group in (null, at_the_margin, beyond, limits):
        result[group.__name__] = [_written(setting) for setting in group()]
    FILE.write_text(json.dumps(result, indent=1) + "\n")


def _written(setting):
    found = {name: round(float(value), 5) for name, value in calls(setting).items()}
    sys.stdout.write(f"{setting.name}: {found['negative']:.4f} negative, {found['positive']:.4f} positive\n")
    sys.stdout.flush()
    return asdict(setting) | found | {"n_gaps": int(found["n_gaps"])}


if __name__ == "__main__":
    main()
