import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import hypergeom
from sklearn.neighbors import NearestNeighbors

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES
from shiftscope.measures._neighbours import inside, nearest_rows, squares
from shiftscope.measures._permutation import permuted_members
from shiftscope.measures._sides import N_SPLITS, splits, units
from shiftscope.measures.shift.coverage import _equal_sides, between_halves

coverage = MEASURES["coverage"]


def pair_of(x, y, *, source=None, target=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch", groups=target))


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def covered(z, first, k):
    """Share of the other rows with one of ``first`` among their k nearest, by scikit-learn."""
    near = NearestNeighbors(n_neighbors=k).fit(z).kneighbors(return_distance=False)
    return first[near].any(axis=1)[~first].mean()


def balls(x, y, k):
    """Precision and density of y within the balls of x, from all distances."""
    radius = np.sort(cdist(x, x), axis=1)[:, k]  # the sample itself comes first
    inside = cdist(x, y) <= radius[:, None]
    return inside.any(axis=0).mean(), inside.sum() / (k * len(y))


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize(("n", "d"), [(40, 4), (25, 60)])
def test_equals_sklearn(n, d, k):
    pair = pair_of(*normal(n, n, d, shift=1.5))
    found = coverage(pair, k=k, n_permutations=0, rng=0)
    z, first = pair.pooled.astype(float), pair.is_source
    assert found.value == covered(z, first, k)
    assert found.details["source_coverage"] == covered(z, ~first, k)
    assert found.details["size"] == n
    assert found.pvalue is None


def test_balls_equal_the_definition():
    pair = pair_of(*normal(50, 60, 3, shift=1.0))
    z = pair.pooled.astype(float)
    square, a, b, c = squares(z, np.arange(110)), np.arange(40), np.arange(60, 110), np.arange(40, 60)
    precision, density = balls(z[a], z[b], 4)
    assert inside(square, a, b, c, 4) == pytest.approx((precision, density, balls(z[a], z[c], 4)[0]))


def test_details_are_means_over_halves():
    pair = pair_of(*normal(60, 60, 3, shift=1.0))
    found = coverage(pair, n_permutations=0, rng=5).details
    z = pair.pooled.astype(float)
    halves = splits(pair, 5, N_SPLITS)
    expected = {
        "precision": [balls(z[s.x1], z[s.y1], 5)[0] for s in halves],
        "density": [balls(z[s.x1], z[s.y1], 5)[1] for s in halves],
        "recall": [balls(z[s.y1], z[s.x1], 5)[0] for s in halves],
        "precision_null": [balls(z[s.x1], z[s.x2], 5)[0] for s in halves],
        "recall_null": [balls(z[s.y1], z[s.y2], 5)[0] for s in halves],
    }
    for name, values in expected.items():
        assert found[name] == pytest.approx(np.mean(values)), name


def test_pvalue_counts_permutations_with_as_little_coverage():
    pair = pair_of(*normal(20, 20, 3, shift=2.5))
    found = coverage(pair, k=3, n_permutations=59, rng=2)
    z = pair.pooled.astype(float)
    members = permuted_members(pair, 2, 59, choose()).astype(bool).T
    near = NearestNeighbors(n_neighbors=3).fit(z).kneighbors(return_distance=False)
    value = np.array([covered(z, v, 3) for v in members])
    sources = np.array([v[near].mean(axis=1)[~v].mean() for v in members])
    reached = (value < value[0] - 1e-9) | (np.isclose(value, value[0]) & (sources <= sources[0] + 1e-9))
    assert found.pvalue == np.mean(reached)
    assert 1 / 60 < found.pvalue < 0.5


@pytest.mark.parametrize(("n", "m", "d", "k"), [(30, 30, 5, 5), (20, 50, 3, 2), (25, 25, 60, 5)])
def test_without_a_shift_the_pvalue_is_exact_and_the_value_at_its_null(n, m, d, k):
    found = [coverage(pair_of(*normal(n, m, d, seed=s)), k=k, n_permutations=19, rng=s) for s in range(300)]
    pvalues, values = np.array([e.pvalue for e in found]), np.array([e.value for e in found])
    for level in (0.05, 0.5):
        assert abs(np.mean(pvalues <= level + 1e-9) - level) < 3 * np.sqrt(level * (1 - level) / 300)
    size = min(n, m)
    # All of k draws without replacement from 2 size - 1 others are among size - 1 fellows.
    null = 1 - hypergeom(2 * size - 1, size - 1, k).pmf(k)
    assert found[0].details["null"] == pytest.approx(null)
    assert abs(values.mean() - null) < 3 * values.std() / np.sqrt(300)
    assert np.mean([e.low <= null <= e.high for e in found]) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)
    density = np.array([e.details["density"] for e in found])
    assert abs(density.mean() - 1) < 3 * density.std() / np.sqrt(300)
    gap = np.array([e.details["precision"] - e.details["precision_null"] for e in found])
    assert abs(gap.mean()) < 3 * gap.std() / np.sqrt(300)


def test_pvalue_is_valid_with_ties_and_duplicates():
    pvalues = []
    for s in range(300):
        rng = np.random.default_rng(s)
        x, y = ((rng.random((size, 2)) < 0.3).astype(float) for size in (15, 40))
        pvalues.append(coverage(pair_of(x, y), n_permutations=19, rng=s).pvalue)
    assert np.mean(np.array(pvalues) <= 0.05 + 1e-9) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def clustered(rng, n_groups):
    """Samples that are near-copies of their group's centre."""
    group = np.repeat(np.arange(n_groups), rng.choice([1, 4, 7], n_groups))
    return rng.standard_normal((n_groups, 3))[group] + 0.1 * rng.standard_normal((len(group), 3)), group


def test_groups_keep_the_level_where_samples_are_near_copies():
    with_groups, without = [], []
    for s in range(200):
        rng = np.random.default_rng(s)
        (x, source), (y, target) = (clustered(rng, size) for size in (14, 11))
        with_groups.append(coverage(pair_of(x, y, source=source, target=target), n_permutations=19, rng=s).pvalue)
        without.append(coverage(pair_of(x, y), n_permutations=19, rng=s).pvalue)
    assert np.mean(np.array(with_groups) <= 0.05 + 1e-9) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(np.array(without) <= 0.05 + 1e-9) > 0.5


def test_samples_of_one_group_are_no_neighbours():
    z = np.random.default_rng(0).standard_normal((30, 2))
    unit = np.arange(30) // 5
    near = nearest_rows(squares(z, unit), 4, np.random.default_rng(0))
    assert not (unit[near] == unit[:, None]).any()
    distance = np.where(unit[:, None] == unit, np.inf, cdist(z, z))
    assert (near == np.argsort(distance, axis=1)[:, :4]).all()


def test_intervals_cover_what_other_samples_give():
    found = [coverage(pair_of(*normal(80, 80, 4, shift=2.0, seed=s)), n_permutations=0, rng=s) for s in range(150)]
    values = np.array([e.value for e in found])
    assert 0.3 < values.mean() < 0.9
    covers = np.mean([e.low <= values.mean() <= e.high for e in found])
    assert covers > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 150)
    assert np.mean([e.high - e.low for e in found]) / 3.92 == pytest.approx(values.std(), rel=0.25)


def test_a_part_of_the_source_and_the_outside_of_it_are_told_apart():
    rng = np.random.default_rng(0)
    centres = 4 * rng.standard_normal((4, 8))
    x = centres[rng.integers(4, size=300)] + rng.standard_normal((300, 8))
    part = centres[0] + rng.standard_normal((300, 8))
    beside = centres[rng.integers(4, size=300)] + rng.standard_normal((300, 8)) + 3.0
    inside, outside = (coverage(pair_of(x, y), n_permutations=99, rng=0) for y in (part, beside))
    assert inside.pvalue == outside.pvalue == 0.01
    assert inside.details["precision"] > inside.details["precision_null"] - 0.05
    assert inside.details["recall"] < 0.5 * inside.details["recall_null"]
    assert inside.details["density"] > 0.9
    assert outside.details["precision"] < 0.2 * outside.details["precision_null"]
    assert outside.details["density"] < 0.1
    assert outside.value < 0.1 < inside.value


def test_separated_sides_leave_an_interval():
    found = coverage(pair_of(*normal(50, 50, 3, shift=60.0)), n_permutations=99, rng=0)
    assert (found.value, found.low) == (0.0, 0.0)
    assert 0.02 < found.high < 0.1
    assert found.pvalue == 0.01
    assert found.details["precision"] == found.details["recall"] == found.details["source_coverage"] == 0.0


def test_constant_features_and_the_same_samples_are_no_shift():
    still = coverage(pair_of(np.ones((20, 3)), np.ones((30, 3))), n_permutations=99, rng=0)
    assert still.value > 0.8
    assert still.details["precision"] == still.details["recall"] == 1.0
    x, _ = normal(40, 1, 5)
    same = coverage(pair_of(x, x), n_permutations=99, rng=0)
    assert same.value == 1.0
    assert same.pvalue > 0.9


def test_sides_are_used_at_equal_size_and_limited():
    pair = pair_of(*normal(200, 45, 3))
    assert coverage(pair, n_permutations=0, rng=0).details["size"] == 45
    assert coverage(pair, max_points=40, n_permutations=0, rng=0).details["size"] == 20


def test_groups_are_cut_to_as_many_groups_and_mixed_sides_to_as_many_samples():
    def parts(source=None, target=None):
        pair = pair_of(*normal(60, 90, 2), source=source, target=target)
        part = _equal_sides(pair, 4000, 2, 0)
        return [(side.n, units(side).max() + 1) for side in (part.source, part.target)]

    both = parts(np.arange(60) // 3, np.arange(90) // 2)
    assert both == [(60, 20), (40, 20)]
    assert parts(target=np.arange(90) // 3) == [(60, 60), (60, 20)]
    assert parts(source=np.arange(60) // 3) == [(60, 20), (60, 60)]
    assert parts() == [(60, 60), (60, 60)]


def test_unequal_sizes_of_few_values_are_no_shift():
    # Rows in order of their hashes stand in blocks of equal rows: the first ones would be one value.
    flagged = 0
    for s in range(60):
        rng = np.random.default_rng(s)
        x, y = (rng.integers(2, size=(k, 1)).astype(float) for k in (20, 200))
        flagged += coverage(pair_of(x, y), n_permutations=19, rng=s).pvalue <= 0.05
    assert flagged <= 9  # 3 are expected; more than 9 would come once in 500 times


def test_ties_are_broken_by_every_row_for_itself():
    square = np.where(np.eye(60, dtype=bool), np.inf, 1.0)
    near = nearest_rows(square, 3, np.random.default_rng(0))
    assert np.bincount(near.ravel(), minlength=60).max() < 12


def test_halves_give_the_share_that_is_not_covered():
    pair = pair_of(*normal(40, 50, 3, shift=1.0))
    halves = splits(pair, 0, 3)
    z = pair.pooled.astype(float)
    for row, s in zip(between_halves(pair, halves, {"k": 5}, None), halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            both = np.append(a, b)
            assert value == pytest.approx(1 - covered(z[both], np.arange(len(both)) < len(a), 5))


def test_what_has_no_answer():
    with pytest.raises(NotApplicableError, match=r"k = 5 needs 12 samples on each side, .* 11 can be used"):
        coverage(pair_of(*normal(11, 30, 2)))
    with pytest.raises(NotApplicableError, match="sketch has one sample: coverage"):
        coverage(pair_of(*normal(30, 1, 2)))
    with pytest.raises(NotApplicableError, match="one group"):
        coverage(pair_of(*normal(30, 30, 2), source=[1] * 30))
    with pytest.raises(
        NotApplicableError, match="k = 5 needs 6 samples in each half of a side, whole groups, and one has 3"
    ):
        coverage(pair_of(*normal(30, 30, 2), source=[0] * 27 + [1] * 3))
    with pytest.raises(NotApplicableError, match="needs 6 samples in each half of a side, whole groups, and one has 5"):
        between_halves((pair := pair_of(*normal(10, 10, 2))), splits(pair, 0, 2), {"k": 5}, None)


@pytest.mark.parametrize("options", [{"k": 0}, {"max_points": 15}, {"n_permutations": -1}])
def test_options_without_meaning_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        coverage(pair_of(*normal(30, 30, 2)), **options)
