"""Times the kernels against the reference and a bare matrix product; writes reports/benchmark_kernels.json.

    python tests/benchmarks/bench_kernels.py

One thread, CPU seconds, best of three calls after a first one. Not collected by pytest.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from shiftscope.kernels import choose

ROOT = Path(__file__).parent.parent.parent
BACKENDS = {name: choose("cpu", name) for name in ("reference", "compiled", "tensor")}


def seconds(call, repeats=3):
    """CPU seconds of the best of some calls, after one that compiles and warms the caches."""
    call()
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def compare(function, backends, **size):
    """Time ``function(kernels)`` in each backend; ratios above 1 are faster than the reference."""
    taken = {name: seconds(partial(function, BACKENDS[name])) for name in backends}
    figures = {f"{name}_cpu_s": round(value, 5) for name, value in taken.items()}
    ratios = {f"{name}_ratio": round(taken["reference"] / value, 2) for name, value in taken.items()}
    ratios.pop("reference_ratio")
    return {"size": size, **figures, **ratios}


def product_rate(dtype):
    """Floating point operations a CPU second of a bare product of 2048 x 2048 matrices."""
    a, out = np.ones((2048, 2048), dtype=dtype), np.empty((2048, 2048), dtype=dtype)
    return 2 * 2048**3 / seconds(lambda: np.dot(a, a, out=out), 8)


def mmd_case(n, d, permutations, *, dtype=np.float32, n_bins=None, bandwidths=1, **options):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, d)).astype(dtype)
    seeds = rng.integers(0, 2**64, permutations, dtype=np.uint64)
    units = n_bins or n
    members = BACKENDS["compiled"].permutation_members(units // 2, units - units // 2, seeds)
    bins = np.arange(n) * n_bins // n if n_bins else None
    widths = list(d**0.5 * np.geomspace(1, 4, bandwidths))
    # One tile size for all: the default of tensor is for devices.
    run = partial(compare, lambda k: k.mmd_sums(z, widths, members, n=n // 2, tile=512, bins=bins, **options))
    size = {"N": n, "d": d, "B": permutations, "dtype": np.dtype(dtype).name, "K": bandwidths, "U": units} | options
    case = run(tuple(BACKENDS), **size)
    floor = n**2 * (d + (0 if n_bins else (permutations + 1) * bandwidths)) / product_rate(dtype)
    return case | {"gemm_floor_s": round(floor, 5), "compiled_share_of_peak": round(floor / case["compiled_cpu_s"], 3)}


LARGE_MMD = """
import json, pathlib, time
import numpy as np
from shiftscope.kernels import choose
kernels, rng = choose(), np.random.default_rng(0)
z, seeds = rng.standard_normal((20_000, 512), dtype=np.float32), np.arange(1000, dtype=np.uint64)
start = time.process_time()
members = kernels.permutation_members(10_000, 10_000, seeds)
kernels.mmd_sums(z, [22.6], members, n=10_000)
taken = time.process_time() - start
# Not getrusage: its peak would be that of the parent, which survives fork and exec.
status = pathlib.Path("/proc/self/status").read_text().split()
peak = int(status[status.index("VmHWM:") + 1]) // 1024
print(json.dumps({"compiled_cpu_s": round(taken, 3), "peak_rss_mib": peak}))
"""

FIRST_CALLS = """
import json, time
import numpy as np
start = time.process_time()
from shiftscope.kernels import choose
kernels = choose()
times = {"import_numba": time.process_time() - start}
x, seeds = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32), np.arange(9, dtype=np.uint64)
def first(name, call):
    start = time.process_time()
    call()
    times[name] = time.process_time() - start
first("permutation_members", lambda: kernels.permutation_members(32, 32, seeds))
members = kernels.permutation_members(32, 32, seeds)
first("mmd_sums", lambda: kernels.mmd_sums(x, [1.0], members, n=32))
first("nearest", lambda: kernels.nearest(x, 3, np.arange(64)))
print(json.dumps({name: round(value, 3) for name, value in times.items()}))
"""


def in_new_process(code, cache):
    """What a new process prints: one thread, compiled code kept in ``cache``."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
    environment |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1")
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    return json.loads(done.stdout)


def new_processes():
    """The cost of first calls, without and with compiled code on disk; the size of the notes, without torch."""
    with tempfile.TemporaryDirectory() as cache:
        cold, cached = (in_new_process(FIRST_CALLS, cache) for _ in range(2))
        large = in_new_process(LARGE_MMD, cache)
    floor = 20_000**2 * 1513 / product_rate(np.float32)
    large |= {"gemm_floor_s": round(floor, 3), "compiled_share_of_peak": round(floor / large["compiled_cpu_s"], 3)}
    return {
        "first_calls": {
            "nothing_cached": cold | {"total": round(sum(cold.values()), 3)},
            "cached": cached | {"total": round(sum(cached.values()), 3)},
        },
        "mmd_sums_large": {"size": {"N": 20_000, "d": 512, "B": 1000, "dtype": "float32"}} | large,
    }


def cases():
    rng = np.random.default_rng(0)
    seeds = rng.integers(0, 2**64, 1000, dtype=np.uint64)
    x, folds = rng.standard_normal((3000, 512)).astype(np.float32), np.arange(3000) % 10
    features, targets = rng.standard_normal((5000, 512)).astype(np.float32), rng.standard_normal((5000, 10))
    groups, penalties = np.arange(5000) % 10, np.geomspace(1, 1e6, 25)
    values, left = BACKENDS["reference"].eigh_gram(features)
    every, in_torch = tuple(BACKENDS), ("reference", "tensor")
    return {
        "permutation_members": compare(
            lambda k: k.permutation_members(10_000, 10_000, seeds), ("reference", "compiled"), N=20_000, B=1000
        ),
        "mmd_sums": mmd_case(4000, 512, 1000),
        "mmd_sums_small": mmd_case(4000, 64, 200),
        "mmd_sums_float64": mmd_case(4000, 512, 1000, dtype=np.float64),
        "mmd_sums_laplace": mmd_case(4000, 512, 1000, kernel="laplace"),
        "mmd_sums_rational_quadratic": mmd_case(4000, 512, 1000, kernel="rational_quadratic"),
        "mmd_sums_fused": mmd_case(2000, 512, 500, bandwidths=9),
        "mmd_sums_binned": mmd_case(4000, 512, 1000, n_bins=256),
        "mmd_sums_binned_fused": mmd_case(2000, 512, 1000, n_bins=256, bandwidths=9),
        "nearest": compare(lambda k: k.nearest(x, 10, folds), every, n=3000, d=512, k=10),
        "eigh_gram": compare(lambda k: k.eigh_gram(features), in_torch, n=5000, d=512),
        "ridge_held_out": compare(
            lambda k: k.ridge_held_out(left, values, targets, groups, 100.0), in_torch, n=5000, k=512, K=10, folds=10
        ),
        "ridge_gcv": compare(
            lambda k: k.ridge_gcv(left, values, targets, penalties), in_torch, n=5000, k=512, K=10, P=25
        ),
    }


def machine():
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("numpy", "numba", "torch")},
    }


def main():
    torch.set_num_threads(1)
    with threadpool_limits(1):
        report = {
            "command": "python tests/benchmarks/bench_kernels.py",
            "unit": "CPU seconds on one thread, best of three; ratios are reference / backend",
            "machine": machine(),
            "gpu": "not measured",
            "note": "The reference of mmd_sums computes all tiles in float64. The backends compute the tiles on and "
            "above the diagonal, in float32 where z is float32; the float64 case shows the first gain alone.",
            "gemm_gflops": {name: round(product_rate(name) / 1e9, 1) for name in ("float32", "float64")},
            "cases": cases(),
            **new_processes(),
        }
    text = json.dumps(report, indent=2) + "\n"
    (ROOT / "reports" / "benchmark_kernels.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
