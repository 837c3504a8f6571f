import numpy as np
import pytest
from scipy.spatial.distance import cdist

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._noise_floor import noise_floor
from shiftscope.measures._sides import splits
from shiftscope.measures.shift import alignability as module

alignability = MEASURES["alignability"]


def pair_of(x, y, *, source=None, target=None, groups=None):
    return Pair(FeatureSet.of(x, source, name="photo", groups=groups), FeatureSet.of(y, target, name="sketch"))


def normal(n, m, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d))


def lumps(n, seed, moved=0.0):
    """A first feature of two lumps, 8 apart, and a second that is noise."""
    rng = np.random.default_rng([seed, 1])
    y = rng.normal(size=(n, 2))
    y[:, 0] += 4 * rng.choice([-1.0, 1.0], size=n) + moved
    return y


def one_lump(n, seed):
    """Gaussian features of the same variances."""
    return np.random.default_rng([seed, 2]).normal(size=(n, 2)) * np.sqrt([17.0, 1.0])


def energy(x, y, *, partners=False):
    """Unbiased energy distance from full distance matrices."""
    n, m = len(x), len(y)
    xy = cdist(x, y)
    between = xy[~np.eye(n, dtype=bool)].mean() if partners else xy.mean()
    return 2 * between - cdist(x, x).sum() / n / (n - 1) - cdist(y, y).sum() / m / (m - 1)


@pytest.mark.parametrize("partners", [False, True])
def test_distance_is_the_energy_distance(partners):
    x, y = normal(30, 30, 4)
    sides = module.Sides(np.concatenate([x, y + 1]), np.zeros(60, int), ("none",), 0, partners, 1.0)
    way = module.Way(np.arange(5), np.arange(30, 35), np.arange(5, 20), np.arange(35, 50))
    found = module._after(sides, "none", way, np.ones((1, 60)))
    assert found[0] == pytest.approx(energy(x[5:20], y[5:20] + 1, partners=partners))


@pytest.mark.parametrize("partners", [False, True])
def test_distance_within_classes_is_the_mean_of_theirs(partners):
    x, y = normal(24, 24, 3)
    classes = np.arange(24) % 3 - 1  # -1 is a class that only one side has
    lonely = np.where(np.arange(24) == 4, 2, classes)  # a class of one sample counts for nothing
    sides = module.Sides(np.concatenate([x, y]), np.concatenate([lonely, classes]), ("none",), 3, partners, 1.0)
    way = module.Way(np.arange(24), 24 + np.arange(24), np.arange(24), 24 + np.arange(24))
    found = module._after(sides, "none", way, np.ones((1, 48)))
    by_class = []
    for c in (0, 1):
        i, j = np.flatnonzero(lonely == c), np.flatnonzero(classes == c)
        between = cdist(x[i], y[j])[~(partners & (i[:, None] == j))].mean()
        within = [cdist(z, z)[~np.eye(len(z), dtype=bool)].mean() for z in (x[i], y[j])]
        by_class.append(2 * between - sum(within))
    assert found[0] == pytest.approx(np.mean(by_class))


def test_weights_count_samples_as_often_as_they_say():
    x, y = normal(8, 6, 3)
    w, v = np.arange(1, 9), np.arange(6, 0, -1)
    sides = module.Sides(np.concatenate([x, y]), np.zeros(14, int), ("none",), 0, False, 1.0)
    way = module.Way(np.arange(8), np.arange(8, 14), np.arange(8), np.arange(8, 14))
    found = module._after(sides, "none", way, np.concatenate([w, v])[None].astype(float))
    # Two samples that stand for i and j ones make i j pairs; a sample makes none with itself.
    pairs = [np.outer(a, b).astype(float) for a, b in ((w, v), (w, w), (v, v))]
    for square in pairs[1:]:
        np.fill_diagonal(square, 0.0)
    xy, xx, yy = (np.average(cdist(a, b), weights=p) for (a, b), p in zip(((x, y), (x, x), (y, y)), pairs, strict=True))
    assert found[0] == pytest.approx(2 * xy - xx - yy)


def test_value_is_what_the_map_chosen_leaves_of_the_distance():
    x, y = normal(120, 120, 4)
    pair = pair_of(x, y + np.array([2.0, 0, 0, 0]))
    found = alignability(pair, rng=3)
    z, terms = pair.pooled.astype(float), []
    for x1, x2, y1, y2 in splits(pair, 3, module.N_SPLITS):
        for a, b, to_a, to_b in ((x1, y1, x2, y2), (x2, y2, x1, y1)):
            moved = z[to_a] + z[b].mean(axis=0) - z[a].mean(axis=0)
            terms.append([energy(z[to_a], z[to_b]), energy(moved, z[to_b])])
    before, after = np.mean(terms, axis=0)
    assert found.details["shares"]["translation"] == pytest.approx(1 - max(after, 0) / before, rel=1e-6)
    assert found.details["shift"] == pytest.approx(before / pair.bandwidth, rel=1e-6)
    assert found.details["shares"]["none"] == 0.0
    assert found.details["size"] == 60


SHIFTS = {
    "translation": lambda y: y + np.array([0.0, 2.0, 0, 0, 0]),
    "scaling": lambda y: y * np.array([3.0, 1, 1, 1, 0.3]),
    "coral": lambda y: y @ (np.eye(5) + np.eye(5, k=1) + np.eye(5, k=-3)),
}


@pytest.mark.parametrize("method", SHIFTS)
def test_a_linear_shift_is_undone_by_the_map_of_its_kind(method):
    x, y = normal(1000, 1100, 5)
    scale = np.array([1.5, 1.2, 1.0, 0.8, 0.6])
    found = alignability(pair_of(x * scale, SHIFTS[method](y * scale)), rng=0)
    # What is left is the noise of a covariance of 500 samples.
    assert found.details["shares"][method] > 0.9
    assert found.value > 0.9
    assert found.low > 0.75


def test_a_rotation_is_undone_by_procrustes_where_shapes_tell():
    rng = np.random.default_rng(0)
    x, y = (rng.exponential(size=(600, 2)) * np.array([3.0, 1.0]) for _ in range(2))
    angle = 0.9
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shares = alignability(pair_of(x, y @ turn), rng=0).details["shares"]
    assert shares["procrustes"] > 0.95
    assert shares["procrustes"] > max(shares["translation"], shares["scaling"]) + 0.05


def test_what_no_linear_map_undoes_remains():
    found = alignability(pair_of(one_lump(600, 0), lumps(600, 1)), rng=0)
    assert found.details["shift"] > 6 * found.details["shift_se"]
    assert found.low < 0.0 < found.high < 0.1
    assert max(found.details["shares"].values()) < 0.05


def test_share_is_that_of_the_population_where_one_part_is_linear():
    apart = [np.mean([energy(one_lump(1500, s), lumps(1500, s, moved)) for s in range(30, 50)]) for moved in (0.0, 2.0)]
    truth = 1 - apart[0] / apart[1]
    assert 0.45 < truth < 0.65
    found = [alignability(pair_of(one_lump(300, s), lumps(300, s, 2.0)), rng=s) for s in range(1, 21)]
    values = np.array([e.details["shares"]["translation"] for e in found])
    # Means of 150 samples are not those of the population: a little of the shift is left.
    assert abs(values.mean() - truth) < 3 * values.std() / np.sqrt(20) + 0.02
    assert np.mean([e.low <= truth <= e.high for e in found]) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 20)


def clouds(n, seed, means):
    codes = np.arange(n) % len(means)
    return means[codes] + 0.3 * np.random.default_rng(seed).normal(size=(n, means.shape[1])), codes


def test_class_means_teach_what_moments_cannot():
    # A turn by half a circle of an arrangement of classes that looks another way: no axis tells it from none.
    means = np.array([[3.0, 0, 0], [-1, 2, 0], [-1, -2, 1], [-1, 0, -2], [0, 1, 3]])
    (x, here), (y, there) = clouds(400, 0, means), clouds(400, 1, means @ np.diag([-1.0, -1.0, 1.0]))
    names = np.array(["ant", "bee", "cat", "dog", "elk"])
    found = alignability(pair_of(x, y, source=names[here], target=names[there]), rng=0)
    assert found.details["method"] == "class_means"
    assert found.value > 0.95
    assert max(share for name, share in found.details["shares"].items() if name != "class_means") < 0.5


def test_classes_are_matched_by_name():
    means = np.array([[3.0, 0, 0], [-1, 2, 0], [-1, -2, 1], [-1, 0, -2]])
    (x, here), (y, there) = clouds(300, 0, means), clouds(320, 1, -means)
    names = np.array(["bee", "cat", "dog", "elk"])
    # A class of the target's own comes first in the alphabet: codes of the others differ between the sides.
    there = np.where(np.arange(320) < 10, "ant", names[there])
    found = alignability(pair_of(x, y, source=names[here], target=there), rng=0)
    assert found.details["shares"]["class_means"] > 0.95
    assert found.details["n_classes"] == 4
    one = alignability(pair_of(x, y, source=names[here], target=np.where(there == "bee", "bee", "fox")), rng=0)
    assert "class_means" not in one.details["shares"]
    assert one.details["n_classes"] == 1


def test_classes_laid_over_the_wrong_ones_are_not_aligned():
    means = np.array([[3.0, 0, 0], [-1.5, 2.6, 0], [-1.5, -2.6, 0]])
    (x, here), (y, there) = clouds(300, 0, means), clouds(300, 1, means)
    # Each class is where the next one was: together they have not moved, one by one they have.
    with_labels = alignability(pair_of(x, y, source=here, target=(there + 1) % 3), rng=0)
    without = alignability(pair_of(x, y), rng=0)
    assert without.details["shift"] < 0.01
    assert with_labels.details["shift"] > 1.0
    shares = with_labels.details["shares"]
    assert max(shares["translation"], shares["scaling"], shares["coral"]) < 0.05
    assert shares["class_means"] > 0.95


def test_class_balance_is_no_shift_where_labels_say_so():
    means = np.array([[3.0, 0, 0], [-1, 2, 0], [-1, -2, 1]])
    (x, here), (y, there) = clouds(300, 0, means), clouds(300, 1, means)
    kept = (there > 0) | (np.arange(300) % 10 == 0)
    for labels, seen in (((here, there[kept]), False), ((None, None), True)):
        details = alignability(pair_of(x, y[kept], source=labels[0], target=labels[1]), rng=0).details
        assert (details["shift"] > 4 * details["shift_se"]) == seen


def spread(counts, seed, by=1.0):
    """Two classes beside each other, stretched about the origin, in the given numbers."""
    codes = np.repeat([0, 1], counts)
    rows = np.array([[-2.0, 0, 0], [2, 0, 0]])[codes] + np.random.default_rng(seed).normal(size=(len(codes), 3))
    return by * rows, codes


def test_maps_do_not_follow_class_balance():
    values = []
    for counts, others in (([100, 100], [100, 100]), ([180, 20], [20, 180])):
        (x, here), (y, there) = spread(counts, 0), spread(others, 1, by=2.5)
        values.append(alignability(pair_of(x, y, source=here, target=there), rng=0).value)
    assert min(values) > 0.5


def test_maps_do_not_follow_classes_of_one_side():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 120, 3))
    y[:40] += 2.0
    x[40:] += rng.choice([-9.0, 9.0], size=(80, 3))
    y[40:] += rng.choice([-5.0, 12.0], size=(80, 3))
    here, there = np.repeat(["a", "b"], [40, 80]), np.repeat(["a", "c"], [40, 80])
    assert alignability(pair_of(x, y, source=here, target=there), rng=0).details["shares"]["translation"] > 0.8


def test_where_no_half_chooses_a_map_there_is_no_interval(monkeypatch):
    # A choice that never wavers would look like certainty.
    monkeypatch.setattr(module, "UNPAIRED", {"none": module.unchanged})
    x, y = normal(60, 60, 3)
    found = alignability(pair_of(x, y + 2.0), rng=0)
    assert (found.value, found.low) == (0.0, None)
    assert found.details["shares"] == {"none": 0.0}


def test_small_classes_are_left_out_and_without_others_labels_are_not_used():
    x, y = normal(60, 60, 3)
    y += 1.0
    small = np.repeat(np.arange(10), 6)
    keys = [b"%03d" % i for i in range(120)]
    plain, labelled = (
        alignability(Pair(FeatureSet.of(x, s, keys=keys[:60]), FeatureSet.of(y, s, keys=keys[60:])), rng=0)
        for s in (None, small)
    )
    assert labelled.details["n_classes"] == 0
    assert labelled.model_dump_json() == plain.model_dump_json()
    some = np.where(np.arange(60) < 40, np.arange(60) // 20, small)
    assert alignability(pair_of(x, y, source=some, target=some), rng=0).details["n_classes"] == 2


def test_partners_teach_a_map_that_moments_cannot():
    rng = np.random.default_rng(0)
    x = rng.exponential(size=(200, 4)) ** 2
    y = x @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 0.05 * rng.normal(size=(200, 4))
    ids = [f"{i}.png" for i in range(200)]
    order = rng.permutation(200)
    pair = Pair(FeatureSet.of(x, ids=ids), FeatureSet.of(y[order], ids=[ids[i] for i in order]))
    found = alignability(pair, paired=True, rng=0)
    assert found.details["method"] == "pairs"
    assert found.details["shares"]["pairs"] > 0.95 > found.details["shares"]["coral"]
    assert "pairs" not in alignability(pair, rng=0).details["shares"]
    partner = module._partners(pair)
    assert [pair.target.ids[i] for i in partner] == list(pair.source.ids)
    weights = module._weights(pair, 0, partner)
    np.testing.assert_array_equal(weights[:, :200], weights[:, 200 + partner])


def test_identical_partners_are_at_no_distance():
    x = np.random.default_rng(0).normal(size=(60, 3))
    pair = Pair(FeatureSet.of(x), FeatureSet.of(x))
    found = alignability(pair, paired=True, rng=0)
    assert (found.value, found.low) == (0.0, None)


@pytest.mark.parametrize(("n", "m", "d"), [(60, 60, 5), (50, 90, 200)])
def test_without_a_shift_nothing_is_removed(n, m, d):
    found = [alignability(pair_of(*normal(n, m, d, seed=s)), rng=s) for s in range(20)]
    seen = [e for e in found if e.low is not None]
    # D is above 1.96 standard errors in one of 40 at most.
    assert len(seen) <= 3
    assert sum(e.low > 0 for e in seen) <= 1
    assert all(e.value == 0.0 and e.details["shares"] == {} for e in found if e.low is None)


def test_d_squared_parameters_learnt_by_heart_show_as_no_gain():
    # 25 samples a half cannot tell 40 covariances apart; in its own half the map would be perfect.
    x, y = normal(50, 50, 40, seed=1)
    y[:, 0] += 6.0
    shares = alignability(pair_of(x, y), rng=0).details["shares"]
    assert shares["coral"] < shares["translation"]


def test_intervals_cover_the_mean_of_other_samples():
    def one(seed):
        x, y = normal(120, 120, 6, seed)
        y[:, 0] *= 4
        return alignability(pair_of(x, y), rng=seed)

    found = [one(s) for s in range(60)]
    mean = np.mean([e.value for e in found])
    seen = [e for e in found if e.low is not None]
    assert len(seen) == 60
    assert np.mean([e.low <= mean <= e.high for e in seen]) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)


def test_groups_stay_whole_and_widen_the_interval():
    rng = np.random.default_rng(0)
    centres, group = rng.normal(size=(20, 3)), np.repeat(np.arange(20), 8)
    x = centres[group] + 0.2 * rng.normal(size=(160, 3))
    y = 2.5 * (rng.normal(size=(160, 3)) + 1.0)
    grouped, single = (alignability(pair_of(x, y, groups=g), rng=0) for g in (group, None))
    assert grouped.details["shift_se"] > 1.3 * single.details["shift_se"]
    for split in module._splits(pair_of(x, y, groups=group), 0, 2000, None):
        of = pair_of(x, y, groups=group).source.groups
        assert not set(of[split.x1]) & set(of[split.x2])


def test_neither_order_nor_scale_matter():
    x, y = normal(60, 70, 4)
    y *= 2
    mixed = np.random.default_rng(1).permutation(60)
    first, again, other = (
        alignability(pair_of(*sides), rng=s) for sides, s in (((x, y), 7), ((x[mixed], y), 7), ((x, y), 8))
    )
    assert first.model_dump_json() == again.model_dump_json() != other.model_dump_json()


def test_points_and_components_are_limited():
    x, y = normal(200, 150, 10)
    found = alignability(pair_of(x, y + 1), n_components=3, max_points=80, rng=0).details
    assert (found["size"], found["components"]) == (20, 3)
    assert 0.3 < found["variance"] < 1.0
    assert alignability(pair_of(x, y + 1), rng=0).details["variance"] == pytest.approx(1.0)


def test_there_is_no_noise_floor():
    with pytest.raises(NotApplicableError, match="halves of one side have none"):
        noise_floor("alignability", pair_of(*normal(60, 60, 3)), seed=0)


def test_too_few_samples_groups_or_pairs_have_no_answer():
    with pytest.raises(NotApplicableError, match="have as few as 7: alignability needs 8 samples in each"):
        alignability(pair_of(*normal(15, 40, 3)))
    with pytest.raises(NotApplicableError, match="one sample"):
        alignability(pair_of(*normal(1, 40, 3)))
    with pytest.raises(NotApplicableError, match="one group"):
        alignability(pair_of(*normal(40, 40, 3), groups=[1] * 40))
    # A split of groups of 20, 4 and 4 leaves a part of 4 or of 8: one of five must not be too small.
    uneven = pair_of(*normal(28, 40, 3), groups=np.repeat([0, 1, 2], [20, 4, 4]))
    reasons = [alignability.run(uneven, target="t", backbone="b", rng=seed).reason for seed in range(12)]
    assert sum("photo (28 samples) and sketch (40) have as few as 4" in (reason or "") for reason in reasons) >= 9
    with pytest.raises(NotApplicableError, match="no feature varies"):
        alignability(pair_of(np.ones((30, 2)), np.ones((30, 2))))
    with pytest.raises(NotApplicableError, match="photo and sketch have 9 ids in common"):
        alignability(pair_of(*normal(9, 40, 3)), paired=True)
    with pytest.raises(InputError, match="max_points: 31 cannot be used"):
        alignability(pair_of(*normal(40, 40, 3)), max_points=31)
    with pytest.raises(InputError, match="n_components"):
        alignability(pair_of(*normal(40, 40, 3)), n_components=0)
