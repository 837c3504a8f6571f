from functools import cache

import numpy as np
import pytest
from PIL import Image

from shiftscope.core.target import Target
from shiftscope.data import ImageSource
from shiftscope.data.perturb import STRENGTHS, perturb
from shiftscope.data.perturb.pictures import PICTURES

each = pytest.mark.parametrize("kind", PICTURES)


def scene(seed, height=120, width=150):
    """Texture of all sizes from 1 pixel to a quarter of the picture, away from black and white."""
    rng = np.random.default_rng(seed)
    values = np.full((height, width, 3), 100.0)
    for size in (1, 2, 4, 8, 16, 32):
        coarse = rng.normal(0, 8, (height // size + 1, width // size + 1, 3))
        values += coarse.repeat(size, axis=0).repeat(size, axis=1)[:height, :width]
    return np.clip(values, 0, 255).astype(np.uint8)


def pictures(n=8):
    scenes = [scene(i) for i in range(n)]
    return ImageSource.of(
        "here",
        keys=[f"{(37 * i) % 101:064x}" for i in range(n)],
        ids=[f"{i}.png" for i in range(n)],
        target=Target.of(np.array(["a", "b"])[np.arange(n) % 2]),
        read=scenes.__getitem__,
    )


@cache
def by_id(kind, strength, seed=0):
    """Changed pictures by file name, as float."""
    source = perturb(pictures(), kind, strength, seed=seed)
    return {source.ids[i]: source.decode(i).astype(float) for i in range(source.n)}


def before():
    source = pictures()
    return {source.ids[i]: source.decode(i).astype(float) for i in range(source.n)}


def mean_over_pictures(kind, strength, value):
    """Mean over pictures of ``value(changed, original)``."""
    original = before()
    return np.mean([value(p, original[name]) for name, p in by_id(kind, strength).items()])


@each
def test_everything_but_pixels_and_keys_stays(kind):
    source, changed = pictures(), perturb(pictures(), kind, 3)
    assert changed.n == changed.n_available == source.n
    assert changed.decode(0).dtype == np.uint8
    labels = dict(zip(source.ids, source.target.names(), strict=True))
    assert dict(zip(changed.ids, changed.target.names(), strict=True)) == labels
    assert list(changed.keys) == sorted(changed.keys)
    assert {p.shape for p in by_id(kind, 3).values()} == {(120, 150, 3)}


@each
def test_no_two_changes_share_a_key(kind):
    seen = [set(perturb(pictures(), kind, s, seed=seed).keys) for s in STRENGTHS for seed in (0, 1)]
    everything = set().union(*seen, pictures().keys, *(perturb(pictures(), k, 1).keys for k in PICTURES if k != kind))
    assert len(everything) == 8 * (10 + 1 + 5)


@each
def test_a_stronger_change_is_farther_from_the_original(kind):
    distances = [mean_over_pictures(kind, s, lambda p, o: np.abs(p - o).mean()) for s in STRENGTHS]
    assert distances[0] > 0
    assert (np.diff(distances) > 0).all()


@each
def test_equal_seeds_give_equal_pixels_wherever_a_picture_stands(kind):
    whole, part = perturb(pictures(), kind, 4), perturb(pictures().take(np.array([2, 5])), kind, 4)
    for i, name in enumerate(part.ids):
        j = whole.ids.index(name)
        assert whole.keys[j] == part.keys[i]
        np.testing.assert_array_equal(whole.decode(j), part.decode(i))
        np.testing.assert_array_equal(whole.decode(j), whole.decode(j))


def test_noise_has_its_standard_deviation_and_no_mean():
    for strength, level in zip(STRENGTHS[:3], (4, 8, 16), strict=True):
        # Rounding to whole levels adds a variance of 1/12; nothing is cut off this far from black and white.
        wanted = np.sqrt(level**2 + 1 / 12)
        assert mean_over_pictures("noise", strength, lambda p, o: (p - o).std()) == pytest.approx(wanted, rel=0.02)
        assert abs(mean_over_pictures("noise", strength, lambda p, o: (p - o).mean())) < 0.05 * level


def test_noise_depends_on_seed_and_picture_and_scales_with_strength():
    original = before()

    def noise(name, strength, seed=0):
        return (by_id("noise", strength, seed)[name] - original[name]).ravel()

    assert np.corrcoef(noise("0.png", 1), noise("0.png", 3))[0, 1] > 0.95
    assert abs(np.corrcoef(noise("0.png", 3), noise("1.png", 3))[0, 1]) < 0.05
    assert abs(np.corrcoef(noise("0.png", 3), noise("0.png", 3, seed=1))[0, 1]) < 0.05


def test_brightness_adds_levels_up_to_white():
    original = before()
    for strength, level in zip(STRENGTHS, (6, 12, 24, 48, 96), strict=True):
        for name, picture in by_id("brightness", strength).items():
            np.testing.assert_array_equal(picture, np.minimum(original[name] + level, 255))


def test_colour_cast_raises_red_and_lowers_blue_alone():
    original = before()
    for strength, share in zip(STRENGTHS, (0.03, 0.06, 0.12, 0.24, 0.48), strict=True):
        for name, picture in by_id("colour_cast", strength).items():
            wanted = np.minimum(original[name] * [1 + share, 1, 1 - share], 255)
            np.testing.assert_allclose(picture, wanted, atol=0.51)


def roughness(p):
    return np.abs(np.diff(p, axis=1)).mean()


@pytest.mark.parametrize("kind", ["blur", "resolution"])
def test_blur_and_resolution_take_fine_structure_and_keep_the_mean(kind):
    left = [mean_over_pictures(kind, s, lambda p, _: roughness(p)) for s in STRENGTHS]
    assert left[0] < mean_over_pictures(kind, 1, lambda _, o: roughness(o))
    assert (np.diff(left) < 0).all()
    assert abs(mean_over_pictures(kind, 5, lambda p, o: p.mean() - o.mean())) < 1


def test_blur_is_that_of_a_gaussian_as_wide_as_a_share_of_the_shorter_side():
    from scipy.ndimage import gaussian_filter

    original = before()
    for name, picture in by_id("blur", 5).items():
        wanted = gaussian_filter(original[name], (0.04 * 120, 0.04 * 120, 0), mode="nearest")
        # Pillow stacks three boxes instead of a Gaussian.
        assert np.abs(picture - wanted).mean() < 1.0
        assert np.abs(picture - wanted).mean() < 0.1 * np.abs(picture - original[name]).mean()


def test_resolution_leaves_nothing_finer_than_its_factor():
    spectrum = np.abs(np.fft.rfft(by_id("resolution", 5)["0.png"][:, :, 1], axis=1))[:, 1:].mean(axis=0)
    # Of 150 columns 19 remain: what has more than 9 periods is left over from enlarging.
    assert spectrum[18:].mean() < 0.1 * spectrum[:9].mean()


def test_resolution_takes_means_and_not_single_pixels():
    def blocks(picture):
        return picture.reshape(40, 3, 50, 3, 3).mean(axis=(1, 3))

    # At strength 3 a pixel stands for 3 x 3; the middle one of them is off by 8 levels.
    assert mean_over_pictures("resolution", 3, lambda p, o: np.abs(blocks(p) - blocks(o)).mean()) < 3


def test_jpeg_is_pillows_at_the_stated_quality():
    from io import BytesIO

    for strength, quality in zip(STRENGTHS, (70, 45, 25, 12, 6), strict=True):
        coded = BytesIO()
        Image.fromarray(before()["3.png"].astype(np.uint8)).save(coded, "JPEG", quality=quality)
        np.testing.assert_array_equal(by_id("jpeg", strength)["3.png"], np.asarray(Image.open(coded)))


@each
def test_a_picture_of_one_pixel_survives(kind):
    tiny = ImageSource.of(
        "tiny",
        keys=["0" * 64],
        ids=["0"],
        target=Target.of(None, n=1),
        read=lambda _: np.broadcast_to(np.uint8([[[90]]]), (1, 1, 3)),
    )
    assert perturb(tiny, kind, 5).decode(0).shape == (1, 1, 3)
