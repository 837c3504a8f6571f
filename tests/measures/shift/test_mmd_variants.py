from itertools import combinations, product

import numpy as np
import pytest
from oracles import gaussian_mmd2, mmd2
from scipy.stats import binom

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES
from shiftscope.measures._exchanges import bin_by_bin
from shiftscope.measures._linear_time import flipped, quadruples

mmd = MEASURES["mmd"]
RADIAL = ("gaussian", "laplace", "rational_quadratic")
TESTS = {
    "full": {},
    "binned": {"variant": "binned", "n_bins": 20},
    "linear": {"variant": "linear"},
    "fuse": {"aggregate": "fuse"},
    "binned fuse": {"variant": "binned", "n_bins": 20, "aggregate": "fuse"},
}


def pair_of(x, y, **groups):
    return Pair(
        FeatureSet.of(x, name="photo", groups=groups.get("source")),
        FeatureSet.of(y, name="sketch", groups=groups.get("target")),
    )


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


class EveryExchange:
    """Kernels that draw each choice of a source exactly once, the one that is observed first."""

    mmd_sums = staticmethod(choose("cpu", "reference").mmd_sums)
    inner_sums = staticmethod(choose("cpu", "reference").inner_sums)

    @staticmethod
    def permutation_members(n, m, seeds):
        members = np.array([np.isin(np.arange(n + m), rows) for rows in combinations(range(n + m), n)]).T
        assert members.shape[1] == len(seeds) + 1
        return members.astype(np.uint8)


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
@pytest.mark.parametrize(
    ("kernel", "aggregate"), [*((k, None) for k in (*RADIAL, "linear", "cosine")), *((k, "fuse") for k in RADIAL)]
)
@pytest.mark.parametrize(("n", "m"), [(3, 3), (2, 4)])
def test_over_all_divisions_of_a_sample_no_level_is_exceeded(n, m, aggregate, kernel, estimator):
    z = np.random.default_rng(0).integers(-2, 3, size=(n + m, 2)) + 0.25
    divisions = list(combinations(range(n + m), n))
    pvalues = []
    for chosen in divisions:
        here = np.isin(np.arange(n + m), chosen)
        found = mmd(
            pair_of(z[here], z[~here]), kernel=kernel, aggregate=aggregate, estimator=estimator,
            n_permutations=len(divisions) - 1, kernels=EveryExchange,
        )  # fmt: skip
        pvalues.append(found.pvalue)
        assert found.pvalue >= found.details["smallest_pvalue"] - 1e-12
    for level in np.unique(pvalues):
        assert np.mean(np.array(pvalues) <= level) <= level + 1e-12
    assert len(np.unique(pvalues)) > 2


def discrete(rng, n):
    """Two classes of three pixels with few values, class by class: most samples have copies."""
    y = np.sort(rng.integers(2, size=n))
    return rng.integers(0, 2 + y[:, None], size=(n, 3)).astype(np.float32), y


@pytest.mark.parametrize(("n", "m"), [(24, 24), (16, 48)])
@pytest.mark.parametrize("options", TESTS.values(), ids=TESTS)
def test_ties_and_sorted_files_do_not_raise_the_level(options, n, m):
    pvalues = []
    for seed in range(500):
        rng = np.random.default_rng(seed)
        sides = [FeatureSet.of(*discrete(rng, size)) for size in (n, m)]
        pvalues.append(mmd(Pair(*sides), n_permutations=39, rng=seed, **options).pvalue)
    for level in (0.05, 0.25):
        assert np.sum(np.array(pvalues) <= level) <= binom.ppf(0.999, 500, level)


@pytest.mark.parametrize("variant", ["binned", "linear"])
def test_pvalues_of_continuous_samples_are_uniform(variant):
    pvalues = np.array(
        [
            mmd(pair_of(*normal(20, 32, 3, seed=s)), variant=variant, n_bins=13, n_permutations=39, rng=s).pvalue
            for s in range(600)
        ]
    )
    for level in (0.05, 0.25, 0.5, 0.75):
        assert abs(np.mean(pvalues <= level) - level) < 3.3 * np.sqrt(level * (1 - level) / 600)


def test_copies_are_dealt_to_all_bins():
    """In the order of hashes copies stand together: bins of copies would make the null wider than chance is."""
    pvalues = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        x, y = (np.repeat(np.eye(4), size // 4, axis=0)[rng.integers(size, size=size)] for size in (40, 40))
        pvalues.append(mmd(pair_of(x, y), variant="binned", n_bins=16, n_permutations=39, rng=seed).pvalue)
    assert 0.35 < np.mean(np.array(pvalues) <= 0.5) < 0.65


def clustered(rng, n_groups, sizes):
    """Samples that are near-copies of their group's centre, in groups of unequal size."""
    group = np.repeat(np.arange(n_groups), rng.choice(sizes, n_groups))
    return rng.standard_normal((n_groups, 3))[group] + 0.1 * rng.standard_normal((len(group), 3)), group


@pytest.mark.parametrize("options", TESTS.values(), ids=TESTS)
def test_groups_keep_the_level_where_samples_are_near_copies(options):
    pvalues = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        (x, source), (y, target) = (clustered(rng, k, [1, 4, 7]) for k in (16, 24))
        pair = pair_of(x, y, source=source, target=target)
        pvalues.append(mmd(pair, n_permutations=39, rng=seed, **options).pvalue)
    for level in (0.05, 0.25):
        assert np.sum(np.array(pvalues) <= level) <= binom.ppf(0.999, 300, level)


@pytest.mark.parametrize(("n", "m", "n_bins"), [(40, 40, 16), (40, 120, 16), (37, 101, 20), (9, 11, 500)])
def test_bins_have_one_size_and_are_in_proportion(n, m, n_bins):
    pair = pair_of(*normal(n, m, 2))
    found = bin_by_bin(pair, 0, 30, n_bins, choose())
    size, (bins_n, bins_m), left = (found.details[key] for key in ("bin_size", "bins", "left_over"))
    assert bins_n + bins_m <= n_bins
    assert (bins_n * size + left[0], bins_m * size + left[1]) == (n, m)
    assert max(left) < size
    assert (size == 1) == (n + m <= n_bins)
    counts = np.bincount(found.bins, minlength=len(found.members))
    assert counts.tolist() == [size] * (bins_n + bins_m) + left
    assert (np.sort(found.rows) == np.arange(n + m)).all()
    assert (found.rows[:n] < n).all()
    assert (found.members[found.bins, 0] == (np.arange(n + m) < n)).all()
    # What is left over never changes sides, and as many bins come as go.
    assert (found.members[-2] == 1).all()
    assert (found.members[-1] == 0).all()
    assert (found.members[:-2].sum(axis=0) == bins_n).all()


def test_every_exchange_of_bins_has_the_statistic_of_its_samples():
    pair = pair_of(*normal(13, 22, 3, shift=1.0))
    seen = {}

    class Spy:
        @staticmethod
        def permutation_members(n, m, seeds):
            return choose().permutation_members(n, m, seeds)

        @staticmethod
        def mmd_sums(z, bandwidths, members, **options):
            seen.update(z=z, members=members[options["bins"]])
            return choose().mmd_sums(z, bandwidths, members, **options)

    found = mmd(pair, variant="binned", n_bins=12, n_permutations=60, rng=0, kernels=Spy)
    expected = np.array([mmd2(seen["z"][v == 1], seen["z"][v == 0], pair.bandwidth) for v in seen["members"].T])
    assert found.value == pytest.approx(
        mmd2(*(s.features for s in (pair.source, pair.target)), pair.bandwidth), abs=1e-6
    )
    assert found.pvalue == np.mean(expected >= expected[0] - 1e-9)
    quantiles = list(found.details["null_quantiles"].values())
    assert quantiles == pytest.approx(np.quantile(expected[1:], [0.05, 0.25, 0.5, 0.75, 0.95]), abs=1e-6)


def test_groups_stay_in_one_bin():
    rng = np.random.default_rng(0)
    (x, source), (y, target) = (clustered(rng, k, [1, 4, 7]) for k in (15, 22))
    pair = pair_of(x, y, source=source, target=target)
    found = bin_by_bin(pair, 0, 30, 12, choose())
    unit = np.concatenate([pair.source.groups, 1000 + pair.target.groups])[found.rows]
    assert all(len(set(found.bins[unit == u])) == 1 for u in np.unique(unit))
    per_bin = [len(set(unit[found.bins == b])) for b in range(sum(found.details["bins"]))]
    assert set(per_bin) == {found.details["bin_size"]}


def test_the_interval_of_bins_is_that_of_samples():
    x, y = normal(40, 60, 3, shift=1.0)
    groups = {"source": np.arange(40) // 4, "target": np.arange(60) // 3}
    for pair in (pair_of(x, y), pair_of(x, y, **groups)):
        full, binned = (mmd(pair, variant=v, n_bins=9, n_permutations=0, rng=0) for v in ("full", "binned"))
        assert (binned.low, binned.high) == pytest.approx((full.low, full.high), abs=1e-6)


@pytest.mark.parametrize(
    ("n", "m", "n_bins", "smallest"), [(20, 20, 10, 2 / 252), (20, 21, 10, 1 / 70), (21, 21, 10, 1 / 70)]
)
def test_the_smallest_pvalue_of_bins(n, m, n_bins, smallest):
    """Bins of 4 in 5 + 5; bins of 5 in 4 + 4 with one sample left over, which tells the sides apart."""
    x, y = normal(n, m, 2, shift=20.0)
    found = mmd(pair_of(x, y), variant="binned", n_bins=n_bins, n_permutations=5000, rng=0)
    assert found.details["smallest_pvalue"] == pytest.approx(smallest)
    assert abs(found.pvalue - smallest) < 4 * np.sqrt(smallest / 5000)


def test_a_side_without_two_bins_has_no_answer():
    pair = pair_of(*normal(6, 600, 2))
    with pytest.raises(NotApplicableError, match="photo fills 0 of 100 bins, and a test takes 2") as raised:
        mmd(pair, variant="binned", n_bins=100)
    enough = int(str(raised.value).split("mmd.n_bins ")[1].split()[0])
    assert mmd(pair, variant="binned", n_bins=enough, n_permutations=9, rng=0).details["bins"][0] == 2
    with pytest.raises(NotApplicableError):
        mmd(pair, variant="binned", n_bins=enough - 1)


def test_signs_are_exchanges_within_quadruples():
    h = np.random.default_rng(0).standard_normal(3)
    every = {round(float(np.mean(h * signs)), 12) for signs in product([1, -1], repeat=3)}
    found = flipped(h, 0, 400)
    assert found[0] == pytest.approx(h.mean())
    assert set(np.round(found, 12)) == every
    pvalue = mmd(pair_of(*normal(6, 7, 2, shift=9.0)), variant="linear", n_permutations=400, rng=0)
    assert pvalue.details["smallest_pvalue"] == 2.0**-3


def test_quadruples_use_each_sample_once():
    """With a kernel that is 1 for copies and else about 0, h counts the copies that meet."""
    x = np.arange(12.0)[:, None]
    pair = pair_of(x, x + 100)
    assert quadruples(pair, "gaussian", 1e-3, 0).tolist() == [0.0] * 6
    h = quadruples(pair, "linear", 1.0, 0)
    # (x - y)(x' - y') summed: of 12 pairs of numbers about 100 apart.
    assert h.shape == (6,)
    assert (h > 0).all()


def test_linear_time_is_unbiased_at_unequal_sizes_and_covers():
    truth = gaussian_mmd2(1.0, 1, 1, 2.0, 3)
    found = [
        mmd(pair_of(*normal(60, 90, 3, shift=1.0, seed=s)), variant="linear", bandwidth=2.0, n_permutations=0, rng=s)
        for s in range(400)
    ]
    assert {e.details["n_used"] for e in found} == {60}
    values = np.array([e.value for e in found])
    assert abs(values.mean() - truth) < 3.3 * values.std() / np.sqrt(400)
    assert np.mean([e.low <= truth <= e.high for e in found]) > 0.95 - 3.3 * np.sqrt(0.95 * 0.05 / 400)


def test_linear_time_takes_one_sample_of_each_group():
    x, y = normal(40, 40, 3)
    found = mmd(pair_of(x, y, source=np.arange(40) // 4), variant="linear", rng=0)
    assert found.details["n_used"] == 10


def test_linear_time_needs_two_quadruples():
    with pytest.raises(NotApplicableError, match="photo and sketch have 3 and 50 independent samples"):
        mmd(pair_of(*normal(3, 50, 2)), variant="linear")


SHIFTS = {
    "mean": lambda z: z + np.eye(10)[0] * 0.9,
    "scale": lambda z: z * 1.15,
    "a part": lambda z: z + 5 * np.eye(10)[0] * (np.arange(len(z)) < len(z) / 8)[:, None],
    "correlation": lambda z: np.column_stack([z[:, ::2], 0.65 * z[:, ::2] + np.sqrt(1 - 0.65**2) * z[:, 1::2]]),
}


def power(kind, **options):
    rejected = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((100, 10)), SHIFTS[kind](rng.standard_normal((100, 10)))
        factor = options.get("factor", 1.0)
        pair = pair_of(x, y)
        given = {k: v for k, v in options.items() if k != "factor"}
        rejected += mmd(pair, bandwidth=pair.bandwidth * factor, n_permutations=99, rng=seed, **given).pvalue <= 0.05
    return rejected / 60


@pytest.mark.parametrize("kind", SHIFTS)
def test_fused_has_nearly_the_power_of_the_best_bandwidth(kind):
    best = max(power(kind, factor=f) for f in (0.25, 1.0, 4.0))
    assert power(kind, aggregate="fuse") >= best - 0.15
    if kind in {"scale", "correlation"}:
        assert best > power(kind) + 0.3


def test_binned_has_nearly_the_power_of_full():
    assert power("mean", variant="binned", n_bins=50) >= power("mean") - 0.1
