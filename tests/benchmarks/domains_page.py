"""What domains.py asks, and the page that it writes."""

COMMAND = "SHIFTSCOPE_DATA=../shared/data python tests/benchmarks/domains.py"
MEASURES = (
    *("mmd", "proxy_a", "frechet", "wasserstein", "energy", "coverage"),
    *("label_shift", "joint_error", "concept"),
)
WITHOUT_LABELS = MEASURES[:6]
NAMES = {"pacs": "PACS", "digits": "MNIST and UCI digits", "office_caltech": "Office-Caltech (SURF)"}
# Ranks of the two pairs of digits say nothing.
RANKED = ("pacs", "office_caltech")
LOSSES = {"probe_loss": "loss of a source probe", "source_gap": "gap of adding the source"}
N_DRAWS = 2000
# The network whose source is one of the domains here; the amount of labels that every target of it has.
NETWORK, TRAINED_ON, REGIME = "resnet20_mnist", "mnist", "20"
QUESTIONS = {"head_vs_scratch": "frozen features", "full_vs_scratch": "fine-tuned"}
PER_CLASS = 60

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

## What the trained networks of the ground truth say

Nothing about these pairs: none of the networks of `reports/groundtruth` was trained on one of these domains and tried
on another of the same collection (of PACS there are sketches alone, and no UCI digits). One of them, `{network}`, was
trained on MNIST and tried on {n_targets} other targets. Here is how far these are from MNIST in its eyes
({per_class} images of each class), and by how many points it beat training from scratch with {regime} labels a class.

{network_table}

Rank correlation with the loss. Of {n_targets} targets a correlation below 0.79 cannot be told from chance at 5 %, and
the tasks differ in more than their distance from MNIST: across tasks no measure of distance orders the losses here, as
those above order the sources of one task.

{network_ranks}
"""


def page(rows, agreements, network, ranks):
    """The page that people read."""
    return HEAD.format(
        command=COMMAND,
        n_draws=N_DRAWS,
        agreements=agreement_table(agreements),
        words=words(agreements),
        pairs="\n\n".join(pair_table(rows, name) for name in NAMES),
        network=NETWORK,
        n_targets=len(network),
        per_class=PER_CLASS,
        regime=REGIME,
        network_table=network_table(network),
        network_ranks=rank_table(ranks),
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


def network_table(rows):
    """The targets of one network, nearest first by MMD."""
    head = ["target", *QUESTIONS.values(), *(f"`{m}`" for m in WITHOUT_LABELS)]
    lines = [head, ["---"] * len(head)]
    for row in sorted(rows, key=lambda r: r["measures"]["mmd"]["value"]):
        gaps = [f"{100 * gap:+.1f} ± {100 * se:.1f}" for gap, se in row["gaps"].values()]
        lines.append([f"`{row['target']}`", *gaps, *(cell(row["measures"][m]) for m in WITHOUT_LABELS)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rank_table(ranks):
    """Measures down, questions across."""
    lines = [["measure", *QUESTIONS.values()], ["---"] * 3]
    lines += [[f"`{m}`", *map(number, by_question.values())] for m, by_question in ranks.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
