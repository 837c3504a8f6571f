import numpy as np

from shiftscope.measures._holm import holm


def stepped(pvalues):
    """Holm's adjustment as it is written: the k-th smallest of m times m - k + 1, never below those before it."""
    order = np.argsort(pvalues)
    raised = np.minimum(np.maximum.accumulate(np.array(pvalues)[order] * np.arange(len(pvalues), 0, -1)), 1.0)
    adjusted = np.empty(len(pvalues))
    adjusted[order] = raised
    return adjusted


def test_equals_the_definition():
    for seed in range(20):
        pvalues = np.random.default_rng(seed).random(9).tolist()
        np.testing.assert_allclose(holm(pvalues), stepped(pvalues))
    assert holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]


def test_missing_pvalues_stay_missing_and_do_not_count():
    assert holm([None, 0.02, None, 0.5]) == [None, 0.04, None, 0.5]
    assert holm([]) == []
