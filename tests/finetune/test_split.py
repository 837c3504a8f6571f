import hashlib
from itertools import pairwise

import numpy as np
import pytest
from smallworld import image_folder

from shiftscope.core.target import Target
from shiftscope.data import open_source
from shiftscope.errors import InputError
from shiftscope.finetune.split import split

SIZES = {"a": 60, "b": 45, "c": 33}


def made(sizes=None, *, copies=()):
    """A target and keys in canonical order; ``copies`` are pairs of positions that hold one picture."""
    names = [name for name, n in (sizes or SIZES).items() for _ in range(n)]
    names = [names[i] for i in np.random.default_rng(0).permutation(len(names))]
    keys = np.array([hashlib.sha256(str(i).encode()).hexdigest().encode() for i in range(len(names))])
    for one, other in copies:
        keys[other] = keys[one]
    return Target.of(names), keys


def test_every_image_is_in_one_part():
    target, keys = made()
    for regime in (2, 5, 20, "all"):
        parts = split(target, keys, regime, seed=1)
        whole = np.concatenate([parts.train, parts.validation, parts.test])
        np.testing.assert_array_equal(np.sort(whole), np.arange(target.n))
        np.testing.assert_array_equal(parts.labelled, np.sort(np.concatenate([parts.train, parts.validation])))
        for part in (parts.train, parts.validation, parts.test):
            assert (np.diff(part) > 0).all()


@pytest.mark.parametrize(("regime", "train", "validation"), [(2, 1, 1), (5, 4, 1), (20, 15, 5)])
def test_each_class_gives_as_many(regime, train, validation):
    target, keys = made()
    parts = split(target, keys, regime, seed=0)
    assert np.bincount(target.values[parts.train]).tolist() == [train] * 3
    assert np.bincount(target.values[parts.validation]).tolist() == [validation] * 3


def test_all_labels_two_thirds_of_each_class():
    target, keys = made()
    parts = split(target, keys, "all", seed=0)
    assert np.bincount(target.values[parts.labelled]).tolist() == [40, 30, 22]
    assert np.bincount(target.values[parts.validation]).tolist() == [10, 8, 6]
    assert np.bincount(target.values[parts.test]).tolist() == [20, 15, 11]


def test_smaller_regimes_are_parts_of_larger_ones():
    target, keys = made()
    parts = [split(target, keys, regime, seed=3) for regime in (2, 5, 10, 20, "all")]
    for small, large in pairwise(parts):
        assert set(small.labelled) < set(large.labelled)
        assert set(small.train) < set(large.train)
        assert set(small.test) > set(large.test)


def test_seeds_differ_and_repeat():
    target, keys = made()
    one, again, other = (split(target, keys, 20, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.train, again.train)
    assert set(one.train) != set(other.train)


def test_a_class_keeps_its_draw_when_another_class_grows():
    # The positions of class "a" within itself, whatever stands between them.
    draws = []
    for sizes in (SIZES, {**SIZES, "b": 90}):
        target, keys = made(sizes)
        own = np.flatnonzero(target.values == 0)
        draws.append(np.flatnonzero(np.isin(own, split(target, keys, 20, seed=0).labelled)))
    np.testing.assert_array_equal(draws[0], draws[1])


def test_classes_are_drawn_apart_from_each_other():
    target, keys = made({"a": 60, "b": 60})
    drawn = split(target, keys, 20, seed=0).labelled
    own = [np.flatnonzero(target.values == code) for code in (0, 1)]
    assert not np.array_equal(*(np.flatnonzero(np.isin(rows, drawn)) for rows in own))


def test_copies_of_labelled_images_are_not_test_images():
    target, keys = made()
    parts = split(target, keys, 20, seed=0)
    trained, chosen, (judged, judged_too, free, free_too) = (
        parts.train[0],
        parts.validation[0],
        parts.test[[3, 9, 11, 12]],
    )
    _, copied = made(copies=[(trained, judged), (chosen, judged_too), (free, free_too)])
    again = split(target, copied, 20, seed=0)
    np.testing.assert_array_equal(again.train, parts.train)
    assert set(parts.test) - set(again.test) == {judged, judged_too}


def test_the_names_of_files_change_nothing(tmp_path):
    folder = image_folder(tmp_path / "photos", n=14)
    before = open_source(f"imagefolder:{folder}")
    drawn = split(before.target, before.keys, 4, seed=0)
    for file in folder.rglob("*.png"):
        file.rename(file.with_name(f"x{hashlib.sha256(file.name.encode()).hexdigest()[:8]}.png"))
    after = open_source(f"imagefolder:{folder}")
    assert after.ids != before.ids
    again = split(after.target, after.keys, 4, seed=0)
    for part in ("train", "validation", "test"):
        rows = getattr(again, part)
        np.testing.assert_array_equal(rows, getattr(drawn, part))
        np.testing.assert_array_equal(after.keys[rows], before.keys[rows])


@pytest.mark.parametrize(
    ("regime", "sizes", "words"),
    [
        (24, SIZES, r"Class 'c' has 33 images: a regime of 24 needs .* 10 for the test; choose a smaller regime"),
        (1, SIZES, "at least 2 labelled"),
        ("all", {"a": 60, "b": 27}, "Class 'b' has 27 images: a regime of all"),
        (5, {"a": 60}, "at least two classes"),
    ],
)
def test_refusals(regime, sizes, words):
    target, keys = made(sizes)
    with pytest.raises(InputError, match=words):
        split(target, keys, regime, seed=0)


@pytest.mark.parametrize("target", [Target.of(None, n=50), Target.of(np.linspace(0, 1, 50))])
def test_targets_without_classes_are_refused(target):
    with pytest.raises(InputError, match="at least two classes"):
        split(target, np.arange(50).astype("S"), 5, seed=0)


def test_the_smallest_class_that_is_enough():
    target, keys = made({"a": 33, "b": 28})
    assert np.bincount(target.values[split(target, keys, "all", seed=0).test]).tolist() == [11, 10]
    assert np.bincount(target.values[split(target, keys, 18, seed=0).test]).tolist() == [15, 10]
