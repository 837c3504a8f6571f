"""How often MMD finds a shift that is there, against the MMD tests of alibi-detect and hyppo on the same samples.

python tests/benchmarks/power.py --peers PYTHON      writes reports/power.json

PYTHON is an interpreter that has alibi-detect and hyppo. Every tool sees the same samples, takes its own defaults, and
tests at level .05 with 199 permutations. Four kinds of shift in ten dimensions, at strengths that an earlier trial on
other samples, of this project's tests alone, had put between the extremes, and two cells without a shift. Answers of a
cell are kept beside the features, so that an interrupted run goes on. About 20 minutes of one core from nothing.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.seeds import stream
from shiftscope.measures import MEASURES

HERE = Path(__file__).parent
FILE = HERE.parent.parent / "reports" / "power.json"
COMMAND = "python tests/benchmarks/power.py --peers PYTHON"
REPETITIONS, PERMUTATIONS, LEVEL, D = 300, 199, 0.05, 10
# The last at the bandwidth of Gretton's own code, which alibi-detect follows: it is there to tell what that makes.
NARROWER = "mmd, narrower"
OURS = {"mmd": {}, "mmd, fuse": {"aggregate": "fuse"}, NARROWER: {}}
PEERS = ("alibi_detect", "hyppo")
# Ends of a 95 % interval, in standard errors.
Z = 1.959964


def mean(rng, m, by):
    y = rng.standard_normal((m, D))
    y[:, 0] += by
    return y


def scale(rng, m, by):
    return by * rng.standard_normal((m, D))


def correlation(rng, m, by):
    return np.sqrt(1 - by) * rng.standard_normal((m, D)) + np.sqrt(by) * rng.standard_normal((m, 1))


def mixture(rng, m, by):
    y = rng.standard_normal((m, D))
    y[rng.random(m) < by] += 2.0
    return y


SHIFTS = {
    "none": (scale, "the same normal distribution"),
    "mean": (mean, "mean of one of ten features, in standard deviations"),
    "scale": (scale, "standard deviation of all features"),
    "correlation": (correlation, "correlation of all pairs of features"),
    "mixture": (mixture, "share of the target that lies 2 standard deviations off in every feature"),
}


class Cell(NamedTuple):
    """A shift of some strength, and how many samples the sides have."""

    shift: str
    strength: float
    n: int
    m: int

    @property
    def name(self):
        return f"{self.shift} {self.strength:g}, {self.n} against {self.m}"

    def samples(self):
        """Sources (R, n, D) and targets (R, m, D) of all repetitions, in float32."""
        rng, change = stream(0, "power", self.name), SHIFTS[self.shift][0]
        pairs = [(rng.standard_normal((self.n, D)), change(rng, self.m, self.strength)) for _ in range(REPETITIONS)]
        return [np.array(side, dtype=np.float32) for side in zip(*pairs, strict=True)]


CELLS = [
    Cell("mean", 0.45, 100, 100),
    Cell("scale", 1.18, 100, 100),
    Cell("correlation", 0.32, 100, 100),
    Cell("mixture", 0.09, 100, 100),
    Cell("mean", 0.55, 50, 150),
    Cell("scale", 1.22, 50, 150),
    Cell("correlation", 0.36, 50, 150),
    Cell("mixture", 0.11, 50, 150),
    Cell("none", 1.0, 100, 100),
    Cell("none", 1.0, 50, 150),
]


def ours(x, y):
    """p-values of this project's tests."""
    found = {name: [] for name in OURS}
    for i, (a, b) in enumerate(zip(x, y, strict=True)):
        pair = Pair(FeatureSet.of(a), FeatureSet.of(b))
        for name, options in OURS.items():
            width = {"bandwidth": pair.bandwidth / np.sqrt(2)} if name == NARROWER else {}
            made = MEASURES["mmd"](pair, rng=i, n_permutations=PERMUTATIONS, **options, **width)
            found[name].append(made.pvalue)
    return found


def theirs(python):
    """What the other tools say of every cell, each asked once, in their own interpreter."""
    folder = cache_folder(None) / "power"
    folder.mkdir(parents=True, exist_ok=True)
    files = {cell: folder / f"{_key(*cell.samples())}.json" for cell in CELLS}
    missing = [file for file in files.values() if not file.exists()]
    for cell, file in files.items():
        if file in missing:
            np.savez(file.with_suffix(".npz"), **dict(zip("xy", cell.samples(), strict=True)))
    if missing:
        samples = [str(file.with_suffix(".npz")) for file in missing]
        command = [python, str(HERE / "power_peers.py"), str(PERMUTATIONS), *samples]
        environment = {**os.environ, "PYTHONPATH": ""}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as asked:
            answers = (line for line in asked.stdout if line.startswith("{"))
            for file, answer in zip(missing, answers, strict=True):
                write_atomic(file, answer)
                sys.stdout.write(f"{len(missing) - missing.index(file) - 1} to go\n")
                sys.stdout.flush()
    return {cell: json.loads(file.read_text()) for cell, file in files.items()}


def _key(x, y):
    return hashlib.sha256(bytes(PERMUTATIONS) + x.tobytes() + y.tobytes()).hexdigest()[:16]


def difference(first, second):
    """How much more often the first of two tests rejects, from the same samples, with a 95 % interval.

    Agresti and Min (Statistics in Medicine 2005): McNemar's standard error with half a pair added to each of the
    four ways in which two tests can turn out.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    total, b, c = len(first) + 2, only_first + 0.5, only_second + 0.5
    middle, error = (b - c) / total, np.sqrt(b + c - (b - c) ** 2 / total) / total
    return {
        "difference": round((only_first - only_second) / len(first), 4),
        "low": round(float(middle - Z * error), 4),
        "high": round(float(middle + Z * error), 4),
        "only_first": only_first,
        "only_second": only_second,
    }


def row(cell, pvalues):
    """Power of every test in one cell, and how ours differ from the others."""
    # As each tool decides: alibi-detect rejects below the level, and none of its p-values is equal to it.
    rejects = {name: np.array(p) <= LEVEL for name, p in pvalues.items()}
    return {
        **cell._asdict(),
        "repetitions": REPETITIONS,
        "power": {name: round(float(r.mean()), 4) for name, r in rejects.items()},
        "differences": {
            f"{mine} - {other}": difference(rejects[mine], rejects[other]) for mine in OURS for other in PEERS
        },
    }


def main():
    """Draw, test, and write the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", metavar="PYTHON", required=True, help="interpreter that has alibi-detect and hyppo")
    rows, versions = [], {}
    for cell, found in theirs(parser.parse_args().peers).items():
        rows.append(row(cell, {**ours(*cell.samples()), **found["pvalues"]}))
        versions = found["versions"]
        sys.stdout.write(f"{cell.name}: {rows[-1]['power']}\n")
        sys.stdout.flush()
    report = {
        "command": COMMAND,
        "level": LEVEL,
        "permutations": PERMUTATIONS,
        "d": D,
        "interval": "95 %, of a difference between tests on the same samples (Agresti and Min 2005)",
        "shifts": {name: says for name, (_, says) in SHIFTS.items()},
        "versions": versions,
        "rows": rows,
    }
    write_atomic(FILE, json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
