"""How often the interval of every transfer measure holds what it claims to know, over 300 draws of the data.

python tests/benchmarks/coverage_of_intervals.py [MEASURE ...]   writes reports/coverage_of_intervals.json, or only the
rows of the measures named. One thread; 30 minutes for all of them.

Classes are Gaussians of one shape about fixed means, of equal size in every draw: folds and half-samples keep the class
counts, so intervals are about data of these counts. The signal is moderate, values are away from their bounds. The
source head is linear and fixed. There are three worlds:

``few``    400 samples, 4 features, 3 classes. The truth is the value from very many samples: with so few features the
           expectation depends on n by less than a third of the standard error, ``bias`` says by how much of it.
``many``   400 samples, 16 features, 4 classes. What a head learns from 400 samples, and what a score gives that counts
           parameters, has not converged here: the truth is the expected value at n = 400, the mean over draws.
``long``   4 000 samples, 2 features, 2 classes, for evidence: the price of a parameter, ln(n)/2n, falls so slowly that
           only here it is small against the standard error. The truth is the value from very many samples.

Measures that take seconds a draw are tried in the first world only (DEAR). Where the value converges too slowly even
for ``few`` (AT_N), the truth is the mean over draws there, too.
"""

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.measures import MEASURES

DRAWS = 300
LEAST, MOST = 0.90, 0.99
FILE = Path(__file__).parent.parent.parent / "reports" / "coverage_of_intervals.json"


class World(NamedTuple):
    """Where samples come from: n of them in d dimensions and C classes, whose means are ``apart``."""

    n: int
    d: int
    n_classes: int
    apart: float
    n_large: int | None

    def draw(self, *seed, n=None):
        """A feature set with labels and the logits of the source head."""
        geometry, rng = np.random.default_rng(99), np.random.default_rng(seed)
        means = geometry.normal(size=(self.n_classes, self.d)) * self.apart
        head = geometry.normal(size=(self.d, 10)) / 2
        y = np.arange(n or self.n) % self.n_classes
        x = means[y] + rng.normal(size=(len(y), self.d))
        keys = [b"%07d" % i for i in range(len(y))]
        return FeatureSet.of(x * np.arange(1, self.d + 1) ** -0.3, y, logits=x @ head, keys=keys)

    def data(self, name, seed, *, n=None):
        """What measure ``name`` takes; a source has the classes of the target and other samples."""
        target = self.draw(seed, 0, n=n)
        return target if MEASURES[name].takes is FeatureSet else Pair(self.draw(seed, 1, n=n), target)


WORLDS = {
    "few": World(400, 4, 3, 0.8, 8000),
    "many": World(400, 16, 4, 0.45, None),
    "long": World(4000, 2, 2, 0.8, 100_000),
}

# Evidence pays for parameters, which only the long world makes cheap; there it stands in for ``few``.
EVIDENCE = ("logme",)

# Seconds a draw where there are many features; ``few`` must do.
DEAR = ("logistic", "nleep")

# No large-n value to speak of, whatever the world: why.
AT_N = {
    "pactran": "it pays for its weights as evidence does, 0.7 standard errors even of 4 000 samples with 2 features",
    "otce": "the distance of matched samples shrinks with n, and at most 1 000 of a side are matched",
}

# Rows outside 90-99 %, why, and their coverage. A row that comes to lie inside must leave this table.
OUTSIDE = {
    ("nce", "many"): "too wide near the null: halves vary in what their source classes explain by chance; 99.3 %",
    ("otce", "few"): "too wide: matches of half as many samples vary by more than samples alone; 99.3 %",
}


def cases(name):
    """The worlds that measure ``name`` is tried in."""
    first = "long" if name in EVIDENCE else "few"
    return (first,) if name in DEAR else (first, "many")


def coverage(name, world, draws=DRAWS):
    """What came of ``draws`` intervals of measure ``name`` in a world: one row of the report."""
    place, measure = WORLDS[world], MEASURES[name]
    found = [measure(place.data(name, seed), rng=seed) for seed in range(draws)]
    low, value, high = np.array([(e.low, e.value, e.high) for e in found]).T
    spread, large = float(value.std(ddof=1)), None
    if place.n_large and name not in AT_N:
        large = float(np.mean([measure(place.data(name, 10**6 + i, n=place.n_large), rng=i).value for i in range(4)]))
    truth = float(value.mean()) if large is None else large
    return {
        "measure": name,
        "world": world,
        "truth": "mean over draws" if large is None else f"value at n = {place.n_large}",
        "value": truth,
        "bias": float(value.mean() - truth) / spread,
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
        "width": float((high - low).mean() / (2 * 1.96 * spread)),
        "spread": spread,
        "draws": draws,
        "outside_because": OUTSIDE.get((name, world)),
    }


def main():
    """Measure what is asked for, keep other rows, and write the file."""
    transfer = [name for name in MEASURES if MEASURES[name].kind == "transfer"]
    asked = sys.argv[1:] or transfer
    kept = json.loads(FILE.read_text())["rows"] if FILE.exists() and sys.argv[1:] else []
    rows = {(row["measure"], row["world"]): row for row in kept}
    for name in asked:
        rows |= {(name, world): coverage(name, world) for world in cases(name)}
        write([rows[key, world] for key in transfer for world in cases(key) if (key, world) in rows])


def write(rows):
    """Write the report."""
    result = {
        "command": "python tests/benchmarks/coverage_of_intervals.py",
        "level": 0.95,
        "wanted": [LEAST, MOST],
        "units": {
            "bias": "mean over draws minus value, in standard deviations of the measure",
            "width": "mean width over that of an interval from the true standard deviation of the measure",
        },
        "worlds": {name: world._asdict() for name, world in WORLDS.items()},
        "rows": rows,
    }
    FILE.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
