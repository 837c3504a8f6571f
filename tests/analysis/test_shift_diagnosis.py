"""The diagnosis of one pair: Holm's adjustment, floors, classes, and what cannot be compared."""

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftscope.analysis.shift import diagnose_pair
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose
from shiftscope.measures import MEASURES
from shiftscope.measures._holm import holm


def pair(*, moved=(0, 0, 0), n=30, m=24, classes=("disc", "hill", "rail"), source_classes=None, seed=0):
    """Two Gaussian samples of the classes; ``moved`` is how far each class of the target lies from the source's."""
    rng = np.random.default_rng(seed)
    labels = {"photo": [c for c in source_classes or classes for _ in range(n)], "sketch": np.repeat(classes, m)}
    sets = {}
    for name, y in labels.items():
        x = rng.normal(size=(len(y), 3))
        if name == "sketch":
            x[:, 0] += np.repeat(moved[: len(classes)], m)
        sets[name] = FeatureSet.of(x, y, name=name)
    return Pair(sets["photo"], sets["sketch"])


def diagnose(sample, **options):
    return diagnose_pair(sample, backbone="net", kernels=choose(), **options)


def closed_test(pvalues):
    """Holm by the closure principle: the largest Bonferroni p-value over all sets of hypotheses that hold one."""
    m = len(pvalues)
    subsets = [[i for i in range(m) if bits >> i & 1] for bits in range(1, 2**m)]
    return [max(min(1.0, len(s) * min(pvalues[j] for j in s)) for s in subsets if i in s) for i in range(m)]


@given(st.lists(st.sampled_from([0.001, 0.01, 0.02, 0.04, 0.2, 0.5, 1.0]), min_size=1, max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(pvalues):
    assert holm(pvalues) == pytest.approx(closed_test(pvalues))


def test_missing_pvalues_do_not_count():
    assert holm([None, 0.02, None, 0.03]) == [None, 0.04, None, 0.04]
    assert holm([]) == []


def test_classes_that_moved_come_first():
    _, diagnosis = diagnose(pair(moved=(0, 4, 1.5)), measures=("mmd",))
    assert [c.name for c in diagnosis.per_class] == ["hill", "rail", "disc"]
    moved, _, still = diagnosis.per_class
    assert moved.pvalue_holm == pytest.approx(0.003)
    assert still.pvalue_holm > 0.05
    assert {(c.n_source, c.n_target) for c in diagnosis.per_class} == {(30, 24)}


def test_class_shift_is_mmd_within_the_class():
    sample = pair(moved=(0, 4, 1.5))
    _, diagnosis = diagnose(sample, measures=("mmd",), options={"mmd": {"n_permutations": 19}})
    for row in diagnosis.per_class:
        assert row.value == pytest.approx(MEASURES["mmd"](sample.of_class(row.name), rng=5, kernels=choose()).value)
        assert row.pvalue >= 1 / 20


def test_classes_of_one_side_are_named_and_not_compared():
    _, diagnosis = diagnose(pair(source_classes=("disc", "hill", "wave")), measures=("mmd",))
    assert {c.name for c in diagnosis.per_class} == {"disc", "hill"}
    assert diagnosis.not_compared == {"source": ["wave"], "target": ["rail"]}


@pytest.mark.parametrize("bare", ["source", "target"])
def test_labels_of_one_side_alone_are_no_classes_that_it_alone_has(bare):
    sample = pair()
    without = FeatureSet.of(getattr(sample, bare).features, name="bare")
    _, diagnosis = diagnose(dataclasses.replace(sample, **{bare: without}), measures=("mmd",))
    assert diagnosis.not_compared == {}


def test_class_with_one_sample_says_why_it_has_no_value():
    sample = pair()
    target = sample.target
    few = target.take(np.flatnonzero((target.target.values != 1) | (np.cumsum(target.target.values == 1) == 1)))
    _, diagnosis = diagnose(Pair(sample.source, few), measures=("mmd",))
    last = diagnosis.per_class[-1]
    assert (last.name, last.n_target, last.value, last.pvalue_holm) == ("hill", 1, None, None)
    assert "at least 2" in last.reason


def test_no_classes_without_mmd():
    _, diagnosis = diagnose(pair(), measures=("frechet",))
    assert diagnosis.per_class == []


def test_effect_of_halves_of_one_data_set_stays_within_the_floor():
    inside = 0
    for seed in range(20):
        _, diagnosis = diagnose(pair(n=20, m=20, seed=seed), measures=("mmd",), options={"mmd": {"n_permutations": 19}})
        row = diagnosis.rows[0]
        assert row.n_splits >= 20
        inside += row.effect <= row.floor
    assert inside >= 17


def test_measure_that_fails_leaves_the_others(monkeypatch):
    frechet = MEASURES["frechet"]

    @functools.wraps(frechet.function)
    def broken(*_args, **_options):
        raise ArithmeticError("no root")

    monkeypatch.setitem(MEASURES._loaded, "frechet", dataclasses.replace(frechet, function=broken))
    results, diagnosis = diagnose(pair(), measures=("mmd", "frechet"))
    assert [(r.measure, r.status) for r in results] == [("mmd", "ok"), ("frechet", "failed")]
    assert results[1].reason == "ArithmeticError: no root"
    assert [r.measure for r in diagnosis.rows] == ["mmd"]


def test_too_few_samples_for_a_floor():
    rng = np.random.default_rng(0)
    two = Pair(*(FeatureSet.of(rng.normal(size=(3, 2)), name=n) for n in ("photo", "sketch")))
    _, diagnosis = diagnose(two, measures=("mmd",))
    row = diagnosis.rows[0]
    assert (row.effect, row.floor, row.n_splits) == (None, None, 0)
    assert row.pvalue is not None


def test_seed_decides_the_permutations():
    sample = pair(moved=(0.3, 0.3, 0.3))
    same = [diagnose(sample, seed=s)[1] for s in (0, 0, 1)]
    assert same[0] == same[1]
    assert same[0] != same[2]


CORRELATED = ("mmd", "energy", "kid", "c2st", "frechet", "conditional")


def test_tests_that_exchange_the_same_samples_are_adjusted_together_as_well():
    """Between the plain p-value and Holm's, and nothing for measures with no such test."""
    options = {m: {"n_permutations": 199} for m in CORRELATED if m != "frechet"}
    _, diagnosis = diagnose(pair(moved=(0.45, 0.45, 0.45)), measures=CORRELATED, options=options)
    rows = {row.measure: row for row in diagnosis.rows}
    for measure in ("mmd", "energy", "kid", "c2st"):
        row = rows[measure]
        assert row.pvalue <= row.pvalue_max_t <= 1
    assert min(r.pvalue_max_t for r in rows.values() if r.pvalue_max_t) < min(
        r.pvalue_holm for r in rows.values() if r.pvalue_holm
    )
    assert rows["frechet"].pvalue_max_t is None
    assert rows["conditional"].pvalue_max_t is None


def test_one_test_has_nothing_to_be_adjusted_with():
    options = {"mmd": {"n_permutations": 99}, "energy": {"n_permutations": 49}}
    for measures in (("mmd", "frechet"), ("mmd", "energy")):
        _, diagnosis = diagnose(pair(), measures=measures, options=options)
        assert [row.pvalue_max_t for row in diagnosis.rows] == [None, None]
