"""Findings from records made by hand: when each is made, and when it is not."""

import pytest

from shiftscope.checks import find
from shiftscope.core.records import (
    Estimate,
    InputCard,
    MeasureResult,
    Provenance,
    Ranking,
    RankRow,
    RunRecord,
    ShiftDiagnosis,
    ShiftRow,
    Skipped,
)


def data(name="sketch", *, classes=None, skipped=0, role="target"):
    classes = {"dog": 30, "horse": 30} if classes is None else classes
    n = sum(classes.values())
    lost = [Skipped(file=f"{i}.png", reason="truncated") for i in range(skipped)]
    kind = "class" if classes else "none"
    return InputCard(
        name=name, uri="npz:x", role=role, n=n, n_available=n, kind=kind, classes=classes, fingerprint="f", skipped=lost
    )


def record(**parts):
    inputs = parts.pop("inputs", [data()])
    return RunRecord(
        kind="run",
        spec={},
        given={},
        inputs={card.name: card for card in inputs},
        backbones={},
        provenance=Provenance(created="now"),
        **parts,
    )


def diagnosis(backbone="net", *, effect=0.3, floor=0.1, holm=0.004, target="sketch", pvalue=0.001, tests=1):
    row = ShiftRow(measure="mmd", value=0.3, pvalue=pvalue, pvalue_holm=holm, effect=effect, floor=floor)
    others = [row.model_copy(update={"measure": f"m{i}"}) for i in range(tests - 1)]
    return ShiftDiagnosis(
        source="photo", target=target, backbone=backbone, n_source=60, n_target=60, rows=[row, *others]
    )


def codes(made):
    return [finding.code for finding in find(made)]


def test_moved_inputs():
    (finding,) = find(record(diagnoses=[diagnosis()]))
    assert (finding.code, finding.severity, finding.subject) == ("ST101", "warning", "sketch")
    assert finding.title == "sketch: inputs have moved from photo under net."
    assert "effect of 0.3000 is 3.0 times the noise floor of 0.1000; p = 0.001, Holm 0.004" in finding.message


@pytest.mark.parametrize(
    "still",
    [
        {"effect": 0.09},  # within the floor, whatever the p-value
        {"holm": 0.06},  # not after the adjustment
        {"holm": None, "pvalue": None},
    ],
)
def test_inputs_that_have_not_moved(still):
    assert codes(record(diagnoses=[diagnosis(**still)])) == []


def test_no_shift_is_told_without_a_noise_floor():
    assert codes(record(diagnoses=[diagnosis(effect=None, floor=None)])) == ["PW404"]


def test_level_itself_rejects():
    assert codes(record(diagnoses=[diagnosis(holm=0.05)])) == ["ST101"]


def test_floor_of_zero_is_no_division():
    (finding,) = find(record(diagnoses=[diagnosis(floor=0.0)]))
    assert "is beyond the noise floor of 0.0000" in finding.message


def test_one_finding_for_all_backbones_with_the_numbers_of_the_best():
    rows = [RankRow(backbone=b, rank=i + 1, p_best=float(i == 0)) for i, b in enumerate(("bee", "ant"))]
    ranking = Ranking(target="sketch", measures=["knn"], rows=rows, n_draws=4, level=0.9)
    moved = [diagnosis("ant"), diagnosis("bee", effect=0.5), diagnosis("cat", effect=0.01)]
    (finding,) = find(record(diagnoses=moved, rankings=[ranking]))
    assert finding.title == "sketch: inputs have moved from photo under 2 of 3 backbones."
    assert (finding.evidence["backbone"], finding.evidence["effect"]) == ("bee", 0.5)


def test_each_target_has_its_own():
    inputs = [data(), data("art")]
    found = find(record(inputs=inputs, diagnoses=[diagnosis(), diagnosis(target="art")]))
    assert [(f.code, f.subject) for f in found] == [("ST101", "art"), ("ST101", "sketch")]


def test_files_left_out():
    one, two = find(record(inputs=[data("a", skipped=1), data("b", skipped=2)]))
    assert one.title == "a: 1 unreadable file left out."
    assert two.title == "b: 2 unreadable files left out."
    assert one.message.startswith("First: 0.png (truncated).")
    assert two.evidence["n_skipped"] == 2


def failed(measure, backbone, reason="It broke."):
    return MeasureResult(
        measure=measure, kind="transfer", target="sketch", backbone=backbone, status="failed", reason=reason
    )


def test_failures_of_one_reason_are_one_finding():
    results = [
        failed("knn", "net"),
        failed("logme", "net"),
        failed("knn", "other", "Memory"),
        failed("ridge", "net", "Z"),
    ]
    found = find(record(results=results))
    assert [(f.code, f.severity) for f in found] == [("DQ303", "error")] * 3
    assert {f.title for f in found} == {
        "net: knn, logme could not be computed on sketch.",
        "net: ridge could not be computed on sketch.",
        "other: knn could not be computed on sketch.",
    }
    assert {f.message for f in found} >= {
        "It broke. Other backbones and measures stand.",
        "Memory. Other backbones and measures stand.",
    }


def test_not_applicable_is_no_failure():
    result = failed("knn", "net").model_copy(update={"status": "not_applicable"})
    assert codes(record(results=[result])) == ["DQ305"]


def test_a_measure_with_a_warning_comes_with_it_once():
    where = {"measure": "sfda", "kind": "transfer", "target": "sketch"}
    results = [MeasureResult(**where, backbone=b, warning="In-sample.", estimate=Estimate(value=1)) for b in "ab"]
    (finding,) = find(record(results=results))
    assert (finding.code, finding.subject, finding.message) == ("DQ306", "sfda", "In-sample.")


def test_what_a_baseline_lacks_is_not_told():
    result = failed("leep", "pixels").model_copy(update={"status": "not_applicable"})
    rows = [RankRow(backbone="pixels", baseline=True)]
    ranking = Ranking(target="sketch", measures=[], rows=rows, n_draws=0, level=0.9)
    assert codes(record(results=[result], rankings=[ranking])) == []


def test_copies_and_a_source_that_is_the_target():
    twins = data().model_copy(update={"n_identical": 4, "n_conflicting": 2})
    (finding,) = find(record(inputs=[twins]))
    assert (finding.code, finding.severity, finding.evidence["n_conflicting"]) == ("DQ302", "warning", 2)
    assert codes(record(inputs=[data(), data("again", role="source")])) == ["DQ304"]


def test_leaders_that_cannot_be_told_apart():
    shares = {"a": 0.5, "b": 0.45, "c": 0.05}
    rows = [RankRow(backbone=b, rank=i + 1, p_best=p) for i, (b, p) in enumerate(shares.items())]
    ranking = Ranking(target="sketch", measures=["knn"], rows=rows, n_draws=100, level=0.9)
    (finding,) = find(record(rankings=[ranking]))
    assert (finding.code, finding.severity) == ("PW401", "note")
    assert finding.evidence["candidates"] == ["a", "b"]
    assert finding.title == "The first 2 candidates cannot be told apart with 60 samples."
    sure = [row.model_copy(update={"p_best": p}) for row, p in zip(rows, (0.9, 0.1, 0), strict=True)]
    assert codes(record(rankings=[ranking.model_copy(update={"rows": sure})])) == []


def test_small_classes():
    (finding,) = find(record(inputs=[data(classes={"dog": 9, "horse": 10, "house": 2})]))
    assert finding.code == "PW402"
    assert finding.title == "sketch: 2 of 3 classes have under 10 samples."
    assert finding.evidence["classes"] == {"dog": 9, "house": 2}
    assert codes(record(inputs=[data(classes={})])) == []
    (finding,) = find(record(inputs=[data(classes={"dog": 9, "horse": 10})]))
    assert finding.title == "sketch: 1 of 2 classes has under 10 samples."


def test_too_few_permutations():
    def result(target, n_permutations):
        estimate = Estimate(value=0.1, pvalue=0.05)
        return MeasureResult(
            measure="mmd",
            kind="shift",
            target=target,
            source="photo",
            backbone="net",
            estimate=estimate,
            options={"n_permutations": n_permutations},
        )

    diagnoses = [diagnosis(target=t, effect=0, tests=2) for t in ("art", "sketch")]
    inputs = [data(), data("art")]
    # Two tests at 5 %: 1 / (B + 1) must not exceed 2.5 %.
    enough = record(inputs=inputs, diagnoses=diagnoses, results=[result("art", 39), result("sketch", 39)])
    assert codes(enough) == []
    (finding,) = find(record(inputs=inputs, diagnoses=diagnoses, results=[result("art", 38), result("sketch", 39)]))
    assert finding.code == "PW403"
    assert finding.message == "Set n_permutations to at least 39."


@pytest.mark.parametrize(
    ("smallest", "tests", "found", "says"),
    [
        (0.02, 2, [], ""),
        (0.025, 2, [], ""),
        (0.03, 2, ["PW403"], "at least 0.03, and 2 tests share the level: compare more samples or groups, or ask for"),
        (0.06, 1, ["PW403"], "at least 0.06: compare more samples or groups."),
    ],
)
def test_too_few_groups_to_reach_the_level(smallest, tests, found, says):
    estimate = Estimate(value=0.1, pvalue=0.05, details={"smallest_pvalue": smallest})
    result = MeasureResult(
        measure="mmd",
        kind="shift",
        target="sketch",
        source="photo",
        backbone="net",
        estimate=estimate,
        options={"n_permutations": 999},
    )
    made = record(diagnoses=[diagnosis(effect=0, tests=tests)], results=[result])
    assert codes(made) == found
    for finding in find(made):
        assert finding.message.startswith(f"However they are exchanged, p is {says}")


def test_errors_come_first_then_codes():
    made = record(
        inputs=[data("a", skipped=1, classes={"dog": 3, "horse": 3})], results=[failed("knn", "net")], diagnoses=[]
    )
    assert codes(made) == ["DQ303", "DQ301", "PW402"]
