"""Does the diagnosis name the right cause first, where the cause is known?

SHIFTSCOPE_DATA=/path/to/data python tests/benchmarks/known_findings.py [SET ...]
writes reports/known_findings.json and docs/known_findings.md

As in known_shifts.py a third of a data set is the source, and other images of it, changed in one way at the top
strength, are the target: all of them, and again the first 150. What the default diagnosis says of the shift (``ST``
findings, in their order) is held against RIGHT. The unshifted rows are 20 random cuts of the same images. The rules of
the findings were made on two of the sets; the others were looked at once, when the rules stood. What was said is kept
beside the features as long as the package's code is the same. About 40 minutes of one core from nothing.
"""

import hashlib
import json
import os
import sys
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

from known_shifts import BACKBONE, DATA, N_TARGET, N_UNSHIFTED, ROOT, World, rounded

import shiftscope as ss
from shiftscope.backbones import open_backbones
from shiftscope.core.features import Pair
from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.core.seeds import stream
from shiftscope.data.perturb import KINDS, STRENGTHS
from shiftscope.data.perturb.pictures import PICTURES

FILE, PAGE = ROOT / "reports" / "known_findings.json", ROOT / "docs" / "known_findings.md"
COMMAND = "SHIFTSCOPE_DATA=../shared/data python tests/benchmarks/known_findings.py"
# Which finding should come first. Written down before any set that is held out was looked at.
RIGHT = dict.fromkeys(PICTURES, ("ST101", "ST102")) | {
    "class_drop": ("ST103", "ST110"),
    "class_balance": ("ST110",),
    "label_flip": ("ST120",),
    "subpopulation": ("ST101", "ST103"),
}
MADE_ON = ("pacs_photo", "trashnet")
HELD_OUT = ("pacs_art_painting", "pacs_cartoon", "rsscn7_satellite", "bccd_bloodcells", "cifar10_test")
BAR = 9
# That one object was photographed twice is found in unshifted halves, too, and rightly.
COPIES = "ST140"
# What the package says depends on these rooms.
ROOMS = ("checks", "measures", "analysis", "kernels", "core")


def address(name):
    """Where a set is read from."""
    return f"npz:{DATA}/arrays/{name}.npz" if name == "cifar10_test" else f"imagefolder:{DATA}/images/{name}"


class Known:
    """What the diagnosis says of one data set, kept for the next run."""

    def __init__(self, name, backbones):
        self.world = World(name, backbones, address(name), most=120)
        self.code = fingerprint()
        self.folder = cache_folder(None) / "known_findings"

    def told(self, place, pair):
        """What is said of one pair, which is only made where it is not known yet."""
        file = self.folder / f"{self.world.name} {place} {self.code}.json"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomic(file, json.dumps(said(pair())))
        return json.loads(file.read_text())

    def shifted(self, kind):
        """What is said of one kind of change, of all images and of the first few."""
        made = {}

        def pair():
            if not made:
                made["pair"] = self.world.pair(0, kind, STRENGTHS[-1], n_target=None)
            return made["pair"]

        def few():
            target = pair().target
            return Pair(pair().source, target.take(range(min(N_TARGET, target.n))))

        return {"all": self.told(f"{kind} all", pair), "few": self.told(f"{kind} few", few)}

    def unshifted(self, cut):
        """What is said of a random cut of the same images."""
        n = self.world.images.n
        order = stream(cut, "known shifts", "cut").permutation(n)
        parts = order[: n // 3], order[n // 3 :]
        return self.told(f"unshifted {cut}", lambda: Pair(*map(self.world.features.take, parts)))


def fingerprint():
    """Changes when the code does that makes findings."""
    files = sorted(file for room in ROOMS for file in (ROOT / "shiftscope" / room).rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def said(pair):
    """Findings about the shift, in their order, and the numbers they rest on."""
    source, target = (replace(s, name=n, _memo={}) for s, n in ((pair.source, "source"), (pair.target, "target")))
    record = ss.diagnose(source, target, seed=0).record
    (diagnosis,) = record.diagnoses
    rows = {row.measure: row for row in diagnosis.rows}
    tested = [c for c in diagnosis.per_class if c.pvalue_holm is not None]
    return {
        "findings": [[f.code, f.severity] for f in record.findings if f.code.startswith("ST")],
        "n_target": target.n,
        "mmd_pvalue_holm": rows["mmd"].pvalue_holm,
        "mmd_band": rows["mmd"].band,
        "effect_over_floor": {m: row.ratio for m, row in rows.items() if row.ratio is not None},
        "coverage_pvalue_holm": rows["coverage"].pvalue_holm,
        "label_shift_pvalue_holm": rows["label_shift"].pvalue_holm,
        "concept": [rows["concept"].low, rows["concept"].high] if "concept" in rows else None,
        "classes_moved": [sum(c.pvalue_holm <= diagnosis.alpha for c in tested), len(tested)],
    }


def is_right(kind, answer):
    """Whether the right finding stands first."""
    return bool(answer["findings"]) and answer["findings"][0][0] in RIGHT[kind]


def table_of(known):
    """Everything said of one set, and how much of it is right."""
    kinds = {}
    for kind in KINDS:
        kinds[kind] = known.shifted(kind)
        sys.stdout.write(f"{known.world.name} {kind} {kinds[kind]['all']['findings']}\n")
        sys.stdout.flush()
    cuts = [known.unshifted(cut) for cut in range(1, N_UNSHIFTED + 1)]
    codes = [sorted({code for code, _ in cut["findings"]}) for cut in cuts]
    return {
        "n": known.world.images.n,
        "n_source": known.world.images.n // 3,
        "classes": known.world.images.target.n_classes,
        "right_first": {size: sum(is_right(k, kinds[k][size]) for k in KINDS) for size in ("all", "few")},
        "missed": {size: [k for k in KINDS if not is_right(k, kinds[k][size])] for size in ("all", "few")},
        "unshifted_with_a_finding": sum(any(code != COPIES for code in found) for found in codes),
        "unshifted_with_copies": sum(COPIES in found for found in codes),
        "unshifted_findings": [found for found in codes if found],
        "kinds": kinds,
    }


HEAD = """# Does the diagnosis name the right cause first?

Written by `{command}`; all numbers are in [known_findings.json](../reports/known_findings.json).

A third of each data set is the source; the other images, changed on purpose in one way at strength 5
(`perturb:KIND=5:DATA`, [known_shifts.md](known_shifts.md)), are the target. Features are those of `{backbone}`, and
`ss.diagnose(source, target)` ran with its defaults. What stands first of its findings about the shift is held against
what the change was. The rules ([findings.md](findings.md)) were made on {made_on}; the other sets were looked
at once, when the rules and the table of right answers stood. Unshifted rows are {n_unshifted} random cuts of the same
images. `ST140` (copies) is left out there: some objects were photographed twice.

The bar is {bar} of {n_kinds} kinds on every set that is held out: **{verdict}**.

{summary}

All unshifted cuts together: {false_rate}.

## What was said

With all of the other images as the target; findings in their order, notes in brackets.

{answers}

## What was missed

A small p-value beside an effect *within noise* means that the test rejects, but that the interval of the effect still
reaches the noise floor: no finding is made from a p-value alone.

{misses}
"""


def page(tables):
    """The page that people read."""
    return HEAD.format(
        command=COMMAND,
        backbone=BACKBONE,
        made_on=" and ".join(f"`{name}`" for name in MADE_ON),
        n_unshifted=N_UNSHIFTED,
        bar=BAR,
        n_kinds=len(KINDS),
        verdict=verdict(tables),
        summary=summary(tables),
        false_rate=false_rate(tables),
        answers=answers(tables),
        misses="\n".join(misses(tables)) or "Nothing.",
    )


def verdict(tables):
    """How many of the sets that are held out reach the bar."""
    held = [table["right_first"]["all"] for name, table in tables.items() if name in HELD_OUT]
    flips = [table["kinds"]["label_flip"]["all"] for table in tables.values()]
    called = sum(is_relation(answer) for answer in flips)
    return (
        f"{sum(k >= BAR for k in held)} of {len(held)} sets reach it ({', '.join(map(str, held))}); label flips are "
        f"called a changed relation, and no shift of inputs, on {called} of {len(flips)} sets"
    )


def is_relation(answer):
    """Whether a changed relation is what is said first, and nothing of inputs that moved."""
    codes = [code for code, _ in answer["findings"]]
    return codes[:1] == ["ST120"] and not {"ST101", "ST102", "ST103"} & set(codes)


def summary(tables):
    """One line for each set."""
    lines = [f"| data | source | classes | right first | with {N_TARGET} images | unshifted cuts with a finding |"]
    lines.append("|---|---|---|---|---|---|")
    for name, table in tables.items():
        right = table["right_first"]
        lines.append(
            f"| `{name}`{'' if name in HELD_OUT else ' (rules made here)'} | {table['n_source']} | {table['classes']} "
            f"| {right['all']} of {len(KINDS)} | {right['few']} of {len(KINDS)} "
            f"| {table['unshifted_with_a_finding']} of {N_UNSHIFTED} |"
        )
    return "\n".join(lines)


def false_rate(tables):
    """Unshifted cuts with a finding, where rules were made and elsewhere."""
    told = []
    for words, names in (("rules made", MADE_ON), ("held out", HELD_OUT)):
        counts = [table["unshifted_with_a_finding"] for name, table in tables.items() if name in names]
        told.append(f"{sum(counts)} of {len(counts) * N_UNSHIFTED} ({words})")
    return ", ".join(told)


def answers(tables):
    """Kinds down, sets across."""
    lines = [["kind", "right", *(f"`{name}`" for name in tables)], ["---"] * (len(tables) + 2)]
    for kind in KINDS:
        said_of = [listed(table["kinds"][kind]["all"]["findings"]) for table in tables.values()]
        lines.append([kind.replace("_", " "), " or ".join(RIGHT[kind]), *said_of])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def listed(findings):
    """Codes in their order, notes in brackets."""
    return ", ".join(code if severity == "warning" else f"({code})" for code, severity in findings) or "none"


def misses(tables):
    """One line for each kind whose right finding does not come first, with the numbers that say why."""
    for name, table in tables.items():
        for kind in table["missed"]["all"]:
            answer = table["kinds"][kind]["all"]
            moved, tested = answer["classes_moved"]
            relation = answer["concept"]
            held = "" if relation is None else f", concept [{relation[0]:.3f}, {relation[1]:.3f}]"
            yield (
                f"- `{name}`, {kind.replace('_', ' ')}: {listed(answer['findings'])}. MMD: Holm's p "
                f"{answer['mmd_pvalue_holm']:.3f}, effect {answer['effect_over_floor'].get('mmd', 0):.1f} floors "
                f"({answer['mmd_band']}); {moved} of {tested} classes moved; coverage p "
                f"{answer['coverage_pvalue_holm']:.3f}, label shift p {answer['label_shift_pvalue_holm']:.3f}{held}."
            )


def main(names):
    """Diagnose every change and every cut of the sets ``names``; without names all, and write report and page."""
    from threadpoolctl import threadpool_limits

    backbones = open_backbones(f"checkpoint:{DATA}/weights/manifest.json#{BACKBONE}", trust_code=True, seed=0)
    with threadpool_limits(limits=1):
        tables = rounded({name: table_of(Known(name, backbones)) for name in names or (*MADE_ON, *HELD_OUT)})
    if not names:
        write_atomic(FILE, json.dumps(report(tables), indent=1) + "\n")
        write_atomic(PAGE, page(tables))


def report(tables):
    """What the file holds."""
    head = {"command": COMMAND, "backbone": BACKBONE, "n_unshifted": N_UNSHIFTED, "bar": BAR, "right": RIGHT}
    return {**head, "made_on": MADE_ON, "held_out": HELD_OUT, "data": tables}


if __name__ == "__main__":
    main(sys.argv[1:])
