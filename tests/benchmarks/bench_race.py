"""Does a race under a third of the images name the top set that full extraction names?

SHIFTSCOPE_DATA=/path/to/data python tests/benchmarks/bench_race.py [REPETITIONS]   writes reports/race.json

Pools: the 18 networks of the data folder, and 40: these, each of them with the last half of its layers random, and
four ImageNet networks with the last quarter random. Features of all 40 are extracted once per target (some 3 minutes
of one core each); races are replayed on slices of them. A repetition is another order of subsamples; folds and
half-samples keep their seed, as they do between a full ranking and a race of one run. Each race may embed a third of
what full extraction embeds; the top set of a ranking is its ``best_set``. About 8 seconds of one core per repetition
and target; finished repetitions are kept beside the features, so that an interrupted run goes on.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from shiftscope.analysis.race import LEVEL, race
from shiftscope.analysis.rank import AGGREGATE, measure_candidates, rank_candidates, standings
from shiftscope.backbones import open_backbones
from shiftscope.core.files import cache_folder, write_atomic
from shiftscope.data import open_source, per_class
from shiftscope.extraction import Store, extract
from shiftscope.finetune.constructed import partly_random

FILE = Path(__file__).parent.parent.parent / "reports" / "race.json"
DATA = Path(os.environ.get("SHIFTSCOPE_DATA", "data"))
PER_CLASS = {"pacs_sketch": 40, "trashnet": 45, "rsscn7_satellite": 40}
QUARTER = ("mnv1_025_imagenet", "mnv1_075_imagenet", "mnv1_100_imagenet_embed", "mnv2_100_imagenet")
SHARE = 1 / 3
WANTED = 0.95


def pools():
    """The 18 networks, and the 40."""
    real = open_backbones(f"checkpoint:{DATA}/weights/manifest.json#*", trust_code=True, seed=0)
    half = [_made(b, 0.5) for b in real]
    quarter = [_made(b, 0.25) for b in real if b.card.name in QUARTER]
    return list(real), [*real, *half, *quarter]


def _made(backbone, share):
    made = partly_random(backbone, share)
    return replace(made, card=made.card.model_copy(update={"name": f"{backbone.card.name}~{share:g}"}))


def features_of(target, backbones):
    """Features of all networks for one target."""
    source = open_source(f"imagefolder:{DATA}/images/{target}", target)
    source = source.take(per_class(source.target, PER_CLASS[target], 0))
    return extract(source, backbones, store=Store(), device="cpu").features


class Replay:
    """Measures on slices of the features of one target; what two pools share is measured once."""

    def __init__(self, features):
        self.features = features
        self.target = next(iter(features.values())).target
        self.known = {}

    def measured(self, names, index):
        """Results of the voting measures on the samples at ``index``."""
        key = index.tobytes()
        known = self.known.setdefault(key, {})
        for name in names:
            if name not in known:
                sliced = {name: self.features[name].take(index)}
                known[name] = measure_candidates(sliced, target="here", measures=AGGREGATE)
        return [result for name in names for result in known[name]]

    def judge(self, names, index, measures):
        """What a race asks for."""
        return standings(self.measured(names, index), target="here", aggregate=measures or AGGREGATE)

    def ranked(self, names, index, measures=AGGREGATE):
        """The ranking on the samples at ``index``."""
        return rank_candidates(self.measured(names, index), target="here", aggregate=measures)


def repetition(replay, names, full, seed):
    """One race, against the full ranking."""
    everything = replay.target.n * len(names)
    made, index = race(replay.target, names, replay.judge, budget=int(SHARE * everything), seed=seed)
    finalists = [e.backbone for e in made.entrants if e.stage is None]
    ranking = replay.ranked(finalists, index, full.measures)
    top, wanted = set(ranking.best_set), set(full.best_set)
    first = full.rows[0].backbone
    return {
        "seed": seed,
        "embedded": made.n_embedded / everything,
        "stages": [[s.n, s.n_candidates] for s in made.stages],
        "stopped": made.stopped,
        "top": sorted(top),
        "same_top_set": top == wanted,
        "covers_top_set": wanted <= top,
        "same_first": ranking.rows[0].backbone == first,
        "first_in_top_set": first in top,
        "first_dropped": first not in finalists,
        "any_of_top_set_dropped": not wanted <= set(finalists),
    }


def summary(rows, names, full):
    """Shares over the repetitions of one pool on one target."""
    flags = [key for key in rows[0] if isinstance(rows[0][key], bool)]
    shares = {key: float(np.mean([row[key] for row in rows])) for key in flags}
    embedded = [row["embedded"] for row in rows]
    return {
        "candidates": len(names),
        "repetitions": len(rows),
        "full_top_set": list(full.best_set),
        "measures": full.measures,
        "embedded_mean": float(np.mean(embedded)),
        "embedded_most": max(embedded),
        "top_set_size_mean": float(np.mean([len(row["top"]) for row in rows])),
        **shares,
        "stopped": {why: sum(row["stopped"] == why for row in rows) for why in ("one left", "full sample", "budget")},
        "reached": shares["same_top_set"] >= WANTED and max(embedded) <= SHARE,
    }


def main():
    """Replay races on every target, and write what was reached after each tenth repetition."""
    from threadpoolctl import threadpool_limits

    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    kept = cache_folder(None) / "bench_race.json"
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    small, large = pools()
    worlds = {}
    with threadpool_limits(limits=1):
        for target in PER_CLASS:
            replay = Replay(features_of(target, large))
            every = np.arange(replay.target.n)
            named = {str(len(p)): [b.card.name for b in p] for p in (small, large)}
            worlds[target] = replay, {size: (names, replay.ranked(names, every)) for size, names in named.items()}
            for size, (_, full) in worlds[target][1].items():
                sys.stdout.write(f"{target} {size}: full ranking's top set {full.best_set}\n")
        for seed in range(repetitions):
            for target, (replay, fulls) in worlds.items():
                replay.known = {k: v for k, v in replay.known.items() if k == np.arange(replay.target.n).tobytes()}
                for size, (names, full) in fulls.items():
                    done = rows.setdefault(target, {}).setdefault(size, [])
                    if len(done) <= seed:
                        done.append(repetition(replay, names, full, seed))
            write_atomic(kept, json.dumps(rows))
            if seed % 10 == 9 or seed == repetitions - 1:
                write(rows, worlds)


def write(rows, worlds):
    """Write the report of the repetitions so far."""
    found = {
        target: {size: summary(rows[target][size], names, full) for size, (names, full) in fulls.items()}
        for target, (_, fulls) in worlds.items()
    }
    images = {target: replay.target.n for target, (replay, _) in worlds.items()}
    head = {"budget_share": SHARE, "level": LEVEL, "wanted": WANTED, "images": images}
    write_atomic(FILE, json.dumps({**head, "pools": found}, indent=1) + "\n")
    for target, pools_found in found.items():
        for size, s in pools_found.items():
            said = ", ".join(f"{key} {s[key]:.2f}" for key in ("same_top_set", "first_in_top_set", "embedded_mean"))
            sys.stdout.write(f"{target} {size}: {s['repetitions']} repetitions, {said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
