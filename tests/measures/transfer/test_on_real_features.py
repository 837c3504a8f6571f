"""The four measures on published features of real pictures, against permuted labels."""

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.measures import MEASURES


@pytest.fixture(scope="module")
def amazon(shared_data):
    arrays = np.load(shared_data / "arrays" / "office_caltech10_surf.npz")
    x, y = arrays["x_amazon"], arrays["y_amazon"]
    keys = [b"%05d" % i for i in range(len(x))]
    shuffled = np.random.default_rng(0).permutation(y)
    return [FeatureSet.of(x, labels, keys=keys) for labels in (y, shuffled)]


@pytest.mark.parametrize(("name", "at_least"), [("hscore", 3.0), ("knn", 0.5), ("logme", 0.15), ("ridge", 0.65)])
def test_labels_score_far_above_permuted_ones(amazon, name, at_least):
    true, permuted = (MEASURES[name](f, rng=0) for f in amazon)
    assert true.low > at_least
    share = amazon[0].target.counts / amazon[0].n
    null = {"knn": np.square(share).sum(), "ridge": share.max()}.get(name, 0.0)
    assert permuted.low <= null <= permuted.high
