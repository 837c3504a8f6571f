"""The MMD tests of alibi-detect and hyppo, for power.py: ``python power_peers.py PERMUTATIONS SAMPLES ...``.

Stands alone, since it runs in an interpreter that has these two and not this project. SAMPLES are npz files of arrays
``x`` (R, n, d) and ``y`` (R, m, d): one test for each of R repetitions, all settings as they come. Prints a line of
p-values for each file.
"""

import json
import sys
import warnings
from importlib.metadata import version

import numpy as np

LEVEL = 0.05


def alibi_detect(x, y, permutations):
    """p-values of MMDDrift, which are k/B: at 199 permutations as many k stay below .05 as of (k + 1)/(B + 1)."""
    import torch
    from alibi_detect.cd import MMDDrift

    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = []
    for a, b in zip(x, y, strict=True):
        test = MMDDrift(a, backend="pytorch", device="cpu", n_permutations=permutations, p_val=LEVEL)
        found.append(float(test.predict(b)["data"]["p_val"]))
    return found


def hyppo(x, y, permutations):
    """p-values of the permutation test of hyppo's MMD; its other p-value is from a chi-square distribution."""
    from hyppo.ksample import MMD

    test = MMD()
    return [
        float(test.test(a.astype(float), b.astype(float), reps=permutations, workers=1, auto=False, random_state=i)[1])
        for i, (a, b) in enumerate(zip(x, y, strict=True))
    ]


def main():
    """Test what the command line names."""
    warnings.filterwarnings("ignore")
    versions = {name: version(name) for name in ("alibi-detect", "hyppo")}
    for file in sys.argv[2:]:
        samples = np.load(file)
        found = {f.__name__: f(samples["x"], samples["y"], int(sys.argv[1])) for f in (alibi_detect, hyppo)}
        sys.stdout.write(json.dumps({"pvalues": found, "versions": versions}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
