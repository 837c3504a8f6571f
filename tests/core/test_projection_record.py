"""What the record says of pictures: places that belong together, what a test rejects, who leads."""

import pytest
from pydantic import ValidationError

from shiftscope.core.projection import Points
from shiftscope.core.records import Ranking, RankRow
from shiftscope.core.shift import ShiftDiagnosis, ShiftRow


def test_places_have_both_coordinates():
    with pytest.raises(ValidationError, match="2 places along x and 1 along y"):
        Points(x=[0, 1], y=[0])
    with pytest.raises(ValidationError, match="finite"):
        Points(x=[float("inf")], y=[0])


@pytest.mark.parametrize(
    ("pvalues", "rejects"),
    [
        ([], False),
        ([(None, None)], False),
        ([(0.05, None)], True),
        ([(0.051, None)], False),
        # What was corrected counts as corrected.
        ([(0.01, 0.06)], False),
        ([(0.5, 0.5), (0.001, 0.003)], True),
    ],
)
def test_a_shift_is_seen_by_a_corrected_test(pvalues, rejects):
    rows = [ShiftRow(measure=str(i), value=1, pvalue=p, pvalue_holm=h) for i, (p, h) in enumerate(pvalues)]
    diagnosis = ShiftDiagnosis(source="s", target="t", backbone="b", n_source=9, n_target=9, rows=rows)
    assert diagnosis.rejects == rejects


def ranking(*rows, measures=("logme",)):
    made = [RankRow(backbone=b, baseline=base, rank=rank, p_best=p) for b, rank, p, base in rows]
    return Ranking(target="t", measures=list(measures), rows=made, n_draws=9, level=0.95)


def test_first_is_who_shares_the_first_rank_and_is_most_often_best():
    shared = [("pixels", 1, 0.9, True), ("a", 1, 0.2, False), ("b", 1, 0.5, False), ("c", 3, 0.6, False)]
    assert ranking(*shared).first == "b"
    assert ranking(("a", 1, None, False)).first == "a"
    assert ranking(("a", None, None, False)).first is None
    assert ranking(*shared, measures=()).first is None
