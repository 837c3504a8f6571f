"""Which source is nearest: one scale for all of them, paired differences, and a name only where they say so."""

import numpy as np
import pytest

from shiftscope.analysis.nearest import LEVEL, N_SPLITS, order_sources
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose
from shiftscope.measures._noise_floor import noise_floor
from shiftscope.measures._sides import first_rows


def sample(rng, *, n=80, d=4, at=0.0, name="data", groups=None):
    x = rng.normal(size=(n, d))
    x[:, 0] += at
    return FeatureSet.of(x, name=name, groups=groups)


def order(sources, target, **options):
    return order_sources(sources, target, backbone="net", kernels=choose(), **options)


def between_normals(step, bandwidth, d):
    """MMD^2 of N(0, I) and N(step e1, I) under exp(-r^2/(2 h^2)): 2 c^(d/2) (1 - exp(-step^2/(2 (h^2 + 2))))."""
    h = bandwidth**2
    return 2 * (h / (h + 2)) ** (d / 2) * (1 - np.exp(-(step**2) / (2 * (h + 2))))


def test_effects_are_the_closed_form_of_normals():
    rng = np.random.default_rng(0)
    sources = [sample(rng, n=600, at=at, name=name) for at, name in ((1.0, "near"), (2.0, "far"))]
    found = order(sources, sample(rng, n=600), options={"bandwidth": 2.0})
    assert [row.source for row in found.rows] == ["near", "far"]
    for row, step in zip(found.rows, (1.0, 2.0), strict=True):
        assert abs(row.effect - between_normals(step, 2.0, 4)) < 3 * row.effect_se
    first, second = found.rows
    assert second.further == pytest.approx(second.effect - first.effect)
    assert (first.further, first.further_low) == (None, None)


def plain_effect(x1, x2, y1, y2, h):
    """T(X1, Y1) - [T(X1, X2) + T(Y1, Y2)]/2 with the unbiased MMD^2, every sum written out."""

    def kernel(a, b):
        return np.exp(-np.square(a[:, None] - b).sum(axis=-1) / (2 * h**2))

    def within(a):
        k = kernel(a, a)
        return (k.sum() - np.trace(k)) / (len(a) * (len(a) - 1))

    def t(a, b):
        return within(a) + within(b) - 2 * kernel(a, b).mean()

    return t(x1, y1) - (t(x1, x2) + t(y1, y2)) / 2, t(x1, x2), t(y1, y2)


def test_every_split_shares_the_targets_halves_and_one_size(monkeypatch):
    """Against the same halves, drawn here in the open, and sums written out in float64."""
    rng = np.random.default_rng(1)
    sources = [sample(rng, n=n, at=at, name=name) for n, at, name in ((30, 1, "a"), (50, 2, "b"), (41, 3, "c"))]
    target, seen = sample(rng, n=44), {}

    def halves(side, rows, rng, *, share=1.0):
        assert share == 1.0
        assert list(rows) == list(first_rows(side, 800))
        mixed = rng.permutation(rows)
        seen.setdefault(side.n, []).append(np.array_split(mixed, 2))
        return tuple(seen[side.n][-1])

    monkeypatch.setattr("shiftscope.analysis.nearest.halves_of", halves)
    found = order(sources, target, options={"bandwidth": 1.5})
    assert found.size == 15
    assert {len(some) for some in seen.values()} == {N_SPLITS}  # the target's 44 samples once, not once a source
    values, floors = {}, []
    for source in sources:
        split = [
            plain_effect(
                *(source.features[part[:15]].astype(float) for part in x),
                *(target.features[part[:15]].astype(float) for part in y),
                1.5,
            )
            for x, y in zip(seen[source.n], seen[44], strict=True)
        ]
        values[source.name] = np.array([effect for effect, _, _ in split])
        floors.append(np.array([within for _, within, _ in split]))
    floors.append(np.array([within for _, _, within in split]))
    floor = np.quantile(np.abs(np.array([f - f.mean() for f in floors])), 0.95)
    assert found.floor == pytest.approx(floor, rel=1e-4)
    t = 2.5017  # of 1 - 0.05/6 with 39 degrees of freedom: three pairs of three sources, forty splits
    for row in found.rows:
        assert row.effect == pytest.approx(values[row.source].mean(), rel=1e-4)
        assert row.effect_se == pytest.approx(values[row.source].std(ddof=1), rel=1e-3)
        if row.source != "a":
            further = values[row.source] - values["a"]
            assert row.further_low == pytest.approx(further.mean() - t * further.std(ddof=1), rel=1e-3, abs=1e-5)
            assert row.further_high == pytest.approx(further.mean() + t * further.std(ddof=1), rel=1e-3, abs=1e-5)


def test_the_order_of_sources_changes_nothing():
    rng = np.random.default_rng(2)
    sources = [sample(rng, n=n, at=at, name=name) for n, at, name in ((40, 1, "a"), (60, 0, "b"), (50, 2, "c"))]
    target = sample(rng)
    assert order(sources, target) == order(sources[::-1], target)


def test_one_source_twice_lies_no_further_than_itself():
    rng = np.random.default_rng(3)
    one = sample(rng, at=1.0, name="one")
    again = FeatureSet.of(one.features, name="again")
    found = order([one, again], sample(rng))
    assert [row.source for row in found.rows] == ["again", "one"]
    assert found.rows[1].further == 0
    assert found.nearest is None
    assert found.undecided == ("again", "one")


def test_the_smaller_source_does_not_look_nearer():
    """Over a floor of its own a small source would: floors grow as samples get fewer."""
    rng = np.random.default_rng(4)
    small, large, target = (
        sample(rng, n=40, at=3, name="small"),
        sample(rng, n=600, at=1, name="large"),
        sample(rng, n=600),
    )
    alone = [noise_floor("mmd", Pair(source, target), seed=0) for source in (small, large)]
    assert alone[0].effect / alone[0].floor < alone[1].effect / alone[1].floor
    found = order([small, large], target)
    assert found.nearest == "large"
    assert found.size == 20


def test_a_source_that_is_clearly_nearer_is_named_and_one_that_is_not_is_not():
    rng = np.random.default_rng(5)
    near, alike, far = (sample(rng, at=at, name=name) for at, name in ((0.5, "near"), (-0.5, "alike"), (3, "far")))
    target = sample(rng)
    assert order([near, far], target).nearest == "near"
    among = order([near, alike, far], target)
    assert among.nearest is None
    assert set(among.undecided) == {"near", "alike"}


@pytest.mark.parametrize("n_sources", [2, 4])
def test_sources_that_lie_equally_far_are_rarely_told_apart(n_sources):
    """At most 5 % of 300 samples, with three standard errors of a binomial."""
    rng = np.random.default_rng(6)
    told = 0
    for seed in range(300):
        sources = [sample(rng, n=30, at=1.0, name=str(i)) for i in range(n_sources)]
        found = order(sources, sample(rng, n=30), seed=seed, options={"bandwidth": 2.0})
        told += found.nearest is not None
    assert told <= 300 * (1 - LEVEL) + 3 * np.sqrt(300 * LEVEL * (1 - LEVEL))


def test_groups_stay_whole():
    """Forty samples in four groups of ten equal ones: a half is two groups, and its size that of their samples."""
    rng = np.random.default_rng(7)
    sources = [
        FeatureSet.of(np.repeat(rng.normal(size=(4, 3)), 10, axis=0), name=name, groups=np.repeat(np.arange(4), 10))
        for name in "ab"
    ]
    assert order(sources, sample(rng, d=3)).size == 20


def test_nothing_to_order():
    rng = np.random.default_rng(8)
    one, few = sample(rng, name="one"), sample(rng, n=3, name="few")
    assert order([one], sample(rng)) is None
    assert order([one, few], sample(rng)) is None


def test_fused_bandwidths_are_replaced_by_one():
    rng = np.random.default_rng(9)
    sources, target = [sample(rng, at=at, name=str(at)) for at in (1, 2)], sample(rng)
    options = {"bandwidth": 2.0, "n_permutations": 99}
    assert order(sources, target, options={**options, "aggregate": "fuse"}) == order(sources, target, options=options)
