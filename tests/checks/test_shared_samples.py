"""ST140: when shared samples make a finding, and in whose words."""

import pytest
from test_checks import data, diagnosis, record

from shiftscope.checks import find
from shiftscope.core.records import Ranking, RankRow
from shiftscope.core.shift import Copies, CopyPair


def shared(backbone="net", *, exact=0, near=0, **where):
    pairs = [CopyPair(source=f"a{i}.jpg", target=f"b{i}.jpg", exact=i < exact) for i in range(exact + near)]
    copies = Copies(n_exact=exact, n_near=near, n_compared=60, limit=0.2, typical=0.3, examples=pairs)
    return diagnosis(backbone, holm=None, pvalue=None, **where).model_copy(update={"copies": copies})


def only(made):
    return [f for f in find(made) if f.code == "ST140"]


def test_no_copies_no_finding():
    assert only(record(diagnoses=[shared(), diagnosis()])) == []


def test_exact_and_near_copies_with_their_names():
    (finding,) = only(record(diagnoses=[shared(exact=1, near=4)]))
    assert (finding.severity, finding.subject) == ("warning", "sketch")
    assert finding.title == "sketch: 5 of 60 samples have copies in photo."
    assert (
        "1 with the same content and 4 with nearly the same features (net): b0.jpg = a0.jpg, b1.jpg" in finding.message
    )
    assert "and others. Remove them from one side" in finding.message
    assert (finding.evidence["n_exact"], finding.evidence["n_near"]) == (1, 4)


def test_a_single_copy():
    (finding,) = only(record(diagnoses=[shared(near=1)]))
    assert finding.title == "sketch: 1 of 60 samples has a copy in photo."
    assert "others" not in finding.message


@pytest.mark.parametrize(("seen", "of", "found"), [(1, 1, 1), (1, 2, 1), (1, 3, 0), (2, 3, 1), (2, 5, 0)])
def test_half_of_the_backbones_must_see_near_copies(seen, of, found):
    assert len(only(record(diagnoses=[shared(f"net{i}", near=int(i < seen)) for i in range(of)]))) == found


@pytest.mark.parametrize("confused", [0, 7])
def test_exact_copies_do_not_bring_near_ones_in_that_few_backbones_see(confused):
    made = record(diagnoses=[shared(f"net{i}", exact=1, near=40 * (i == confused)) for i in range(8)])
    (finding,) = only(made)
    assert finding.title == "sketch: 1 of 60 samples has a copy in photo."
    assert finding.message.startswith("1 with the same content: b0.jpg = a0.jpg. Remove")
    assert (finding.evidence["n_exact"], finding.evidence["n_near"]) == (1, 0)


def test_backbones_are_counted_that_see_near_copies():
    (finding,) = only(record(diagnoses=[shared(f"net{i}", exact=1, near=4 * (i in (1, 2))) for i in range(3)]))
    assert finding.title == "sketch: 5 of 60 samples have copies in photo."
    assert "4 with nearly the same features (2 of 3 backbones)" in finding.message
    assert finding.evidence["backbone"] == "net1"


def test_numbers_are_those_of_the_backbone_ranked_first():
    rows = [RankRow(backbone=b, rank=i + 1, p_best=float(i == 0)) for i, b in enumerate(("bee", "ant"))]
    ranking = Ranking(target="sketch", measures=["knn"], rows=rows, n_draws=4, level=0.9)
    made = record(diagnoses=[shared("ant", near=1), shared("bee", near=3), shared("cat")], rankings=[ranking])
    (finding,) = only(made)
    assert (finding.evidence["backbone"], finding.evidence["n_near"]) == ("bee", 3)
    assert "(2 of 3 backbones)" in finding.message


def test_a_source_that_is_the_target_is_left_to_dq304():
    same = [data(), data("photo", role="source")]
    codes = [f.code for f in find(record(inputs=same, diagnoses=[shared(exact=60)]))]
    assert codes == ["DQ304"]
    other = [same[0], same[1].model_copy(update={"fingerprint": "g"})]
    assert [f.code for f in find(record(inputs=other, diagnoses=[shared(exact=60)]))] == ["ST140"]


def test_each_target_has_its_own():
    inputs = [data(), data("art")]
    found = only(record(inputs=inputs, diagnoses=[shared(near=1), shared(near=2, target="art"), shared("b", near=1)]))
    assert [(f.subject, f.evidence["n_near"]) for f in found] == [("art", 2), ("sketch", 1)]


def test_old_records_say_nothing():
    assert only(record(diagnoses=[diagnosis()])) == []
