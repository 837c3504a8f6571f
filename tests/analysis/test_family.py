"""Which tests are adjusted together: all measures on all pairs under one backbone."""

import numpy as np
import pytest

from shiftscope.analysis.detectable import detectable
from shiftscope.analysis.family import adjusted
from shiftscope.analysis.shift import diagnose_pair
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose

OPTIONS = {"mmd": {"n_permutations": 199}, "energy": {"n_permutations": 199}}


def by_definition(pvalues):
    """Holm: the k-th smallest of m times m - k + 1, never less than one before it."""
    ordered = sorted(pvalues)
    steps = [min(1.0, (len(ordered) - k) * p) for k, p in enumerate(ordered)]
    return [max(steps[: ordered.index(p) + 1]) for p in pvalues]


@pytest.fixture(scope="module")
def measured():
    """Two sources, two targets, two backbones; some pairs differ a little, one much, one not at all."""
    rng = np.random.default_rng(0)

    def side(name, at):
        return FeatureSet.of(rng.normal(size=(30, 3)) + at, name=name)

    done = []
    for backbone in ("ant", "bee"):
        sources, targets = [side("a", 0), side("b", 0.3)], [side("s", 0.25), side("t", 1)]
        done += [
            diagnose_pair(
                Pair(x, y), backbone=backbone, measures=("mmd", "energy", "frechet"), options=OPTIONS, kernels=choose()
            )
            for y in targets
            for x in sources
        ]
    return [r for results, _ in done for r in results], [d for _, d in done]


def test_every_test_of_a_backbone_is_one_family(measured):
    results, diagnoses = measured
    made = adjusted(diagnoses, results)
    for backbone in ("ant", "bee"):
        mine = [d for d in made if d.backbone == backbone]
        tested = [row for d in mine for row in d.rows if row.pvalue is not None]
        assert len(tested) == 8
        assert [row.pvalue_holm for row in tested] == pytest.approx(by_definition([row.pvalue for row in tested]))
        assert {d.n_tests for d in mine} == {8}
    assert [row.pvalue_holm for d in made for row in d.rows if row.measure == "frechet"] == [None] * 8


def test_a_pair_by_itself_is_a_family_of_its_measures(measured):
    _, diagnoses = measured
    for d in diagnoses:
        tested = [row for row in d.rows if row.pvalue is not None]
        assert [row.pvalue_holm for row in tested] == pytest.approx(by_definition([row.pvalue for row in tested]))
        assert d.n_tests == 2


def test_nothing_else_changes_and_the_order_of_pairs_does_not_matter(measured):
    results, diagnoses = measured
    made = adjusted(diagnoses, results)
    plain = {"n_tests": None, "rows": []}
    assert [d.model_copy(update=plain) for d in made] == [d.model_copy(update=plain) for d in diagnoses]
    kept = ("measure", "value", "low", "high", "pvalue", "effect", "effect_se", "floor", "n_splits", "size")
    for old, new in zip(diagnoses, made, strict=True):
        for a, b in zip(old.rows, new.rows, strict=True):
            assert {name: getattr(a, name) for name in kept} == {name: getattr(b, name) for name in kept}
    assert adjusted(diagnoses[::-1], results)[::-1] == made


def test_the_detectable_effect_is_that_of_the_corrected_level(measured):
    results, diagnoses = measured
    found = {(r.source, r.target, r.backbone): r.estimate for r in results if r.measure == "mmd"}
    for d in adjusted(diagnoses, results):
        (row,) = (row for row in d.rows if row.measure == "mmd")
        assert row.detectable == detectable(found[d.source, d.target, d.backbone], 0.05 / 8)
        assert [other.detectable for other in d.rows if other is not row] == [None, None]


def test_no_pairs():
    assert adjusted([], []) == []
