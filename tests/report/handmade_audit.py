"""Audits made by hand: gaps and scores drawn at random, small, unfinished, hostile and large."""

import numpy as np
from handmade import HOSTILE, PROVENANCE, card, input_card
from scipy.stats import norm

from shiftscope.analysis.audit.foretold import reliabilities
from shiftscope.core.audit import Accuracy, Audit, AuditedBackbone, AuditedTarget, ForetoldGap, Gap, Score, SearchedRate
from shiftscope.core.records import RunRecord

# name, family, overlap, constructed
WEIGHTS = (
    ("mnv1_025_imagenet", "imagenet", (), ""),
    ("mnv1_075_imagenet", "imagenet", (), ""),
    ("resnet8_cifar10", "cifar", ("cifar10",), ""),
    ("resnet20_mnist", "digits", ("mnist",), ""),
    ("mnv1head_yamnet256_audio", "audio", (), ""),
    ("mnv1_025_shuffled", "shuffled", (), "trained on ImageNet pictures with shuffled labels"),
)
# name, group
TARGETS = (("pacs_sketch", "pacs"), ("pacs_photo", "pacs"), ("cifar10", "cifar10"), ("mnist", "digits"))
ARMS = ("linear", "full", "scratch", "best", "pixels")
KNOWN = {(name, target) for name, _, overlap, _ in WEIGHTS for target in overlap}
ADVISERS = ("logme", "hscore", "ridge", "knn", "aggregate", "gain_over_random", "gain_over_pixels")
BASELINES = ("static_prior", "random", "other_seed")
# Centre of a gap: frozen heads and constructed weights fare worse.
CENTRE = {"full_vs_scratch": 0.04, "head_vs_scratch": -0.03, "best_vs_pixels": 0.12}


def gap(value, se, **where):
    return Gap(gap=value, se=se, se_images=se / 2, n_runs=2, n_images=900, **where)


def gaps(rng, weights, targets, regimes):
    found = []
    for name, _, _, constructed in weights:
        for target, _ in targets:
            for regime in regimes:
                for question, centre in CENTRE.items():
                    where = {"question": question, "backbone": name, "target": target, "regime": regime}
                    value = float(rng.normal(centre - (0.1 if constructed else 0.0), 0.06))
                    found.append(gap(value, float(rng.uniform(0.006, 0.02)), **where))
    return found


def accuracies(rng, weights, targets, regimes):
    found = []
    for name, *_ in weights:
        for target, _ in targets:
            for regime in regimes:
                for arm in ARMS:
                    runs = [float(r) for r in rng.uniform(0.3, 0.9, 2)]
                    mean = float(np.mean(runs))
                    found.append(
                        Accuracy(backbone=name, target=target, regime=regime, arm=arm, mean=mean, runs=runs)
                    )  # fmt: skip
    return found


def scores(rng, truths=("best", "full", "linear"), groups=3):
    found = []
    for truth in truths:
        for i, predictor in enumerate((*ADVISERS, *BASELINES)):
            tau = {"random": 0.0, "other_seed": 0.86, "static_prior": 0.55}.get(predictor, 0.62 - 0.07 * i)
            lost = {"random": 0.09, "other_seed": 0.004, "static_prior": 0.02}.get(predictor, 0.015 + 0.006 * i)
            values = {
                "weighted_tau": (tau, 0.2), "weighted_tau_by_accuracy": (tau - 0.03, 0.2), "tau_b": (tau - 0.05, 0.2),
                "regret@1": (lost, min(0.01, lost)), "regret@3": (lost / 3, 0.002 if lost > 0.006 else 0.0),
                "top1": (0.3, 0.1),
            }  # fmt: skip
            found += [
                Score(predictor=predictor, truth=truth, statistic=s, value=v, low=v - h, high=v + h, n_places=24,
                      n_groups=groups)
                for s, (v, h) in values.items()
            ]  # fmt: skip
    found += [
        Score(predictor=p, truth="full_vs_scratch", statistic="spearman", value=float(rng.uniform(-0.2, 0.6)),
              low=-0.4, high=0.7, n_places=24, n_groups=groups)
        for p in (*ADVISERS, *BASELINES)
    ]  # fmt: skip
    return found


def rates(architectures):
    return [
        SearchedRate(
            architecture=name, arm=arm, rate=rate, validation={"0.001": 0.61, "0.003": 0.66, "0.01": 0.58 + rate}
        )
        for name in architectures
        for arm, rate in (("full", 0.003), ("scratch", 0.01))
    ]


def curves():
    budgets = (100, 300, 1000)
    found = {}
    for cell, low in (("mnv1_025_imagenet on pacs_sketch, 20", 0.3), ("resnet8_cifar10 on mnist, all", 0.6)):
        for arm, height in (("full", 0.3), ("scratch", 0.18)):
            found[f"{cell}: {arm}"] = {
                str(b): round(low + height * (1 - np.exp(-b / 200)), 4) for b in budgets
            }  # fmt: skip
    return found


def forecasts(rng, made, groups):
    """Forecasts of the natural gaps to scratch, half right, and their bins."""
    natural = {name for name, _, _, constructed in WEIGHTS if not constructed}
    found = []
    for g in made:
        if g.question != "best_vs_pixels" and g.backbone in natural and (g.backbone, g.target) not in KNOWN:
            happened = float(norm.cdf((-0.01 - g.gap) / g.se))
            forecast = round(0.5 * happened + 0.5 * float(rng.random()), 6)
            where = {"question": g.question, "backbone": g.backbone, "target": g.target, "regime": g.regime}
            found.append(ForetoldGap(**where, forecast=forecast, happened=happened))
    return {"foretold": found, "reliability": reliabilities(found, dict(groups))}


def audit(weights=WEIGHTS, targets=TARGETS, regimes=("20", "all"), seed=0, **parts):
    rng = np.random.default_rng(seed)
    n = len(weights) * len(targets) * len(regimes) * 6
    measured = gaps(rng, weights, targets, regimes)
    filled = {
        "targets": {name: AuditedTarget(group=group, n=3929, classes=7) for name, group in targets},
        "backbones": {
            name: AuditedBackbone(
                family=family, overlap=list(overlap), constructed=constructed, architecture=f"Net-{name[:8]}"
            )
            for name, family, overlap, constructed in weights
        },
        "n_cells": n,
        "n_planned": n,
        "gaps": measured,
        "accuracies": accuracies(rng, weights, targets, regimes),
        "scores": scores(rng),
        "spread": {f"{a}/{r}": float(rng.uniform(0.003, 0.02)) for a in ("linear", "full", "scratch") for r in regimes},
        "rates": rates(sorted({f"Net-{name[:8]}" for name, *_ in weights})),
        "curves": curves(),
        **forecasts(rng, measured, targets),
    }
    return Audit(**(filled | parts))


def audited(made):
    """A record of ``made``, with a card for each of its backbones and targets."""
    return RunRecord(
        kind="audit",
        spec={"schema": 1, "seeds": [0, 1], "pixels": 48, "steps": {"20": 300, "all": 500}},
        given={"schema": 1},
        inputs={name: input_card(name, "target") for name in made.targets},
        backbones={name: card(name) for name in made.backbones},
        provenance=PROVENANCE,
        audit=made,
    )


def small_audit():
    failed = {"mnv1_025_imagenet on mnist, all: full, seed 1": "the loss became infinite."}
    return audited(audit(failed=failed))


def unfinished_audit():
    """Six cells of 288, and nothing that can be said from them."""
    nothing = {
        "gaps": [],
        "accuracies": [],
        "scores": [],
        "spread": {},
        "rates": [],
        "curves": {},
        "foretold": [],
        "reliability": {},
    }
    return audited(audit(n_cells=6, n_planned=288, **nothing))


def hostile_audit():
    """Names that try to be something else than text."""
    weights = tuple((name, HOSTILE[0], (), HOSTILE[1] if i == 1 else "") for i, name in enumerate(HOSTILE))
    targets = (("<img src=x onerror=alert(2)>", "]]></desc><b>"), (HOSTILE[5], HOSTILE[2]))
    cell = f"{HOSTILE[0]} on {HOSTILE[5]}, {HOSTILE[2]}"
    return audited(
        audit(
            weights,
            targets,
            failed={HOSTILE[0]: "<b>no</b>"},
            curves={f"{cell}: full": {"100": 0.4, "300": 0.45}, f"{cell}: <i>arm": {"100": 0.3}},
            scores=[
                Score(
                    predictor=HOSTILE[0],
                    truth=HOSTILE[1],
                    statistic=s,
                    value=0.1,
                    low=0.0,
                    high=0.2,
                    n_places=1,
                    n_groups=1,
                )
                for s in ("weighted_tau", "regret@1", "<i>other")
            ],
        )
    )


def large_audit():
    """20 backbones, one of them constructed and two that know a target, on 12 targets in three regimes."""
    weights = [(f"network_number_{i:02}_of_a_family", f"family{i % 7}", (), "") for i in range(17)]
    weights += [("knows_first", "family1", ("target_00_x",), ""), ("knows_second", "family2", ("target_01_x",), "")]
    weights += [("noise_weights", "noise", (), "trained on noise")]
    targets = tuple((f"target_{i:02}_x", f"group{i // 2}") for i in range(12))
    return audited(audit(tuple(weights), targets, ("5", "20", "all")))
