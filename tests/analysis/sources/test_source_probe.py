"""The pooled probe against explicit refits of scikit-learn on stacked, weighted samples."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from shiftscope.analysis.sources.probe import fit, held_out, pool, slopes
from shiftscope.analysis.sources.weights import PENALTIES, best_penalty, curve, learn, losses_of
from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError

CLASSES = np.array(["ant", "bee", "cow", "dog"])


def domain(n, seed, *, d=6, names=CLASSES, spread=0.8, shift=0.0, groups=None):
    """Gaussian classes whose means are the same in every domain; every class occurs."""
    rng = np.random.default_rng([11, seed])
    means = np.random.default_rng(5).normal(size=(4, d)) * spread
    codes = np.arange(n) % len(names)
    which = np.searchsorted(CLASSES, names)[codes]
    return FeatureSet.of(means[which] + rng.normal(size=(n, d)) + shift, names[codes], groups=groups)


def refit(target, sources, left_out, *, weights, penalty, unit):
    """Predictions (m, K) of the target's samples ``left_out`` by Ridge on everything else, stacked."""
    names = list(target.target.class_names)
    kept = np.setdiff1d(np.arange(target.n), left_out)
    x = np.vstack([target.features[kept], *(s.features for s in sources)]).astype(np.float64)
    labels = [target.target.names()[i] for i in kept] + [c for s in sources for c in s.target.names()]
    y = np.eye(len(names))[[names.index(c) for c in labels]]
    of_sample = np.concatenate([np.ones(len(kept)), *(np.full(s.n, w) for s, w in zip(sources, weights, strict=True))])
    model = Ridge(alpha=penalty * unit, solver="cholesky" if len(x) > x.shape[1] else "svd")
    model.fit(x, y, sample_weight=of_sample)
    return model.predict(target.features[left_out].astype(np.float64))


@pytest.mark.parametrize("d", [6, 70])
@pytest.mark.parametrize("weights", [(0.0, 0.0), (1.0, 0.0), (0.03, 1.0), (0.4, 0.7)])
def test_held_out_predictions_are_those_of_a_refit(d, weights):
    target = domain(41, 0, d=d)
    sources = [domain(60, 1, d=d, shift=3.0), domain(30, 2, d=d, names=np.array(["bee", "dog"]))]
    data = pool(target, sources, seed=3)
    # Unit by its definition, in float64.
    unit = float(target.features.astype(np.float64).var(axis=0).sum())
    for penalty in (0.02, 3.0):
        made = fit(data, np.array(weights), penalty)
        for mine in (data.members[0], np.concatenate([data.members[2], data.members[7]])):
            expected = refit(target, sources, mine, weights=weights, penalty=penalty, unit=unit)
            assert data.targets[mine] - held_out(made, mine) == pytest.approx(expected, abs=1e-8)


def test_fit_predicts_other_samples_as_a_refit_does():
    target, source, other = domain(40, 0), domain(50, 1, shift=1.0), domain(25, 9)
    data = pool(target, [source], seed=0)
    made = fit(data, np.array([0.3]), 0.5)
    together = FeatureSet.of(
        np.vstack([target.features, other.features]), np.array([*target.target.names(), *other.target.names()])
    )
    left_out = np.flatnonzero(np.isin(together.keys, other.keys))
    expected = refit(together, [source], left_out, weights=[0.3], penalty=0.5, unit=data.unit)
    order = np.searchsorted(other.keys, together.keys[left_out])
    assert (data.of(other.features) @ made.coefficients)[order] == pytest.approx(expected, abs=1e-8)


def test_classes_are_matched_by_name():
    target = domain(40, 0)
    reordered = domain(40, 1, names=np.array(["dog", "cow", "bee"]))
    data = pool(target, [reordered], seed=0)
    counts = dict(zip(reordered.target.class_names, reordered.target.counts, strict=True))
    assert list(data.sums[0, 0]) == [counts.get(c, 0) for c in target.target.class_names]


@pytest.mark.parametrize("fold", [None, 4])
def test_slopes_are_those_of_finite_differences(fold):
    data = pool(domain(45, 0), [domain(60, 1), domain(40, 2, shift=0.5)], seed=0)
    parts = [
        (mine if fold is None else np.concatenate([mine, data.members[fold]]), len(mine))
        for i, mine in enumerate(data.members)
        if i != fold
    ]

    def loss(at):
        return slopes(data, fit(data, at[:2], np.exp(at[2])), float(np.exp(at[2])), parts)

    at = np.array([0.4, 0.07, np.log(0.3)])
    value, slope = loss(at)
    steps = 1e-6 * np.eye(3)
    assert slope == pytest.approx([(loss(at + s)[0] - loss(at - s)[0]) / 2e-6 for s in steps], rel=1e-5)
    made = fit(data, at[:2], np.exp(at[2]))
    explicit = sum(np.square(held_out(made, rows)[:counted]).sum() for rows, counted in parts)
    assert value == pytest.approx(explicit, rel=1e-12)


def test_penalties_are_chosen_by_refits_without_the_fold():
    target, source = domain(24, 0), domain(30, 1)
    data = pool(target, [source], seed=0)
    found = curve(data, np.array([1.0]))
    fold = 6
    explicit = np.zeros(len(PENALTIES))
    for i, mine in enumerate(data.members):
        if i != fold:
            left_out = np.concatenate([mine, data.members[fold]])
            for p, penalty in enumerate(PENALTIES):
                predicted = refit(target, [source], left_out, weights=[1.0], penalty=penalty, unit=data.unit)
                explicit[p] += np.square(predicted[: len(mine)] - data.targets[mine]).sum()
    assert losses_of(found, fold) == pytest.approx(explicit, rel=1e-9)
    assert best_penalty(found, fold).penalty == PENALTIES[np.argmin(explicit)]


def test_learned_weights_are_as_good_as_any_on_a_grid():
    target = domain(40, 0)
    sources = [domain(60, 1, shift=0.3), domain(40, 2, names=CLASSES[[1, 0, 3, 2]], spread=-0.8)]
    data = pool(target, sources, seed=0)
    starts = [curve(data, np.array(w)) for w in ((0.0, 0.0), (1.0, 1.0))]
    learned = learn(data, starts, None)

    def loss(weights, penalty):
        made = fit(data, np.array(weights), penalty)
        return sum(np.square(held_out(made, mine)).sum() for mine in data.members)

    steps = (0.0, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0)
    best = min(loss((a, b), p) for a in steps for b in steps for p in PENALTIES)
    # Half a percent is what a source must be worth to keep a weight.
    assert loss(*learned) <= best * 1.006
    assert all(0 <= w <= 1 for w in learned.weights)


def test_choices_for_a_fold_do_not_look_at_its_labels():
    data = pool(domain(40, 0), [domain(60, 1), domain(40, 2, shift=0.5)], seed=0)
    fold = 3
    labels = data.targets.copy()
    labels[data.members[fold]] = np.roll(labels[data.members[fold]], 1, axis=1)
    other = replace(data, targets=labels)
    weights = [np.array(w) for w in ((0.0, 0.0), (1.0, 1.0), (0.1, 0.1))]
    first, second = ([curve(one, w) for w in weights] for one in (data, other))
    for a, b in zip(first, second, strict=True):
        assert losses_of(a, fold) == pytest.approx(losses_of(b, fold), rel=1e-9)
        assert losses_of(a, None) != pytest.approx(losses_of(b, None), rel=1e-3)
    ours, theirs = learn(data, first, fold), learn(other, second, fold)
    assert ours.weights == pytest.approx(theirs.weights, rel=1e-3, abs=1e-6)
    assert ours.penalty == pytest.approx(theirs.penalty, rel=1e-3)


def test_folds_hold_whole_groups():
    data = pool(domain(40, 0, groups=np.arange(40) // 5), [domain(20, 1)], seed=0)
    assert len(data.members) == 8
    assert all(len(mine) == 5 for mine in data.members)


def test_a_class_with_one_sample_is_refused():
    target = domain(41, 0)
    few = target.take(np.flatnonzero((target.target.values != 2) | (np.cumsum(target.target.values == 2) == 1)))
    with pytest.raises(NotApplicableError, match="class 'cow' has one sample"):
        pool(few, [domain(20, 1)], seed=0)
