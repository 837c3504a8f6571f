"""PW404: tests that did not reject and could have missed a very large shift; ST101 goes by the interval."""

import pytest
from test_checks import diagnosis, record

from shiftscope.checks import find


def unrejected(backbone="net", *, detectable=0.02, size=20, floor=0.01, holm=0.4, pvalue=0.4, se=None):
    """With a floor of 0.01 in halves of 20, ten floors at the usual 400 are 0.005."""
    made = diagnosis(backbone, effect=0.001, floor=floor, holm=holm, pvalue=pvalue)
    rows = [r.model_copy(update={"detectable": detectable, "size": size, "effect_se": se}) for r in made.rows]
    return made.model_copy(update={"rows": rows})


def codes(*diagnoses):
    return [f.code for f in find(record(diagnoses=list(diagnoses)))]


def test_too_few_samples_for_a_large_shift():
    (finding,) = find(record(diagnoses=[unrejected()]))
    assert (finding.code, finding.severity, finding.subject) == ("PW404", "note", "sketch")
    assert finding.title == "sketch: too few samples to rule out a large shift from photo."
    assert "With 60 samples against 60 the MMD test did not reject (Holm p = 0.4)" in finding.message
    assert (
        "finds an MMD² of 0.02 in four of five cases; with 800 samples a side 0.005 would be very far"
        in finding.message
    )
    assert finding.evidence["far"] == pytest.approx(0.005)


@pytest.mark.parametrize(
    "enough",
    [
        {"detectable": 0.005},
        {"size": 100},  # ten floors at the usual size are then 0.025
        {"floor": 0.05},
        {"holm": 0.01, "pvalue": 0.01},  # a test that rejects has missed nothing
        {"holm": None, "pvalue": None},
        {"detectable": None},
        {"size": None},
    ],
)
def test_enough_samples_or_nothing_to_say(enough):
    assert codes(unrejected(**enough)) == []


@pytest.mark.parametrize(("holm", "told"), [(0.4, " (Holm p = 0.4)"), (0.01, " (Holm p = 0.01)"), (None, "")])
def test_without_a_noise_floor_nothing_can_be_said_of_size(holm, told):
    made = unrejected(holm=holm, pvalue=holm, detectable=None, size=None)
    rows = [r.model_copy(update={"floor": None, "effect": None, "effect_se": None}) for r in made.rows]
    (finding,) = find(record(diagnoses=[made.model_copy(update={"rows": rows})]))
    assert (finding.code, finding.severity) == ("PW404", "note")
    assert finding.title == "sketch: too few samples to say how far it is from photo."
    assert f"{told} against. Compare more samples." in finding.message


def test_one_backbone_that_rejects_is_enough():
    assert codes(unrejected(), unrejected("other", holm=0.01, pvalue=0.01)) == []
    assert codes(unrejected(), unrejected("other")) == ["PW404"]


@pytest.mark.parametrize(("se", "found"), [(None, ["ST101"]), (0.1, ["ST101"]), (0.11, [])])
def test_inputs_moved_when_the_whole_interval_is_beyond_the_floor(se, found):
    made = diagnosis(effect=0.3, floor=0.1)
    rows = [made.rows[0].model_copy(update={"effect_se": se})]
    assert codes(made.model_copy(update={"rows": rows})) == found


def test_finding_tells_the_interval_and_the_band():
    made = diagnosis(effect=0.9, floor=0.1)
    rows = [made.rows[0].model_copy(update={"effect_se": 0.1})]
    (finding,) = find(record(diagnoses=[made.model_copy(update={"rows": rows})]))
    assert "is 9.0 [7.0, 11.0] times the noise floor" in finding.message
    assert finding.evidence["band"] == "far"
