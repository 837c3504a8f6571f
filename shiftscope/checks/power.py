"""PW4xx: where there are too few samples, or too few permutations, to say more."""

from __future__ import annotations

from collections.abc import Iterator

from shiftscope.core.records import Finding, RunRecord

__all__ = ["check_power"]

FEW_PER_CLASS = 10


def check_power(record: RunRecord) -> Iterator[Finding]:
    """Find leaders that cannot be told apart (PW401), tiny classes (PW402), too few permutations (PW403)."""
    for ranking in record.rankings:
        leaders = ranking.best_set
        if len(leaders) > 1:
            n = record.inputs[ranking.target].n
            yield Finding(
                code="PW401",
                severity="note",
                subject=ranking.target,
                title=f"The first {len(leaders)} candidates cannot be told apart with {n} samples.",
                message=f"{', '.join(leaders)}: choose by cost, or label more samples.",
                evidence={"candidates": list(leaders), "n": n, "level": ranking.level},
            )
    for card in record.inputs.values():
        few = {c: k for c, k in card.classes.items() if k < FEW_PER_CLASS}
        if few:
            yield Finding(
                code="PW402",
                severity="warning",
                subject=card.name,
                title=f"{card.name}: {len(few)} of {len(card.classes)} classes have under {FEW_PER_CLASS} samples.",
                message="Held-out numbers of so few samples are coarse: label more of them.",
                evidence={"classes": dict(few)},
            )
    yield from _too_few_permutations(record)


def _too_few_permutations(record: RunRecord) -> Iterator[Finding]:
    for diagnosis in record.diagnoses:
        count = sum(row.pvalue is not None for row in diagnosis.rows)
        compared = (diagnosis.source, diagnosis.target, diagnosis.backbone)
        for result in record.results:
            estimate = result.estimate
            if estimate is None or estimate.pvalue is None:
                continue
            if (result.source, result.target, result.backbone) != compared:
                continue
            permutations = result.options.get("n_permutations")
            if isinstance(permutations, int) and count / (permutations + 1) > diagnosis.alpha:
                yield Finding(
                    code="PW403",
                    severity="warning",
                    subject=diagnosis.backbone,
                    title=f"{result.measure}: {permutations} permutations cannot reach level {diagnosis.alpha:g}.",
                    message=f"Set n_permutations to at least {round(count / diagnosis.alpha) - 1}.",
                    evidence={"n_permutations": permutations, "n_tests": count},
                )
