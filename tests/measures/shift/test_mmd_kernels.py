import numpy as np
import pytest
from oracles import gaussian_mmd2
from scipy.integrate import quad
from scipy.spatial.distance import cdist

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError
from shiftscope.kernels import LAYERS, choose
from shiftscope.measures import MEASURES
from shiftscope.measures._fuse import FACTORS
from shiftscope.measures._noise_floor import noise_floor
from shiftscope.measures._sides import splits
from shiftscope.measures.shift.mmd import between_halves

mmd = MEASURES["mmd"]
RADIAL = ("gaussian", "laplace", "rational_quadratic")
ALL = (*RADIAL, "linear", "cosine")


def normal(n, m, d, *, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y[:, 0] += shift
    return x.astype(np.float32), y.astype(np.float32)


def pair_of(x, y):
    return Pair(FeatureSet.of(x), FeatureSet.of(y))


def dense(kernel, a, b, bandwidth):
    r = cdist(a, b) / bandwidth
    if kernel == "cosine":
        return 1 - cdist(a, b, "cosine")
    if kernel == "linear":
        return a.astype(float) @ b.astype(float).T / bandwidth**2
    return {"gaussian": np.exp(-(r**2) / 2), "laplace": np.exp(-r), "rational_quadratic": 1 / (1 + r**2 / 2)}[kernel]


def dense_mmd2(kernel, x, y, bandwidth, *, biased=False):
    xx, yy, xy = (dense(kernel, *sides, bandwidth) for sides in ((x, x), (y, y), (x, y)))
    if biased:
        return xx.mean() + yy.mean() - 2 * xy.mean()
    n, m = len(x), len(y)
    return (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1)) - 2 * xy.mean()


def dense_fused(kernel, x, y, bandwidths, pooled):
    """The soft maximum with full matrices; spreads by centring the kernel between all ``pooled`` samples."""
    least, total = min(len(x), len(y)), len(pooled)
    hard = 4 * np.sqrt(least * (least - 1))
    values = []
    for bandwidth in bandwidths:
        matrix = dense(kernel, pooled, pooled, bandwidth)
        np.fill_diagonal(matrix, 0.0)
        rows = matrix.sum(axis=1) / (total - 2)
        matrix += matrix.sum() / ((total - 1) * (total - 2)) - rows - rows[:, None]
        np.fill_diagonal(matrix, 0.0)
        assert abs(matrix.sum(axis=1)).max() < 1e-9
        values.append(dense_mmd2(kernel, x, y, bandwidth) / np.sqrt(np.square(matrix).sum() / (total * (total - 3))))
    return np.log(np.mean(np.exp(hard * np.array(values)))) / hard


@pytest.mark.parametrize("backend", LAYERS)
@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
@pytest.mark.parametrize("kernel", ALL)
@pytest.mark.parametrize("shape", [(30, 30, 4), (13, 40, 6), (8, 25, 60)], ids=str)
def test_equals_the_dense_matrix(shape, kernel, estimator, backend):
    x, y = normal(*shape, shift=1.0)
    pair = pair_of(x, y)
    expected = dense_mmd2(kernel, x, y, pair.bandwidth, biased=estimator == "biased")
    for variant in ("full", "binned"):
        found = mmd(
            pair, kernel=kernel, estimator=estimator, variant=variant, n_bins=10, n_permutations=5,
            rng=0, kernels=choose("cpu", backend),
        )  # fmt: skip
        assert found.value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("backend", LAYERS)
@pytest.mark.parametrize("kernel", RADIAL)
def test_fused_is_the_formula(kernel, backend):
    x, y = normal(25, 18, 5, shift=1.0)
    pair = pair_of(x, y)
    found = mmd(pair, kernel=kernel, aggregate="fuse", n_permutations=0, kernels=choose("cpu", backend))
    bandwidths = pair.bandwidth * FACTORS
    expected = dense_fused(kernel, x, y, bandwidths, np.concatenate([x, y]))
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert found.details["bandwidths"] == pytest.approx(bandwidths)
    assert found.details["values"] == pytest.approx([dense_mmd2(kernel, x, y, b) for b in bandwidths], abs=1e-6)
    assert sum(found.details["weights"]) == pytest.approx(1)
    assert "mmd_similarity" not in found.details


def by_mixture(kernel, shift, bandwidth, d):
    """Population value of a kernel that is a mixture of Gaussian kernels, by quadrature over their bandwidths."""
    if kernel == "laplace":
        # exp(-r) is the mean of exp(-r^2/4u) over exp(-u)/sqrt(pi u); u = t^2 takes the pole away.
        def weighed(t):
            return 2 / np.sqrt(np.pi) * np.exp(-(t**2)) * gaussian_mmd2(shift, 1, 1, bandwidth * np.sqrt(2) * t, d)
    else:
        # 1/(1 + r^2/2) is the mean of exp(-t r^2/2) over exp(-t).
        def weighed(t):
            return np.exp(-t) * gaussian_mmd2(shift, 1, 1, bandwidth / np.sqrt(t), d)

    return quad(weighed, 1e-9, np.inf)[0]


@pytest.mark.parametrize("variant", ["full", "linear"])
@pytest.mark.parametrize("kernel", ALL)
def test_is_unbiased_for_the_population_value(kernel, variant):
    truths = {
        "gaussian": gaussian_mmd2(1.5, 1, 1, 2.0, 3),
        "laplace": by_mixture("laplace", 1.5, 2.0, 3),
        "rational_quadratic": by_mixture("rational_quadratic", 1.5, 2.0, 3),
        "linear": 1.5**2 / 2.0**2,
    }
    options = {"kernel": kernel, "variant": variant, "n_permutations": 0}
    if kernel == "cosine":
        # The mean direction of the source is 0, and that of the target known from many samples.
        many = np.random.default_rng(0).standard_normal((1_000_000, 3)) + np.array([1.5, 0, 0])
        truths["cosine"] = np.square((many / np.linalg.norm(many, axis=1, keepdims=True)).mean(axis=0)).sum()
    else:
        options["bandwidth"] = 2.0
    found = [mmd(pair_of(*normal(40, 30, 3, shift=1.5, seed=s)), rng=s, **options) for s in range(200)]
    values = np.array([e.value for e in found])
    assert abs(values.mean() - truths[kernel]) < 3.5 * values.std() / np.sqrt(200)
    covered = np.mean([e.low <= truths[kernel] <= e.high for e in found])
    assert covered > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 200)


@pytest.mark.parametrize("kernel", RADIAL)
def test_the_interval_of_the_fused_value_is_as_wide_as_its_spread(kernel):
    options = {"kernel": kernel, "bandwidth": 2.0, "aggregate": "fuse", "n_permutations": 0}
    found = [mmd(pair_of(*normal(80, 60, 3, shift=1.0, seed=s)), **options) for s in range(300)]
    spread = np.std([e.value for e in found])
    assert spread == pytest.approx(np.mean([(e.high - e.low) / 3.92 for e in found]), rel=0.15)


@pytest.mark.parametrize("kernel", ALL)
def test_similarity_is_that_of_the_distance(kernel):
    x, y = normal(30, 30, 4, shift=1.0)
    details = mmd(pair_of(x, y), kernel=kernel, n_permutations=0).details
    if kernel == "linear":
        assert "mmd_similarity" not in details
    else:
        distance = np.sqrt(dense_mmd2(kernel, x, y, pair_of(x, y).bandwidth))
        assert details["mmd_similarity"] == pytest.approx(2 * (1 - distance), abs=1e-5)
    assert ("bandwidth" in details) == (kernel != "cosine")


@pytest.mark.parametrize("kernel", ["gaussian", "cosine"])
def test_what_does_not_differ_is_wholly_similar(kernel):
    x, _ = normal(40, 1, 5)
    assert mmd(pair_of(x, x), kernel=kernel, n_permutations=0).details["mmd_similarity"] == 2.0


CHANGES = {
    "scale": lambda x: x * np.float32(37.0),
    "rotation": lambda x: x @ np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)))[0],
    "duplicate": lambda x: np.hstack([x, x]),
    "dead": lambda x: np.hstack([x, np.zeros((len(x), 3), np.float32)]),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("options", [*({"kernel": k} for k in ALL), {"aggregate": "fuse"}], ids=str)
def test_claimed_invariances_hold_for_every_kernel(change, options):
    x, y = normal(25, 30, 4, shift=1.0)
    found = mmd(pair_of(CHANGES[change](x), CHANGES[change](y)), n_permutations=0, **options).value
    assert found == pytest.approx(mmd(pair_of(x, y), n_permutations=0, **options).value, rel=1e-5)


def test_the_linear_kernel_sees_no_origin_and_the_cosine_no_length():
    x, y = normal(25, 30, 4, shift=1.0)
    there = mmd(pair_of(x + 100, y + 100), kernel="linear", n_permutations=0).value
    assert there == pytest.approx(mmd(pair_of(x, y), kernel="linear", n_permutations=0).value, rel=1e-4)
    lengths = np.random.default_rng(0).uniform(0.1, 10, (55, 1)).astype(np.float32)
    there = mmd(pair_of(x * lengths[:25], y * lengths[25:]), kernel="cosine", n_permutations=0).value
    assert there == pytest.approx(mmd(pair_of(x, y), kernel="cosine", n_permutations=0).value, rel=1e-5)


def test_rows_of_zeros_have_no_direction():
    x, y = normal(12, 14, 3, shift=1.0)
    x[:4] = 0
    u = np.divide(x, np.linalg.norm(x, axis=1, keepdims=True), where=x != 0, out=np.zeros_like(x))
    v = y / np.linalg.norm(y, axis=1, keepdims=True)
    found = mmd(pair_of(x, y), kernel="cosine", estimator="biased", n_permutations=0)
    assert found.value == pytest.approx(np.square(u.mean(axis=0) - v.mean(axis=0)).sum(), abs=1e-6)


@pytest.mark.parametrize("kernel", RADIAL)
def test_a_bandwidth_at_which_no_two_samples_meet_says_nothing(kernel):
    found = mmd(pair_of(*normal(20, 20, 3, shift=1.0)), kernel=kernel, bandwidth=1e-12, aggregate="fuse", rng=0)
    assert np.isfinite(found.value)


@pytest.mark.parametrize("options", [*({"kernel": k} for k in ALL), {"aggregate": "fuse"}], ids=str)
def test_halves_equal_the_dense_matrix(options):
    pair = pair_of(*normal(21, 30, 4, shift=1.0))
    halves = splits(pair, 3, 4)
    found = between_halves(pair, halves, mmd.check(options), None)
    kernel, z = options.get("kernel", "gaussian"), pair.pooled
    rows = np.unique(np.concatenate([part for s in halves for part in s]))
    for row, s in zip(found, halves, strict=True):
        for value, (a, b) in zip(row, ((s.x1, s.y1), (s.x1, s.x2), (s.y1, s.y2)), strict=True):
            if "aggregate" in options:
                expected = dense_fused("gaussian", z[a], z[b], pair.bandwidth * FACTORS, z[rows])
            else:
                expected = dense_mmd2(kernel, z[a], z[b], pair.bandwidth)
            assert value == pytest.approx(expected, abs=2e-6)


def test_the_noise_floor_knows_the_options():
    pair = pair_of(*normal(60, 60, 3, shift=1.0))
    plain, linear = (noise_floor("mmd", pair, seed=0, options={"kernel": k}) for k in ("gaussian", "linear"))
    assert linear.effect == pytest.approx(mmd(pair, kernel="linear", n_permutations=0).value, rel=0.3)
    assert linear.effect != pytest.approx(plain.effect, rel=0.3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kernel": "cosine", "bandwidth": 2.0}, "mmd.bandwidth is 2.0, but the cosine kernel has none"),
        ({"kernel": "linear", "aggregate": "fuse"}, "the linear kernel is the same at all bandwidths"),
        ({"kernel": "cosine", "aggregate": "fuse"}, "choose mmd.kernel from gaussian, laplace, rational_quadratic"),
        ({"variant": "linear", "aggregate": "fuse"}, "mmd.aggregate 'fuse' cannot be had with mmd.variant 'linear'"),
        ({"variant": "linear", "estimator": "biased"}, "mmd.estimator 'biased' cannot be had"),
        ({"variant": "binned", "n_bins": 3}, "mmd.n_bins: 3 cannot be used"),
        ({"kernel": "poly"}, "measures.mmd.kernel: 'poly' cannot be used"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        mmd(pair_of(*normal(9, 9, 2)), **options)
