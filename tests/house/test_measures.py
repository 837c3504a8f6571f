"""What every measure promises, whoever wrote it: a new file in ``measures`` is held to all of this."""

import dataclasses
import inspect

import numpy as np
import pytest

from shiftscope.core.features import FeatureSet, LayerStats, Pair
from shiftscope.errors import NotApplicableError, UnknownNameError
from shiftscope.kernels import LAYERS, choose
from shiftscope.measures import MEASURES
from shiftscope.measures._noise_floor import noise_floor

N, D, N_CLASSES = 90, 12, 3
KEYS = [b"%03d" % i for i in range(N)]
CARD_WORDS = {"order", "scale", "rotation", "duplicate", "dead"}

every_measure = pytest.mark.parametrize("name", list(MEASURES))


def samples(seed=0, *, apart=1.2, moved=0.0, n=N):
    """Features (n, D) of three classes, and the classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % N_CLASSES
    means = np.random.default_rng(99).normal(size=(N_CLASSES, D)) * apart
    x = (means[y] + rng.normal(size=(n, D))) * np.linspace(2, 0.5, D) + 1.0 + moved
    return x.astype(np.float32), y


def complete(x, y, keys=KEYS):
    """A feature set that has everything a measure may need, rows in order unless ``keys`` is None."""
    # The head tells apart what rows in order are: classes 0, 1, 2, 0, …, whatever labels they are given.
    logits = np.random.default_rng(1).normal(size=(len(x), 5)) + 2 * np.eye(5)[np.arange(len(x)) % N_CLASSES]
    ones = np.ones(4)
    layers = {"bn": LayerStats(mean=ones, var=2 * ones, running_mean=0 * ones, running_var=ones)}
    return FeatureSet.of(x, y, keys=keys, logits=None if keys is None else logits, layer_stats=layers)


def data_for(name, change=lambda x: x):
    """What measure ``name`` takes, with ``change`` applied to all features."""
    x, y = samples()
    here = complete(change(x), y)
    if MEASURES[name].takes is FeatureSet:
        return here
    x, y = samples(1, moved=0.3)
    return Pair(here, complete(change(x), y))


def each_side(data, change):
    return Pair(change(data.source), change(data.target)) if isinstance(data, Pair) else change(data)


def same(a, b):
    """Equal in everything, arrays included."""
    assert a.model_dump_json() == b.model_dump_json()
    for part in ("draws", "losses"):
        assert (getattr(a, part) is None) == (getattr(b, part) is None)
        if getattr(a, part) is not None:
            np.testing.assert_array_equal(getattr(a, part), getattr(b, part))


def close(a, b, *, part_of_interval=1e-3):
    """Equal up to the rounding of float32, which is far below what either estimate claims to know."""
    width = 0.0 if a.low is None else a.high - a.low
    assert a.value == pytest.approx(b.value, rel=1e-5, abs=part_of_interval * width + 1e-9)


@every_measure
def test_one_seed_gives_one_record(name):
    results = [MEASURES[name].run(data_for(name), target="t", backbone="b", rng=3) for _ in range(2)]
    assert results[0].status == "ok"
    assert results[0].model_dump_json() == results[1].model_dump_json()
    same(results[0].estimate, results[1].estimate)


@every_measure
def test_the_order_of_samples_does_not_matter(name):
    def side(seed, shuffle):
        x, y = samples(seed, moved=0.3 * seed)
        order = np.random.default_rng(shuffle).permutation(N)
        return complete(x[order], y[order], keys=None)

    def data(shuffle):
        return side(0, shuffle) if MEASURES[name].takes is FeatureSet else Pair(side(0, shuffle), side(1, shuffle))

    if "logits" in MEASURES[name].needs:
        pytest.skip("needs logits, which are tied to keys here")
    same(MEASURES[name](data(0), rng=0), MEASURES[name](data(1), rng=0))


@every_measure
@pytest.mark.parametrize("apart", [0.0, 1.2, 8.0])
def test_the_interval_contains_the_value_and_keeps_to_the_bounds(name, apart):
    here, there = (complete(*samples(seed, apart=apart)) for seed in (0, 1))
    data = here if MEASURES[name].takes is FeatureSet else Pair(here, there)
    made = MEASURES[name](data, rng=0)
    least, most = MEASURES[name].bounds
    if made.low is not None:
        assert made.low <= made.value <= made.high
        assert made.low < made.high
    for end in (made.low, made.value, made.high):
        assert end is None or least is None or end >= least
        assert end is None or most is None or end <= most


@every_measure
def test_float32_agrees_with_float64(name):
    data = data_for(name)
    wide = each_side(data, lambda s: dataclasses.replace(s, features=s.features.astype(np.float64), _memo={}))
    assert wide.source.features.dtype == np.float64 if isinstance(wide, Pair) else wide.features.dtype == np.float64
    close(MEASURES[name](data, rng=0), MEASURES[name](wide, rng=0))


@every_measure
@pytest.mark.parametrize("missing", ["labels", "classes", "logits", "layer_stats"])
def test_only_what_is_needed_may_not_be_missing(name, missing):
    real = FeatureSet.of(samples()[0], np.linspace(0, 1, N)).target
    none = FeatureSet.of(samples()[0]).target
    without = {
        "labels": {"target": none},
        "classes": {"target": real},
        "logits": {"logits": None},
        "layer_stats": {"layer_stats": {}},
    }[missing]
    data = each_side(data_for(name), lambda s: dataclasses.replace(s, **without, _memo={}))
    result = MEASURES[name].run(data, target="t", backbone="b", rng=0)
    lost = {"labels", "classes"} if missing == "labels" else {missing}
    if lost & {need.removeprefix("source ") for need in MEASURES[name].needs}:
        assert result.status == "not_applicable"
        says = "the backbone has no source head" if missing == "logits" else f"{name} needs "
        assert result.reason.startswith(says)
    else:
        assert result.status == "ok"


@every_measure
def test_groups_are_understood(name):
    data = each_side(data_for(name), lambda s: dataclasses.replace(s, groups=np.arange(N) // 3, _memo={}))
    assert MEASURES[name].run(data, target="t", backbone="b", rng=0).status == "ok"


@every_measure
def test_noise_floor_of_groups_of_many_sizes(name):
    if MEASURES[name].takes is FeatureSet:
        pytest.skip("does not compare two sets")
    sizes = np.random.default_rng(0).integers(2, 5, size=60)
    groups = np.repeat(np.arange(len(sizes)), sizes)[:N]
    pair = each_side(data_for(name), lambda side: dataclasses.replace(side, groups=groups, _memo={}))
    try:
        found = noise_floor(name, pair, seed=0)
    except NotApplicableError as reason:
        pytest.skip(str(reason))
    assert np.isfinite([found.effect, found.floor]).all()


@every_measure
@pytest.mark.parametrize("backend", LAYERS)
def test_backends_agree(name, backend):
    kernels = choose("cpu", backend)
    close(MEASURES[name](data_for(name), rng=0), MEASURES[name](data_for(name), rng=0, kernels=kernels))


def rotated(x):
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(x.shape[1], x.shape[1])))[0]
    return x.astype(float) @ turn


CHANGES = {
    "scale down": ("scale", lambda x: x * np.float32(1e-4)),
    "scale up": ("scale", lambda x: x * np.float32(1e4)),
    "rotation": ("rotation", rotated),
    "duplicate": ("duplicate", lambda x: np.hstack([x, x])),
    "dead": ("dead", lambda x: np.hstack([x, np.zeros((len(x), 7), np.float32)])),
}


@every_measure
@pytest.mark.parametrize("change", CHANGES)
def test_claimed_invariances_hold(name, change):
    word, how = CHANGES[change]
    if word not in MEASURES[name].invariant:
        pytest.skip(f"{name} does not claim it")
    close(MEASURES[name](data_for(name), rng=0), MEASURES[name](data_for(name, how), rng=0))


@every_measure
def test_an_unknown_option_is_refused_with_the_nearest_one(name):
    known = list(MEASURES[name].options.model_fields)
    meant = known[0] if known else "none"
    with pytest.raises(UnknownNameError, match=f"measures.{name}: There is no option named '{meant}x'. .*{meant}"):
        MEASURES[name](data_for(name), **{f"{meant}x": 1})


@every_measure
def test_the_card_is_complete(name):
    card = MEASURES[name]
    assert card.name == name
    assert card.asks.endswith("?")
    assert all((card.unit, card.null, card.reference))
    assert set(card.invariant) <= CARD_WORDS
    assert "order" in card.invariant
    for word in ("Parameters", "Returns", "Notes", "Fails when"):
        assert word in inspect.getdoc(card), f"the docstring of {name} lacks {word!r}"


# Where the value under permuted labels is a number and not the share of a class.
NULLS = {
    **dict.fromkeys(("cka", "hscore", "logme", "parc", "transrate"), 0.0),
    **dict.fromkeys(("leep", "nce", "nleep"), -np.log(N_CLASSES)),
    "gbc": -1.0,
}


def labelled(name, seed, y=None):
    """What measure ``name`` takes, its target labelled with ``y`` or as it is."""
    x, true = samples(seed)
    target = complete(x, true if y is None else y)
    return target if MEASURES[name].takes is FeatureSet else Pair(complete(*samples(seed + 1000)), target)


def permuted(name, seed):
    y = np.random.default_rng(seed).permutation(samples(seed)[1])
    return MEASURES[name](labelled(name, seed, y), rng=seed)


@every_measure
def test_permuted_labels_score_at_the_null_and_true_ones_above(name):
    if MEASURES[name].kind != "transfer" or not MEASURES[name].needs:
        pytest.skip("does not read the target's labels")
    values = np.array([permuted(name, seed).value for seed in range(30)])
    assert MEASURES[name](labelled(name, 0), rng=0).low > values.mean() + 3 * values.std(ddof=1)
    known = 1 / N_CLASSES if MEASURES[name].unit.startswith("accuracy") else NULLS.get(name)
    if known is not None:
        # A gain is never negative: at its null it is what D directions explain by chance.
        chance = 1 / N if MEASURES[name].bounds[0] == 0 else 0.0
        reach = 3 * values.std(ddof=1) / np.sqrt(len(values))
        assert known - reach < values.mean() < known + chance + reach


@every_measure
def test_a_set_is_not_shifted_from_its_own_half(name):
    if MEASURES[name].kind != "shift" or MEASURES[name].takes is FeatureSet:
        pytest.skip("does not compare two sets")
    if not MEASURES[name].null.startswith("0"):
        pytest.skip(f"is not 0 without a shift but {MEASURES[name].null}")
    x, y = samples()
    rng = np.random.default_rng(0)
    flagged = 0
    for seed in range(12):
        half = np.isin(np.arange(N), rng.permutation(N)[: N // 2])
        made = MEASURES[name](Pair(FeatureSet.of(x[half], y[half]), FeatureSet.of(x[~half], y[~half])), rng=seed)
        flagged += made.pvalue <= 0.05 if made.pvalue is not None else made.low is not None and made.low > 0
    # At most one in twenty is expected; four or more of twelve would happen once in 500 times.
    assert flagged <= 3
