"""``intervals=False`` changes nothing but the interval, and does not pay for one."""

import dataclasses

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.measures import DEFAULT_TRANSFER, MEASURES
from shiftscope.measures._resampling import from_draws, half_samples

N = 120


def features(kind="class"):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N, 12)), np.arange(N) % 3
    x[:, :3] += 2 * np.eye(3)[y]
    labels = {"class": y, "multilabel": (x[:, :4] > 0.5).astype(int), "real": x[:, :2] + rng.normal(size=(N, 2))}
    return FeatureSet.of(x, labels[kind], logits=x[:, :5] + rng.normal(size=(N, 5)))


CASES = [(name, "class", {}) for name in DEFAULT_TRANSFER]
CASES += [(name, kind, {}) for name in ("logme", "ridge", "knn", "parc") for kind in ("multilabel", "real")]
CASES += [
    ("logme", "class", {"variant": "evidence", "centred": False}),
    ("hscore", "class", {"variant": "shrinkage"}),
    ("ridge", "class", {"balanced": True}),
    ("gbc", "class", {"corrected": False}),
    ("nce", "class", {"variant": "published"}),
    ("leep", "class", {"variant": "published"}),
]


@pytest.mark.parametrize(("name", "kind", "options"), CASES)
def test_only_the_interval_goes(name, kind, options):
    whole = MEASURES[name](features(kind), rng=0, **options)
    point = MEASURES[name](features(kind), rng=0, intervals=False, **options)
    assert (point.low, point.high, point.level, point.draws) == (None, None, None, None)
    assert point.value == whole.value
    assert point.details == whole.details
    assert whole.draws is not None
    assert (point.losses is None) == (whole.losses is None)
    if whole.losses is not None:
        np.testing.assert_array_equal(point.losses, whole.losses)


@pytest.mark.parametrize("name", DEFAULT_TRANSFER)
def test_no_half_is_drawn_for_a_point(name):
    f = features()
    MEASURES[name](f, rng=0, intervals=False)
    # What measures share is kept under a name, or under a tuple that begins with one.
    kept = {key[0] if isinstance(key, tuple) else key for key in f._memo}
    assert not kept & {"halves", "half samples"}


def test_a_point_after_an_interval_and_an_interval_after_a_point_are_as_alone():
    for name in DEFAULT_TRANSFER:
        shared = features()
        asked = [MEASURES[name](shared, rng=0, intervals=wanted) for wanted in (False, True, False)]
        assert asked[0].model_dump_json() == asked[2].model_dump_json()
        assert asked[1].model_dump_json() == MEASURES[name](features(), rng=0).model_dump_json()


def test_halves_are_drawn_once_for_each_seed():
    f = features()
    assert half_samples(f, 0) is half_samples(f, 0)
    assert (half_samples(f, 0) != half_samples(f, 1)).any()
    assert half_samples(f, 0, n_halves=7).shape == (7, N)
    assert half_samples(f, 0, intervals=False).shape == (0, N)
    with pytest.raises(ValueError, match="read-only"):
        half_samples(f, 0)[0, 0] = True


def test_halves_of_groups_are_drawn_once_too():
    f = dataclasses.replace(features(), groups=np.arange(N) // 4, _memo={})
    assert half_samples(f, 0) is half_samples(f, 0)


def test_no_draws_make_no_interval():
    made = from_draws(0.5, np.empty(0), {"a": 1}, bounds=(0.0, 1.0))
    assert (made.value, made.low, made.high, made.level, made.draws) == (0.5, None, None, None, None)
    assert made.details == {"a": 1}
