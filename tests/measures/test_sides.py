import numpy as np
import pytest

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._sides import (
    debiased,
    demand_units,
    equal_size,
    excess,
    first_rows,
    over_splits,
    pooled_units,
    rows_of,
    splits,
    units,
    variance_of_mean,
)


def pair_of(n, m, *, source=None, target=None, seed=0):
    rng = np.random.default_rng(seed)
    return Pair(
        FeatureSet.of(rng.standard_normal((n, 2)), groups=source, name="photo"),
        FeatureSet.of(rng.standard_normal((m, 2)), groups=target, name="sketch"),
    )


@pytest.mark.parametrize(("n", "m", "size"), [(40, 40, 20), (41, 30, 15), (9, 100, 4), (5, 4, 2)])
def test_halves_are_equal_and_disjoint(n, m, size):
    for s in splits(pair_of(n, m), 1, 30):
        assert [len(part) for part in s] == [size] * 4
        assert len(np.unique(np.concatenate(s))) == 4 * size
        assert max(s.x1.max(), s.x2.max()) < n <= min(s.y1.min(), s.y2.min())


def test_every_sample_comes_into_either_half_as_often():
    found = splits(pair_of(20, 10), 0, 2000)
    first = np.bincount(np.concatenate([s.x1 for s in found]), minlength=20)
    # Each of 20 rows is among the 5 of X1 with probability 1/4.
    assert np.abs(first - 500).max() < 4 * np.sqrt(2000 * 3 / 16)


def test_halves_belong_to_seed_and_sizes_only():
    one, other = (splits(pair_of(12, 15, seed=s), 3, 5) for s in (0, 1))
    assert all((a == b).all() for s, t in zip(one, other, strict=True) for a, b in zip(s, t, strict=True))
    third = splits(pair_of(12, 15), 4, 5)
    assert any((a != b).any() for s, t in zip(one, third, strict=True) for a, b in zip(s, t, strict=True))


def test_halves_keep_groups_whole():
    groups = np.repeat(np.arange(9), [1, 2, 3, 4, 5, 6, 7, 8, 9])
    pair = pair_of(45, 60, source=groups)
    of = units(pair.source)
    for s in splits(pair, 0, 40):
        assert not set(of[s.x1]) & set(of[s.x2])


def test_quarters_lie_within_halves():
    for s in splits(pair_of(40, 40), 0, 20, share=0.5):
        assert [len(part) for part in s] == [10] * 4
        assert len(np.unique(np.concatenate(s))) == 40


def test_points_are_limited_to_the_lowest_hashes():
    halves = splits(pair_of(100, 50), 0, 10, max_points=40)
    assert set(rows_of(halves)) == {*range(20), *range(100, 120)}
    assert equal_size(pair_of(100, 50), 40) == 20
    assert equal_size(pair_of(100, 50)) == 50


@pytest.mark.parametrize(
    ("pair", "share"),
    [(pair_of(3, 30), 1.0), (pair_of(7, 30), 0.5), (pair_of(20, 20, source=[0] * 19 + [1]), 1.0)],
)
def test_too_small_parts_have_no_answer(pair, share):
    with pytest.raises(NotApplicableError, match="cannot be cut into"):
        splits(pair, 0, 1, share=share)


def test_units_are_groups_or_samples():
    assert units(pair_of(3, 3).source).tolist() == [0, 1, 2]
    kept = pair_of(4, 3, source=[0, 1, 2, 2]).source
    assert sorted(units(kept.take(np.flatnonzero(kept.groups != 1)))) == [0, 1, 1]
    with pytest.raises(NotApplicableError, match="sketch belong to one group: mmd"):
        demand_units(pair_of(3, 3, target=[1, 1, 1]), "mmd")
    with pytest.raises(NotApplicableError, match="photo has one sample"):
        demand_units(pair_of(1, 3), "mmd")


def test_groups_of_the_two_sides_are_different_groups():
    pair = pair_of(4, 3, source=[0, 0, 1, 1], target=[1, 1, 1])
    found = pooled_units(pair)
    assert (found == np.append(units(pair.source), [2, 2, 2])).all()
    assert pooled_units(pair_of(2, 2)).tolist() == [0, 1, 2, 3]


def test_variance_of_mean():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(50)
    assert variance_of_mean(values, np.arange(50)) == pytest.approx(values.var(ddof=1) / 50)
    group = np.repeat(np.arange(25), 4)
    copies = np.repeat(values[:25], 4)
    assert variance_of_mean(copies, group) == pytest.approx(values[:25].var(ddof=1) / 25)


def test_excess_takes_off_what_halves_of_one_side_have():
    halves = splits(pair_of(8, 8), 0, 3)
    terms = over_splits(lambda a, b: float((a[0] < 8) != (b[0] < 8)) + 7.0, halves)
    assert terms.tolist() == [[8.0, 7.0, 7.0]] * 3
    assert excess(terms).tolist() == [1.0] * 3


def test_debiased_takes_off_what_both_sides_have():
    def distance(a, b):
        return {(True, True): 3.0, (False, False): 5.0}.get((bool(a[0] < 20), bool(b[0] < 20)), 9.0)

    value, draws = debiased(distance, pair_of(20, 20), 0, 40)
    assert value == 9.0 - (3.0 + 5.0) / 2
    assert draws.tolist() == [5.0] * 40


def test_debiased_difference_of_means_has_a_calibrated_interval():
    values, spreads = [], []
    for s in range(200):
        pair = pair_of(80, 80, seed=s)
        z = pair.pooled + np.where(pair.is_source, 0, 3)[:, None]

        def distance(a, b, z=z):
            apart = z[a].mean(axis=0) - z[b].mean(axis=0)
            return float(apart @ apart)

        value, draws = debiased(distance, pair, s, 160)
        values.append(value)
        spreads.append(draws.std(ddof=1))
    # |mean difference|^2 = 18 has standard deviation 2 sqrt(18) sqrt(1/80 + 1/80) to first order.
    assert abs(np.mean(values) - 18) < 3 * np.std(values) / np.sqrt(200)
    assert np.std(values) == pytest.approx(2 * np.sqrt(18 * 2 / 80), rel=0.15)
    assert np.mean(spreads) == pytest.approx(2 * np.sqrt(18 * 2 / 80), rel=0.1)


@pytest.mark.parametrize(("share", "kept"), [(0.05, 100), (0.2, 400), (0.8, 1600)])
def test_rows_that_are_kept_of_copies_and_others_are_a_fair_share(share, kept):
    # Half of the side are different samples, half are ten copies of each of a hundred.
    values = np.random.default_rng(0).normal(size=(1100, 3))
    side = FeatureSet.of(values[np.r_[np.arange(1000), np.repeat(np.arange(1000, 1100), 10)]])
    _, place, count = np.unique(side.keys, return_inverse=True, return_counts=True)
    copies = (count[place] > 1)[first_rows(side, kept)].sum()
    assert abs(copies - kept / 2) < 4 * np.sqrt(kept * (1 - share) / 4)


def test_rows_that_are_kept_of_equal_samples_are_a_fair_share():
    values = np.repeat([0.0, 1.0], [300, 100])
    side = FeatureSet.of(np.column_stack([values, values]))
    rows = first_rows(side, 200)
    assert len(np.unique(rows)) == 200
    # Hypergeometric: 150 expected, a standard deviation of 4.3.
    assert abs((side.features[rows, 0] == 0).sum() - 150) < 13
    assert set(first_rows(side, 100)) < set(rows)


def test_of_different_samples_the_first_rows_are_kept():
    side = FeatureSet.of(np.random.default_rng(0).standard_normal((50, 2)))
    np.testing.assert_array_equal(first_rows(side, 20), np.arange(20))
    np.testing.assert_array_equal(first_rows(side, 60), np.arange(50))


@pytest.mark.parametrize("measure", ["proxy_a", "wasserstein", "frechet", "sliced", "bures"])
def test_two_values_in_unequal_numbers_of_samples_are_no_shift(measure):
    rng = np.random.default_rng(3)
    source, target = (FeatureSet.of(rng.integers(2, size=(n, 1)).astype(float)) for n in (600, 150))
    found = MEASURES[measure](Pair(source, target), rng=0)
    assert abs(found.value) < 0.25 if measure == "proxy_a" else found.low <= 0.02
    assert found.details.get("plain", 0.0) < 0.05
