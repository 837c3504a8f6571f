"""Source data: who hurts, who helps, what weights gain, on data whose answer is known."""

import numpy as np
import pytest

from shiftscope.analysis.sources.probe import fit, held_out, pool
from shiftscope.analysis.sources.study import Scored, score, study
from shiftscope.analysis.sources.weigh import _Compare, report, weigh_sources
from shiftscope.analysis.sources.weights import Choice
from shiftscope.core.features import FeatureSet
from shiftscope.core.sources import SCHEMES
from shiftscope.errors import InputError
from shiftscope.measures._resampling import half_samples

MEANS = np.random.default_rng(99).normal(size=(4, 12)) * 0.8
NAMES = np.array(["elm", "fir", "oak", "yew"])


def domain(n, *seed, permuted=False, noise=False, shift=0.0, name="data", names=NAMES):
    """``n`` samples around the same class means; permuted labels, or features of pure noise."""
    rng = np.random.default_rng([7, *seed])
    codes = np.arange(n) % 4
    x = (0 if noise else MEANS[codes]) + rng.normal(size=(n, 12)) + shift
    return FeatureSet.of(x, names[rng.permutation(codes) if permuted else codes], name=name)


@pytest.fixture(scope="module")
def reports():
    """Twelve draws of a small target with more of the same, permuted labels, and noise far away."""
    return [
        weigh_sources(
            domain(60, i, 0),
            {
                "same": domain(120, i, 1),
                "permuted": domain(240, i, 2, permuted=True),
                "noise": domain(120, i, 3, noise=True, shift=20.0),
            },
        )
        for i in range(12)
    ]


def rows(reports, name):
    return [next(row for row in found.sources if row.name == name) for found in reports]


def test_permuted_labels_hurt_and_get_no_weight(reports):
    found = rows(reports, "permuted")
    assert sum(row.verdict == "hurts" for row in found) >= 9
    assert all(row.verdict != "helps" for row in found)
    assert all(row.loss_gap.low > 0 for row in found)
    assert np.mean([row.weight for row in found]) < 0.02
    # Features alone cannot know: similarity trusts this source.
    assert min(row.similarity for row in found) > 0.5


def test_more_of_the_same_helps_and_counts_like_the_target(reports):
    found = rows(reports, "same")
    assert np.mean([row.gap.value for row in found]) < 0
    assert all(row.verdict != "hurts" for row in found)
    assert sum(row.loss_gap.high < 0 for row in found) >= 6
    assert np.mean([row.weight for row in found]) > 0.7
    assert min(row.similarity for row in found) > 0.5


def test_noise_far_away_gets_no_weight(reports):
    found = rows(reports, "noise")
    assert all(row.verdict != "helps" for row in found)
    assert np.mean([row.weight for row in found]) < 0.02
    assert max(row.similarity for row in found) < 0.05


def test_learned_weights_beat_pooling_and_the_target_alone(reports):
    for other in ("target", "equal", "similarity"):
        gains = [found.scheme(other).loss.value - found.scheme("learned").loss.value for found in reports]
        assert np.mean(gains) > 2 * np.std(gains) / np.sqrt(len(gains))


def test_what_learned_weights_promise_holds_on_new_samples():
    """Held-out losses against losses on many new samples, over draws: every choice was made without the fold."""
    n_draws, fresh = 16, domain(8000, 500)
    truth = np.eye(4)[fresh.target.values]
    differences = {scheme: [] for scheme in SCHEMES}
    for i in range(n_draws):
        found = study(domain(48, i, 0), {"same": domain(48, i, 1), "permuted": domain(96, i, 2, permuted=True)})
        for scheme, scored in found.schemes.items():
            made = fit(found.data, scored.final.weights, scored.final.penalty)
            tested = np.square(found.data.of(fresh.features) @ made.coefficients - truth).sum(axis=1)
            differences[scheme].append(scored.losses.mean() - tested.mean())
    of_fresh = tested.std() / np.sqrt(fresh.n)
    for values in differences.values():
        # A tenth of the target less to train on makes held-out losses a little too large, never too small.
        assert -3 * np.hypot(np.std(values) / np.sqrt(n_draws), of_fresh) < np.mean(values) < 0.05


def test_the_gap_is_the_difference_of_two_held_out_errors():
    target, source = domain(60, 1, 0), domain(100, 1, 1, shift=0.5)
    found = study(target, {"one": source}, seed=2)
    said = report(found, seed=2)
    with_it, without = found.alone[0], found.schemes["target"]
    assert said.sources[0].gap.value == pytest.approx(with_it.errors.mean() - without.errors.mean())
    assert said.sources[0].loss_gap.value == pytest.approx(with_it.losses.mean() - without.losses.mean())
    # One source alone at weight 1 is all sources at weight 1.
    assert said.scheme("equal").over_target.value == pytest.approx(-said.sources[0].gap.value)
    learned = found.schemes["learned"]
    assert said.scheme("learned").over_equal.value == pytest.approx(with_it.errors.mean() - learned.errors.mean())


def test_every_fold_is_predicted_under_the_choice_made_without_it():
    data = pool(domain(40, 0), [domain(60, 1)], seed=0)
    penalties = np.geomspace(0.02, 50, len(data.members))
    scored = score(data, lambda fold: Choice(np.array([0.5]), 1.0 if fold is None else float(penalties[fold])))
    assert [choice.penalty for choice in scored.choices] == list(penalties)
    assert scored.final.penalty == 1.0
    for mine, penalty in zip(data.members, penalties, strict=True):
        residuals = held_out(fit(data, np.array([0.5]), float(penalty)), mine)
        assert scored.losses[mine] == pytest.approx(np.square(residuals).sum(axis=1), rel=1e-12)


def test_no_scheme_looks_at_the_labels_of_the_fold_it_predicts():
    """Groups fix the folds, so that labels of one fold can change and nothing else does."""
    first, source = domain(60, 0, 0), domain(80, 0, 1, shift=0.2)
    groups, keys = np.arange(60) // 6, [f"{i:02d}".encode() for i in range(60)]
    fold = 4
    inside = study(FeatureSet.of(first.features, first.target, groups=groups, keys=keys), {"s": source})
    labels = np.array(first.target.names())
    labels[inside.data.members[fold]] = np.roll(NAMES, 1)[first.target.values[inside.data.members[fold]]]
    changed = study(FeatureSet.of(first.features, labels, groups=groups, keys=keys), {"s": source})
    for scheme in SCHEMES:
        ours, theirs = inside.schemes[scheme], changed.schemes[scheme]
        assert theirs.choices[fold].penalty == pytest.approx(ours.choices[fold].penalty, rel=1e-3)
        assert theirs.choices[fold].weights == pytest.approx(ours.choices[fold].weights, rel=1e-3, abs=1e-6)
    ours, theirs = inside.schemes["learned"], changed.schemes["learned"]
    assert theirs.final.weights != pytest.approx(ours.final.weights, rel=1e-3) or theirs.final.penalty != pytest.approx(
        ours.final.penalty, rel=1e-3
    )


def test_noise_errs_at_chance_whatever_the_source():
    """Three samples a class in ten folds: shares of the other folds would vote against every truth."""
    errors = []
    for i in range(30):
        rng = np.random.default_rng([4, i])
        target = FeatureSet.of(rng.normal(size=(24, 30)), np.arange(24) % 8)
        data = pool(target, [], seed=i)
        errors.append(score(data, lambda _: Choice(np.empty(0), 100.0)).errors.mean())
    assert np.mean(errors) == pytest.approx(7 / 8, abs=3 * np.std(errors) / np.sqrt(30))


def test_false_alarms_stay_at_the_level():
    """Two schemes that disagree on few samples, either one right by a coin: nothing hurts and nothing helps."""
    rng = np.random.default_rng(0)
    target = domain(60, 0)
    compare = _Compare(target.n, half_samples(target, 0).astype(float))
    for disagree in (0.05, 0.2):
        called = 0
        for _ in range(1000):
            apart = rng.random(60) < disagree
            first = (rng.random(60) < 0.3).astype(float)
            second = np.where(apart, (rng.random(60) < 0.5), first).astype(float)
            first = np.where(apart, 1.0 - second, first)
            gap = first - second
            p = compare.pvalue(*(_scored(values) for values in (first, second)))
            called += p <= 0.05
            assert compare.errors(_scored(first), _scored(second)).value == pytest.approx(gap.mean())
        assert called / 1000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.slow
def test_a_source_on_the_edge_is_called_as_often_as_the_level_says():
    """Label noise that cancels what more samples give: about half the draws gain, and few are called hurtful."""
    gaps, called = [], []
    for i in range(300):
        rng = np.random.default_rng([3, i])
        source = domain(80, i, 1)
        labels = np.where(rng.random(80) < 0.4, rng.choice(NAMES, 80), source.target.names())
        found = study(domain(80, i, 0), {"noisy": FeatureSet.of(source.features, labels)})
        row = report(found, seed=0).sources[0]
        gaps.append(row.gap.value)
        called.append(row.verdict == "hurts")
    assert abs(np.mean(gaps)) < 0.02
    assert np.mean(called) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def _scored(errors):
    return Scored(errors, errors, [], None)


def test_source_classes_that_the_target_lacks_are_left_out():
    target = domain(60, 0, 0)
    wider = np.array(["elm", "fir", "ash", "box"])
    found = weigh_sources(target, {"wide": domain(100, 0, 1, names=wider)}).sources[0]
    assert (found.n, found.n_used, found.classes) == (100, 50, ["elm", "fir"])


def test_samples_of_the_target_are_left_out_of_a_source():
    target, more = domain(60, 0, 0), domain(40, 0, 1)
    both = FeatureSet.of(
        np.vstack([target.features, more.features]), np.array([*target.target.names(), *more.target.names()])
    )
    mixed, clean = (weigh_sources(target, {"s": source}).sources[0] for source in (both, more))
    assert (mixed.n, mixed.n_used, mixed.n_copies) == (100, 40, 60)
    assert (mixed.gap, mixed.weight) == (clean.gap, clean.weight)


def test_order_and_scale_change_nothing():
    target, source = domain(60, 0, 0), domain(80, 0, 1, shift=0.3)
    keys = [
        np.array([f"{side}{i:03d}".encode() for i in range(data.n)]) for side, data in (("t", target), ("s", source))
    ]
    order = [np.random.default_rng(1).permutation(data.n) for data in (target, source)]
    made = []
    for factor, shuffled in ((1.0, False), (1.0, True), (256.0, False)):
        sides = [
            FeatureSet.of(data.features[o] * factor, np.array(data.target.names())[o], keys=list(k[o]))
            for data, k, o in zip(
                (target, source), keys, order if shuffled else [np.arange(d.n) for d in (target, source)], strict=True
            )
        ]
        made.append(weigh_sources(sides[0], {"s": sides[1]}))
    assert made[0] == made[1]
    for one, other in zip((made[0].sources[0], *made[0].schemes), (made[2].sources[0], *made[2].schemes), strict=True):
        for field, value in one:
            if isinstance(value, float):
                assert getattr(other, field) == pytest.approx(value, rel=1e-4, abs=1e-6)


def test_equal_seeds_give_equal_reports():
    target, source = domain(60, 0, 0), domain(80, 0, 1)
    assert weigh_sources(target, {"s": source}, seed=5) == weigh_sources(target, {"s": source}, seed=5)
    assert weigh_sources(target, {"s": source}, seed=5) != weigh_sources(target, {"s": source}, seed=6)


def test_more_features_than_samples():
    rng = np.random.default_rng(0)
    sides = [FeatureSet.of(rng.normal(size=(40, 90)), NAMES[np.arange(40) % 4]) for _ in range(2)]
    found = weigh_sources(sides[0], {"s": sides[1]})
    assert found.scheme("target").error.high > 0.6
    assert found.sources[0].verdict == "cannot be told"


@pytest.mark.parametrize(
    ("target", "source", "said"),
    [
        (domain(60, 0), domain(60, 1, names=np.array(["a", "b", "c", "d"])), "share no class"),
        (domain(60, 0), FeatureSet.of(np.ones((9, 12))), "s has no labels"),
        (FeatureSet.of(np.ones((30, 12)), name="bare"), domain(60, 1), "bare has no labels"),
        (domain(16, 0), domain(60, 1), "data has 16 labelled samples: at least 20"),
        (domain(60, 0), domain(60, 0), "All samples of s that could be used are samples of data"),
        (domain(60, 0), FeatureSet.of(np.ones((9, 3)), NAMES[np.arange(9) % 4]), "has 3 features and data has 12"),
        (domain(60, 0), FeatureSet.of(np.eye(9, 12), np.linspace(0, 1, 9)), "labels of kind real"),
        (FeatureSet.of(np.eye(30, 12), ["elm"] * 30), domain(60, 1), "has one class only ('elm')"),
        (FeatureSet.of(np.eye(30, 12), ["elm"] * 15 + ["fir"] * 14 + ["oak"]), domain(60, 1), "fewer than 2 samples"),
    ],
)
def test_what_cannot_be_judged_is_refused(target, source, said):
    with pytest.raises(InputError) as refused:
        weigh_sources(target, {"s": source})
    assert said in str(refused.value)


def test_no_source_is_refused():
    with pytest.raises(InputError, match="There is no source"):
        weigh_sources(domain(60, 0), {})
