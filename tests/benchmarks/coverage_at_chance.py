"""How often the intervals of ridge and knn hold the truth where it is known: no information, balanced classes.

python tests/benchmarks/coverage_at_chance.py   writes reports/coverage_at_chance.json
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import shiftscope as ss

DRAWS = 500
SIZES = ((80, 4, 64), (200, 5, 16), (200, 5, 256))  # samples, classes, features
FILE = Path(__file__).parent.parent.parent / "reports" / "coverage_at_chance.json"


def coverage(measure, n, classes, d):
    """Share of draws whose interval holds 1/C, and the mean value."""
    held, values = 0, []
    for seed in range(DRAWS):
        rng = np.random.default_rng([n, classes, d, seed])
        labels = rng.permutation(np.arange(n) % classes)
        found = ss.measures.MEASURES[measure](ss.FeatureSet.of(rng.normal(size=(n, d)), labels), rng=seed)
        held += found.low <= 1 / classes <= found.high
        values.append(found.value)
    return {"coverage": held / DRAWS, "mean": float(np.mean(values)), "chance": 1 / classes}


def main():
    """Measure every size and write the file."""
    rows = [
        {"measure": m, "n": n, "classes": c, "d": d, **coverage(m, n, c, d)}
        for n, c, d in SIZES
        for m in ("ridge", "knn")
    ]
    result = {"command": "python tests/benchmarks/coverage_at_chance.py", "draws": DRAWS, "level": 0.95, "rows": rows}
    FILE.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(FILE.read_text())


if __name__ == "__main__":
    main()
