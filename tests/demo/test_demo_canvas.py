from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import center_of_mass, map_coordinates

from shiftscope.demo import canvas
from shiftscope.demo.canvas import SIDE, Placing, colours, paint, place


def test_reading_a_drawing_between_its_points_is_bilinear_with_no_ink_outside():
    rng = np.random.default_rng(0)
    drawings = rng.random((3, 9, 9), dtype=np.float32)
    x, y = rng.uniform(-1.4, 1.4, (2, 3, SIDE, SIDE))
    at = ((x + 1) / 2 * 9 - 0.5, (y + 1) / 2 * 9 - 0.5)
    expected = [map_coordinates(d, [at[1][i], at[0][i]], order=1, mode="grid-constant") for i, d in enumerate(drawings)]
    np.testing.assert_allclose(canvas._bilinear(drawings, x, y), expected, atol=1e-5)


def test_a_drawing_of_full_size_that_may_not_move_comes_out_unchanged():
    drawings = np.random.default_rng(0).random((4, SIDE, SIDE), dtype=np.float32)
    placed = place(drawings, np.random.default_rng(1), Placing(size=(1.0, 1.0)))
    np.testing.assert_allclose(placed, drawings, atol=1e-5)


def test_half_the_size_leaves_a_quarter_of_the_ink():
    placed = place(np.ones((5, 40, 40), np.float32), np.random.default_rng(0), Placing(size=(0.5, 0.5), move=0.4))
    np.testing.assert_allclose(placed.mean(axis=(1, 2)), 0.25, atol=0.002)


def test_turning_keeps_the_distance_from_the_centre_and_stays_within_the_angle():
    dot = np.zeros((300, 41, 41), np.float32)
    dot[:, 4:9, 18:23] = 1  # above the centre, at radius 14 of 20.5
    placed = place(dot, np.random.default_rng(0), Placing(degrees=30, size=(1.0, 1.0)))
    centres = np.array([center_of_mass(p) for p in placed]) - (SIDE - 1) / 2
    np.testing.assert_allclose(np.hypot(*centres.T), 14 / 20.5 * SIDE / 2, atol=0.2)
    angles = np.rad2deg(np.arctan2(centres[:, 1], -centres[:, 0]))
    assert abs(angles).max() <= 30.5
    assert angles.min() < -25
    assert angles.max() > 25


def test_moving_shifts_the_centre_by_at_most_the_stated_share():
    dot = np.zeros((300, 41, 41), np.float32)
    dot[:, 18:23, 18:23] = 1
    placed = place(dot, np.random.default_rng(0), Placing(size=(1.0, 1.0), move=0.5))
    shifts = np.array([center_of_mass(p) for p in placed]) - (SIDE - 1) / 2
    assert abs(shifts).max() <= 0.5 * SIDE / 2 + 0.1
    assert (shifts.min(axis=0) < -7).all()
    assert (shifts.max(axis=0) > 7).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_colours_keep_their_contrast_and_the_share_of_dark_ink(share):
    paper, ink = colours(np.random.default_rng(0), 2000, contrast=0.3, vivid=0.0, dark_ink=share)
    gap = (paper - ink) @ canvas.LUMA
    assert abs(gap).min() >= 0.3 - 1e-5
    assert abs((gap > 0).mean() - share) <= 4 * np.sqrt(share * (1 - share) / 2000)


def test_a_plain_photograph_shows_exactly_the_colours_of_paper_and_ink():
    ink = np.zeros((1, SIDE, SIDE), np.float32)
    ink[:, :10] = 1
    colour = (np.array([[1.0, 0.5, 0.0]], np.float32), np.array([[0.0, 0.2, 1.0]], np.float32))
    picture = paint(ink, colour, np.random.default_rng(0), light=0, blur=0, noise=0)[0]
    assert (picture[:10] == [0, 51, 255]).all()
    assert (picture[10:] == [255, 128, 0]).all()


def test_light_blur_and_noise_leave_the_mean_brightness_of_grey_paper():
    n = 400
    grey = np.full((n, 3), 0.5, np.float32)
    picture = paint(
        np.zeros((n, SIDE, SIDE), np.float32), (grey, grey), np.random.default_rng(0), light=0.3, blur=1, noise=0.1
    )
    assert abs(picture.mean() / 255 - 0.5) < 0.002
    assert picture.std(axis=(1, 2, 3)).min() > 1
