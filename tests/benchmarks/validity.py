"""Are the p-values of the shift measures valid? How often they lie below .05 and .01 where nothing has shifted.

python tests/benchmarks/validity.py [CELL ...]   writes reports/validity.json when all cells are there

Both sides are drawn from one distribution, 3 000 times in every cell, and every measure with a p-value is called as a
user calls it. What a cell has shown is kept beside the features and found again as long as the code of measures and
kernels is the same, so that an interrupted run goes on. About 25 minutes of one core from nothing.

A p-value is valid if it is at most alpha with probability at most alpha. The number of rejections may therefore not
lie above what 3 000 draws of probability alpha give but once in 20 whole reports like this: one-sided, Bonferroni over
all cells, measures and levels. Where a measure claims to be exact and its statistic takes very many values, rejecting
too rarely counts as a fault, too: a binomial interval, Bonferroni over these.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import binom

import shiftscope
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.seeds import stream
from shiftscope.measures import MEASURES

FILE = Path(__file__).parent.parent.parent / "reports" / "validity.json"
COMMAND = "python tests/benchmarks/validity.py"
NULLS = 3000
LEVELS = (0.05, 0.01)
# Of a whole report of valid p-values to show a fault all the same.
FAMILY = 0.05
# alpha (B + 1) is whole at both levels; Holm over three classes needs three times as many.
B, B_CLASSES = 99, 299
SHARES = (0.5, 0.3, 0.2)


def gaussian(rng, labels, d):
    return rng.standard_normal((len(labels), d))


def wholes(rng, labels, d):
    return rng.poisson(0.7, (len(labels), d))


def copies(rng, labels, d):
    """Thirty different samples, each of them many times."""
    return np.random.default_rng(7).standard_normal((30, d))[rng.integers(30, size=len(labels))]


def cauchy(rng, labels, d):
    return rng.standard_cauchy((len(labels), d))


def mostly_constant(rng, labels, d):
    rows = np.tile(1000.0 * np.arange(d), (len(labels), 1))
    rows[:, :2] = rng.standard_normal((len(labels), 2))
    return rows


def by_class(rng, labels, d):
    return 3.0 * np.eye(d)[labels] + rng.standard_normal((len(labels), d))


class Cell(NamedTuple):
    """Two sides of ``n`` and ``m`` samples, or groups, in ``d`` dimensions.

    ``spread`` is the standard deviation of samples about the mean of their group, that of the means being 1; None
    without groups. ``smooth`` says that samples do not tie, ``given`` that the measure is told of the groups.
    """

    n: int
    m: int
    d: int
    says: str
    rows: Callable = gaussian
    spread: float | None = None
    smooth: bool = True
    given: bool = True
    sort: bool = False
    class_of_group: bool = False
    seed: int | None = None


CELLS = {
    "1:1": Cell(24, 24, 6, "as many samples on both sides"),
    "1:3": Cell(16, 48, 6, "three times as many on one side"),
    "1:6": Cell(14, 84, 6, "six times as many on one side"),
    "d > n": Cell(20, 20, 64, "more features than samples"),
    "ties": Cell(24, 24, 3, "counts, mostly 0 and 1", wholes, smooth=False),
    "duplicates": Cell(24, 36, 6, "thirty different samples, each of them many times", copies, smooth=False),
    "heavy tails": Cell(24, 24, 4, "Cauchy", cauchy),
    "constant": Cell(24, 24, 8, "six of eight features constant", mostly_constant),
    "class-sorted": Cell(24, 36, 5, "three separate classes, stored class after class", by_class, sort=True),
    "one seed": Cell(24, 24, 6, "seed 0 every time, as the command line has it", seed=0),
    "groups": Cell(14, 14, 5, "groups of 2 to 4 that depend on each other", spread=0.5, class_of_group=True),
    "groups 1:3": Cell(10, 30, 5, "the same, three times as many; groups of mixed classes", spread=0.5),
    "groups of copies": Cell(14, 14, 5, "groups of 2 to 4 copies of one sample", spread=0.0, smooth=False),
}
# Where p-values must be too small, so that a report without faults means something.
CONTROLS = {
    "groups not given": Cell(14, 14, 5, "groups of 2 to 4 that depend on each other", spread=0.5, given=False),
}
CONTROL_NULLS = 500


class Asked(NamedTuple):
    """A measure with its options. ``discrete`` says why the statistic takes few values, or is empty."""

    measure: str
    options: dict
    discrete: str = ""

    @property
    def permutations(self):
        return B_CLASSES if self.measure == "conditional" else B

    @property
    def claim(self):
        return MEASURES[self.measure].pvalue


ASKED = {
    "mmd": Asked("mmd", {}),
    "mmd, biased": Asked("mmd", {"estimator": "biased"}),
    "mmd, fuse": Asked("mmd", {"aggregate": "fuse"}),
    "mmd, binned": Asked("mmd", {"variant": "binned"}),
    "mmd, binned fuse": Asked("mmd", {"variant": "binned", "aggregate": "fuse"}),
    "mmd, linear time": Asked("mmd", {"variant": "linear"}, "few quadruples have few signs"),
    "mmd, laplace": Asked("mmd", {"kernel": "laplace"}),
    "mmd, rational quadratic": Asked("mmd", {"kernel": "rational_quadratic"}),
    "mmd, cosine": Asked("mmd", {"kernel": "cosine"}),
    "mmd, linear kernel": Asked("mmd", {"kernel": "linear"}),
    "energy": Asked("energy", {}),
    "kid": Asked("kid", {}),
    "c2st": Asked("c2st", {}),
    "ks": Asked("ks", {}),
    "coverage": Asked("coverage", {}, "a share of few samples"),
    "label_shift": Asked("label_shift", {}, "counts of classes"),
    "conditional": Asked("conditional", {}),
}
# Among cubes of Cauchy samples one outlier decides, and what else differs is lost to rounding.
COARSE = {("kid", "heavy tails")}


def pair_of(name, cell, number):
    """Source and target number ``number`` of a cell, drawn from one distribution."""
    rng = stream(number, "validity", name)
    return Pair(*(_side(cell, rng, size) for size in (cell.n, cell.m)))


def _side(cell, rng, size):
    group = np.repeat(np.arange(size), 1 if cell.spread is None else rng.integers(2, 5, size))
    labels = rng.choice(len(SHARES), p=SHARES, size=size if cell.class_of_group else len(group))
    labels = labels[group] if cell.class_of_group else labels
    if cell.spread is None:
        labels = np.sort(labels) if cell.sort else labels
        keys = [b"%03d" % i for i in range(size)] if cell.sort else None
        return FeatureSet.of(cell.rows(rng, labels, cell.d), labels.astype(str), keys=keys)
    rows = rng.standard_normal((size, cell.d))[group] + cell.spread * rng.standard_normal((len(group), cell.d))
    return FeatureSet.of(rows, labels.astype(str), groups=group if cell.given else None)


def answers(name, cell, asked, numbers):
    """p-values of every measure that is asked, for some of the draws of a cell; None where it has no answer."""
    found = {key: [] for key in asked}
    for number in numbers:
        pair = pair_of(name, cell, number)
        for key, what in asked.items():
            options = dict(what.options)
            if options.get("variant") == "binned":
                options["n_bins"] = (cell.n + cell.m) // 2
            seed = number if cell.seed is None else cell.seed
            result = MEASURES[what.measure].run(
                pair, target="t", backbone="b", rng=seed, n_permutations=what.permutations, **options
            )
            if result.status == "failed":
                raise RuntimeError(f"{key} on draw {number} of {name}: {result.reason}")
            found[key].append(None if result.estimate is None else result.estimate.pvalue)
    return found


def row(key, name, pvalues):
    """What the p-values of one measure in one cell come to."""
    known = np.array([p for p in pvalues if p is not None])
    what = ASKED[key]
    made = {"asked": key, "claim": what.claim, "cell": name, "nulls": len(known), "permutations": what.permutations}
    # Thrice 1/300 is .01 but for rounding.
    counts = {f"{level:g}": int(np.sum(known <= level * (1 + 1e-9))) for level in LEVELS}
    return made | {"rejections": counts, "least_p": float(known.min()), "two_sided": two_sided(key, name)}


def two_sided(key, name):
    """Whether too few rejections are a fault."""
    what = ASKED[key]
    exact = what.claim == "exact" and not what.discrete
    return exact and name in CELLS and CELLS[name].smooth and (key, name) not in COARSE


def limits(n_upper, n_two_sided, nulls):
    """Most rejections that are no fault, and the least and most where both count, by level."""
    upper, both = FAMILY / n_upper, FAMILY / max(n_two_sided, 1) / 2
    return {
        f"{level:g}": {
            "most": int(binom.isf(upper, nulls, level)),
            "least_two_sided": int(binom.ppf(both, nulls, level)),
            "most_two_sided": int(binom.isf(both, nulls, level)),
        }
        for level in LEVELS
    }


def faults(rows):
    """Rows whose rejections are too many, or too few where both count, with the level and what is wrong."""
    n_upper = len(rows) * len(LEVELS)
    n_both = sum(r["two_sided"] for r in rows) * len(LEVELS)
    found = []
    for r in rows:
        for level, limit in limits(n_upper, n_both, r["nulls"]).items():
            seen = r["rejections"][level]
            if seen > limit["most"]:
                found.append((r["asked"], r["cell"], level, "too many", seen))
            elif r["two_sided"] and not limit["least_two_sided"] <= seen <= limit["most_two_sided"]:
                found.append((r["asked"], r["cell"], level, "not exact", seen))
    return found


class Kept:
    """p-values of earlier runs of the same code."""

    def __init__(self):
        home = Path(shiftscope.__file__).parent
        parts = (sorted(home.glob(f"{part}/**/*.py")) for part in ("core", "kernels", "measures"))
        files = [Path(__file__), *(file for part in parts for file in part)]
        code = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]
        self.folder = cache_folder(None) / f"validity-{code}"

    def cell(self, name, cell, asked, nulls):
        """All p-values of a cell, in parts of a tenth."""
        found = {key: [] for key in asked}
        for part in range(10):
            file = self.folder / f"{name.replace(' ', '_').replace(':', '-')}-{nulls}-{part}.json"
            if not file.exists():
                numbers = range(part * nulls // 10, (part + 1) * nulls // 10)
                self.folder.mkdir(parents=True, exist_ok=True)
                write_atomic(file, json.dumps(answers(name, cell, asked, numbers)))
            for key, pvalues in json.loads(file.read_text()).items():
                found[key] += pvalues
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        return [row(key, name, pvalues) for key, pvalues in found.items()]


def main():
    """Draw what is missing, and write the report when nothing is."""
    from threadpoolctl import threadpool_limits

    kept, named = Kept(), sys.argv[1:]
    with threadpool_limits(limits=1):
        rows = [r for name in named or CELLS for r in kept.cell(name, CELLS[name], ASKED, NULLS)]
        if named:
            return
        some = {key: ASKED[key] for key in ("mmd", "energy", "c2st")}
        controls = [r for name, cell in CONTROLS.items() for r in kept.cell(name, cell, some, CONTROL_NULLS)]
    write_atomic(FILE, report(rows, controls))


def report(rows, controls):
    """The report as JSON, one line for each row."""
    n_upper = len(rows) * len(LEVELS)
    n_both = sum(r["two_sided"] for r in rows) * len(LEVELS)
    head = {
        "command": COMMAND,
        "what": "rejections at .05 and .01 where both sides are drawn from one distribution",
        "nulls": NULLS,
        "family": FAMILY,
        "comparisons": {"upper": n_upper, "two_sided": n_both},
        "limits": limits(n_upper, n_both, NULLS),
        "cells": {n: {"n": c.n, "m": c.m, "d": c.d, "says": c.says} for n, c in {**CELLS, **CONTROLS}.items()},
        "faults": faults(rows),
    }
    lines = {"controls": controls, "rows": rows}
    body = ",\n".join(f' "{k}": [\n  ' + ",\n  ".join(map(json.dumps, v)) + "\n ]" for k, v in lines.items())
    return json.dumps(head, indent=1).removesuffix("\n}") + f",\n{body}\n}}\n"


if __name__ == "__main__":
    main()
