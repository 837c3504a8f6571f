import numpy as np

from shiftscope.core.target import Target
from shiftscope.data import per_class


def target():
    return Target.of(np.repeat(["a", "b", "c"], [70, 20, 5]))


def test_draws_up_to_n_of_each_class():
    index = per_class(target(), 10, seed=0)
    np.testing.assert_array_equal(target().take(index).counts, [10, 10, 5])
    np.testing.assert_array_equal(index, np.unique(index))


def test_one_seed_one_draw_and_other_seeds_others():
    np.testing.assert_array_equal(per_class(target(), 10, 3), per_class(target(), 10, 3))
    assert len({tuple(per_class(target(), 10, seed)) for seed in range(20)}) == 20


def test_smaller_draws_are_part_of_larger_ones():
    assert set(per_class(target(), 4, 0)) < set(per_class(target(), 15, 0))


def test_other_classes_do_not_change_a_class():
    alone = Target.of(np.repeat("a", 70))
    drawn = per_class(target(), 10, 0)
    np.testing.assert_array_equal(per_class(alone, 10, 0), drawn[drawn < 70])


def test_every_sample_is_drawn_equally_often():
    hits = np.bincount(np.concatenate([per_class(target(), 10, seed) for seed in range(2000)]), minlength=95)
    expected = 2000 * 10 / 70
    # Standard deviation of one count is about 15.6; the largest of 70 stays within five of them.
    assert np.abs(hits[:70] - expected).max() < 5 * np.sqrt(expected * 60 / 70)


def test_without_classes_n_samples_in_all():
    assert len(per_class(Target.of(None, n=50), 8, 0)) == 8
    assert len(per_class(Target.of(np.linspace(0, 1, 50)), 8, 0)) == 8
