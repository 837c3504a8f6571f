"""Times shift measures against plain NumPy, a bare matrix product and other libraries; writes benchmark_shift.json.

    python tests/benchmarks/bench_shift.py                  what this project needs; about ten minutes of one core
    python tests/benchmarks/bench_shift.py --peers PYTHON   also alibi-detect and hyppo, installed for that PYTHON
    python tests/benchmarks/bench_shift.py --only binned    cases whose name contains a word; printed only
    python tests/benchmarks/bench_shift.py --sliced         sliced distances alone; the rest of the file is kept
    python tests/benchmarks/bench_shift.py --diagnosis      the whole default diagnosis alone; likewise

One thread, two for the diagnosis; CPU seconds of one call in a process of its own, after a small one that compiles.
Not collected by pytest. What takes too long is timed at two small numbers of permutations, and the line through them
is read at 1000.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench_kernels import machine

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "reports" / "benchmark_shift.json"
D, B = 512, 1000
PROJECTIONS = 500
SLICED_SIZES = (1_000, 2_000, 5_000)
# Samples a side, features, classes and threads of the whole diagnosis.
DIAGNOSED = (2_000, 1_280, 10, 2)

# A case by its name: samples a side, permutations, options of the measure.
CASES = {
    "full_1000": (1_000, B, {}),
    "full_2000": (2_000, B, {}),
    "full_5000": (5_000, B, {}),
    "full_10000": (10_000, B, {}),
    "laplace_2000": (2_000, B, {"kernel": "laplace"}),
    "rational_quadratic_2000": (2_000, B, {"kernel": "rational_quadratic"}),
    "linear_kernel_10000": (10_000, B, {"kernel": "linear"}),
    "fuse_2000": (2_000, B, {"aggregate": "fuse"}),
    "binned_2000": (2_000, B, {"variant": "binned"}),
    "binned_5000": (5_000, B, {"variant": "binned"}),
    "binned_fuse_5000": (5_000, B, {"variant": "binned", "aggregate": "fuse"}),
    "linear_time_100000": (100_000, B, {"variant": "linear"}),
    "binned_100000": (100_000, B, {"variant": "binned"}),
}

# What every process starts with: two samples whose means differ, a clock of CPU time, and the peak of its memory.
START = """
import json, pathlib, sys, time
import numpy as np
def sides(n, d):
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((n, d), dtype=np.float32) for _ in range(2))
    y[:, 0] += 0.2
    return x, y
def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start
def peak():
    # Not getrusage: its peak would be that of the parent, which survives fork and exec.
    status = pathlib.Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) // 1024
n, d, permutations, options = json.loads(sys.argv[1])
"""

OURS = """
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.measures import MEASURES
def pair(n):
    x, y = sides(n, d)
    return Pair(FeatureSet.of(x, keys=range(n)), FeatureSet.of(y, keys=range(n, 2 * n)))
def rate():
    a, out = np.ones((2048, 2048), dtype=np.float32), np.empty((2048, 2048), dtype=np.float32)
    return 2 * 2048**3 / min(seconds(lambda: np.dot(a, a, out=out)) for _ in range(8))
MEASURES["mmd"](pair(50), n_permutations=9, rng=0, **options)
before, data = rate(), pair(n)
taken = seconds(lambda: MEASURES["mmd"](data, n_permutations=permutations, rng=0, **options))
print(json.dumps({"cpu_s": taken, "rss_mib": peak(), "rate": max(before, rate())}))
"""

# One distance of all samples; and the measure, which is that, 30 between halves and 240 between quarters of the sides.
SLICED = """
import ot
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.measures import MEASURES
from shiftscope.measures.shift.sliced import _between
x, y = sides(n, d)
pair = Pair(FeatureSet.of(x, keys=range(n)), FeatureSet.of(y, keys=range(n, 2 * n)))
pair.bandwidth
rows = np.arange(2 * n)
fixed = ot.sliced.get_random_projections(d, permutations, 0).astype(np.float32)
def pot(size, projections):
    ot.sliced_wasserstein_distance(x[:size], y[:size], projections=projections, n_projections=permutations, seed=0)
def best(call):
    return min(seconds(call) for _ in range(3))
parts = {n: 1, n // 2: 30, n // 4: 240}
print(json.dumps({
    "one": best(lambda: _between(pair, 2, permutations, 0, rows)(rows[:n], rows[n:])),
    "pot_one": best(lambda: pot(n, None)),
    "measure": best(lambda: MEASURES["sliced"](pair, n_projections=permutations, max_points=2 * n, rng=0)),
    "pot_same": sum(count * best(lambda: pot(size, fixed)) for size, count in parts.items()),
}))
"""

# What ss.diagnose does by default, classes, witnesses and copies included, of standard normal features.
DIAGNOSIS = """
import shiftscope as ss
def diagnose(n):
    x, y = sides(n, d)
    classes = np.arange(n) % permutations
    return ss.diagnose(ss.FeatureSet.of(x, classes, name="x"), ss.FeatureSet.of(y, classes, name="y"))
diagnose(100)
start, used = time.perf_counter(), seconds(lambda: diagnose(n))
print(json.dumps({"wall_s": time.perf_counter() - start, "cpu_s": used, "rss_mib": peak()}))
"""

# The kernel matrix once, and of it a copy in the order of every permutation.
PLAIN = """
x, y = sides(n, d)
z, rng = np.concatenate([x, y]), np.random.default_rng(0)
def plain(count):
    square = (z**2).sum(axis=1)
    distance = np.maximum(square[:, None] + square - 2 * z @ z.T, 0)
    kernel = np.exp(-distance / np.median(distance[::7, ::7]))
    for b in range(count + 1):
        order = rng.permutation(2 * n) if b else np.arange(2 * n)
        k = kernel[order][:, order]
        within = k[:n, :n].sum() - n + k[n:, n:].sum() - n
        within / (n * (n - 1)) - 2 * k[:n, n:].mean()
print(json.dumps([seconds(lambda: plain(count)) for count in permutations]))
"""

ALIBI = """
import warnings
warnings.filterwarnings("ignore")
import torch
from alibi_detect.cd import MMDDrift
torch.set_num_threads(1)
def test(n, count):
    x, y = sides(n, d)
    MMDDrift(x, backend="pytorch", device="cpu", n_permutations=count).predict(y)
test(50, 9)
print(json.dumps([seconds(lambda: test(n, count)) for count in permutations]))
"""

HYPPO = """
import warnings
warnings.filterwarnings("ignore")
from hyppo.ksample import MMD
def test(n, count):
    x, y = sides(n, d)
    MMD().test(x.astype(float), y.astype(float), reps=count, workers=1, auto=False, random_state=0)
test(50, 9)
print(json.dumps([seconds(lambda: test(n, count)) for count in permutations]))
"""

VERSIONS = """
from importlib.metadata import version
print(json.dumps({name: version(name) for name in permutations}))
"""

# A rival by its name: code, whether it needs its own interpreter, and two numbers of permutations at each size.
RIVALS = {
    "plain_numpy": (PLAIN, False, {2_000: (2, 12), 5_000: (1, 4)}),
    "alibi_detect": (ALIBI, True, {1_000: (50, 550), 2_000: (10, 110), 5_000: (2, 12)}),
    "hyppo": (HYPPO, True, {1_000: (2, 12), 2_000: (1, 4)}),
}


def run(code, *arguments, python=sys.executable, threads=1):
    """What a new process prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT) if python == sys.executable else ""}
    environment |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], str(threads))
    command = [python, "-c", START + code, json.dumps(arguments)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def ours(name):
    """One case: CPU seconds, the least that its products and exponentials could take, and peak memory."""
    n, permutations, options = CASES[name]
    found = run(OURS, n, D, permutations, options)
    row = {"n": n, "m": n, "d": D, "permutations": permutations, "options": options}
    row |= {"cpu_s": round(found["cpu_s"], 3), "peak_rss_mib": found["rss_mib"]}
    if options.get("variant") != "linear" and options.get("kernel") != "linear":
        columns = 0 if options.get("variant") == "binned" else permutations + 1
        floor = (2 * n) ** 2 * (D + columns * (9 if "aggregate" in options else 1)) / found["rate"]
        row |= {"gemm_floor_s": round(floor, 3), "share_of_gemm_rate": round(floor / found["cpu_s"], 3)}
    return row


def rival(name, python):
    """CPU seconds of one rival at ``B`` permutations, by size, from the line through two measured points."""
    code, _, sizes = RIVALS[name]
    rows = {}
    for n, counts in sizes.items():
        few, more = run(code, n, D, counts, {}, python=python)
        each = (more - few) / (counts[1] - counts[0])
        rows[str(n)] = {
            "measured_at": list(counts),
            "measured_s": [round(few, 3), round(more, 3)],
            "cpu_s": round(few + (B - counts[0]) * each, 1),
        }
        say(name, n, rows[str(n)])
    return rows


def sliced():
    """CPU seconds of sliced distances here and by POT at equal numbers of directions, by size."""
    rows = {}
    for n in SLICED_SIZES:
        found = run(SLICED, n, D, PROJECTIONS, {})
        rows[str(n)] = {"n": n, "m": n, "d": D, "projections": PROJECTIONS}
        rows[str(n)] |= {f"{name}_cpu_s": round(taken, 3) for name, taken in found.items()}
        rows[str(n)] |= {
            "one distance, POT / this": round(found["pot_one"] / found["one"], 1),
            "the whole measure, POT / this": round(found["pot_same"] / found["measure"], 1),
        }
        say("sliced", n, rows[str(n)])
    return rows


def bars_of_sliced(rows):
    """What was asked for beside what was found, for one distance: the whole measure gains more."""
    return {
        f"POT / sliced_{n}, one distance": {"at_least": 4, "found": row["one distance, POT / this"]}
        for n, row in rows.items()
    }


def diagnosis():
    """Seconds and memory of the whole default diagnosis."""
    n, d, classes, threads = DIAGNOSED
    found = run(DIAGNOSIS, n, d, classes, {}, threads=threads)
    row = {"n": n, "m": n, "d": d, "classes": classes, "threads": threads}
    row |= {"wall_s": round(found["wall_s"], 1), "cpu_s": round(found["cpu_s"], 1), "peak_rss_mib": found["rss_mib"]}
    say("diagnosis", row)
    return row


def bars_of_diagnosis(row):
    """What was asked for beside what was found."""
    return {
        "wall seconds / diagnosis": {"at_most": 60, "found": row["wall_s"]},
        "peak MiB / diagnosis": {"at_most": 1536, "found": row["peak_rss_mib"]},
    }


def ratios(cases, rivals):
    """How many times as long each rival takes as each case of its size."""
    found = {}
    for name, sizes in rivals.items():
        for case, row in cases.items():
            if str(row["n"]) in sizes and case.split("_")[0] in {"full", "binned"} and "fuse" not in case:
                found[f"{name} / {case}"] = round(sizes[str(row["n"])]["cpu_s"] / row["cpu_s"], 1)
    return found


def bars(cases, found):
    """What the project asked of itself beside what was found; None where a rival was not there."""
    asked = {"alibi_detect / full_2000": 100, "alibi_detect / full_5000": 200, "alibi_detect / binned_5000": 700}
    large, huge = cases["full_10000"], cases["binned_100000"]
    return {name: {"at_least": least, "found": found.get(name)} for name, least in asked.items()} | {
        "share of the GEMM rate / full_10000": {"at_least": 0.5, "found": large["share_of_gemm_rate"]},
        "peak MiB / full_10000": {"at_most": 700, "found": large["peak_rss_mib"]},
        "peak MiB / binned_100000": {"at_most": 2048, "found": huge["peak_rss_mib"]},
    }


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has alibi-detect and hyppo")
    parser.add_argument("--only", metavar="WORD")
    parser.add_argument("--sliced", action="store_true")
    parser.add_argument("--diagnosis", action="store_true")
    given = parser.parse_args()
    if given.sliced:
        rows, kept = sliced(), json.loads(FILE.read_text(encoding="utf-8"))
        write(kept | {"sliced": rows, "bars": kept["bars"] | bars_of_sliced(rows)})
        return
    if given.diagnosis:
        row, kept = diagnosis(), json.loads(FILE.read_text(encoding="utf-8"))
        write(kept | {"diagnosis": row, "bars": kept["bars"] | bars_of_diagnosis(row)})
        return
    cases = {}
    for name in CASES:
        if given.only is None or given.only in name:
            cases[name] = ours(name)
            say(name, cases[name])
    if given.only:
        return
    there = [name for name, (_, needs_own, _) in RIVALS.items() if given.peers or not needs_own]
    rivals = {name: rival(name, given.peers if RIVALS[name][1] else sys.executable) for name in there}
    versions = run(VERSIONS, 0, D, ["alibi-detect", "hyppo", "numpy"], {}, python=given.peers) if given.peers else {}
    found, rows, whole = ratios(cases, rivals), sliced(), diagnosis()
    report = {
        "command": f"python tests/benchmarks/bench_shift.py{' --peers PYTHON' if given.peers else ''}",
        "unit": f"CPU seconds on one thread, one call; d = {D}, {B} permutations; ratios are rival / this project",
        "machine": machine() | {"note": "shared with other work: read ratios"},
        "cases": cases,
        "rivals": rivals,
        "rivals_versions": versions,
        "ratios": found,
        "sliced": rows,
        "diagnosis": whole,
        "bars": bars(cases, found) | bars_of_sliced(rows) | bars_of_diagnosis(whole),
    }
    write(report)


def write(report):
    FILE.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
