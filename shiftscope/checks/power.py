"""PW4xx: where there are too few samples, or too few permutations, to say more."""

from __future__ import annotations

from collections.abc import Iterator

from shiftscope.checks.compared import compared, row_of
from shiftscope.core.records import Finding, MeasureResult, RunRecord
from shiftscope.core.shift import BANDS, ShiftDiagnosis, ShiftRow

__all__ = ["check_power"]

FEW_PER_CLASS = 10
# Samples in each half that noise floors have where there are plenty: what is called very far there is the yardstick.
USUAL_SIZE = 400


def check_power(record: RunRecord) -> Iterator[Finding]:
    """Find leaders that cannot be told apart (PW401), tiny classes (PW402), too few permutations (PW403).

    And tests that did not reject, of so few samples that a large shift could have gone unseen (PW404).
    """
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
                title=f"{card.name}: {len(few)} of {len(card.classes)} classes {'has' if len(few) == 1 else 'have'} "
                f"under {FEW_PER_CLASS} samples.",
                message="Held-out numbers of so few samples are coarse: label more of them.",
                evidence={"classes": dict(few)},
            )
    yield from _too_few_permutations(record)
    yield from _too_few_samples(record)


def _too_few_permutations(record: RunRecord) -> Iterator[Finding]:
    """Find tests that could not have rejected, whatever the shift: each said once for all pairs that it holds for.

    Several pairs of one run share their tests, and so what is wrong with them.
    """
    said: set[tuple[str, str, str]] = set()
    for diagnosis in record.diagnoses:
        compared = (diagnosis.source, diagnosis.target, diagnosis.backbone)
        for result in record.results:
            if (result.source, result.target, result.backbone) != compared:
                continue
            for finding in _out_of_reach(diagnosis, result):
                about = (finding.subject, finding.title, finding.message)
                if about not in said:
                    said.add(about)
                    yield finding


def _out_of_reach(diagnosis: ShiftDiagnosis, result: MeasureResult) -> Iterator[Finding]:
    """Say why the p-value of one measure cannot be small enough: too few permutations, or ways to exchange samples."""
    estimate = result.estimate
    if estimate is None or estimate.pvalue is None:
        return
    count = diagnosis.n_adjusted
    permutations, least = result.options.get("n_permutations"), estimate.details.get("smallest_pvalue")
    if isinstance(permutations, int) and count / (permutations + 1) > diagnosis.alpha:
        yield Finding(
            code="PW403",
            severity="warning",
            subject=diagnosis.backbone,
            title=f"{result.measure}: {permutations} permutations cannot reach level {diagnosis.alpha:g}.",
            message=f"Set n_permutations to at least {round(count / diagnosis.alpha) - 1}.",
            evidence={"n_permutations": permutations, "n_tests": count},
        )
    elif isinstance(least, float) and count * least > diagnosis.alpha:
        more = "compare more samples or groups"
        shared = f": {more}" if count == 1 else f", and {count} tests share the level: {more}, or ask for fewer tests"
        yield Finding(
            code="PW403",
            severity="warning",
            subject=diagnosis.backbone,
            title=f"{result.measure}: so few samples or groups cannot reach level {diagnosis.alpha:g}.",
            message=f"However they are exchanged, p is at least {least:.2g}{shared}.",
            evidence={"smallest_pvalue": least, "n_tests": count},
        )


def _too_few_samples(record: RunRecord) -> Iterator[Finding]:
    """Find tests without a noise floor, and those that would have missed what is very far with the usual samples.

    A noise floor is about inversely proportional to the number of samples in its halves, so that with few samples
    nothing but huge shifts is called far: the floor is carried over to the usual size.
    """
    for diagnoses in compared(record):
        rows = [(d, row) for d in diagnoses if (row := row_of(d, "mmd")) is not None]
        if not rows:
            continue
        if all(row.floor is None for _, row in rows):
            yield _no_floor(*rows[0])
        elif all((row.pvalue_holm or 0.0) > d.alpha for d, row in rows):
            yield from _unseen(*rows[0])


def _no_floor(lead: ShiftDiagnosis, row: ShiftRow) -> Finding:
    where = {"source": lead.source, "backbone": lead.backbone}
    numbers = {"n_source": lead.n_source, "n_target": lead.n_target, "mmd": row.value}
    known = {} if row.pvalue_holm is None else {"pvalue_holm": row.pvalue_holm}
    told = "" if row.pvalue_holm is None else f" (Holm p = {row.pvalue_holm:.2g})"
    return Finding(
        code="PW404",
        severity="note",
        subject=lead.target,
        title=f"{lead.target}: too few samples to say how far it is from {lead.source}.",
        message=(
            f"{lead.n_target} samples against {lead.n_source} cannot be cut into halves: no noise floor is known "
            f"to hold the MMD\N{SUPERSCRIPT TWO} of {row.value:.2g}{told} against. Compare more samples."
        ),
        evidence={**where, **numbers, **known},
    )


def _unseen(lead: ShiftDiagnosis, row: ShiftRow) -> Iterator[Finding]:
    if row.detectable is None or row.floor is None or row.size is None:
        return
    far = BANDS["very far"] * row.floor * row.size / USUAL_SIZE
    if row.detectable <= far:
        return
    yield Finding(
        code="PW404",
        severity="note",
        subject=lead.target,
        title=f"{lead.target}: too few samples to rule out a large shift from {lead.source}.",
        message=(
            f"With {lead.n_target} samples against {lead.n_source} the MMD test did not reject (Holm p = "
            f"{row.pvalue_holm:.2g}). Under {lead.backbone} it finds an MMD\N{SUPERSCRIPT TWO} of {row.detectable:.2g} "
            f"in four of five cases; with {2 * USUAL_SIZE} samples a side {far:.2g} would be very far. Compare more "
            "samples before you take this for no shift."
        ),
        evidence={
            "source": lead.source,
            "backbone": lead.backbone,
            "detectable": row.detectable,
            "far": far,
            "floor": row.floor,
            "pvalue_holm": row.pvalue_holm,
        },
    )
