import numpy as np

from shiftscope.core.features import FeatureSet
from shiftscope.measures._permuted_labels import permuted_classes


def made(n=60, groups=None, seed=0, y=None):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3 if y is None else y
    return FeatureSet.of(rng.normal(size=(n, 2)), y, groups=groups, keys=[b"%03d" % i for i in range(n)])


def test_every_class_keeps_its_number_of_samples():
    f = made(y=np.repeat([0, 1, 2], [30, 20, 10]))
    permuted = permuted_classes(f, 0, 50)
    assert all(np.bincount(p).tolist() == [30, 20, 10] for p in permuted)
    # Every sample gets every class as often as there are samples of it: 3 standard errors of 50 draws are 0.21.
    assert np.abs((permuted == 0).mean(axis=0).mean() - 0.5) < 0.01
    assert len({p.tobytes() for p in permuted}) == 50


def test_backbones_share_the_permutations_and_seeds_do_not():
    a, b = made(seed=1), made(seed=2)
    np.testing.assert_array_equal(permuted_classes(a, 3, 5), permuted_classes(b, 3, 5))
    assert (permuted_classes(a, 3, 5) != permuted_classes(a, 4, 5)).any()


def test_labels_of_whole_groups_stay_together():
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(12), 5))
    f = made(groups=groups, y=groups % 3)
    for p in permuted_classes(f, 0, 20):
        assert all(len(set(p[f.groups == g])) == 1 for g in range(12))
        assert np.bincount(p).tolist() == [20, 20, 20]
