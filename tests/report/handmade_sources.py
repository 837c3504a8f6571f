"""Records of several sources, made by hand: what is near, what is far, and what cannot be told."""

from handmade import assemble, card, input_card, shift_parts

from shiftscope.core.nearest import SourceDistance, SourceOrder

BACKBONES = ("mnv1_100_imagenet_embed", "resnet8_cifar10", "mnv1_025_imagenet")
TARGETS, SOURCES = ("sketch", "cartoon"), ("photo", "art_painting")


def order(target, sources=SOURCES, backbone=BACKBONES[0], *, gap=0.05, half=0.02, floor=0.004, size=400):
    """Sources in steps of ``gap`` from 0.1 on; an interval reaches ``half`` to either side."""
    rows = [SourceDistance(source=sources[0], effect=0.1, effect_se=0.008)]
    rows += [
        SourceDistance(
            source=name,
            effect=0.1 + i * gap,
            effect_se=0.008,
            further=i * gap,
            further_low=i * gap - half,
            further_high=i * gap + half,
        )
        for i, name in enumerate(sources[1:], 1)
    ]
    return SourceOrder(
        target=target, backbone=backbone, measure="mmd", rows=rows, floor=floor, size=size, n_splits=40, level=0.95
    )


def parts(targets=TARGETS, sources=SOURCES, backbones=BACKBONES[:1], *, gaps=(0.05, 0.01)):
    """Diagnoses of every pair under every backbone, and the order of sources; ``gaps`` are those of the targets."""
    shifts = [shift_parts(t, s, b) for t in targets for s in sources for b in backbones]
    return {
        "results": [r for shift in shifts for r in shift["results"]],
        "diagnoses": [d for shift in shifts for d in shift["diagnoses"]],
        "source_orders": [
            order(t, sources, b, gap=gap) for t, gap in zip(targets, gaps, strict=False) for b in backbones
        ],
    }


def several(targets=TARGETS, sources=SOURCES, backbones=BACKBONES[:1], **options):
    inputs = {t: input_card(t, "target", n=80) for t in targets} | {s: input_card(s, "source") for s in sources}
    cards = {b: card(b) for b in backbones}
    return assemble("shift", inputs=inputs, backbones=cards, **parts(targets, sources, backbones, **options))
