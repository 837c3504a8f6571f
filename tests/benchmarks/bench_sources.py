"""Does the held-out gap of a source foretell what it does on new samples, and do learned weights pay?

SHIFTSCOPE_DATA=/path/to/data python tests/benchmarks/bench_sources.py   writes reports/sources.json

Every target is halved by class. From one half come 5 or 15 labelled samples of each class, and all that is chosen or
reported is chosen and reported from these and the sources; the other half is the test, looked at once, by probes
that were fitted with those choices. PACS under MobileNetV1 0.75 (ImageNet), MNIST and UCI digits under MobileNetV1
0.25 (ImageNet), Office-Caltech as SURF histograms (square roots of shares). About five minutes of one core.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import norm, spearmanr, t

import shiftscope as ss
from shiftscope.analysis.shift import ALPHA
from shiftscope.analysis.sources.probe import fit
from shiftscope.analysis.sources.study import study
from shiftscope.analysis.sources.weigh import report
from shiftscope.core.seeds import stream
from shiftscope.core.sources import SCHEMES
from shiftscope.data import per_class
from shiftscope.measures._holm import holm

FILE = Path(__file__).parent.parent.parent / "reports" / "sources.json"
DATA = Path(os.environ.get("SHIFTSCOPE_DATA", "data"))
PER_CLASS = (5, 15)
SEEDS = (0, 1)
MANIFEST = f"checkpoint:{DATA}/weights/manifest.json"
PACS = ("photo", "art_painting", "cartoon", "sketch")


def collections():
    """Domains by collection."""
    return {
        "pacs": {d: _embed(f"imagefolder:{DATA}/images/pacs_{d}", "mnv1_075_imagenet") for d in PACS},
        "digits": {d: _embed(f"npz:{DATA}/arrays/{d}.npz", "mnv1_025_imagenet") for d in ("mnist", "uci_digits")},
        "office_caltech": _office(),
    }


def _embed(uri, backbone):
    return ss.embed(uri, f"{MANIFEST}#{backbone}", trust_code=True)


def _office():
    with np.load(DATA / "arrays" / "office_caltech10_surf.npz") as arrays:
        return {d: _surf(arrays, d) for d in ("amazon", "caltech", "webcam", "dslr")}


def _surf(arrays, domain):
    counts = arrays[f"x_{domain}"]
    shares = counts / counts.sum(axis=1, keepdims=True)
    return ss.FeatureSet.of(np.sqrt(shares), arrays[f"y_{domain}"], name=domain)


def halves(target, seed):
    """Two halves of every class: positions for choosing, positions for the test."""
    rng = stream(seed, "bench_sources", target.name)
    chosen = np.zeros(target.n, dtype=bool)
    for code in range(target.target.n_classes):
        members = rng.permutation(np.flatnonzero(target.target.values == code))
        chosen[members[: len(members) // 2]] = True
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def cell(domains, name, n, seed):
    """One target with n labels a class: what is reported, and what the untouched half says."""
    first, second = (domains[name].take(index) for index in halves(domains[name], seed))
    few = first.take(per_class(first.target, n, seed))
    found = study(few, {other: domain for other, domain in domains.items() if other != name}, seed=seed)
    said = report(found, seed=seed)
    alone = [tested(found, scored, second) for scored in found.alone]
    schemes = {scheme: tested(found, found.schemes[scheme], second) for scheme in SCHEMES}
    return {
        "target": name,
        "per_class": n,
        "seed": seed,
        "n": few.n,
        "n_test": second.n,
        "sources": [_source(row, values, schemes["target"]) for row, values in zip(said.sources, alone, strict=True)],
        "schemes": {row.scheme: _scheme(row, schemes[row.scheme], schemes["target"]) for row in said.schemes},
    }


def tested(found, scored, second):
    """Errors and squared losses (m,) of the other half under the final choice of a scheme."""
    made = fit(found.data, scored.final.weights, scored.final.penalty)
    scores = found.data.of(second.features) @ made.coefficients
    names = found.target.target.class_names
    truth = np.array([names.index(c) for c in second.target.names()])
    return np.argmax(scores, axis=1) != truth, np.square(scores - np.eye(len(names))[truth]).sum(axis=1)


def _source(row, values, without):
    difference = values[0].astype(float) - without[0]
    return {
        "source": row.name,
        "gap": row.gap.value,
        "low": row.gap.low,
        "high": row.gap.high,
        "loss_gap": row.loss_gap.value,
        "loss_low": row.loss_gap.low,
        "loss_high": row.loss_gap.high,
        "verdict": row.verdict,
        "distance": row.distance,
        "weight": row.weight,
        "test_gap": difference.mean(),
        "test_gap_se": difference.std(ddof=1) / np.sqrt(len(difference)),
        "test_loss_gap": (values[1] - without[1]).mean(),
    }


def _scheme(row, values, without):
    return {
        "error": row.error.value,
        "loss": row.loss.value,
        "over_target": 0.0 if row.over_target is None else row.over_target.value,
        "test_error": values[0].mean(),
        "test_loss": values[1].mean(),
        "test_over_target": (without[0].astype(float) - values[0]).mean(),
    }


def foretold(cells):
    """How well the gaps of single sources foretell the test."""
    rows = [row for made in cells for row in made["sources"]]
    gap, low, high, test, se, loss, test_loss = (
        np.array([row[key] for row in rows])
        for key in ("gap", "low", "high", "test_gap", "test_gap_se", "loss_gap", "test_loss_gap")
    )
    # The interval is about the gap; the test gap has noise of its own.
    reach = np.hypot((high - low) / 2, 1.96 * se)
    return {
        "pairs": len(rows),
        "spearman": spearmanr(gap, test).statistic,
        "spearman_loss": spearmanr(loss, test_loss).statistic,
        "spearman_distance": spearmanr([row["distance"] for row in rows], test).statistic,
        "spearman_by_target": _mean_within(cells),
        "mean_gap": gap.mean(),
        "mean_test_gap": test.mean(),
        "test_gap_within_interval": np.mean(np.abs(gap - test) <= reach),
        "test_hurts": int((test > 1.96 * se).sum()),
        "verdicts": _called([row["verdict"] for row in rows], rows),
        # Not what the report says: the same test and correction on the squared loss.
        "verdicts_if_by_loss": _called([v for made in cells for v in _by_loss(made["sources"])], rows),
    }


def _called(verdicts, rows):
    """What the test says of the pairs of each verdict."""
    found = {}
    for verdict in sorted(set(verdicts)):
        mine = [row for row, v in zip(rows, verdicts, strict=True) if v == verdict]
        found[verdict] = {
            "pairs": len(mine),
            "mean_test_gap": np.mean([row["test_gap"] for row in mine]),
            "test_gap_above_0": sum(row["test_gap"] > 0 for row in mine),
            "test_hurts": sum(row["test_gap"] > 1.96 * row["test_gap_se"] for row in mine),
            "test_helps": sum(row["test_gap"] < -1.96 * row["test_gap_se"] for row in mine),
            "test_loss_gap_above_0": sum(row["test_loss_gap"] > 0 for row in mine),
        }
    return found


def _by_loss(rows):
    """Verdicts on the squared loss, after Holm over the sources of one target."""
    z = [row["loss_gap"] / (row["loss_high"] - row["loss_low"]) * 2 * norm.ppf(0.975) for row in rows]
    adjusted = holm([float(2 * norm.sf(abs(v))) for v in z])
    return [
        "cannot be told" if p > ALPHA else "hurts" if row["loss_gap"] > 0 else "helps"
        for p, row in zip(adjusted, rows, strict=True)
    ]


def _mean_within(cells):
    several = [_within(made) for made in cells if len(made["sources"]) > 1]
    return float(np.mean(several)) if several else None


def _within(made):
    return spearmanr([r["gap"] for r in made["sources"]], [r["test_gap"] for r in made["sources"]]).statistic


def paid(cells):
    """Mean test error of every scheme, and what learned weights gain over the others, over targets."""
    errors = {scheme: _by_target(cells, scheme) for scheme in SCHEMES}
    return {
        "targets": len(errors["target"]),
        "test_error": {scheme: values.mean() for scheme, values in errors.items()},
        "learned_gain_over": {s: _mean(errors[s] - errors["learned"]) for s in SCHEMES if s != "learned"},
        "promised_over_target": np.mean([made["schemes"]["learned"]["over_target"] for made in cells]),
        "kept_over_target": np.mean([made["schemes"]["learned"]["test_over_target"] for made in cells]),
    }


def _by_target(cells, scheme):
    names = sorted({made["target"] for made in cells})
    return np.array([np.mean([m["schemes"][scheme]["test_error"] for m in cells if m["target"] == n]) for n in names])


def _mean(values):
    """Mean with a 95 % interval of Student's t over targets."""
    reach = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return {"mean": values.mean(), "low": values.mean() - reach, "high": values.mean() + reach}


def main():
    """Run all cells and write the file."""
    cells = []
    for collection, domains in collections().items():
        for name in domains:
            for n in PER_CLASS:
                cells += [{"collection": collection, **cell(domains, name, n, seed)} for seed in SEEDS]
                sys.stdout.write(
                    f"{collection} {name} {n}: {cells[-1]['schemes']['learned']['test_over_target']:.3f}\n"
                )
                sys.stdout.flush()
    FILE.write_text(json.dumps(_plain(summary(cells)), indent=1) + "\n")


def summary(cells):
    """All tables of the file, by collection and by number of labels."""
    groups = {"all": cells}
    groups |= {c: [m for m in cells if m["collection"] == c] for c in dict.fromkeys(m["collection"] for m in cells)}
    groups |= {f"{n} per class": [m for m in cells if m["per_class"] == n] for n in PER_CLASS}
    return {
        "command": "python tests/benchmarks/bench_sources.py",
        "gaps": {name: foretold(group) for name, group in groups.items()},
        "weights": {name: paid(group) for name, group in groups.items()},
        "cells": cells,
    }


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return round(float(value), 5) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
