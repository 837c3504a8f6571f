"""What the classes are called, and where a sample stands in a folder, is no part of any answer."""

from functools import cache

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.measures import MEASURES

N, D, N_CLASSES = 96, 8, 3
TRANSFER = [name for name in MEASURES if MEASURES[name].kind == "transfer"]

every_transfer_measure = pytest.mark.parametrize("name", TRANSFER)


def side(seed, names, order=None):
    """Classes that overlap under ``names``, with the logits of a source head; rows in ``order``."""
    rng, codes = np.random.default_rng(seed), np.arange(N) % N_CLASSES
    x = np.random.default_rng(9).normal(size=(N_CLASSES, D))[codes] * 0.8 + rng.normal(size=(N, D))
    logits = x @ np.random.default_rng(8).normal(size=(D, 5))
    rows = np.arange(N) if order is None else order
    keys = [b"%03d" % i for i in range(N)]
    return FeatureSet.of(x[rows], np.array(names)[codes[rows]], logits=logits[rows], keys=[keys[i] for i in rows])


def measured(name, names=(0, 1, 2), order=None):
    target = side(0, names, order)
    data = target if MEASURES[name].takes is FeatureSet else Pair(side(1, names, order), target)
    return MEASURES[name](data, rng=0)


def same(a, b, *, but=()):
    """Equal to the last bit, but for the details ``but``, which name classes."""
    one, other = (
        e.model_copy(update={"details": {k: v for k, v in e.details.items() if k not in but}}) for e in (a, b)
    )
    assert one.model_dump_json() == other.model_dump_json()
    for part in ("draws", "losses"):
        if getattr(a, part) is not None:
            np.testing.assert_array_equal(getattr(a, part), getattr(b, part))


@cache
def as_is(name):
    return measured(name)


@every_transfer_measure
@pytest.mark.parametrize("names", [(3, 70, 1000), ("ant", "bee", "cat"), (-5, 0, 5)])
def test_names_of_classes_do_not_matter_and_numbers_may_be_skipped(name, names):
    same(as_is(name), measured(name, names), but=("worst_pair",))


@every_transfer_measure
def test_which_class_comes_first_changes_no_more_than_other_folds_would(name):
    here, there = as_is(name), measured(name, (2, 0, 1))
    # Folds and halves are dealt class by class, so they are others; a value without folds is the same.
    assert abs(here.value - there.value) < 0.5 * (here.high - here.low)
    if here.losses is None:
        assert here.value == pytest.approx(there.value, rel=1e-9)


@every_transfer_measure
def test_the_order_of_files_does_not_matter_with_a_source_head_either(name):
    order = np.random.default_rng(3).permutation(N)
    same(as_is(name), measured(name, order=order))
