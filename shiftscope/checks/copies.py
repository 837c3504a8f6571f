"""ST140: samples that source and target share."""

from __future__ import annotations

from collections.abc import Iterator

from shiftscope.checks.compared import compared
from shiftscope.core.records import Finding, RunRecord
from shiftscope.core.shift import Copies, ShiftDiagnosis

__all__ = ["check_copies"]

# Pairs of files that a message names.
NAMED = 2


def check_copies(record: RunRecord) -> Iterator[Finding]:
    """Find target samples that the source holds too (ST140).

    Exact copies are the same under every backbone. Near ones count when at least half of the backbones see any: one
    that cannot tell samples apart takes different ones for copies. A source that is the target itself is left to
    DQ304.
    """
    content = {(card.role, card.name): card.fingerprint for card in record.inputs.values()}
    for diagnoses in compared(record):
        known = [(d, d.copies) for d in diagnoses if d.copies is not None]
        near = [(d, copies) for d, copies in known if copies.n_near]
        if 2 * len(near) < len(known):
            near = []
        seen = near or [(d, _exact_only(copies)) for d, copies in known if copies.n_exact]
        if not seen:
            continue
        lead, copies = seen[0]
        itself = content.get(("target", lead.target), "target") == content.get(("source", lead.source), "source")
        if not itself:
            yield _shared(lead, copies, under=len(near), of=len(known))


def _exact_only(copies: Copies) -> Copies:
    return copies.model_copy(update={"n_near": 0, "examples": [pair for pair in copies.examples if pair.exact]})


def _shared(lead: ShiftDiagnosis, copies: Copies, *, under: int, of: int) -> Finding:
    count = copies.n_exact + copies.n_near
    pairs = ", ".join(f"{pair.target} = {pair.source}" for pair in copies.examples[:NAMED])
    seen_by = f"{under} of {of} backbones" if of > 1 else lead.backbone
    kinds = [f"{copies.n_exact} with the same content"] if copies.n_exact else []
    kinds += [f"{copies.n_near} with nearly the same features ({seen_by})"] if copies.n_near else []
    return Finding(
        code="ST140",
        severity="warning",
        subject=lead.target,
        title=f"{lead.target}: {count} of {lead.n_target} samples {'has a copy' if count == 1 else 'have copies'} in "
        f"{lead.source}.",
        message=(
            f"{' and '.join(kinds)}: {pairs}{' and others' if count > NAMED else ''}. Remove them from one side: "
            "they make the sets look more alike than they are, and scores on them say too much."
        ),
        evidence={
            "source": lead.source,
            "backbone": lead.backbone,
            "n_exact": copies.n_exact,
            "n_near": copies.n_near,
            "n_compared": copies.n_compared,
            "limit": copies.limit,
        },
    )
