from itertools import combinations

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures.transfer.gbc import gbc


def keys_of(n):
    return [b"%08d" % i for i in range(n)]


def overlaps(f, k, *, spherical=False, pseudo=True):
    """exp(-D_B) of all pairs by their definition: full covariance matrices that happen to be diagonal."""
    x, y = f.features.astype(float), f.target.values
    z = (x - x.mean(axis=0)) @ np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:k].T
    own = {c: z[y == c] - z[y == c].mean(axis=0) for c in np.unique(y)}
    pooled = (sum((r**2).sum(axis=0) for r in own.values()) + z.var(axis=0)) / (len(z) - len(own) + 1)
    spread = {}
    for c, r in own.items():
        s = ((r**2).sum(axis=0) + pooled) / len(r) if pseudo else r.var(axis=0, ddof=1)
        spread[c] = np.eye(len(s)) * s.mean() if spherical else np.diag(s)
    found = []
    for i, j in combinations(own, 2):
        middle, apart = (spread[i] + spread[j]) / 2, z[y == i].mean(axis=0) - z[y == j].mean(axis=0)
        logs = [np.linalg.slogdet(m)[1] for m in (middle, spread[i], spread[j])]
        distance = apart @ np.linalg.solve(middle, apart) / 8 + (logs[0] - logs[1] / 2 - logs[2] / 2) / 2
        found.append(np.exp(-distance))
    return np.array(found)


@pytest.mark.parametrize("variant", ["diagonal", "spherical"])
@pytest.mark.parametrize(("n", "d", "k"), [(200, 12, 12), (60, 90, 15), (400, 80, 64)])
def test_uncorrected_is_the_mean_over_pairs_by_definition(clusters, variant, n, d, k):
    f = clusters(n, d, 4)
    expected = overlaps(f, k, spherical=variant == "spherical")
    made = gbc(f, variant=variant, corrected=False, rng=0)
    assert made.details["components"] == k
    assert made.value == pytest.approx(-expected.mean(), rel=1e-8)
    assert made.details["sum"] == pytest.approx(-2 * expected.sum(), rel=1e-8)
    assert made.details["worst_overlap"] == pytest.approx(expected.max(), rel=1e-8)
    assert made.details["worst_pair"] == [str(c) for c in list(combinations(range(4), 2))[expected.argmax()]]
    corrected = gbc(f, variant=variant, rng=0)
    assert corrected.value == pytest.approx(made.value / -made.details["null"], rel=1e-12)


def test_with_many_samples_it_is_the_published_score(clusters):
    f = clusters(1500, 10, 3, apart=0.5)
    assert gbc(f, rng=0).details["sum"] == pytest.approx(-2 * overlaps(f, 10, pseudo=False).sum(), rel=2e-3)


def test_two_equal_gaussians_overlap_as_their_distance_says():
    rng = np.random.default_rng(0)
    y = np.arange(20_000) % 2
    f = FeatureSet.of(rng.normal(size=(20_000, 3)) + 2.0 * y[:, None] * [1, 0, 0], y, keys=keys_of(20_000))
    # Along the principal components both classes are round: D_B = 2^2/8.
    assert gbc(f, corrected=False, rng=0).value == pytest.approx(-np.exp(-0.5), abs=0.01)


@pytest.mark.parametrize("heavy", [False, True])
def test_permuted_labels_score_at_minus_one_and_the_raw_mean_far_above(clusters, relabelled, heavy):
    f = clusters(100, 64, 10, apart=0.0)
    if heavy:
        f = FeatureSet.of(np.random.default_rng(0).standard_t(4, size=(100, 64)), f.target, keys=keys_of(100))
    permuted = [gbc(relabelled(f, s), rng=s) for s in range(40)]
    values, raw = (np.array(v) for v in ([p.value for p in permuted], [p.details["raw"] for p in permuted]))
    assert abs(values.mean() + 1) < 3 * values.std(ddof=1) / np.sqrt(40)
    assert raw.mean() > -0.7
    assert permuted[0].details["null"] == pytest.approx(raw.mean(), rel=0.03)


def test_the_same_classes_score_alike_at_any_sample_size(clusters):
    few, many = (gbc(clusters(n, 12, 10, apart=0.5), rng=0) for n in (150, 3000))
    assert few.details["raw"] > 0.75 * many.details["raw"]
    assert few.low <= many.value <= few.high


def test_pairs_of_small_classes_count_as_much_as_pairs_of_large_ones():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2, 3], [900, 900, 60, 60])
    x = rng.normal(size=(len(y), 5))
    x[y == 0, 0] += 60
    x[y == 1, 1] += 60
    made = gbc(FeatureSet.of(x, np.array(["ant", "bee", "cat", "dog"])[y]), corrected=False, rng=0)
    assert made.details["worst_pair"] == ["cat", "dog"]
    assert made.value == pytest.approx(-made.details["worst_overlap"] / 6, rel=1e-6)


@pytest.mark.parametrize("sizes", [(5, 5), (2, 2, 2, 6), (2, 3, 40, 40), (3,) * 4, (3,) * 20, (2,) * 10 + (30,)])
def test_classes_of_few_samples_have_a_finite_score(sizes):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(len(sizes)), sizes)
    made = gbc(FeatureSet.of(rng.normal(size=(len(y), 20)), y, keys=keys_of(len(y))), rng=0)
    assert made.low < made.value < made.high <= 0
    assert made.details["components"] == min(20, len(y) // len(sizes))
    assert made.value > -3
    assert made.draws.min() > -5


@pytest.mark.parametrize("spread", [0.0, 1e-3])
def test_classes_beyond_any_overlap_score_zero_without_underflow(spread):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    x = rng.normal(size=(3, 8))[y] * 1e3 + rng.normal(size=(90, 8)) * spread
    made = gbc(FeatureSet.of(x, y, keys=keys_of(90)), rng=0)
    assert made.value == 0
    assert made.low <= made.value <= made.high
    assert np.isfinite(made.draws).all()


@pytest.mark.parametrize("variant", ["diagonal", "spherical"])
def test_equal_classes_overlap_wholly_and_not_more(variant):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(15, 6))
    x = np.vstack([rng.permutation(points) for _ in range(6)])  # sums in another order round differently
    made = gbc(FeatureSet.of(x, np.repeat(np.arange(6), 15), keys=keys_of(90)), variant=variant, corrected=False, rng=0)
    assert made.value == pytest.approx(-1, abs=1e-12)
    assert made.details["worst_overlap"] <= 1
    assert made.low >= -1


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_floor_of_variances_moves_with_the_features(scale):
    y = np.repeat([0, 1, 2], 20)
    x = np.column_stack([np.array([0, 1 / 32, 1])[y], 2.0 * (np.arange(60) % 2) - 1])
    one, other = (gbc(FeatureSet.of(x * s, y, keys=keys_of(60)), rng=0).details["raw"] for s in (1.0, scale))
    # Classes do not vary along the first column: how far apart two of them are is known from the floor only.
    assert -0.3 < one < -0.1
    assert other == pytest.approx(one, rel=1e-3)


def test_every_sample_twice_changes_little(clusters):
    f = clusters(300, 12, 3, apart=0.5)
    twice = FeatureSet.of(np.tile(f.features, (2, 1)), np.tile(f.target.values, 2))
    assert gbc(twice, rng=0).details["raw"] == pytest.approx(gbc(f, rng=0).details["raw"], rel=0.01)


def test_labels_may_be_any_text_and_skip_values(clusters):
    f = clusters(90, 8, 3)
    names = np.array([3, 10, 700])[f.target.values]
    skipping, text = (FeatureSet.of(f.features, y, keys=keys_of(90)) for y in (names, names.astype(str)))
    assert gbc(skipping, rng=0).value == gbc(f, rng=0).value
    assert gbc(text, rng=0).value == pytest.approx(gbc(f, rng=0).value, abs=0.02)  # other order, other draws
    assert gbc(text, rng=0).details["raw"] == pytest.approx(gbc(f, rng=0).details["raw"], rel=1e-12)


def test_where_each_class_is_one_group_nothing_can_be_told_from_the_groups(clusters):
    f = clusters(90, 8, 3)
    grouped = FeatureSet.of(f.features, f.target, groups=f.target.values, keys=keys_of(90))
    made = gbc(grouped, rng=0)
    assert made.value == pytest.approx(-1, abs=1e-12)
    assert made.low < -1 < made.high


def test_interval_is_as_wide_as_the_scores_of_other_samples_differ(clusters):
    made = [gbc(clusters(200, 30, 4, apart=0.6, seed=0), rng=0)]
    rng = np.random.default_rng(1)
    means = np.random.default_rng(0).normal(size=(4, 30)) * 0.6 * (np.arange(30) < 8)
    y = np.arange(200) % 4
    made = [gbc(FeatureSet.of(means[y] + rng.normal(size=(200, 30)), y), rng=0) for _ in range(40)]
    estimated = np.mean([m.draws.std(ddof=1) for m in made])
    assert 0.75 < estimated / np.std([m.value for m in made], ddof=1) < 1.6


def test_says_why_it_does_not_apply(clusters):
    with pytest.raises(NotApplicableError, match="one class only"):
        gbc(FeatureSet.of(np.eye(12), [1] * 12))
    with pytest.raises(NotApplicableError, match="'2' of data has one sample"):
        gbc(FeatureSet.of(np.eye(6), [0, 0, 0, 1, 1, 2]))
    with pytest.raises(NotApplicableError, match="gbc needs 10 samples and 3 per class on average; data has 6"):
        gbc(FeatureSet.of(np.eye(6), [0, 0, 0, 1, 1, 1]))
    with pytest.raises(NotApplicableError, match="3 per class on average; data has 20"):
        gbc(FeatureSet.of(np.eye(20), np.arange(20) % 10))
    with pytest.raises(NotApplicableError, match="equal features"):
        gbc(FeatureSet.of(np.ones((12, 3)), [0, 1] * 6))
    with pytest.raises(InputError, match=r"measures\.gbc\.variant: 'full' cannot be used"):
        gbc(clusters(30, 4, 3), variant="full")
