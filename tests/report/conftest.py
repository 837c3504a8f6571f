"""Records of every kind that a report must make sense of."""

import pytest
from handmade import (
    CLASSES,
    FINDINGS,
    HOSTILE,
    ZOO,
    assemble,
    card,
    coverage_details,
    input_card,
    projection,
    rank_parts,
    result,
    shift_parts,
    with_failure,
    with_gains,
)
from handmade_audit import hostile_audit, large_audit, small_audit, unfinished_audit
from handmade_forecasts import advice, arm
from handmade_sources import several

from shiftscope.core.records import Estimate, Finding, MeasureResult, Published, Skipped
from shiftscope.core.strategy import Reason


@pytest.fixture(scope="session")
def rank_record():
    return assemble("rank", **with_failure(rank_parts()), findings=FINDINGS[1:])


@pytest.fixture(scope="session")
def shift_record():
    inputs = {"sketch": input_card("sketch", "target", n=80), "photo": input_card("photo", "source")}
    backbone = {"mnv1_100_imagenet_embed": card("mnv1_100_imagenet_embed")}
    parts = shift_parts()
    where = {"target": "sketch", "source": "photo"}
    parts["results"] += [
        result("coverage", backbone=b, value=0.3, half=0.05, details=coverage_details(p, r), **where)
        for b, p, r in (("mnv1_100_imagenet_embed", 0.36, 0.02), ("another", 0.88, 0.95))
    ]
    return assemble("shift", inputs=inputs, backbones=backbone, findings=FINDINGS[:1], **parts)


@pytest.fixture(scope="session")
def still_record():
    """Two halves of one data set: nothing has moved."""
    inputs = {"sketch": input_card("sketch", "target", n=80), "photo": input_card("photo", "source")}
    backbone = {"mnv1_100_imagenet_embed": card("mnv1_100_imagenet_embed")}
    return assemble("shift", inputs=inputs, backbones=backbone, **shift_parts(moved=False))


@pytest.fixture(scope="session")
def full_record():
    """Eighteen candidates, a source under three backbones, findings, failures and a file left out."""
    parts = with_failure(rank_parts())
    shifts = [shift_parts(backbone=b) for b in ("mnv1_025_imagenet", "mnv1_100_imagenet_embed", "resnet8_cifar10")]
    for shift in shifts:
        parts["results"] += shift["results"]
    skipped = [Skipped(file="dog/n02103406_1345.jpg", reason="image file is truncated")]
    parts["inputs"] = {
        "sketch": input_card("sketch", "target", skipped=skipped),
        "photo": input_card("photo", "source", classes=(*CLASSES, "cello", "harp")),
    }
    parts["diagnoses"] = [d for shift in shifts for d in shift["diagnoses"]]
    return assemble("run", **parts, findings=FINDINGS)


@pytest.fixture(scope="session")
def large_record():
    """Twenty candidates on each of three targets, each with a diagnosis."""
    extra = tuple((f"another_network_number_{i}", *ZOO[i][1:]) for i in (3, 4))
    parts = rank_parts(("sketch", "art_painting", "cartoon"), (*ZOO, *extra), sharp=3.0)
    parts["inputs"]["photo"] = input_card("photo", "source")
    parts["diagnoses"] = []
    for target in ("sketch", "art_painting", "cartoon"):
        shift = shift_parts(target, moved=target != "cartoon")
        parts["results"] += shift["results"]
        parts["diagnoses"] += shift["diagnoses"]
    return assemble("run", **parts)


@pytest.fixture(scope="session")
def hostile_record():
    """Names, reasons and messages that try to be something else than text."""
    zoo = tuple((name, name, name, *ZOO[i][3:]) for i, name in enumerate(HOSTILE))
    target = "<img src=x onerror=alert(2)>"
    parts = rank_parts((target,), zoo)
    shift = shift_parts(target, "]]></desc><b>", HOSTILE[0])
    renamed = [
        c.model_copy(update={"name": name}) for c, name in zip(shift["diagnoses"][0].per_class, HOSTILE, strict=False)
    ]
    changed = {"per_class": renamed, "projection": projection(classes=HOSTILE)}
    parts["diagnoses"] = [shift["diagnoses"][0].model_copy(update=changed)]
    parts["results"] += shift["results"]
    parts["results"].append(
        MeasureResult(
            measure="<i>m", kind="transfer", target=target, backbone=HOSTILE[1], status="failed", reason="<b>no</b>"
        )
    )
    skipped = [Skipped(file="<script src=//evil>", reason="</td>")]
    parts["inputs"] = {
        target: input_card(target, "target", classes=HOSTILE, skipped=skipped),
        "]]></desc><b>": input_card("]]></desc><b>", "source"),
    }
    finding = Finding(code="DQ301", severity="error", subject=HOSTILE[0], title=HOSTILE[0], message=HOSTILE[1])
    return assemble("run", **parts, findings=[finding])


@pytest.fixture(scope="session")
def sparse_record():
    """No baselines, no costs, no intervals, no labels on the source, a candidate without the quality measure."""
    zoo = ZOO[:3]
    parts = rank_parts(zoo=zoo)
    names = {entry[0] for entry in zoo}
    point = [
        r.model_copy(update={"estimate": Estimate(value=r.estimate.value)})
        for r in parts["results"]
        if r.backbone in names and not (r.measure == "ridge" and r.backbone == zoo[1][0])
    ]
    rows = [row.model_copy(update={"random_copy": None, "p_rank": []}) for row in parts["rankings"][0].rows]
    bare = parts["rankings"][0].model_copy(update={"rows": [row for row in rows if not row.baseline]})
    shift = shift_parts(details={})
    gone = {
        "effect": None,
        "effect_se": None,
        "floor": None,
        "pvalue": None,
        "pvalue_holm": None,
        "low": None,
        "high": None,
    }
    blank = [row.model_copy(update=gone) for row in shift["diagnoses"][0].rows]
    diagnosis = shift["diagnoses"][0].model_copy(update={"rows": blank, "per_class": [], "not_compared": {}})
    cards = {
        "sketch": input_card("sketch", "target", n=9),
        "photo": input_card("photo", "source", classes=(), kind="none"),
    }
    return assemble(
        "run",
        inputs=cards,
        backbones={n: parts["backbones"][n] for n in names},
        results=point,
        rankings=[bare],
        diagnoses=[diagnosis],
    )


@pytest.fixture(scope="session")
def lone_record():
    """One candidate and no baseline."""
    parts = rank_parts(zoo=ZOO[:1])
    rows = [
        row.model_copy(update={"random_copy": None, "p_best": None})
        for row in parts["rankings"][0].rows
        if not row.baseline
    ]
    own = [r for r in parts["results"] if r.backbone == ZOO[0][0]]
    return assemble(
        "rank", **(parts | {"results": own, "rankings": [parts["rankings"][0].model_copy(update={"rows": rows})]})
    )


@pytest.fixture(scope="session")
def worse_record():
    """Every candidate at or below raw pixels."""
    return assemble("rank", **rank_parts(zoo=ZOO[-3:]))


@pytest.fixture(scope="session")
def paired_record():
    """Gains with intervals: 14 beat raw pixels, one cannot be told apart from them, three lie below."""
    return assemble("rank", **with_gains(with_failure(rank_parts())), findings=FINDINGS[1:])


@pytest.fixture(scope="session")
def advised_record():
    """Forecasts of all kinds for 18 candidates, and advice."""
    parts = advice(with_gains(with_failure(rank_parts())))
    outside = [arm("head", None, outside=["gain_over_pixels"]), arm("full", 0.5)]
    parts["forecasts"][4] = parts["forecasts"][4].model_copy(update={"arms": outside})
    cards = parts["backbones"]
    published = Published(dataset="ImageNet-1k", top1=0.706)
    cards = cards | {ZOO[1][0]: cards[ZOO[1][0]].model_copy(update={"published": published})}
    return assemble("rank", **(parts | {"backbones": cards}), findings=FINDINGS[1:])


@pytest.fixture(scope="session")
def hostile_advised_record():
    """Forecasts and advice with names, rules and reasons that try to be something else than text."""
    zoo = tuple((name, name, name, *ZOO[i][3:]) for i, name in enumerate(HOSTILE))
    parts = advice(rank_parts(("<img src=x onerror=alert(2)>",), zoo))
    reasons = [Reason(rule="<i>rule", says="</li><script>alert(3)</script>\u202e", scored=False)]
    parts["strategies"] = [s.model_copy(update={"reasons": reasons}) for s in parts["strategies"]]
    odd = [arm("head", None, outside=["<b>covariate"]), arm("full", 0.5)]
    parts["forecasts"][1] = parts["forecasts"][1].model_copy(update={"arms": odd})
    (ranking,) = parts["rankings"]
    choices = [c.model_copy(update={"why": "<b>why"}) for c in ranking.choices]
    return assemble("rank", **(parts | {"rankings": [ranking.model_copy(update={"choices": choices})]}))


@pytest.fixture(scope="session")
def copyless_record():
    """No random copies: gains over raw pixels, and no probability."""
    parts = advice(rank_parts(zoo=ZOO[:5]), of=lambda _: [])
    bare = [
        f.model_copy(update={"evidence": [e for e in f.evidence if e.baseline == "pixels"]}) for f in parts["forecasts"]
    ]
    (ranking,) = parts["rankings"]
    rows = [
        r.model_copy(update={"random_copy": None}) for r in ranking.rows if not r.baseline or r.backbone == "pixels"
    ]
    names = {row.backbone for row in rows}
    return assemble(
        "rank",
        **parts
        | {
            "forecasts": bare,
            "rankings": [ranking.model_copy(update={"rows": rows})],
            "results": [r for r in parts["results"] if r.backbone in names],
            "backbones": {name: parts["backbones"][name] for name in names},
        },
    )


@pytest.fixture(scope="session")
def large_advised_record():
    """Three targets with 20 candidates each, all forecast."""
    extra = tuple((f"another_network_number_{i}", *ZOO[i][1:]) for i in (3, 4))
    return assemble("rank", **advice(rank_parts(("sketch", "art_painting", "cartoon"), (*ZOO, *extra), sharp=3.0)))


@pytest.fixture(scope="session")
def empty_record():
    """Nothing but provenance."""
    return assemble("run", inputs={}, backbones={})


@pytest.fixture(scope="session")
def audit_record():
    """Six weights on four targets under two regimes, with scores, curves and a failed cell."""
    return small_audit()


@pytest.fixture(scope="session")
def unfinished_audit_record():
    return unfinished_audit()


@pytest.fixture(scope="session")
def hostile_audit_record():
    return hostile_audit()


@pytest.fixture(scope="session")
def large_audit_record():
    """20 backbones x 12 targets x 3 regimes."""
    return large_audit()


@pytest.fixture(scope="session")
def several_sources_record():
    """Two sources against two targets, and one that is a source as well."""
    return several(("sketch", "photo"), ("photo", "art_painting"))
