from itertools import pairwise

import numpy as np
import pytest

from shiftscope.core.target import Target
from shiftscope.data import ImageSource, UnreadableError
from shiftscope.data.perturb import STRENGTHS, perturb
from shiftscope.data.perturb.samples import SAMPLES
from shiftscope.errors import InputError

each = pytest.mark.parametrize("kind", SAMPLES)
CLASSES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu")


def picture(i):
    """The more detail the larger ``i % 40``: noise over grey."""
    noise = np.random.default_rng(i).normal(0, 1 + i % 40, (20, 24, 3))
    return np.clip(128 + noise, 0, 255).astype(np.uint8)


def samples(n=280, classes=CLASSES, read=picture, target=None):
    return ImageSource.of(
        "here",
        keys=[f"{(61 * i) % 10007:064x}" for i in range(n)],
        ids=[str(i) for i in range(n)],
        target=target or Target.of(np.array(classes)[np.arange(n) // (n // len(classes))]),
        read=read,
    )


def labels(source):
    return dict(zip(source.ids, source.target.names(), strict=True))


@each
def test_pictures_and_their_keys_stay(kind):
    source, changed = samples(), perturb(samples(), kind, 3)
    keys = dict(zip(source.ids, source.keys, strict=True))
    assert list(changed.keys) == sorted(changed.keys)
    for i, name in enumerate(changed.ids):
        assert changed.keys[i] == keys[name]
        np.testing.assert_array_equal(changed.decode(i), picture(int(name)))
    assert changed.n_available == changed.n


@pytest.mark.parametrize("kind", ["class_drop", "class_balance", "subpopulation"])
def test_leaving_samples_out_changes_no_label_and_goes_on_with_strength(kind):
    everything, kept = labels(samples()), [labels(perturb(samples(), kind, s)) for s in STRENGTHS]
    for smaller, larger in zip([*kept[1:], {}], kept, strict=True):
        assert smaller.items() < larger.items() <= everything.items()
    assert len(kept[0]) < 280


@each
def test_one_seed_one_change_whatever_files_are_called(kind):
    def kept(seed, order):
        source = samples()
        shuffled = ImageSource.of(
            "there",
            keys=[source.keys[i].decode() for i in order],
            ids=[f"file{j}" for j in range(len(order))],
            target=source.target.take(order),
            read=lambda j: source.decode(int(order[j])),
        )
        made = perturb(shuffled, kind, 4, seed=seed)
        return [(k, c) for k, c in zip(made.keys, made.target.names(), strict=True)]

    straight, mixed = np.arange(280), np.random.default_rng(5).permutation(280)
    assert kept(0, straight) == kept(0, mixed)
    if kind != "subpopulation":
        assert kept(0, straight) != kept(1, straight)


def test_class_drop_leaves_whole_classes():
    for strength, left in zip(STRENGTHS, (6, 5, 4, 3, 2), strict=True):
        assert perturb(samples(), "class_drop", strength).target.counts.tolist() == [40] * left
    three = samples(n=60, classes=CLASSES[:3])
    assert [perturb(three, "class_drop", s).target.n_classes for s in STRENGTHS] == [2] * 5


def test_class_balance_is_geometric():
    for strength, ratio in zip(STRENGTHS, (1.5, 2, 4, 8, 16), strict=True):
        counts = np.sort(perturb(samples(n=2800), "class_balance", strength).target.counts)
        np.testing.assert_allclose(counts, 400 * ratio ** np.linspace(-1, 0, 7), atol=1)


def test_class_balance_leaves_every_class_a_sample():
    assert perturb(samples(n=14), "class_balance", 5).target.class_names == CLASSES


def test_label_flip_changes_the_stated_share_to_any_other_class():
    n, source = 7000, samples(n=7000)
    for strength, share in zip(STRENGTHS, (0.03, 0.06, 0.12, 0.25, 0.5), strict=True):
        flipped = perturb(source, "label_flip", strength)
        assert flipped.ids == source.ids
        changed = flipped.target.values != source.target.values
        assert abs(changed.mean() - share) < 4 * np.sqrt(share * (1 - share) / n)
        steps = np.bincount((flipped.target.values - source.target.values)[changed] % 7, minlength=7)
        # Every other class is as likely: six counts within four of their standard deviations.
        wanted = changed.sum() / 6
        assert steps[0] == 0
        assert np.abs(steps[1:] - wanted).max() < 4 * np.sqrt(wanted)


def test_more_labels_flip_with_strength_and_those_that_had_flipped_stay_so():
    made = [perturb(samples(), "label_flip", s).target.values for s in STRENGTHS]
    before = samples().target.values
    for weak, strong in pairwise(made):
        flipped = weak != before
        np.testing.assert_array_equal(strong[flipped], weak[flipped])
        assert (strong != before).sum() > flipped.sum()


def test_flips_on_flips_are_drawn_anew():
    source = samples(2000, classes=["ant", "bee"])
    once = perturb(source, "label_flip", 4)
    twice = perturb(once, "label_flip", 4)
    # A quarter, and a quarter again: 2 * 0.25 * 0.75, a binomial deviation of 0.011.
    changed = [labels(twice)[i] != label for i, label in labels(source).items()]
    assert np.mean(changed) == pytest.approx(0.375, abs=0.04)


def test_a_flip_does_not_depend_on_other_samples():
    whole, part = labels(perturb(samples(), "label_flip", 5)), samples().take(np.arange(0, 280, 3))
    made = labels(perturb(part, "label_flip", 5))
    assert made == {name: whole[name] for name in part.ids}


def test_a_class_that_loses_all_its_labels_disappears():
    lone = Target.of(["a"] * 19 + ["b"])
    names = [perturb(samples(n=20, target=lone), "label_flip", 5, seed=seed).target.class_names for seed in range(20)]
    for seed, found in enumerate(names):
        flipped = perturb(samples(n=20, target=lone), "label_flip", 5, seed=seed)
        assert sorted(set(flipped.target.names())) == list(found)


def test_subpopulation_keeps_the_plainest_of_each_class():
    made = perturb(samples(), "subpopulation", 5)
    assert made.target.counts.tolist() == [12] * 7
    # Detail grows with i % 40, and each class holds 40 numbers in a row.
    assert {int(name) % 40 for name in made.ids} <= set(range(13))


def test_subpopulation_works_without_labels_and_passes_over_what_cannot_be_read():
    def read(i):
        if i == 7:
            raise UnreadableError("cut short")
        return picture(i)

    lone = Target.of(np.where(np.arange(280) == 7, "lone", "other"))
    assert perturb(samples(read=read, target=lone), "subpopulation", 1).target.class_names == ("other",)
    made = perturb(samples(read=read, target=Target.of(None, n=280)), "subpopulation", 1)
    assert made.n == 252
    assert "7" not in made.ids
    assert [(s.file, s.reason) for s in made.skipped] == [("7", "cut short")]

    def bad(_):
        raise UnreadableError("cut short")

    with pytest.raises(InputError, match="280 of 280 pictures cannot be read"):
        perturb(samples(read=bad), "subpopulation", 1)


@pytest.mark.parametrize(("kind", "n_classes"), [("class_drop", 3), ("class_balance", 2), ("label_flip", 2)])
def test_kinds_that_need_classes_say_so(kind, n_classes):
    says = f"^{kind} needs {n_classes} classes or more, and here has "
    with pytest.raises(InputError, match=says + "no classes"):
        perturb(samples(target=Target.of(None, n=280)), kind, 1)
    with pytest.raises(InputError, match=says + f"{n_classes - 1} classes"):
        perturb(samples(classes=CLASSES[: n_classes - 1]), kind, 1)
