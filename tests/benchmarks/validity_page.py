"""Puts the reports of validity.py and power.py into words: python tests/benchmarks/validity_page.py

writes docs/validity.md
"""

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "validity.md"
LEVELS = ("0.05", "0.01")
NARROWER, PEERS = "mmd, narrower", ("alibi_detect", "hyppo")
TESTS = {
    "mmd": "`mmd`",
    "mmd, fuse": "fused",
    "mmd, narrower": "narrower",
    "alibi_detect": "alibi-detect",
    "hyppo": "hyppo",
}

HEAD = """# Are the p-values valid, and what do the tests find?

Written by `python tests/benchmarks/validity_page.py` from [validity.json](../reports/validity.json) and
[power.json](../reports/power.json), which name the commands that made them.

## Where nothing has shifted

A p-value is valid if it lies at or below a level at most as often as the level says. Source and target were drawn from
one distribution {nulls} times in each of {n_cells} settings, and every measure with a p-value was called as users call
it, with {least_b} permutations (`conditional` with {most_b}). Where the level is 5 % up to {most_05} rejections may
then show, where it is 1 % up to {most_01}: more would happen by chance in one of {family} such tables ({upper}
comparisons, one-sided, Bonferroni). {found}

How often, in percent, p was at most 0.05 and at most 0.01: lowest and highest of all settings. "Both ways" marks
measures that claim to be exact and whose statistic takes very many values: there, rejecting too rarely would count as a
fault as well, in the settings without ties. The others may reject too rarely: they have few different values.

{by_measure}

The settings, and the highest share of all measures there:

{by_cell}

The check can fail: {controls}.

## Where something has shifted

How often the tests reject at 5 %, with {permutations} permutations, on the same {repetitions} pairs of samples in {d}
dimensions, all settings as they come; alibi-detect {alibi} and hyppo {hyppo}. `mmd` is the default of this project, a
Gaussian kernel exp(-r^2/2) with r in units of the median distance of the pooled sample; fused is `aggregate = "fuse"`;
narrower is `mmd` at the median over sqrt(2), exp(-r^2), as in the code of Gretton et al. and in alibi-detect. That one
takes the median of the source alone: a rule that knows the sides, so that its test is not exact.

{power}

Differences in points with their 95 % intervals, from pairs of tests of the same samples:

{differences}

{lower}

The bandwidth makes the difference, as `mmd` at the narrower one shows, and none is best for all: the narrower finds
more changes of spread and correlation, the wider more of a few samples far away. At worst fused bandwidths lie
{worst_fused} points below another tool, and `mmd` {worst_mmd}: where spread or correlation may have changed, ask for
`aggregate = "fuse"`.
"""


def percent(share):
    """A share, as people read it."""
    return f"{100 * share:.1f}"


def table(head, lines):
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


def extremes(rows, level):
    """Lowest and highest share of rejections."""
    shares = [r["rejections"][level] / r["nulls"] for r in rows]
    return f"{percent(min(shares))} to {percent(max(shares))}"


def by_measure(rows):
    """One line for each measure and its options."""
    lines = []
    for asked in dict.fromkeys(r["asked"] for r in rows):
        own = [r for r in rows if r["asked"] == asked]
        measure, *options = asked.split(", ")
        name = ", ".join([f"`{measure}`", *options])
        both = "both ways" if any(r["two_sided"] for r in own) else ""
        lines.append([name, own[0]["claim"], *(extremes(own, level) for level in LEVELS), both])
    return table(["measure", "claims to be", "at 5 %", "at 1 %", ""], lines)


def by_cell(report):
    """One line for each setting."""
    lines = []
    for name, cell in report["cells"].items():
        own = [r for r in report["rows"] if r["cell"] == name]
        highest = [percent(max(r["rejections"][level] / r["nulls"] for r in own)) for level in LEVELS] if own else []
        if own:
            lines.append([name, cell["says"], f"{cell['n']} : {cell['m']}", str(cell["d"]), *highest])
    return table(["setting", "", "source : target", "features", "at 5 %", "at 1 %"], lines)


def controls(rows):
    """What comes of a mistake that is made on purpose."""
    told = [f"{percent(r['rejections']['0.05'] / r['nulls'])} % for `{r['asked']}`" for r in rows]
    return f"where samples come in groups and the groups are not given, p is at most 0.05 in {', '.join(told)}"


def found(report):
    """What the check of validity came to."""
    if not report["faults"]:
        return "No measure shows more in any setting."
    told = [f"`{asked}` in {cell!r} at {level} ({what}: {seen})" for asked, cell, level, what, seen in report["faults"]]
    return f"At fault are {'; '.join(told)}."


def where(row):
    """A setting of the comparison of power, in words."""
    strength = "" if row["shift"] == "none" else f" {row['strength']:g}"
    return f"{row['shift']}{strength}, {row['n']} against {row['m']}"


def power(rows):
    """How often each test rejects."""
    lines = [[where(r), *(percent(r["power"][name]) for name in TESTS)] for r in rows]
    return table(["shift", *TESTS.values()], lines)


def between(difference):
    """A difference of shares with its interval, in points."""
    return f"{100 * difference['difference']:+.1f} [{100 * difference['low']:+.1f}, {100 * difference['high']:+.1f}]"


def differences(rows):
    """How much more often this project's tests reject."""
    shifted = [r for r in rows if r["shift"] != "none"]
    names = [name for name in shifted[0]["differences"] if not name.startswith(NARROWER)]
    words = [" less ".join(TESTS[part] for part in name.split(" - ")) for name in names]
    lines = [[where(r), *(between(r["differences"][name]) for name in names)] for r in shifted]
    return table(["shift", *words], lines)


def lower(rows):
    """Where another tool finds more, beyond chance."""
    told = []
    for name in rows[0]["differences"]:
        mine, other = name.split(" - ")
        places = [where(r) for r in rows if r["shift"] != "none" and r["differences"][name]["high"] < 0]
        if mine != NARROWER:
            told.append(f"- {TESTS[mine]} less than {TESTS[other]}: {'; '.join(places) or 'nowhere'}")
    return "\n".join(["Found less often beyond chance:", "", *told])


def worst(rows, mine):
    """By how much a test finds less than another tool where it does worst, in points."""
    gaps = [
        r["differences"][f"{mine} - {other}"]["difference"] for r in rows if r["shift"] != "none" for other in PEERS
    ]
    return percent(-min(gaps))


def page(validity, tested):
    """The page that people read."""
    permutations = [r["permutations"] for r in validity["rows"]]
    limits = validity["limits"]
    return HEAD.format(
        nulls=f"{validity['nulls']:,}".replace(",", " "),
        n_cells=len({r["cell"] for r in validity["rows"]}),
        least_b=min(permutations),
        most_b=max(permutations),
        most_05=f"{percent(limits['0.05']['most'] / validity['nulls'])} %",
        most_01=f"{percent(limits['0.01']['most'] / validity['nulls'])} %",
        family=round(1 / validity["family"]),
        upper=validity["comparisons"]["upper"],
        found=found(validity),
        by_measure=by_measure(validity["rows"]),
        by_cell=by_cell(validity),
        controls=controls(validity["controls"]),
        permutations=tested["permutations"],
        repetitions=tested["rows"][0]["repetitions"],
        d=tested["d"],
        alibi=tested["versions"]["alibi-detect"],
        hyppo=tested["versions"]["hyppo"],
        power=power(tested["rows"]),
        differences=differences(tested["rows"]),
        lower=lower(tested["rows"]),
        worst_fused=worst(tested["rows"], "mmd, fuse"),
        worst_mmd=worst(tested["rows"], "mmd"),
    )


def main():
    """Write the page."""
    reports = (json.loads((ROOT / "reports" / f"{name}.json").read_text()) for name in ("validity", "power"))
    PAGE.write_text(page(*reports), encoding="utf-8")


if __name__ == "__main__":
    main()
