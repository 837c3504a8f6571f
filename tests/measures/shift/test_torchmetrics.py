"""FID and KID of torchmetrics, given features in place of images, as a second opinion on ``frechet`` and ``kid``."""

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.measures import MEASURES
from shiftscope.measures.shift.frechet import frechet_distance


class AsTheyAre(torch.nn.Module):
    """Stands in for the network whose features they compare."""

    def __init__(self, d):
        super().__init__()
        self.num_features = d

    def forward(self, rows):
        return rows


def sides(n, m, d):
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((k, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d) for k in (n, m))
    return x.astype(np.float32), y.astype(np.float32)


def told(metric, x, y):
    metric.update(torch.from_numpy(x.astype(float)), real=True)
    metric.update(torch.from_numpy(y.astype(float)), real=False)
    return metric.compute()


@pytest.mark.parametrize(("n", "m", "d"), [(60, 60, 4), (300, 120, 40)])
def test_frechet_is_their_fid(n, m, d):
    x, y = sides(n, m, d)
    theirs = float(
        told(FrechetInceptionDistance(feature=AsTheyAre(d), input_img_size=(d,)).set_dtype(torch.double), x, y)
    )
    assert frechet_distance(x, y) == pytest.approx(theirs, rel=1e-4)
    if n == m:
        raw = MEASURES["frechet"](Pair(FeatureSet.of(x), FeatureSet.of(y)), variant="plain", rng=0).details["raw"]
        assert raw == pytest.approx(theirs, rel=1e-4)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
@pytest.mark.parametrize(("n", "d"), [(60, 4), (90, 40)])
def test_kid_is_theirs_of_one_subset_of_all_samples(n, d):
    x, y = sides(n, n, d)
    theirs, _ = told(KernelInceptionDistance(feature=AsTheyAre(d), subsets=1, subset_size=n), x, y)
    ours = MEASURES["kid"](Pair(FeatureSet.of(x), FeatureSet.of(y)), n_permutations=0)
    assert ours.value == pytest.approx(float(theirs), rel=1e-4)
