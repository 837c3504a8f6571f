import numpy as np
import pytest

from shiftscope.core.target import Target
from shiftscope.errors import InputError


@pytest.mark.parametrize(
    ("y", "kind", "names"),
    [
        (["b", "a", "b"], "class", ("a", "b")),
        ([10, 9, 10], "class", ("9", "10")),
        (np.array([[3], [1], [3]], dtype=np.uint8), "class", ("1", "3")),
        ([True, False, True], "class", ("False", "True")),
        ([[0, 1], [1, 1], [1, 0]], "multilabel", ()),
        ([0.5, 1.5, 2.0], "real", ()),
        ([[0.5, 2], [1, 1], [1, 0]], "real", ()),
        ([0.0, 1.0, 0.0], "real", ()),
    ],
)
def test_kind_is_inferred(y, kind, names):
    target = Target.of(y)
    assert (target.kind, target.class_names, target.n) == (kind, names, 3)


def test_names_come_back():
    y = [30, 4, 4, 17]
    assert Target.of(y).names() == ["30", "4", "4", "17"]


def test_matrix_is_one_hot():
    np.testing.assert_array_equal(Target.of(["x", "z", "x"]).matrix, [[1, 0], [0, 1], [1, 0]])


def test_take_drops_empty_classes():
    part = Target.of(["x", "y", "z", "x"]).take(np.array([0, 2]))
    assert part.class_names == ("x", "z")
    assert part.names() == ["x", "z"]


def test_no_labels():
    target = Target.of(None, n=5)
    assert (target.kind, target.n, target.matrix.shape) == ("none", 5, (5, 0))


@pytest.mark.parametrize("y", [[0.5, np.nan], np.zeros((2, 2, 2)), [1j, 2j]])
def test_meaningless_labels_are_refused(y):
    with pytest.raises(InputError):
        Target.of(y)
