import numpy as np
import pytest
from scipy.stats import false_discovery_control, ks_2samp
from sklearn.decomposition import PCA

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.kernels import LAYERS, choose
from shiftscope.measures import MEASURES
from shiftscope.measures._permutation import permuted_members
from shiftscope.measures._sides import rows_of, splits
from shiftscope.measures.shift import ks as module
from shiftscope.measures.shift.ks import _gaps, between_halves

ks = MEASURES["ks"]


def pair_of(x, y, *, source=None, target=None):
    return Pair(FeatureSet.of(x, name="photo", groups=source), FeatureSet.of(y, name="sketch", groups=target))


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def statistics(z, first):
    """KS of every column of ``z``, by scipy."""
    return [ks_2samp(z[first == 1, j], z[first == 0, j]).statistic for j in range(z.shape[1])]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("n", "m"), [(20, 20), (70, 13), (2, 3)])
def test_every_column_of_every_permutation_equals_scipy(n, m, whole, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 3)
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((n + m, 4))
    # Many ties and two values in the first columns.
    columns[:, 0], columns[:, 1] = np.round(columns[:, 0]), columns[:, 1] > 0
    members = np.array([rng.permutation(np.arange(n + m) < n) for _ in range(8)]).T.astype(np.uint8)
    if not whole:  # as groups do, permuted sides may differ in size
        members[0], members[1] = 1, 0
    expected = [statistics(columns, v) for v in members.T]
    np.testing.assert_allclose(_gaps(columns, members).T, expected, atol=1e-12)


@pytest.mark.parametrize("backend", LAYERS)
@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 6), (30, 55, 6), (15, 20, 70)])
def test_value_and_lists_equal_scipy(n, m, d, backend):
    x, y = normal(n, m, d, shift=1.0)
    x, y = np.column_stack([np.ones(n), x]), np.column_stack([np.ones(m), y])
    pair = pair_of(x, y)
    found = ks(pair, n_directions=4, n_permutations=0, kernels=choose("cpu", backend))
    z = pair.pooled.astype(float)
    along = PCA(4).fit_transform(z)
    features, directions = statistics(z[:, 1:], pair.is_source), statistics(along, pair.is_source)
    assert found.value == pytest.approx(max(features + directions))
    assert found.details["feature_ks"] == pytest.approx(max(features))
    assert found.details["feature"] == 1 + np.argmax(features)
    assert found.details["direction_ks"] == pytest.approx(max(directions))
    assert found.details["direction"] == 1 + np.argmax(directions)
    for name, columns in (("feature_share", z[:, 1:]), ("direction_share", along)):
        single = [ks_2samp(c[pair.is_source], c[~pair.is_source], method="asymp").pvalue for c in np.asarray(columns).T]
        assert found.details[name] == np.mean(false_discovery_control(single) <= 0.05)
    assert (found.low, found.high, found.pvalue) == (None, None, None)


def test_pvalue_is_that_of_the_largest_statistic():
    pair = pair_of(*normal(20, 30, 3, shift=1.3))
    found = ks(pair, n_permutations=59, rng=2)
    z = np.column_stack([pair.pooled.astype(float), PCA(3).fit_transform(pair.pooled.astype(float))])
    every = np.array([statistics(z, v) for v in permuted_members(pair, 2, 59, choose()).T])
    largest, mean = every.max(axis=1), every.mean(axis=1)
    reached = (largest > largest[0] + 1e-9) | (np.isclose(largest, largest[0]) & (mean >= mean[0] - 1e-9))
    assert found.pvalue == np.mean(reached)
    assert 0 < found.pvalue < 0.5
    assert sum(found.details["null_counts"]) == 59


@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 5), (15, 25, 30)])
def test_without_a_shift_the_pvalue_is_exact_and_the_value_as_large_as_is_said(n, m, d):
    found = [ks(pair_of(*normal(n, m, d, seed=s)), n_permutations=19, rng=s) for s in range(300)]
    pvalues = np.array([e.pvalue for e in found])
    for level in (0.05, 0.5):
        assert abs(np.mean(pvalues <= level + 1e-9) - level) < 3 * np.sqrt(level * (1 - level) / 300)
    columns = d + min(32, d)
    said = np.sqrt((1 / n + 1 / m) * np.log(2 * columns) / 2)
    assert np.mean([e.value for e in found]) == pytest.approx(said, rel=0.05)
    assert np.mean([e.details["feature_share"] > 0 for e in found]) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_pvalue_is_valid_with_ties():
    pvalues = []
    for s in range(300):
        rng = np.random.default_rng(s)
        x, y = ((rng.random((k, 2)) < 0.3).astype(float) for k in (15, 40))
        pvalues.append(ks(pair_of(x, y), n_permutations=19, rng=s).pvalue)
    assert np.mean(np.array(pvalues) <= 0.05 + 1e-9) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def clustered(rng, n_groups):
    """Samples that are near-copies of their group's centre."""
    group = np.repeat(np.arange(n_groups), rng.choice([1, 4, 7], n_groups))
    return rng.standard_normal((n_groups, 3))[group] + 0.1 * rng.standard_normal((len(group), 3)), group


def test_groups_keep_the_level_of_the_test_and_of_the_lists():
    with_groups, without = [], []
    for s in range(200):
        rng = np.random.default_rng(s)
        (x, source), (y, target) = (clustered(rng, k) for k in (12, 9))
        with_groups.append(ks(pair_of(x, y, source=source, target=target), n_permutations=39, rng=s))
        without.append(ks(pair_of(x, y), n_permutations=39, rng=s))
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean([e.pvalue <= 0.05 for e in with_groups]) < most
    assert np.mean([e.details["feature_share"] > 0 for e in with_groups]) < most
    assert np.mean([e.pvalue <= 0.05 for e in without]) > 0.5
    assert np.mean([e.details["feature_share"] > 0 for e in without]) > 0.3


def test_groups_without_permutations_have_no_list():
    found = ks(pair_of(*normal(9, 9, 2), source=[0, 1, 2] * 3), n_permutations=0)
    assert set(found.details) == {"feature", "feature_ks", "direction", "direction_ks"}


def test_a_shift_of_one_feature_is_found_and_named():
    for s in range(10):
        x, y = normal(60, 50, 20, seed=s)
        y[:, 7] += 1.5
        found = ks(pair_of(x, y), n_permutations=99, rng=s)
        assert found.pvalue == found.details["smallest_pvalue"] == 0.01
        assert found.details["feature"] == 7
        assert found.details["feature_share"] >= 1 / 20


def test_a_shift_along_all_features_is_found_by_a_direction():
    # One common cause moves all features by a tenth of their noise.
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((150, 100)) + rng.standard_normal((150, 1)) * 0.5 + a for a in (0.0, 0.5))
    found = ks(pair_of(x, y), n_permutations=99, rng=0)
    assert found.details["direction"] == 1
    assert found.details["direction_ks"] > found.details["feature_ks"]
    assert found.value == found.details["direction_ks"]


def test_halves_equal_scipy():
    pair = pair_of(*normal(40, 30, 5, shift=1.0))
    halves = splits(pair, 0, 3)
    rows = rows_of(halves)
    z = pair.pooled[rows].astype(float)
    columns = np.column_stack([z, PCA(3).fit_transform(z)])
    for row, s in zip(between_halves(pair, halves, {"n_directions": 3}, None), halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            part = columns[np.searchsorted(rows, np.append(a, b))]
            assert value == pytest.approx(max(statistics(part, np.arange(len(part)) < len(a))))


@pytest.mark.parametrize("d", [3, 90])
def test_equal_samples_have_equal_coordinates(d):
    x = np.tile(np.random.default_rng(0).standard_normal((15, d)), (2, 1))
    found = ks(pair_of(x, x[:15]), n_permutations=19, rng=0)
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert found.pvalue == 1.0


def test_separated_sides_and_no_directions():
    found = ks(pair_of(*normal(30, 20, 4, shift=50.0)), n_directions=0, n_permutations=19, rng=0)
    assert found.value == 1.0
    assert "direction" not in found.details


def test_what_has_no_answer():
    with pytest.raises(NotApplicableError, match="photo has one sample: ks"):
        ks(pair_of(*normal(1, 9, 2)))
    with pytest.raises(NotApplicableError, match="sketch belong to one group"):
        ks(pair_of(*normal(9, 9, 2), target=[1] * 9))
    with pytest.raises(NotApplicableError, match="no feature varies"):
        ks(pair_of(np.ones((9, 2)), np.ones((9, 2))))
    with pytest.raises(InputError, match="n_permutations: -1 cannot be used"):
        ks(pair_of(*normal(9, 9, 2)), n_permutations=-1)
    with pytest.raises(InputError, match="n_directions: -1 cannot be used"):
        ks(pair_of(*normal(9, 9, 2)), n_directions=-1)
