"""Made clusters, changed in one known way: the whole diagnosis names the cause first, from features to findings."""

import numpy as np
import pytest

import shiftscope as ss

CENTRES = 3.0 * np.eye(4, 8)


def clusters(seed, counts, *, noise=0.0, flipped=0.0):
    """Samples of four Gaussian classes, so many of each, with noise added or a share of the labels made another's."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), counts)
    features = CENTRES[labels] + rng.normal(size=(len(labels), 8)) + noise * rng.normal(size=(len(labels), 8))
    wrong = rng.random(len(labels)) < flipped
    labels = np.where(wrong, (labels + rng.integers(1, 4, size=len(labels))) % 4, labels)
    return ss.FeatureSet.of(features, [f"c{k}" for k in labels], name=f"set {seed}")


def said(target):
    record = ss.diagnose(clusters(0, 50), target, seed=0).record
    return [f.code for f in record.findings if f.code.startswith("ST")]


def test_flipped_labels_are_a_changed_relation_and_no_shift_of_inputs():
    assert said(clusters(1, 50, flipped=0.4)) == ["ST120"]


def test_rarer_classes_are_a_changed_balance():
    found = ss.diagnose(clusters(0, 50), clusters(1, [100, 60, 30, 10]), seed=0).record.findings
    codes = [f.code for f in found if f.code.startswith("ST")]
    assert codes[0] == "ST110"
    assert "ST120" not in codes
    assert {f.severity for f in found if f.code in ("ST101", "ST102", "ST103")} <= {"note"}


def test_noise_moves_the_inputs():
    codes = said(clusters(1, 50, noise=2.0))
    assert codes[0] in ("ST101", "ST102")
    assert "ST101" in codes
    assert "ST110" not in codes


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_changed_is_no_finding(seed):
    assert said(clusters(seed, 50)) == []
