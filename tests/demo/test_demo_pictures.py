from __future__ import annotations

import numpy as np
import pytest

from shiftscope.demo.pictures import HUES, ORIENTATIONS, SOURCES, handwritten_digits, printed_digits
from shiftscope.errors import InputError

GENERATORS = {**SOURCES, "handwritten_digits": handwritten_digits}


@pytest.mark.parametrize("name", GENERATORS)
def test_pictures_have_one_form_and_balanced_classes(name):
    images, labels, names = GENERATORS[name](6, 3)
    assert images.dtype == np.uint8
    assert images.shape == (6 * len(names), 32, 32, 3)
    assert labels.dtype == np.int64
    assert (np.bincount(labels, minlength=len(names)) == 6).all()
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", GENERATORS)
def test_the_seed_decides_every_picture(name):
    once, again, other = (GENERATORS[name](5, seed) for seed in (3, 3, 4))
    assert np.array_equal(once.images, again.images)
    assert np.array_equal(once.labels, again.labels)
    assert (once.images != other.images).mean() > 0.5


@pytest.mark.parametrize("name", GENERATORS)
def test_no_picture_comes_twice(name):
    images = GENERATORS[name](30, 0).images
    assert len({image.tobytes() for image in images}) == len(images)


def test_shuffled_labels_agree_with_the_true_ones_as_often_as_chance():
    true, shuffled = printed_digits(200, 0), SOURCES["shuffled_digits"](200, 0)
    assert np.array_equal(true.images, shuffled.images)
    assert abs((true.labels == shuffled.labels).mean() - 0.1) < 4 * np.sqrt(0.09 / 2000)


def test_source_and_target_digits_share_their_class_names_but_not_their_look():
    source, target = printed_digits(20, 0), handwritten_digits(20, 0)
    assert source.class_names == target.class_names == tuple("0123456789")
    colourfulness = [np.ptp(p.images.mean(axis=(1, 2)), axis=1).mean() for p in (source, target)]
    assert colourfulness[0] > 2 * colourfulness[1]


def test_handwriting_is_dark_on_light():
    images = handwritten_digits(40, 0).images.mean(axis=3)
    border, middle = images[:, [0, -1]].mean(axis=(1, 2)), images[:, 12:20, 12:20].min(axis=(1, 2))
    assert (border > middle).all()


def test_more_handwriting_than_exists_is_refused():
    with pytest.raises(InputError, match="at most 174 exist"):
        handwritten_digits(175)


def test_stripes_run_in_the_direction_their_class_says():
    images, labels, _ = SOURCES["gratings"](20, 0)
    grey = images.mean(axis=3)
    power = abs(np.fft.fft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2
    frequency = np.fft.fftfreq(32)
    # The doubled angle of the strongest waves: stripes at 0 and 180 degrees are the same.
    doubled = (frequency[None, :] + 1j * frequency[:, None]) ** 2
    angle = np.angle((power * doubled / np.maximum(abs(doubled), 1e-12)).sum(axis=(1, 2))) / 2 % np.pi
    named = np.rint(angle / np.pi * ORIENTATIONS).astype(int) % ORIENTATIONS
    assert (named == labels).mean() > 0.95


def test_noise_is_tinted_in_the_hue_its_class_says():
    images, labels, _ = SOURCES["colour_noise"](50, 0)
    mean = images.mean(axis=(1, 2)) @ np.exp(2j * np.pi * np.arange(3) / 3)
    assert (np.rint(np.angle(mean) / (2 * np.pi) * HUES).astype(int) % HUES == labels).mean() > 0.95
