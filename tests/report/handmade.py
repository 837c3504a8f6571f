"""Parts of records made by hand: what a run leaves behind, without running one."""

import numpy as np

from shiftscope.core.image import InputTransform
from shiftscope.core.projection import ClassPlace, Points, Projection
from shiftscope.core.records import (
    BackboneCard,
    BackboneCost,
    ClassShift,
    Costs,
    Estimate,
    Finding,
    Gain,
    InputCard,
    MeasureResult,
    Provenance,
    Ranking,
    RankRow,
    RunRecord,
    ShiftDiagnosis,
    ShiftRow,
)

CLASSES = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")
# name, source domain, licence
CARDS = (
    ("mnv1_100_imagenet_embed", "natural objects (ImageNet-1k), no classifier", "Apache-2.0"),
    ("mnv1_075_imagenet", "natural objects (ImageNet-1k)", "Apache-2.0"),
    ("mnv2_100_imagenet", "natural objects (ImageNet-1k)", "Apache-2.0"),
    ("mnv1_025_imagenet", "natural objects (ImageNet-1k)", "Apache-2.0"),
    ("resnet8_cifar10", "tiny natural objects (CIFAR-10)", "Apache-2.0"),
    ("mnv1head_yamnet256_audio", "audio log-mel spectrograms (AudioSet)", "Apache-2.0 (src)"),
    ("resnet56_cifar10", "tiny natural objects (CIFAR-10)", "BSD-2-Clause"),
    ("resnet20_cifar10", "tiny natural objects (CIFAR-10)", "BSD-2-Clause"),
    ("resnet32_cifar10", "tiny natural objects (CIFAR-10)", "BSD-2-Clause"),
    ("mnv2_100_inat_birds", "birds (iNaturalist 2017, 964 species + none)", "Apache-2.0"),
    ("mobilefacenet_faces", "faces: identity recognition", ""),
    ("minifasnet_v2_face_spoof", "faces: live vs spoof (print/screen attack)", "Apache-2.0"),
    ("octnet_retina", "medical: retinal OCT scans", "none stated (research use only)"),
    ("resnet20_mnist", "handwritten digits", "MNIST (CC BY-SA 3.0)"),
    ("mnv2_035_flowers", "flowers (5-class TF flowers), trained from scratch", "Apache-2.0"),
    ("resnet20_rsscn7", "satellite scenes (RSSCN7, 32 px)", ""),
    ("sketchcnn_quickdraw", "line sketches (Quick, Draw! bitmaps, 20 classes)", "MIT"),
    ("mnv1_025_vww_person", "street/indoor photos: person vs no person", "Apache-2.0"),
)
# accuracy, that of its random copy, parameters, MFLOPs, images/s, features
NUMBERS = (
    (0.799, 0.214, 3206976, 580, 96, 1024),
    (0.795, 0.236, 2585560, 340, 150, 768),
    (0.777, 0.228, 3504872, 320, 122, 1280),
    (0.705, 0.228, 470072, 28, 900, 256),
    (0.656, 0.388, 78186, 25, 4600, 64),
    (0.647, 0.451, 133632, 22, 2100, 256),
    (0.638, 0.348, 853018, 252, 740, 64),
    (0.636, 0.321, 269722, 81, 1900, 64),
    (0.616, 0.352, 464154, 138, 1300, 64),
    (0.603, 0.228, 3460037, 320, 119, 1280),
    (0.589, 0.268, 1003136, 440, 64, 128),
    (0.580, 0.254, 434560, 100, 400, 128),
    (0.509, 0.402, 880084, 900, 33, 784),
    (0.442, 0.337, 269722, 82, 1900, 64),
    (0.437, 0.179, 402533, 60, 610, 1280),
    (0.362, 0.321, 269527, 82, 1900, 64),
    (0.246, 0.504, 645044, 18, 5200, 128),
    (0.214, 0.206, 213586, 16, 1400, 256),
)
ZOO = tuple((*card, *numbers) for card, numbers in zip(CARDS, NUMBERS, strict=True))


def card(name, domain="", licence="", *, uri="", random=False):
    pixels = uri.startswith("pixels:")
    transform = None if pixels else InputTransform(resize=160, crop=160, mean=(0.5,) * 3, std=(0.5,) * 3)
    return BackboneCard(
        name=name,
        uri=uri or f"checkpoint:manifest.json#{name}",
        library="pixels" if pixels else "archs",
        constructor="MobileNetV1",
        transform=transform,
        source_domain=domain,
        licence=licence,
        random=random,
        identity="ab" * 32,
    )


def result(measure, target, backbone, value, half, *, source=None, pvalue=None, level=0.95, details=None, options=None):
    low, high = (None, None) if half is None else (value - half, value + half)
    return MeasureResult(
        measure=measure,
        kind="shift" if source else "transfer",
        target=target,
        backbone=backbone,
        source=source,
        options=options or {},
        estimate=Estimate(
            value=value, low=low, high=high, level=None if half is None else level, pvalue=pvalue, details=details or {}
        ),
    )


def transfer_results(target, backbone, accuracy):
    return [
        result("hscore", target, backbone, round(5.2 * accuracy, 4), 0.2),
        result("knn", target, backbone, round(0.95 * accuracy, 4), 0.03),
        result("logme", target, backbone, round(0.6 * accuracy - 0.1, 4), 0.01),
        result("ridge", target, backbone, accuracy, 0.029, level=0.95),
    ]


def ranking(target, names, copies, *, sharp=1.0):
    """Rows with probabilities that fall with the rank; a larger ``sharp`` makes the leader surer."""
    n = len(names)
    places = np.arange(n)
    rows = []
    for i, name in enumerate(names):
        weight = np.exp(-sharp * np.abs(places - i) ** 1.3)
        share = weight / weight.sum()
        rows.append(
            RankRow(
                backbone=name,
                rank=i + 1,
                mean_rank=i + 1.0,
                mean_rank_low=max(1.0, i - 0.3),
                mean_rank_high=min(float(n), i + 2.1),
                p_best=round(float(share[0]), 6),
                p_rank=[round(float(s), 6) for s in share],
                ranks={"logme": i + 1.0, "knn": i + 1.0, "hscore": i + 1.0},
                random_copy=copies.get(name),
            )
        )
    rows += [RankRow(backbone=b, baseline=True) for b in ["pixels", *copies.values()]]
    return Ranking(target=target, measures=["logme", "knn", "hscore"], rows=rows, n_draws=100, level=0.9)


def input_card(name, role, *, n=120, classes=CLASSES, kind="class", skipped=()):
    return InputCard(
        name=name,
        uri=f"imagefolder:data/{name}",
        role=role,
        n=n * len(classes) if classes else n,
        n_available=n * max(1, len(classes)) + 40,
        kind=kind,
        classes=dict.fromkeys(classes, n),
        fingerprint="9f2c41ab" * 8,
        skipped=list(skipped),
    )


PROVENANCE = Provenance(
    created="2026-11-21T07:40:12+00:00",
    command=["shiftscope", "rank", "imagefolder:data/sketch", "--backbone", "checkpoint:weights/manifest.json#*"],
    versions={"shiftscope": "0.1.0", "python": "3.11.9", "numpy": "2.1.0", "torch": "2.5.1"},
    platform="Linux x86_64",
    device="cpu",
    threads=2,
    git="4c8d21f",
)


def assemble(kind, **parts):
    return RunRecord(
        kind=kind,
        spec={"schema": 1, "seed": 7, "targets": {"sketch": "imagefolder:data/sketch"}, "per_class": 120},
        given={"targets": {"sketch": "imagefolder:data/sketch"}, "seed": 7},
        provenance=PROVENANCE,
        **parts,
    )


def rank_parts(targets=("sketch",), zoo=ZOO, *, sharp=1.0):
    """Everything of a ranking, with the pixel baseline and a random copy of each candidate."""
    names = [entry[0] for entry in zoo]
    copies = {name: f"{name}@random" for name in names}
    cards = {"pixels": card("pixels", uri="pixels:")}
    costs = {"pixels": BackboneCost(dim=3400, images_per_second=800.0)}
    results = []
    for name, domain, licence, _, _, parameters, mflops, speed, dim in zoo:
        cost = BackboneCost(parameters=parameters, flops=mflops * 10**6, images_per_second=float(speed), dim=dim)
        cards[name], costs[name] = card(name, domain, licence), cost
        cards[copies[name]], costs[copies[name]] = card(copies[name], random=True), cost
    for target in targets:
        results += transfer_results(target, "pixels", 0.411)
        for name, _, _, accuracy, at_random, *_ in zoo:
            results += transfer_results(target, name, accuracy)
            results += transfer_results(target, copies[name], at_random)
    return {
        "inputs": {t: input_card(t, "target") for t in targets},
        "backbones": cards,
        "results": results,
        "rankings": [ranking(t, names, copies, sharp=sharp) for t in targets],
        "costs": Costs(
            n_store_hits=20, backbones=costs, seconds={"features": 3.25, "measure transfer": 12.5, "measure shift": 4.0}
        ),
    }


def with_gains(parts, half=0.03):
    """The same parts, with intervals of gains as wide as ``half`` on either side."""
    value = {(r.target, r.backbone): r.estimate.value for r in parts["results"] if r.measure == "ridge"}

    def gain(target, name, baseline):
        found = value[target, name] - value[target, baseline]
        return Gain(measure="ridge", value=found, low=found - half, high=found + half, level=0.95)

    def row(target, r):
        if r.baseline:
            return r
        over = {"over_pixels": gain(target, r.backbone, "pixels"), "over_random": None}
        if r.random_copy is not None:
            over["over_random"] = gain(target, r.backbone, r.random_copy)
        return r.model_copy(update=over)

    changed = [k.model_copy(update={"rows": [row(k.target, r) for r in k.rows]}) for k in parts["rankings"]]
    return parts | {"rankings": changed}


def null_details(b=999):
    rng = np.random.default_rng(0)
    counts, edges = np.histogram(rng.gamma(3, 0.0008, b) - 0.0024, bins=41)
    histogram = {"null_edges": [float(e) for e in edges], "null_counts": [int(k) for k in counts]}
    return histogram | {"bandwidth": 12.5, "smallest_pvalue": 1 / (b + 1)}


def roc_details():
    """Corners of a long curve, as a classifier with AUC 0.95 gives them."""
    wrong = np.linspace(0, 1, 40) ** 2
    right = wrong**0.0526  # the area below is 1/(1 + 0.0526)
    return {"auc": 0.95, "err": 0.12, "roc_false": wrong.round(4).tolist(), "roc_true": right.round(4).tolist()}


def projection(gap=2.0, n=120, classes=CLASSES, seed=0):
    """Clouds of samples whose means are ``gap`` apart along the first component."""
    rng = np.random.default_rng(seed)
    clouds = rng.normal(size=(2, n, 2)).round(2) * (0.5, 0.8) + [[[0, 0]], [[gap, 0]]]
    source, target = (Points(x=c[:, 0].round(2).tolist(), y=c[:, 1].round(2).tolist()) for c in clouds)
    places = [
        ClassPlace(name=c, source=(0.1 * i, 0.3 * i - 1), target=(gap + 0.1 * i, 0.2)) for i, c in enumerate(classes)
    ]
    return Projection(explained=(0.2816, 0.0931), n_fit=560, source=source, target=target, classes=places)


def coverage_details(precision=0.36, recall=0.02):
    return {
        "precision": precision,
        "precision_null": 0.93,
        "recall": recall,
        "recall_null": 0.91,
        "density": 0.2,
        "half_size": 100,
    }


def shift_parts(target="sketch", source="photo", backbone="mnv1_100_imagenet_embed", *, moved=True, details=None):
    """Everything of a diagnosis; ``moved`` puts the target 48 noise floors away, or within the floor."""
    far = 1.0 if moved else 0.012
    p = 0.001 if moved else 0.41
    where = {"target": target, "backbone": backbone, "source": source}
    tested = {"pvalue": p, "pvalue_holm": min(1, 4 * p)}

    def row(measure, value, half, floor, se, **rest):
        effect = value if moved or measure != "frechet" else -0.4
        ends = {"low": value - half, "high": value + half}
        return ShiftRow(
            measure=measure, value=value, **ends, effect=effect, effect_se=se, floor=floor, n_splits=20, **rest
        )

    rows = [
        row("mmd", 0.214 * far, 0.009 * far, 0.0045, 0.004 * far, **tested),
        row("proxy_a", 1.94 * far, 0.03 * far, 0.11, 0.02, **tested),
        row("wasserstein", 0.381 * far, 0.02 * far, 0.024, 0.004),
        row("frechet", 31.2 * far, 2.3 * far, 3.8, 0.9 * far),
    ]
    values = (0.149, 0.163, 0.181, 0.284, 0.192, 0.263, 0.312)
    per_class = [
        ClassShift(name=c, n_source=120, n_target=80, value=v * far if moved else v * far - 0.002, pvalue=p,
                   pvalue_holm=min(1, 7 * p))
        for c, v in zip(CLASSES, values, strict=True)
    ]  # fmt: skip
    per_class.append(ClassShift(name="violin", n_source=120, n_target=3, value=None, reason="3 samples are too few"))
    options = {"n_permutations": 999}
    details = null_details() if details is None else details
    rows_results = [
        result(r.measure, target, backbone, r.value, r.value * 0.05, source=source, pvalue=r.pvalue, options=options,
               details={"mmd": details, "proxy_a": roc_details()}.get(r.measure), level=0.9)
        for r in rows
    ]  # fmt: skip
    diagnosis = ShiftDiagnosis(
        **where,
        n_source=840,
        n_target=560,
        rows=rows,
        per_class=per_class,
        not_compared={"source": ["cello", "harp"]},
        projection=projection(2.0 if moved else 0.1),
    )
    return {"results": rows_results, "diagnoses": [diagnosis]}


FINDINGS = [
    Finding(code="ST101", severity="warning", subject="mnv1_100_imagenet_embed",
            title="sketch: inputs have moved from photo under mnv1_100_imagenet_embed.",
            message="MMD² 0.2135 is 47.4 times the noise floor of 0.0045; p = 0.001, Holm 0.004."),
    Finding(code="PW401", severity="note", subject="sketch",
            title="The first 2 candidates cannot be told apart with 840 samples.",
            message="mnv1_100_imagenet_embed, mnv1_075_imagenet: choose by cost, or label more samples."),
    Finding(code="DQ303", severity="error", subject="sketchcnn_quickdraw",
            title="sketchcnn_quickdraw: hscore could not be computed on sketch.",
            message="LinAlgError: eigenvalues did not converge. Its other measures stand.",
            evidence={"target": "sketch", "measure": "hscore"}),
]  # fmt: skip


def with_failure(parts):
    """The same parts, with one measure failed and one not applicable."""
    lost = [r for r in parts["results"] if not (r.measure == "hscore" and r.backbone == "sketchcnn_quickdraw")]
    failed = MeasureResult(
        measure="hscore", kind="transfer", target="sketch", backbone="sketchcnn_quickdraw", status="failed",
        reason="LinAlgError: eigenvalues did not converge.",
    )  # fmt: skip
    absent = MeasureResult(
        measure="leep", kind="transfer", target="sketch", backbone="resnet8_cifar10", status="not_applicable",
        reason="leep needs the outputs of a source head, and resnet8_cifar10 has none.",
    )  # fmt: skip
    return parts | {"results": [*lost, failed, absent]}


HOSTILE = (
    "</script><script>alert(1)</script>",
    "\"quoted\" & 'single' $x_1$ [bold]",
    "\u202egnirts desrever",
    "\u0634\u0628\u0643\u0629 \u0639\u0635\u0628\u064a\u0629",
    "\N{GRINNING FACE}\N{ZERO WIDTH JOINER}\N{FIRE} \u7f51\u7edc",
    "a_very_long_name_that_goes_on_and_on_and_does_not_stop_before_it_is_longer_than_any_column_could_ever_hold_v2",
)
