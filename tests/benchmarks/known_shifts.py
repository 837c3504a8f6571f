"""Which measure sees which known shift, from which strength on?

SHIFTSCOPE_DATA=/path/to/data python tests/benchmarks/known_shifts.py
writes reports/known_shifts.json and docs/known_shifts.md

A third of each data set is the source. The target is 150 of the other images, changed in one way
(``shiftscope.data.perturb``): ten kinds, five strengths, the same images wherever the kind lets them. All are
embedded by one network with batch norm. The unshifted rows are 20 other random cuts of the same images into source
and target. What each measure said of each row is kept beside the features and found again as long as the measure's
file is the same, so that an interrupted run goes on. About 15 minutes of one core from nothing.
"""

import hashlib
import inspect
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from shiftscope.analysis.shift import ALPHA
from shiftscope.backbones import open_backbones
from shiftscope.core.features import Pair
from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.seeds import stream
from shiftscope.core.shift import ShiftRow
from shiftscope.data import open_source, per_class
from shiftscope.data.perturb import KINDS, STRENGTHS, perturb
from shiftscope.data.perturb.pictures import PICTURES
from shiftscope.data.perturb.samples import SAMPLES
from shiftscope.errors import NotApplicableError
from shiftscope.extraction import Store, extract
from shiftscope.measures import MEASURES
from shiftscope.measures._holm import holm
from shiftscope.measures._noise_floor import noise_floor

ROOT = Path(__file__).parent.parent.parent
FILE, PAGE = ROOT / "reports" / "known_shifts.json", ROOT / "docs" / "known_shifts.md"
COMMAND = "SHIFTSCOPE_DATA=../shared/data python tests/benchmarks/known_shifts.py"
DATA = Path(os.environ.get("SHIFTSCOPE_DATA", "data"))
BACKBONE = "mnv1_075_imagenet"
SETS = ("pacs_photo", "trashnet")
N_TARGET = 150
N_UNSHIFTED = 20
# It says what a linear map can mend of a shift, not whether there is one.
LEFT_OUT = ("alignability",)
# Of what measures say beside their value: what findings can rest on.
DETAILS = (
    *("early", "late", "precision", "precision_null", "recall", "recall_null", "density", "size"),
    *("overlap", "x_shift", "excess", "excess_low", "excess_high", "marginal", "reweighted", "pvalues_holm", "null"),
)


class World:
    """One data set, its cuts into source and target, and their features."""

    def __init__(self, name, backbones, address=None, most=None):
        self.name, self.backbones = name, backbones
        images = open_source(address or f"imagefolder:{DATA}/images/{name}", name)
        self.images = images if most is None else images.take(per_class(images.target, most, 0))
        self.features = self._features(self.images)

    def pair(self, cut, kind=None, strength=None, n_target=N_TARGET):
        """Source and target of cut number ``cut``, the target changed where a kind is named; all of it for None."""
        n = self.images.n
        order = stream(cut, "known shifts", "cut").permutation(n)
        source, pool = self.features.take(order[: n // 3]), self.images.take(order[n // 3 :])
        # The same images come first under every kind.
        rank = {self.images.ids[row]: place for place, row in enumerate(order)}
        target = pool if kind is None else perturb(pool, kind, strength)
        target = target.take(np.argsort([rank[name] for name in target.ids])[:n_target])
        # Batch-norm statistics are of the images of one extraction: each target has its own.
        return Pair(source, self._features(target))

    def _features(self, images):
        return extract(images, self.backbones, store=Store(), device="cpu").features[BACKBONE]


def shift_measures():
    """Names of the measures that are asked."""
    return [m for m in MEASURES if MEASURES[m].kind == "shift" and m not in LEFT_OUT]


def asked(name, pair):
    """What one measure says of one pair, as plain data."""
    result = MEASURES[name].run(pair, target="target", backbone=BACKBONE, rng=0)
    if result.estimate is None:
        return {"status": result.status, "reason": result.reason}
    made = result.estimate
    known = {"value": made.value, "low": made.low, "high": made.high, "pvalue": made.pvalue}
    try:
        found = noise_floor(name, pair, seed=0)
        known |= {"effect": found.effect, "effect_se": found.effect_se, "floor": found.floor}
    except NotApplicableError as reason:
        known["no_floor"] = str(reason)
    known |= {k: made.details[k] for k in DETAILS if k in made.details}
    return {"status": "ok", **{k: v for k, v in known.items() if v is not None}}


def fingerprint(name):
    """Changes when the file of a measure does, or what is kept of it."""
    file = Path(inspect.getfile(MEASURES[name].function))
    return hashlib.sha256(file.read_bytes() + repr(DETAILS).encode()).hexdigest()[:12]


class Kept:
    """Answers of earlier runs."""

    def __init__(self):
        self.fingerprints = {m: fingerprint(m) for m in shift_measures()}
        self.file = cache_folder(None) / "known_shifts.json"
        self.answers = json.loads(self.file.read_text()) if self.file.exists() else {}

    def row(self, place, pair):
        """Answers of all measures for one pair, which is only made where an answer is missing."""
        keys = {m: f"{place} {m} {code}" for m, code in self.fingerprints.items()}
        missing = [m for m, key in keys.items() if key not in self.answers]
        if missing:
            here = pair()
            self.answers |= {keys[m]: asked(m, here) for m in missing}
            write_atomic(self.file, json.dumps(self.answers))
        return {m: self.answers[key] for m, key in keys.items()}


def judged(row, unshifted):
    """A row with ``sees``: did the measure see a shift, by the package's own judgement?

    With a p-value: Holm's p over the row is at most .05. Without: the value is beyond the 95th percentile of the
    unshifted cuts. In both cases the whole effect must be beyond the noise floor, too, where there is one. Two
    measures have findings with rules of their own: ``label_shift`` (ST110) and ``concept`` (ST120).
    """
    fine = {m: a for m, a in row.items() if a["status"] == "ok"}
    adjusted = dict(zip(fine, holm([a.get("pvalue") for a in fine.values()]), strict=True))
    made = {m: dict(answer) for m, answer in row.items()}
    for m, answer in fine.items():
        if "pvalue" in answer:
            made[m]["pvalue_holm"] = adjusted[m]
            large = answer["low"] > answer["null"] if m == "label_shift" else is_beyond(answer)
            made[m]["sees"] = bool(adjusted[m] <= ALPHA and large)
        elif m == "concept":
            made[m]["sees"] = answer["low"] > 0 and answer.get("effect", np.inf) > answer.get("floor", 0.0)
        else:
            made[m]["sees"] = is_rare(m, answer, unshifted) and is_beyond(answer)
    return made


def is_beyond(answer):
    """Whether the whole interval of the effect lies beyond the noise floor; yes where there is none."""
    sized = {name: answer.get(name) for name in ("effect", "effect_se", "floor")}
    return "floor" not in answer or ShiftRow(measure="", value=answer["value"], **sized).beyond


def is_rare(measure, answer, unshifted):
    """Whether one unshifted cut in twenty has a value as far out."""
    sign = 1 if MEASURES[measure].better == "lower" else -1
    usual = [sign * u[measure]["value"] for u in unshifted if u[measure]["status"] == "ok"]
    return bool(usual) and bool(sign * answer["value"] > np.quantile(usual, 0.95))


def from_strength(rows, measure):
    """Least strength from which on a measure sees a kind at every strength; None where it never does, "" for n/a."""
    told = [row[measure].get("sees") for row in rows]
    if all(t is None for t in told):
        return ""
    blind = [s for s, t in zip(STRENGTHS, told, strict=True) if not t]
    first = max(blind, default=0) + 1
    return first if first <= STRENGTHS[-1] else None


def table_of(world, kept):
    """Everything asked of one data set."""

    def unshifted_row(cut):
        return kept.row(f"{world.name} unshifted {cut}", lambda: world.pair(cut))

    others = [unshifted_row(cut) for cut in range(1, N_UNSHIFTED + 1)]
    rows = {"unshifted": {"0": judged(unshifted_row(0), others)}}
    for kind in KINDS:
        rows[kind] = {}
        for strength in STRENGTHS:
            row = kept.row(f"{world.name} {kind} {strength}", lambda k=kind, s=strength: world.pair(0, k, s))
            rows[kind][str(strength)] = judged(row, others)
        sys.stdout.write(f"{world.name} {kind}\n")
        sys.stdout.flush()
    again = [judged(row, [o for o in others if o is not row]) for row in others]
    fired = {m: [row[m]["sees"] for row in again if "sees" in row[m]] for m in shift_measures()}
    return {
        "n_source": world.images.n // 3,
        "n_target": N_TARGET,
        "classes": len(world.images.target.class_names),
        "seen_from_strength": {
            kind: {m: from_strength(list(rows[kind].values()), m) for m in shift_measures()} for kind in KINDS
        },
        "unshifted_cuts_that_fired": {m: f"{sum(told)} of {len(told)}" for m, told in fired.items()},
        "rows": rows,
    }


def rounded(value):
    """Five significant digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


HEAD = """# Which measure sees which shift

Written by `{command}`; all numbers, p-values and details are in [known_shifts.json](../reports/known_shifts.json).

Images of two data sets, changed on purpose by `perturb:KIND=STRENGTH:DATA`. A third of a set is the source ({sizes}),
{n_target} of the other images, changed, are the target; features are those of `{backbone}`. A measure *sees* a change
when its p-value, Holm-adjusted over all measures of the row, is at most {alpha} and the whole 95 % interval of its
effect lies beyond its noise floor: the same judgement as that of [ST101](findings.md). Without a p-value its value must
lie beyond the 95th percentile of {n_unshifted} unshifted cuts of the same images instead. `label_shift` and `concept`
are judged as ST110 and ST120 are. What the whole diagnosis says, and whether that is right:
[known_findings.md](known_findings.md).

| kind | strengths 1 to 5 | what they are |
|---|---|---|
{levels}
"""

TABLE = """
## {name}

The strength from which on each measure sees the change; `no` is never, `.` has no meaning here.

{seen}

Unshifted cuts on which it fired: {fired}.

Effect over noise floor at strength 5:

{effects}
"""


def page(levels, tables):
    """The page that people read."""
    sizes = ", ".join(f"{table['n_source']} of `{name}`" for name, table in tables.items())
    told = [
        f"| `{kind}` | {', '.join(f'{x:g}' for x in how['levels'])} | {how['unit']} |" for kind, how in levels.items()
    ]
    head = HEAD.format(
        command=COMMAND,
        sizes=sizes,
        n_target=N_TARGET,
        backbone=BACKBONE,
        alpha=ALPHA,
        n_unshifted=N_UNSHIFTED,
        levels="\n".join(told),
    )
    return head + "".join(part_of_page(name, table) for name, table in tables.items())


def part_of_page(name, table):
    """The tables of one data set."""
    fired = ", ".join(f"`{m}` {told}" for m, told in table["unshifted_cuts_that_fired"].items())
    return TABLE.format(
        name=name,
        seen=grid(KINDS, lambda m, kind: mark(table["seen_from_strength"][kind][m])),
        fired=fired,
        effects=grid((*KINDS, "unshifted"), lambda m, kind: times(list(table["rows"][kind].values())[-1][m])),
    )


def mark(strength):
    """A strength, as people read it."""
    return "no" if strength is None else strength or "."


def times(answer):
    """Effect over noise floor, as people read it."""
    return f"{answer['effect'] / answer['floor']:.1f}" if answer.get("floor") else "."


def grid(kinds, cell):
    """A Markdown table, measures down and kinds across."""
    lines = [["", *(kind.replace("_", " ") for kind in kinds)], ["---"] * (len(kinds) + 1)]
    lines += [[f"`{m}`", *(str(cell(m, kind)) for kind in kinds)] for m in shift_measures()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main():
    """Ask every measure about every row, and write the report and the page."""
    from threadpoolctl import threadpool_limits

    backbones = open_backbones(f"checkpoint:{DATA}/weights/manifest.json#{BACKBONE}", trust_code=True, seed=0)
    kept = Kept()
    with threadpool_limits(limits=1):
        tables = rounded({name: table_of(World(name, backbones), kept) for name in SETS})
    levels = {kind: {"levels": list(how.levels), "unit": how.unit} for kind, how in {**PICTURES, **SAMPLES}.items()}
    write_atomic(FILE, report(levels, tables))
    write_atomic(PAGE, page(levels, tables))


def report(levels, tables):
    """The report as JSON, one line for each answer."""
    head = {"command": COMMAND, "backbone": BACKBONE, "alpha": ALPHA, "n_unshifted": N_UNSHIFTED, "kinds": levels}
    head["data"] = {name: {k: v for k, v in table.items() if k != "rows"} for name, table in tables.items()}
    answers = [
        json.dumps(rounded({"data": name, "kind": kind, "strength": int(strength), "measure": m, **answer}))
        for name, table in tables.items()
        for kind, rows in table["rows"].items()
        for strength, row in rows.items()
        for m, answer in row.items()
    ]
    # Reasons call changed images by their address; where they lay on the disk of one machine is of no use.
    body = ",\n  ".join(answers).replace(f"imagefolder:{DATA}/images/", "")
    return json.dumps(rounded(head), indent=1).removesuffix("\n}") + f',\n "answers": [\n  {body}\n ]\n}}\n'


if __name__ == "__main__":
    main()
