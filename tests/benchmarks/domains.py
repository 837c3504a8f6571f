"""Which shift measures foretell what a source of another domain costs?

SHIFTSCOPE_DATA=/path/to/data python tests/benchmarks/domains.py
writes reports/domains.json and docs/domains.md

Every domain of a collection is once the source and once the target of every other: PACS, MNIST and UCI digits, and the
four domains of Office-Caltech as SURF histograms, with the features of bench_sources.py. What each measure says of a
pair is held against two losses: that of a logistic probe of the source on the target, against one of the target itself
(five folds), and the gap that sources.json has for the same pair (labels of the target with and without the source).
Beside them stands a network trained on MNIST, on the other targets of the ground truth: how far these are from MNIST in
its eyes, and what its features gave there. What was said is kept as long as the measures are the same. About ten
minutes of one core.
"""

import hashlib
import json
import os
import sys
import tomllib

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bench_sources import MANIFEST, collections
from domains_page import (
    COMMAND,
    LOSSES,
    MEASURES,
    N_DRAWS,
    NETWORK,
    PER_CLASS,
    QUESTIONS,
    RANKED,
    REGIME,
    TRAINED_ON,
    WITHOUT_LABELS,
    page,
)
from known_shifts import ROOT, rounded
from scipy.stats import spearmanr

import shiftscope as ss
from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.load import load_record
from shiftscope.core.seeds import stream

FILE, PAGE = ROOT / "reports" / "domains.json", ROOT / "docs" / "domains.md"
SOURCES = ROOT / "reports" / "sources.json"
GROUND_TRUTH = ROOT / "reports" / "groundtruth"
# High coverage is a small shift.
RISES = {m: -1 if m == "coverage" else 1 for m in MEASURES}
# Fewer pairs of a collection, where a measure does not apply to the others, say nothing of their order.
LEAST_PAIRS = 6


def pairs_of(domains):
    """Ordered pairs of names."""
    return [(source, target) for source in domains for target in domains if source != target]


def said(source, target, name, measures=MEASURES):
    """What the measures say of one pair, as plain data; kept for the next run."""
    file = cache_folder(None) / "domains" / f"{name} {fingerprint()}.json"
    if not file.exists():
        record = ss.diagnose(source, target, seed=0, select=list(measures)).record
        rows = {row.measure: row.model_dump(exclude_none=True) | {"band": row.band} for row in record.diagnoses[0].rows}
        reasons = {r.measure: r.reason for r in record.results if r.estimate is None}
        found = {
            "measures": {m: rows.get(m, reasons.get(m)) for m in measures},
            "findings": [f.code for f in record.findings if f.code.startswith("ST")],
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(found))
    return json.loads(file.read_text())


def fingerprint():
    """Changes when a measure does."""
    files = sorted(file for room in ("measures", "kernels") for file in (ROOT / "shiftscope" / room).rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def own_errors(target):
    """Errors (n,) of a probe of the target itself, held out in five folds."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    labels = target.target.names()
    return cross_val_predict(_probe(), target.features, labels, cv=folds) != labels


def probe_loss(source, target, own):
    """How much more a probe of the source errs on the target than one of the target, with its standard error."""
    labels = target.target.names()
    difference = (_probe().fit(source.features, source.target.names()).predict(target.features) != labels) - own * 1.0
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(target.n))


def _probe():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))


def source_gaps():
    """Mean test gap of each pair in sources.json over its cells (amounts of labels, seeds), and its standard error.

    The cells of a pair share test images: the error is the mean of theirs, as if they were one.
    """
    found = {}
    for cell in json.loads(SOURCES.read_text())["cells"]:
        for row in cell["sources"]:
            found.setdefault((cell["collection"], row["source"], cell["target"]), []).append(
                (row["test_gap"], row["test_gap_se"])
            )
    return {key: tuple(np.mean(cells, axis=0).tolist()) for key, cells in found.items()}


def agreement(rows, measure, loss):
    """Rank correlation within each collection and their mean, with a bootstrap over targets, and within targets."""
    known = [row for row in rows if isinstance(row["measures"][measure], dict)]
    parts = {name: [row for row in known if row["collection"] == name] for name in RANKED}
    ranked = {name: part for name, part in parts.items() if len(part) >= LEAST_PAIRS}
    rng = stream(0, "domains", measure, loss)
    drawn = [
        np.mean([correlation(drawn_targets(part, rng), measure, loss) for part in ranked.values()])
        for _ in range(N_DRAWS)
    ]
    low, high = map(float, np.quantile(drawn, [0.025, 0.975]))
    each = {name: correlation(part, measure, loss) for name, part in ranked.items()}
    by_target = [pairs for part in ranked.values() for pairs in of_targets(part) if len(pairs) > 2]
    within = float(np.mean([correlation(pairs, measure, loss) for pairs in by_target]))
    return {
        "mean": float(np.mean(list(each.values()))),
        "low": low,
        "high": high,
        **{name: each.get(name) for name in RANKED},
        "within_targets": within,
        "pairs": {name: len(part) for name, part in parts.items()},
    }


def of_targets(rows):
    """The pairs of each target."""
    return [[row for row in rows if row["target"] == target] for target in sorted({row["target"] for row in rows})]


def drawn_targets(rows, rng):
    """The pairs of as many targets, drawn with replacement."""
    groups = of_targets(rows)
    return [row for i in rng.integers(len(groups), size=len(groups)) for row in groups[i]]


def correlation(rows, measure, loss):
    """Spearman's rank correlation over pairs, 0 where all are alike."""
    x = [RISES[measure] * row["measures"][measure]["value"] for row in rows]
    y = [row[loss] for row in rows]
    return float(spearmanr(x, y).statistic) if len(set(x)) > 1 and len(set(y)) > 1 else 0.0


def table():
    """Every pair: what the measures say, and what the source costs."""
    gaps, rows = source_gaps(), []
    for collection, domains in collections().items():
        own = {name: own_errors(domain) for name, domain in domains.items()}
        for source, target in pairs_of(domains):
            gap, gap_se = gaps[collection, source, target]
            loss, se = probe_loss(domains[source], domains[target], own[target])
            rows.append(
                {
                    "collection": collection,
                    "source": source,
                    "target": target,
                    "n_source": domains[source].n,
                    "n_target": domains[target].n,
                    "own_error": float(own[target].mean()),
                    "probe_loss": loss,
                    "probe_loss_se": se,
                    "source_gap": gap,
                    "source_gap_se": gap_se,
                    **said(domains[source], domains[target], f"{collection} {source} {target}"),
                }
            )
            sys.stdout.write(f"{collection} {source} {target} {loss:.3f} {rows[-1]['findings']}\n")
            sys.stdout.flush()
    return rows


def from_mnist():
    """How far the targets of the ground truth are from MNIST for a network trained on it, and what it gave there."""
    addresses = {
        name: made["data"].replace("$SHIFTSCOPE_DATA", os.environ.get("SHIFTSCOPE_DATA", "data"))
        for name, made in tomllib.loads((GROUND_TRUTH / "audit.toml").read_text())["targets"].items()
    }
    embedded = {
        name: ss.embed(uri, f"{MANIFEST}#{NETWORK}", per_class=PER_CLASS, trust_code=True)
        for name, uri in addresses.items()
    }
    gaps = {(g.target, g.question): g for g in load_record(GROUND_TRUTH).audit.gaps if _is_meant(g)}
    return [
        {
            "target": name,
            "gaps": {q: [gaps[name, q].gap, gaps[name, q].se] for q in QUESTIONS},
            **said(embedded[TRAINED_ON], target, f"{NETWORK} {name}", WITHOUT_LABELS),
        }
        for name, target in embedded.items()
        if name != TRAINED_ON
    ]


def _is_meant(gap):
    return gap.backbone == NETWORK and gap.regime == REGIME and gap.question in QUESTIONS


def network_agreement(rows):
    """Rank correlation of each measure with what was lost against training from scratch, over the targets."""
    return {
        m: {
            q: float(
                spearmanr([RISES[m] * r["measures"][m]["value"] for r in rows], [-r["gaps"][q][0] for r in rows])[0]
            )
            for q in QUESTIONS
        }
        for m in WITHOUT_LABELS
    }


def main():
    """Measure every pair, and write the report and the page."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        rows, network = rounded(table()), rounded(from_mnist())
    agreements = rounded({m: {loss: agreement(rows, m, loss) for loss in LOSSES} for m in MEASURES})
    head = {"command": COMMAND, "measures": MEASURES, "n_draws": N_DRAWS, "agreement": agreements}
    ranks = rounded(network_agreement(network))
    head |= {"network": network, "network_agreement": ranks}
    body = ",\n  ".join(json.dumps(row) for row in rows)
    whole = json.dumps(head, indent=1).removesuffix("\n}") + f',\n "pairs": [\n  {body}\n ]\n}}\n'
    write_atomic(FILE, whole)
    write_atomic(PAGE, page(rows, agreements, network, ranks))


if __name__ == "__main__":
    main()
