import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.preprocessing import StandardScaler

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES
from shiftscope.measures._domain_classifier import gcv_penalty, side_folds
from shiftscope.measures._penalty import fold_penalties
from shiftscope.measures._resampling import folds
from shiftscope.measures._spectrum import spectrum
from shiftscope.measures.shift.concept import HOLD

concept = MEASURES["concept"]
PARTS = ("x_shift", "y_given_x", "extra")


def labelled(rng, n, d, *, moved=0.0, flipped=0.0, scaled=1.0):
    """Normal inputs, moved along the first axis; labels by a fixed logistic rule, a share of them flipped."""
    x = scaled * rng.standard_normal((n, d))
    x[:, 0] += moved
    y = rng.random(n) < 1 / (1 + np.exp(-1.5 * (x[:, 0] + x[:, 2])))
    return x, (y ^ (rng.random(n) < flipped)).astype(int)


def pair_of(n, m, d, *, seed=0, **target):
    rng = np.random.default_rng(seed)
    x, y = labelled(rng, n, d)
    there, labels = labelled(rng, m, d, **target)
    return Pair(FeatureSet.of(x, y, name="photo"), FeatureSet.of(there, labels, name="sketch"))


def refitted_errors(source, target, seed):
    """Errors and margins of one scikit-learn probe a fold: held out on the source, the mean of all on the target."""
    fold, penalties = folds(source, seed), fold_penalties(source, seed) * spectrum(source).values[0]
    x, marks = source.features.astype(float), source.target.matrix
    held, other = np.empty((2, source.n)), np.zeros((2, target.n))

    def judged(model, rows, codes):
        scores = model.predict(rows)
        first, second = np.sort(scores, axis=1)[:, :-3:-1].T
        return np.array([scores.argmax(axis=1) != codes, first - second])

    for i, penalty in enumerate(penalties):
        own = fold == i
        model = Ridge(alpha=penalty, solver="svd").fit(x[~own], marks[~own])
        model.intercept_ += marks.mean(axis=0) - marks[~own].mean(axis=0)
        held[:, own] = judged(model, x[own], source.target.values[own])
        other += judged(model, target.features.astype(float), target.target.values) / len(penalties)
    return held, other


def refitted_chances(pair, margins, seed):
    """q/(p + q) by refitting for every fold."""
    z, y = StandardScaler().fit_transform(pair.pooled.astype(float)), np.where(pair.is_source, -1.0, 1.0)
    kernels, fold = choose(), side_folds([pair.source, pair.target], seed)
    penalty = gcv_penalty(*kernels.eigh_gram(z), y, kernels)
    scores = cross_val_predict(Ridge(alpha=penalty), z, y, cv=PredefinedSplit(fold))
    scores -= np.array([y[fold != f].mean() for f in fold])
    known = StandardScaler().fit_transform(np.column_stack([scores, margins, margins**2]))
    known = np.column_stack([np.ones(len(y)), known])
    chances = np.empty(len(y))
    for f in np.unique(fold):
        rest = fold != f
        weights = np.where(y < 0, 0.5 / (y[rest] < 0).sum(), 0.5 / (y[rest] > 0).sum())[rest]
        model = LogisticRegression(C=1 / (2 * HOLD), fit_intercept=False, tol=1e-12, max_iter=10_000)
        model.fit(known[rest], y[rest], sample_weight=weights)
        chances[~rest] = model.predict_proba(known[~rest])[:, 1]
    return chances


@pytest.mark.parametrize(("n", "m", "d"), [(80, 80, 5), (120, 40, 6), (50, 60, 90)])
def test_parts_equal_those_of_refitted_probes(n, m, d):
    pair = pair_of(n, m, d, moved=0.8, flipped=0.1)
    found = concept(pair, rng=3)
    (here, margins), (there, others) = refitted_errors(pair.source, pair.target, 3)
    chances = refitted_chances(pair, np.concatenate([margins, others]), 3)
    shared = [np.average(here, weights=chances[:n]), np.average(there, weights=1 - chances[n:])]
    expected = {
        "x_shift": shared[0] - here.mean(),
        "y_given_x": shared[1] - shared[0],
        "extra": there.mean() - shared[1],
        "overlap": chances[:n].mean() + 1 - chances[n:].mean(),
        "source_size": chances[:n].sum() ** 2 / (chances[:n] ** 2).sum(),
    }
    assert {k: found.details[k] for k in expected} == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert found.value == found.details["y_given_x"]
    rise = found.details["target_error"] - found.details["source_error"]
    assert sum(found.details[k] for k in PARTS) == pytest.approx(rise, abs=1e-12)


def many(n, m, d, draws=40, **target):
    return [concept(pair_of(n, m, d, seed=s, **target), rng=s) for s in range(draws)]


def test_without_a_change_all_parts_are_zero():
    found = many(200, 150, 5, draws=80)
    values = np.array([e.value for e in found])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(80)
    assert np.mean([e.high - e.low for e in found]) / 3.92 == pytest.approx(values.std(ddof=1), rel=0.25)
    assert np.mean([e.low > 0 for e in found]) <= 0.1  # 0.025 + 3 standard errors of the share
    for part in ("x_shift", "extra"):
        sizes = [e.details[part] for e in found]
        assert abs(np.mean(sizes)) < 3 * np.std(sizes, ddof=1) / np.sqrt(80) + 0.002
        assert np.std(sizes, ddof=1) < 0.01


@pytest.mark.parametrize("moved", [1.0, 2.0])
def test_moved_inputs_under_one_relation_are_no_change_of_it(moved):
    found = many(500, 500, 8, moved=moved)
    values = np.array([e.value for e in found])
    assert abs(values.mean()) < 0.015
    assert np.mean([e.low > 0 for e in found]) <= 0.1
    # The error itself falls: these inputs lie further from the border between the classes.
    falls = [e.details["target_error"] - e.details["source_error"] for e in found]
    assert np.mean(falls) < -0.02


@pytest.mark.parametrize("scaled", [0.5, 2.0])
def test_inputs_of_another_scale_are_no_change_of_the_relation(scaled):
    found = many(500, 500, 8, scaled=scaled)
    assert abs(np.mean([e.value for e in found])) < 0.02
    assert np.mean([e.low > 0 for e in found]) <= 0.1
    # The error is another: near the border between the classes labels are less certain.
    rises = [e.details["target_error"] - e.details["source_error"] for e in found]
    assert abs(np.mean(rises)) > 0.05


def test_flipped_labels_are_the_relation_and_not_the_inputs():
    found = many(500, 500, 8, flipped=0.2)
    source = np.mean([e.details["source_error"] for e in found])
    # Of an error e, flips at random leave 0.8 e + 0.2 (1 - e).
    assert np.mean([e.value for e in found]) == pytest.approx(0.2 * (1 - 2 * source), abs=0.015)
    assert np.mean([e.low > 0 for e in found]) > 0.9
    assert np.mean([abs(e.details["x_shift"]) for e in found]) < 0.005
    assert np.mean([abs(e.details["extra"]) for e in found]) < 0.005


def test_flips_are_found_where_inputs_have_moved_too():
    found = many(500, 500, 8, moved=1.0, flipped=0.2)
    shared = np.mean([e.details["source_error"] + e.details["x_shift"] for e in found])
    assert np.mean([e.value for e in found]) == pytest.approx(0.2 * (1 - 2 * shared), abs=0.02)
    assert np.mean([e.low > 0 for e in found]) > 0.8


def test_all_parts_agree_with_densities_and_errors_that_are_known():
    pair = pair_of(3000, 3000, 4, moved=1.5)
    found = concept(pair, rng=0).details
    rng = np.random.default_rng(99)

    def parts(mean):
        """Errors of the best rule, and pq/(p + q) over the density that samples were drawn from."""
        x = rng.standard_normal((400_000, 2))
        x[:, 0] += mean
        p, q = norm.pdf(x[:, 0]), norm.pdf(x[:, 0], 1.5)
        return 1 / (1 + np.exp(1.5 * np.abs(x.sum(axis=1)))), (p if mean else q) / (p + q)

    (source, w), (target, v) = parts(0.0), parts(1.5)
    shared = np.average(source, weights=w)
    assert shared == pytest.approx(np.average(target, weights=v), abs=0.002)
    assert found["overlap"] == pytest.approx(
        2 * quad(lambda x: norm.pdf(x) * norm.pdf(x, 1.5) / (norm.pdf(x) + norm.pdf(x, 1.5)), -9, 9)[0], abs=0.03
    )
    assert found["x_shift"] == pytest.approx(shared - source.mean(), abs=0.01)
    assert found["extra"] == pytest.approx(target.mean() - shared, abs=0.015)
    assert found["y_given_x"] == pytest.approx(0.0, abs=0.025)


def test_classes_are_matched_by_name_and_others_left_out():
    rng = np.random.default_rng(0)
    means = 4 * np.eye(4)

    def side(name, names, codes):
        y = np.repeat(codes, 40)
        return FeatureSet.of(means[y] + rng.standard_normal((len(y), 4)), np.array(names)[y], name=name)

    # "cat" is the third class of one side and the first of the other.
    source, target = (
        side("photo", ["ant", "bee", "cat", "dog"], [0, 1, 2]),
        side("sketch", ["", "bee", "cat", "dog"], [1, 2, 3]),
    )
    found = concept(Pair(source, target), rng=0)
    assert found.details["n_classes"] == 2
    assert found.details["target_error"] < 0.1
    with pytest.raises(
        NotApplicableError, match="photo and sketch have 2 samples each, of 120 and 120 compared, is 1: concept"
    ):
        concept(Pair(source, side("sketch", ["ant", "elk", "fox", "dog"], [0, 1, 2])), rng=0)


def test_numbers_and_their_names_are_the_same_classes_in_another_order():
    rng = np.random.default_rng(1)
    y = np.repeat([2, 10, 9], 40)
    x = 4 * np.eye(11)[y][:, [2, 9, 10]] + rng.standard_normal((120, 3))
    numbers, words = FeatureSet.of(x, y), FeatureSet.of(x, y.astype(str))
    assert numbers.target.class_names != words.target.class_names
    assert concept(Pair(numbers, words), rng=0).details["target_error"] < 0.1


def test_sides_that_hardly_overlap_are_refused_with_the_number():
    pair = pair_of(200, 200, 5)
    away = FeatureSet.of(pair.target.features + 12 * np.eye(5)[1], pair.target.target, name="sketch")
    with pytest.raises(
        NotApplicableError, match=r"photo and sketch hardly overlap: by \S+, from 0 .* concept needs 0.05"
    ):
        concept(Pair(pair.source, away), rng=0)
    with pytest.raises(NotApplicableError, match="one sample"):
        concept(pair_of(200, 1, 5), rng=0)


def test_too_few_samples_in_common_are_refused_with_their_number():
    with pytest.raises(NotApplicableError, match=r"photo and sketch share are worth [\d.]+ samples .* needs 10"):
        concept(pair_of(8, 8, 5), rng=0)


def test_a_class_within_one_group_counts_as_never_predicted():
    rng, y = np.random.default_rng(0), np.repeat([0, 1, 2], [60, 20, 20])
    groups = np.r_[np.zeros(60), 1 + np.arange(40)]
    sides = [FeatureSet.of(2 * np.eye(3)[y] + rng.standard_normal((100, 3)), y, groups=groups) for _ in range(2)]
    assert concept(Pair(*sides), rng=0).details["source_error"] >= 0.6


def test_groups_widen_the_interval_where_samples_are_near_copies():
    rng = np.random.default_rng(0)
    sides = []
    for flipped in (0.0, 0.3):
        x, y = labelled(rng, 60, 4, flipped=flipped)
        group = np.repeat(np.arange(60), 6)
        x = x[group] + 0.01 * rng.standard_normal((360, 4))
        sides.append((x, y[group], group))
    plain = concept(Pair(*(FeatureSet.of(x, y) for x, y, _ in sides)), rng=0)
    grouped = concept(Pair(*(FeatureSet.of(x, y, groups=g) for x, y, g in sides)), rng=0)
    assert 1.9 < (grouped.high - grouped.low) / (plain.high - plain.low) < 3.2


def test_perfect_probes_have_an_interval():
    x = np.random.default_rng(0).standard_normal((80, 3))
    y = np.arange(80) % 2
    x[:, 0] += 30 * y
    found = concept(Pair(FeatureSet.of(x[:40], y[:40]), FeatureSet.of(x[40:], y[40:])), rng=0)
    assert (found.value, found.details["source_error"], found.details["target_error"]) == (0.0, 0.0, 0.0)
    assert found.low < 0 < found.high
