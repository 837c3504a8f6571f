import numpy as np
import pytest

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError
from shiftscope.measures import MEASURES, measure


def pair_of(n=12, m=12):
    rng = np.random.default_rng(0)
    return Pair(*(FeatureSet.of(rng.normal(size=(k, 3))) for k in (n, m)))


def failing(error):
    @measure(asks="?", kind="shift", better="lower", unit="1", null="0", reference="this test")
    def broken(pair, *, rng=None, kernels=None):  # noqa: ARG001
        raise error

    return broken


@pytest.mark.parametrize("error", [KeyError("oops"), TypeError("oops"), AssertionError("oops"), ImportError("oops")])
def test_a_measure_that_fails_in_any_way_is_a_result(error):
    result = failing(error).run(pair_of(), target="t", backbone="b")
    assert result.status == "failed"
    assert result.reason.startswith(type(error).__name__)
    assert "oops" in result.reason


def test_a_run_can_be_interrupted_all_the_same():
    with pytest.raises(KeyboardInterrupt):
        failing(KeyboardInterrupt()).run(pair_of(), target="t", backbone="b")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("mmd", {"n_permutations": -5}, r"measures\.mmd\.n_permutations: -5 cannot be used"),
        ("mmd", {"bandwidth": -1.0}, r"measures\.mmd\.bandwidth: -1\.0 cannot be used"),
        ("mmd", {"bandwidth": float("inf")}, r"measures\.mmd\.bandwidth: inf cannot be used"),
        ("mmd", {"bandwidth": 2.0, "kernel": "cosine"}, "the cosine kernel has none"),
        ("coverage", {"k": 0}, r"measures\.coverage\.k: 0 cannot be used"),
        ("sliced", {"max_points": 8}, r"measures\.sliced\.max_points: 8 cannot be used"),
    ],
)
def test_wrong_options_are_the_callers_and_raised(name, options, says):
    with pytest.raises(InputError, match=says):
        MEASURES[name].run(pair_of(), target="t", backbone="b", **options)
