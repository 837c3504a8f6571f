"""Which shift measures foretell what a source of another domain costs?

SHIFTSCOPE_DATA=/path/to/data python tests/benchmarks/domains.py
writes reports/domains.json and docs/domains.md

Every domain of a collection is once the source and once the target of every other: PACS, MNIST and UCI digits, and the
four domains of Office-Caltech as SURF histograms, with the features of bench_sources.py. What each measure says of a
pair is held against two losses: that of a logistic probe of the source on the target, against one of the target itself
(five folds), and the gap that sources.json has for the same pair (labels of the target with and without the source).
What was said is kept as long as the package's code is the same. About ten minutes of one core.
"""

import hashlib
import json
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bench_sources import collections
from known_shifts import ROOT, rounded
from scipy.stats import spearmanr

import shiftscope as ss
from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.seeds import stream

FILE, PAGE = ROOT / "reports" / "domains.json", ROOT / "docs" / "domains.md"
SOURCES = ROOT / "reports" / "sources.json"
COMMAND = "SHIFTSCOPE_DATA=../shared/data python tests/benchmarks/domains.py"
MEASURES = (
    *("mmd", "proxy_a", "frechet", "wasserstein", "energy", "coverage"),
    *("label_shift", "joint_error", "concept"),
)
# High coverage is a small shift.
RISES = {m: -1 if m == "coverage" else 1 for m in MEASURES}
NAMES = {"pacs": "PACS", "digits": "MNIST and UCI digits", "office_caltech": "Office-Caltech (SURF)"}
# Ranks of the two pairs of digits say nothing.
RANKED = ("pacs", "office_caltech")
LOSSES = {"probe_loss": "loss of a source probe", "source_gap": "gap of adding the source"}
# Fewer pairs of a collection, where a measure does not apply to the others, say nothing of their order.
LEAST_PAIRS = 6
N_DRAWS = 2000


def pairs_of(domains):
    """Ordered pairs of names."""
    return [(source, target) for source in domains for target in domains if source != target]


def said(source, target, name):
    """What the measures say of one pair, as plain data; kept for the next run."""
    file = cache_folder(None) / "domains" / f"{name} {fingerprint()}.json"
    if not file.exists():
        record = ss.diagnose(source, target, seed=0, select=list(MEASURES)).record
        rows = {row.measure: row.model_dump(exclude_none=True) | {"band": row.band} for row in record.diagnoses[0].rows}
        reasons = {r.measure: r.reason for r in record.results if r.estimate is None}
        found = {
            "measures": {m: rows.get(m, reasons.get(m)) for m in MEASURES},
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


HEAD = """# Which measures foretell what a source of another domain costs?

Written by `{command}`; all numbers are in [domains.json](../reports/domains.json).

Every domain of a collection is once the source and once the target of every other: the four of PACS (features of a
MobileNetV1 0.75 trained on ImageNet), MNIST and UCI digits (MobileNetV1 0.25), the four of Office-Caltech (SURF
histograms). Two things are held to be the truth:

- **loss of a source probe**: a logistic probe trained on the source errs on the target by so much more than one trained
  on the target does on held-out folds: what the source costs where the target has no labels;
- **gap of adding the source**: what [sources.json](../reports/sources.json) has for the same pair. A probe of a few
  target labels and the source at full weight, against the few labels alone, on an untouched half: positive hurts.

## Do they agree?

Spearman's rank correlation of measure and truth over ordered pairs, within PACS (12 pairs) and within Office-Caltech
(12), and the mean of both with a 95 % interval from {n_draws} bootstrap samples of the targets. With four targets a
collection, whose pairs share domains, the intervals are wide, and still too narrow rather than too wide. The two pairs
of digits have no ranks worth a number. *Within a target* is the mean rank correlation over the three sources of each of
the eight targets, which is what a person asks who has a target and looks for a source. `concept` applies to too few
pairs of PACS, whose domains hardly overlap: its numbers are of Office-Caltech alone.

`joint_error` and `concept` fit probes of the same features themselves, so they are nearer to the first truth than the
others could be; they, and `label_shift`, need target labels.

{agreements}

{words}

## The pairs

Loss and gap in points, with one standard error; each measure's value with its interval and, in brackets, its effect
over its noise floor.

{pairs}

What the fine-tuned networks of `reports/groundtruth` can say: {ground}
"""
GROUND = (
    "nothing about these pairs. None of its networks was trained on one of these domains and tried on another of the "
    "same collection: the one trained on MNIST was not tried on UCI digits, and of PACS there are sketches alone."
)


def page(rows, agreements):
    """The page that people read."""
    return HEAD.format(
        command=COMMAND,
        n_draws=N_DRAWS,
        agreements=agreement_table(agreements),
        words=words(agreements),
        pairs="\n\n".join(pair_table(rows, name) for name in NAMES),
        ground=GROUND,
    )


def agreement_table(agreements):
    """Measures down, truths across."""
    heads = ("PACS", "Office-Caltech", "mean", "within a target")
    cells = [f"{truth}: {head}" for truth in LOSSES.values() for head in heads]
    lines = [["measure", *cells], ["---"] * (len(cells) + 1)]
    for measure, by_loss in agreements.items():
        line = [f"`{measure}`"]
        for found in by_loss.values():
            line += [number(found[name]) for name in RANKED]
            line.append(f"{number(found['mean'])} [{number(found['low'])}, {number(found['high'])}]")
            line.append(number(found["within_targets"]))
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def words(agreements):
    """Which measures foretell a loss: those whose whole interval lies above 0, and which do not."""
    told = []
    for loss, name in LOSSES.items():
        sure = [m for m, found in agreements.items() if found[loss]["low"] > 0]
        against = [m for m, found in agreements.items() if found[loss]["high"] < 0]
        rest = [m for m in agreements if m not in (*sure, *against)]
        strongest = sorted(sure, key=lambda m: -agreements[m][loss]["mean"])
        told.append(
            f"The **{name}** is foretold (whole interval above 0, strongest first) by {named(strongest)}; the wrong "
            f"way round by {named(against)}; of {named(rest)} it cannot be told."
        )
    return "\n\n".join(told)


def named(measures):
    """Measures in a sentence."""
    return ", ".join(f"`{m}`" for m in measures) or "none"


def number(value):
    """Two digits, or a full stop where there is no number."""
    return "." if value is None else f"{value:.2f}"


def pair_table(rows, collection):
    """The pairs of one collection."""
    head = ["source to target", "loss", "gap", *(f"`{m}`" for m in MEASURES), "findings"]
    lines = [head, ["---"] * len(head), *(pair_line(row) for row in rows if row["collection"] == collection)]
    table_lines = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"### {NAMES[collection]}\n\n{table_lines}"


def pair_line(row):
    """One pair: what it costs, what the measures and the findings say."""
    return [
        f"{row['source']} to {row['target']}",
        f"{100 * row['probe_loss']:.1f} ± {100 * row['probe_loss_se']:.1f}",
        f"{100 * row['source_gap']:.1f} ± {100 * row['source_gap_se']:.1f}",
        *(cell(row["measures"][m]) for m in MEASURES),
        ", ".join(row["findings"]) or "none",
    ]


def cell(row):
    """Value, interval and effect over floor of one measure."""
    if not isinstance(row, dict):
        return "not applicable"
    ends = f" [{row['low']:.2f}, {row['high']:.2f}]" if "low" in row else ""
    ratio = f" ({row['effect'] / row['floor']:.1f})" if row.get("floor") else ""
    return f"{row['value']:.2f}{ends}{ratio}"


def main():
    """Measure every pair, and write the report and the page."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        rows = rounded(table())
    agreements = rounded({m: {loss: agreement(rows, m, loss) for loss in LOSSES} for m in MEASURES})
    head = {"command": COMMAND, "measures": MEASURES, "n_draws": N_DRAWS, "agreement": agreements}
    body = ",\n  ".join(json.dumps(row) for row in rows)
    whole = json.dumps(head, indent=1).removesuffix("\n}") + f',\n "pairs": [\n  {body}\n ]\n}}\n'
    write_atomic(FILE, whole)
    write_atomic(PAGE, page(rows, agreements))


if __name__ == "__main__":
    main()
