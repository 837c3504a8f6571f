import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures import MEASURES
from shiftscope.measures._resampling import half_samples
from shiftscope.measures.transfer.otce import _stratified, otce


def side(n, n_classes=3, seed=0, *, apart=1.0, y=None, d=8, **given):
    true = np.arange(n) % n_classes
    means = apart * np.random.default_rng(99).normal(size=(n_classes, d))
    x = means[true] + np.random.default_rng(seed).normal(size=(n, d))
    return FeatureSet.of(x, true if y is None else y, keys=[b"%06d" % i for i in range(n)], **given)


def by_pot(pair):
    """W, and the classes on both sides of every pair, from the transport plan of POT."""
    costs = cdist(pair.source.features, pair.target.features, "sqeuclidean") / pair.bandwidth**2
    plan = ot.emd([], [], costs)
    matched = np.argmax(plan, axis=1)
    return (plan * costs).sum(), pair.source.target.values, pair.target.target.values[matched]


@pytest.mark.parametrize(("n", "d"), [(60, 8), (60, 300)])
def test_both_terms_are_those_of_the_plan_of_pot(n, d):
    pair = Pair(side(n, d=d), side(n, seed=1, apart=0.6, d=d))
    w, before, after = by_pot(pair)
    whole, shared = entropy(np.bincount(after)), mutual_info_score(before, after)
    counted = otce(pair, variant="published", rng=0)
    assert counted.details["w"] == pytest.approx(w, rel=1e-5)
    assert counted.details["h"] == pytest.approx(whole - shared, rel=1e-9)
    assert counted.value == pytest.approx(-(w + whole - shared), rel=1e-5)
    chance = expected_mutual_information(contingency_matrix(before, after), n)
    adjusted = otce(pair, rng=0).details["h"]
    assert adjusted == pytest.approx(whole * (1 - (shared - chance) / (whole - chance)), rel=1e-8)
    assert counted.details["size"] == n
    assert counted.details["mc_error"] == 0


def test_the_weights_are_those_of_the_sum():
    pair = Pair(side(40), side(40, seed=1))
    made = otce(pair, domain_weight=0.25, task_weight=3.0, rng=0)
    assert made.value == pytest.approx(-(0.25 * made.details["w"] + 3 * made.details["h"]))
    assert made.details["null"] == pytest.approx(-(0.25 * made.details["w"] + 3 * np.log(3)), abs=0.01)


def test_permuted_target_labels_score_at_the_null():
    permuted = [np.random.default_rng(s).permutation(np.arange(80) % 8) for s in range(40)]
    made = [otce(Pair(side(80, 8), side(80, 8, 1, y=y)), domain_weight=0.0, rng=s) for s, y in enumerate(permuted)]
    values = np.array([m.value for m in made])
    assert made[0].details["null"] == pytest.approx(-np.log(8))
    assert abs(values.mean() + np.log(8)) < 3 * values.std(ddof=1) / np.sqrt(40)
    counted = otce(Pair(side(80, 8), side(80, 8, 1, y=permuted[0])), variant="published", domain_weight=0.0)
    assert counted.value > -np.log(8) + 0.15


def test_a_target_like_the_source_scores_above_one_whose_classes_lie_elsewhere():
    source = side(90)
    like, unlike = side(90, seed=1), side(90, seed=1, y=np.random.default_rng(0).permutation(np.arange(90) % 3))
    assert otce(Pair(source, like), rng=0).low > otce(Pair(source, unlike), rng=0).high


def test_classes_need_not_share_names():
    pair = Pair(side(60), side(60, seed=1))
    names = np.array(["sun", "moon", "star"])[pair.target.target.values]
    other = Pair(pair.source, FeatureSet.of(pair.target.features, names, keys=pair.target.keys))
    assert otce(other, rng=0).model_dump()["value"] == pytest.approx(otce(pair, rng=0).value, rel=1e-12)


def test_larger_sides_are_subsampled_by_the_seed():
    pair = Pair(side(50), side(300, seed=1))
    made, again, other = (otce(pair, rng=seed) for seed in (0, 0, 1))
    assert made.model_dump() == again.model_dump()
    assert made.value != other.value
    assert made.details["size"] == 50
    assert 0 < made.details["mc_error"] < made.high - made.low
    assert abs(made.value - other.value) < 4 * (made.details["mc_error"] + other.details["mc_error"])
    assert otce(pair, max_points=40, rng=0).details["size"] == 20


def test_a_subsample_keeps_the_shares_of_the_classes():
    y = np.repeat([0, 1, 2], [200, 80, 20])
    f = FeatureSet.of(np.arange(300.0)[:, None], y, keys=[b"%03d" % i for i in range(300)])
    for seed in range(20):
        rows = _stratified(f, 30, np.random.default_rng(seed))
        assert len(set(rows)) == 30
        np.testing.assert_allclose(np.bincount(y[rows], minlength=3), [20, 8, 2], atol=1)
    every = np.concatenate([_stratified(f, 30, np.random.default_rng(seed)) for seed in range(200)])
    assert np.bincount(every, minlength=300).std() < 1.5 * np.sqrt(20)


def test_the_interval_covers_what_data_sets_give_on_average():
    made = [otce(Pair(side(60, seed=2 * s, apart=0.7), side(60, seed=2 * s + 1, apart=0.7)), rng=s) for s in range(25)]
    mean = np.mean([m.value for m in made])
    assert sum(m.low < mean < m.high for m in made) >= 22


def test_the_interval_comes_from_matches_of_half_of_both_sides():
    pair = Pair(side(60), side(60, seed=1))
    made = otce(pair, task_weight=0.0, rng=5)
    z = [s.features / pair.bandwidth for s in (pair.source, pair.target)]
    halves = zip(*(half_samples(s, 5) for s in (pair.source, pair.target)), strict=True)
    w = np.array([ot.emd2([], [], cdist(z[0][a], z[1][b], "sqeuclidean")) for a, b in halves])
    np.testing.assert_allclose(made.draws - made.value, w.mean() - w, atol=1e-5)


def test_groups_stay_together_in_the_interval():
    grouped = [side(60, seed=s, groups=np.arange(60) // 6) for s in (0, 1)]
    made, plain = otce(Pair(*grouped), rng=0), otce(Pair(side(60), side(60, seed=1)), rng=0)
    assert made.value == plain.value
    assert made.draws.std() != plain.draws.std()


def test_a_target_alone_does_not_apply():
    result = MEASURES["otce"].run(side(30), target="t", backbone="b")
    assert result.status == "not_applicable"
    assert result.reason == "otce needs a source, too: data stands alone."
    assert MEASURES["otce"].takes is Pair
    assert MEASURES["logme"].takes is FeatureSet
    assert MEASURES["mmd"].takes is Pair


def test_a_pair_is_refused_by_measures_of_one_set():
    with pytest.raises(InputError, match="logme takes a FeatureSet, not a Pair"):
        MEASURES["logme"](Pair(side(30), side(30)))


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (side(30), side(30, y=np.zeros(30, int)), "one class only"),
        (side(30), FeatureSet.of(np.ones((30, 8)), name="new"), "otce needs classes, which new does not have"),
        (FeatureSet.of(np.ones((30, 8)), name="old"), side(30), "otce needs classes, which old does not have"),
        (side(1, 1), side(30), "has one sample"),
    ],
)
def test_what_cannot_be_matched_does_not_apply(source, target, reason):
    with pytest.raises(NotApplicableError, match=reason):
        otce(Pair(source, target))


@pytest.mark.parametrize("option", [{"domain_weight": -1.0}, {"task_weight": float("nan")}, {"max_points": 8}])
def test_options_have_limits(option):
    with pytest.raises(InputError, match=rf"measures\.otce\.{next(iter(option))}"):
        otce(Pair(side(30), side(30)), **option)
