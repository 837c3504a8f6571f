"""Times the default transfer measures against published forms and a bare eigendecomposition.

    python tests/benchmarks/bench_measures.py                   writes reports/benchmark.json; some minutes
    python tests/benchmarks/bench_measures.py 2000 512 20 100   n, d, classes, outputs of the head; printed only

One thread, CPU seconds. Not collected by pytest. The published forms are written here from the papers' formulas in
float64, each on its own, as its paper states it. Where there is a choice, the faster one was taken.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bench_kernels import machine
from scipy.stats import spearmanr

from shiftscope.core.features import FeatureSet
from shiftscope.kernels import choose
from shiftscope.measures import DEFAULT_TRANSFER, MEASURES
from shiftscope.measures._penalty import PENALTIES, fold_penalties
from shiftscope.measures._resampling import folds

ROOT = Path(__file__).parent.parent.parent
FULL = (10_000, 2_048, 100, 1_000)
SEED = 0
KERNELS = choose()


def made_up(n, d, n_classes, outputs):
    """Features as of a network: rectified, with a spectrum that falls, classes that overlap and a head of their own."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    scale = np.arange(1, d + 1) ** -0.5
    hidden = (0.2 * rng.standard_normal((n_classes, d))[y] + rng.standard_normal((n, d))) * scale
    x = np.maximum(hidden @ rng.standard_normal((d, d)) / np.sqrt(scale @ scale) + 0.3, 0).astype(np.float32)
    logits = 4 * (x - x.mean(axis=0)) @ rng.standard_normal((d, outputs)).astype(np.float32) / np.sqrt(d)
    return FeatureSet.of(x, y, logits=logits)


def timed(call):
    """CPU seconds of one call, and what it returned."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


# What the papers state, each from the features (n, d) float64 and class codes (n,).


def logme_published(f, y):
    """You et al., ICML 2021, algorithm 1: one SVD, then alpha and beta by their fixed point for every class."""
    n, d = f.shape
    left, root, _ = np.linalg.svd(f, full_matrices=False)
    s, scores = np.square(root), []
    for c in range(y.max() + 1):
        target = (y == c).astype(np.float64)
        z2, alpha, beta = np.square(left.T @ target), 1.0, 1.0
        outside, ratio = target @ target - z2.sum(), 0.0
        while abs(alpha / beta - ratio) > 1e-6 * ratio:
            ratio = alpha / beta
            gamma = (s / (s + ratio)).sum()
            length = (s * z2 / np.square(s + ratio)).sum()
            residual = (z2 / np.square(1 + s / ratio)).sum() + outside
            alpha, beta = gamma / length, (n - gamma) / residual
        evidence = d * np.log(alpha) + n * np.log(beta) - np.log(alpha + beta * s).sum() - (d - len(s)) * np.log(alpha)
        scores.append((evidence - beta * residual - alpha * length - n * np.log(2 * np.pi)) / (2 * n))
    return float(np.mean(scores))


def class_means(f, y):
    """The mean of the class of every sample (n, d)."""
    return (np.add.reduceat(f[np.argsort(y, kind="stable")], np.searchsorted(np.sort(y), np.arange(y.max() + 1)))
            / np.bincount(y)[:, None])[y]  # fmt: skip


def hscore_published(f, y):
    """Bao et al., ICIP 2019: tr(pinv(cov f) cov E[f|y])."""
    about = f - f.mean(axis=0)
    means = class_means(about, y)
    return float(np.trace(np.linalg.pinv(about.T @ about / len(f), rcond=1e-12) @ (means.T @ means / len(f))))


def shrinkage_published(f, y):
    """Ibrahim, Ponomareva and Mazumder, ECML 2022: the covariance shrunk as Ledoit and Wolf do, then its inverse."""
    about = f - f.mean(axis=0)
    n, d = about.shape
    covariance, squares = about.T @ about / n, np.square(about)
    spread = np.trace(covariance) / d
    distance = np.square(covariance - spread * np.eye(d)).sum()
    error = (squares.T @ squares / n - np.square(covariance)).sum() / n
    intensity = min(error / distance, 1.0)
    means = class_means(about, y)
    shrunk = (1 - intensity) * covariance + intensity * spread * np.eye(d)
    return float((1 - intensity) * np.trace(np.linalg.solve(shrunk, means.T @ means / n)))


def ridge_published(f, y, parts):
    """Ten refits, each with one eigendecomposition for all penalties. Returns right answers (folds, penalties)."""
    targets, hits = np.eye(y.max() + 1)[y], np.zeros((parts.max() + 1, len(PENALTIES)))
    largest = np.linalg.eigvalsh((f - f.mean(axis=0)).T @ (f - f.mean(axis=0)))[-1]
    for part in range(parts.max() + 1):
        seen, held = parts != part, parts == part
        centre, level = f[seen].mean(axis=0), targets[seen].mean(axis=0)
        about = f[seen] - centre
        values, vectors = np.linalg.eigh(about.T @ about)
        cross, tested = vectors.T @ (about.T @ (targets[seen] - level)), (f[held] - centre) @ vectors
        for i, penalty in enumerate(PENALTIES * largest):
            predicted = level + tested @ (cross / (values + penalty)[:, None])
            hits[part, i] = (np.argmax(predicted, axis=1) == y[held]).sum()
    return hits


def knn_published(f, y, parts, k=5):
    """All cosines in one matrix, then a weighted vote of the k nearest in other folds."""
    unit = f / np.linalg.norm(f, axis=1, keepdims=True)
    cosine = unit @ unit.T
    cosine[parts[:, None] == parts] = -np.inf
    near = np.argpartition(-cosine, k, axis=1)[:, :k]
    votes = np.zeros((len(f), y.max() + 1))
    for place in near.T:
        votes[np.arange(len(f)), y[place]] += 1 + cosine[np.arange(len(f)), place]
    return float((np.argmax(votes, axis=1) == y).mean())


def gbc_published(f, y, components=64):
    """Pandy et al., CVPR 2022: PCA, one diagonal Gaussian a class, the overlap of every ordered pair of classes."""
    about = f - f.mean(axis=0)
    rows = about @ np.linalg.eigh(about.T @ about)[1][:, -components:]
    classes = [rows[y == c] for c in range(y.max() + 1)]
    gaussians = [(part.mean(axis=0), part.var(axis=0)) for part in classes]
    total = 0.0
    for i, (mean, var) in enumerate(gaussians):
        for j, (other_mean, other_var) in enumerate(gaussians):
            if i != j:
                both = (var + other_var) / 2
                logs = np.log(both).sum() - (np.log(var).sum() + np.log(other_var).sum()) / 2
                total -= np.exp(-(np.square(mean - other_mean) / both).sum() / 8 - logs / 2)
    return float(total)


def parc_published(f, y):
    """Bolya et al., NeurIPS 2021: Spearman between the lower triangles of two matrices of 1 - correlation."""
    below = np.tril_indices(len(f), -1)
    return float(spearmanr(1 - np.corrcoef(f)[below], np.round(1 - np.corrcoef(np.eye(y.max() + 1)[y])[below], 12))[0])


def nce_published(logits, y):
    """Tran, Nguyen and Hassner, ICCV 2019: -H(Y|Z) of the joint counts."""
    joint = np.zeros((logits.shape[1], y.max() + 1))
    np.add.at(joint, (np.argmax(logits, axis=1), y), 1 / len(y))
    given = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1 / len(y))
    return float((joint[joint > 0] * np.log(given[joint > 0])).sum())


def leep_published(logits, y):
    """Nguyen et al., ICML 2020, eqs. 1 and 2."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    theta = powers / powers.sum(axis=1, keepdims=True)
    joint = theta.T @ np.eye(y.max() + 1)[y]
    predicted = theta @ (joint / joint.sum(axis=1, keepdims=True))
    return float(np.log(predicted[np.arange(len(y)), y]).mean())


def published(data):
    """For every measure: its published form, and ours as (options, which number) where both compute the same."""
    f, y = data.features.astype(np.float64), data.target.values
    logits, parts = data.logits.astype(np.float64), folds(data, SEED)

    same = {"variant": "published"}
    return {
        "logme": (lambda: logme_published(f, y), {"variant": "evidence", "centred": False}, None),
        "hscore": (lambda: hscore_published(f, y), {"variant": "raw"}, None),
        "hscore_shrinkage": (lambda: shrinkage_published(f, y), {"variant": "shrinkage"}, None),
        "ridge": (lambda: ridge_published(f, y, parts), {}, None),
        "knn": (lambda: knn_published(f, y, parts), {}, None),
        "gbc": (lambda: gbc_published(f, y), {}, "ours adds the pooled variance as one sample to every class"),
        "parc": (lambda: parc_published(f, y), {}, "ours is the mean over 5 parts of at most 1 000 samples"),
        "nce": (lambda: nce_published(logits, y), same, None),
        "leep": (lambda: leep_published(logits, y), same, None),
    }


def ours(data, name, **options):
    """One of our measures, without interval unless asked for."""
    return MEASURES[name](data, rng=SEED, kernels=KERNELS, **{"intervals": False, **options})


def fresh(data):
    """The same samples with nothing computed yet."""
    return data.take(np.arange(data.n))


def default_set(data, *, intervals):
    """CPU seconds of every default measure, in this order and on what those before it left; the total."""
    taken = {name: timed(lambda name=name: ours(data, name, intervals=intervals))[0] for name in DEFAULT_TRANSFER}
    return {"total": sum(taken.values()), **taken}


def decomposition(data):
    """CPU seconds of the Gram matrix and its eigendecomposition: bare, and as the measures get them, with U."""
    f = data.features.astype(np.float64)
    return {
        "gram_and_eigh": timed(lambda: np.linalg.eigh(f.T @ f))[0],
        "eigh_gram": timed(lambda: KERNELS.eigh_gram(data.features))[0],
    }


def against_published(data):
    """Every published form beside our default measure, with what the rest of the set left in ``data``.

    Values are compared where a variant of ours computes what was published.
    """
    rows = {}
    for name, (form, options, differs) in published(data).items():
        measure = name.removesuffix("_shrinkage")
        in_set = timed(lambda m=measure, o=options if measure != name else {}: ours(data, m, **o))[0]
        like = ours(data, measure, **options)
        value = like.details["sum"] if name == "gbc" else like.value
        seconds, reference = timed(form)
        if name == "ridge":  # at the penalties that ours chose
            chosen = np.searchsorted(PENALTIES, fold_penalties(data, SEED))
            reference = float(reference[np.arange(len(chosen)), chosen].sum() / data.n)
        sys.stdout.write(f"{name}: {seconds:.2f} s, {reference:.6g} and ours {value:.6g}\n")
        sys.stdout.flush()
        rows[name] = {
            "published_s": seconds,
            "ours_after_the_set_s": in_set,
            "published_value": reference,
            "our_value": value,
            **({"differs": differs} if differs else {"agree": bool(np.isclose(reference, value, rtol=1e-5))}),
        }
    rows["hscore_shrinkage"]["ours_alone_s"] = timed(lambda: ours(fresh(data), "hscore", variant="shrinkage"))[0]
    return rows


def resident(field):
    """``VmRSS`` or ``VmHWM`` of this process in bytes. Not getrusage: it keeps the peak of the parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").split()
    return int(status[status.index(f"{field}:") + 1]) * 1024


def peak_of_set(file):
    """Bytes that the default set with intervals takes above the features and logits given to it, at its peak."""
    default_set(made_up(300, 20, 3, 10), intervals=True)  # imports and compiles
    with np.load(file) as arrays:
        data = FeatureSet.of(arrays["x"], arrays["y"], logits=arrays["logits"])
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # sets the peak back to what is in use now
    start = resident("VmRSS")
    default_set(data, intervals=True)
    return resident("VmHWM") - start


def memory(data):
    """Peak of the default set in a new process, and twice the features in float64."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "features.npz"))
        np.savez(file, x=data.features, y=data.target.values, logits=data.logits)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, __file__, "memory", file]
        done = subprocess.run(command, env=environment, check=True, capture_output=True)
    return {"set_mib": int(done.stdout) / 2**20, "twice_the_features_in_float64_mib": 2 * 8 * data.n * data.d / 2**20}


def bars(report):
    """What was asked for, and what came out."""
    cost, forms, peak = report["default_set"], report["published"], report["memory"]
    floor, points, intervals = cost["decomposition"], cost["points"], cost["with_intervals"]
    whole = sum(row["published_s"] for name, row in forms.items() if name != "hscore_shrinkage")
    shrinkage = forms["hscore_shrinkage"]
    # logme comes first in the set, so that it pays for the decomposition and for the half-samples.
    found = [
        ("points of the set over eigh_gram", points["total"] / floor["eigh_gram"], "at most", 1.5),
        ("points of the set over Gram and eigh", points["total"] / floor["gram_and_eigh"], "at most", 1.5),
        ("set with intervals over eigh_gram", intervals["total"] / floor["eigh_gram"], "at most", 6.0),
        ("set with intervals over Gram and eigh", intervals["total"] / floor["gram_and_eigh"], "at most", 6.0),
        ("published logme over ours alone", forms["logme"]["published_s"] / points["logme"], "at least", 2.0),
        ("the same, ours with interval", forms["logme"]["published_s"] / intervals["logme"], "at least", 2.0),
        ("published shrinkage over ours alone", shrinkage["published_s"] / shrinkage["ours_alone_s"], "at least", 10.0),
        (
            "the same, ours after the set",
            shrinkage["published_s"] / shrinkage["ours_after_the_set_s"],
            "at least",
            10.0,
        ),
        ("published forms over points of the set", whole / points["total"], "at least", 10.0),
        ("published forms over set with intervals", whole / intervals["total"], "at least", 10.0),
        ("MiB of the set", peak["set_mib"], "at most", peak["twice_the_features_in_float64_mib"]),
    ]
    return [
        {"what": what, "found": value, word: limit, "met": value <= limit if word == "at most" else value >= limit}
        for what, value, word, limit in found
    ]


def rounded(part):
    """The same with four significant digits, but for values that are compared."""
    if isinstance(part, dict):
        return {k: v if k.endswith("_value") else rounded(v) for k, v in part.items()}
    if isinstance(part, list):
        return [rounded(entry) for entry in part]
    return float(f"{part:.4g}") if isinstance(part, float) else part


def main(size):
    default_set(made_up(300, 20, 3, 10), intervals=True)  # imports and compiles
    data = made_up(*size)
    used = fresh(data)
    report = {
        "command": "python tests/benchmarks/bench_measures.py",
        "unit": "CPU seconds on one thread, one call each",
        "machine": machine(),
        "size": dict(zip(("n", "d", "classes", "outputs"), size, strict=True)),
        "default_set": {
            "decomposition": decomposition(data),
            "points": default_set(used, intervals=False),
            "with_intervals": default_set(fresh(data), intervals=True),
        },
        "published": against_published(used),
        "memory": memory(data),
    }
    text = json.dumps(rounded({"bars": bars(report), **report}), indent=2) + "\n"
    if size == FULL:
        (ROOT / "reports" / "benchmark.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        sys.stdout.write(str(peak_of_set(sys.argv[2])))
    else:
        main(tuple(map(int, sys.argv[1:])) or FULL)
