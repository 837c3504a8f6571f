import threading
import time

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

from shiftscope.core.target import Target
from shiftscope.data import ImageSource, UnreadableError
from shiftscope.extraction.pictures import Order, fit, prepare


def picture(h, w, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(60, 80), (80, 60), (33, 97), (20, 20), (40, 40), (7, 50), (301, 299)])
@pytest.mark.parametrize("shape", [(40, 40), (45, 32), (21, 20)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_fit_is_torchvisions_resize_and_centre_crop(size, shape, interpolation):
    image = picture(*size)
    resize, crop = shape
    reference = v2.Compose([v2.Resize(resize, InterpolationMode(interpolation)), v2.CenterCrop(crop)])
    expected = np.asarray(reference(Image.fromarray(image)))
    np.testing.assert_array_equal(fit(image, (resize, crop, 3, interpolation)), expected)


def test_grey_is_luma():
    grey = fit(picture(20, 30), (20, 20, 1, "bilinear"))[..., 0]
    luma = picture(20, 30)[:, 5:25] @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey, luma, atol=0.51)


def test_equal_channels_stay_what_they_are():
    grey = np.repeat(picture(20, 20)[..., :1], 3, axis=2)
    np.testing.assert_array_equal(fit(grey, (20, 20, 1, "bilinear")), grey[..., :1])


def test_a_picture_of_extreme_shape_costs_no_memory():
    assert fit(np.zeros((1, 60_000, 3), dtype=np.uint8), (224, 224, 3, "bilinear")).shape == (224, 224, 3)


def source(n, read):
    keys = [f"{i:04d}" for i in range(n)]
    return ImageSource.of("test:", keys=keys, ids=keys, target=Target.of(None, n=n), read=read)


def constant(i):
    if i % 4 == 3:
        raise UnreadableError("broken")
    return np.full((9, 9, 3), i, dtype=np.uint8)


@pytest.mark.parametrize("ahead", [True, False])
def test_orders_are_answered_in_turn(ahead):
    geometries = {(8, 8, 3, "bilinear"), (6, 4, 1, "nearest")}
    orders = [Order(np.arange(0, 6), geometries), Order(np.arange(6, 8), geometries), Order(np.array([3]), geometries)]
    answers = list(prepare(source(8, constant), orders, ahead=ahead))
    assert [a.rows.tolist() for a in answers] == [[0, 1, 2, 4, 5], [6], []]
    assert [a.unreadable for a in answers] == [{3: "broken"}, {7: "broken"}, {3: "broken"}]
    assert answers[0].pictures[8, 8, 3, "bilinear"].shape == (5, 8, 8, 3)
    np.testing.assert_array_equal(answers[0].pictures[6, 4, 1, "nearest"][:, 0, 0, 0], [0, 1, 2, 4, 5])
    assert answers[2].pictures == {}


def test_only_ahead_decodes_the_next_order_meanwhile():
    decoded = []
    orders = [Order(np.array([i]), {(8, 8, 3, "bilinear")}) for i in range(3)]
    read = lambda i: decoded.append(i) or constant(0)  # noqa: E731
    answers = prepare(source(3, read), orders, ahead=False)
    next(answers)
    assert decoded == [0]
    answers.close()
    answers = prepare(source(3, read), orders, ahead=True)
    next(answers)
    for _ in range(100):
        if decoded == [0, 0, 1]:
            break
        time.sleep(0.02)
    assert decoded == [0, 0, 1]
    answers.close()


def test_an_unexpected_error_comes_through_and_stops_the_threads():
    def read(_):
        raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(prepare(source(300, read), [Order(np.arange(300), {(8, 8, 3, "bilinear")})], ahead=True))
    assert threading.active_count() == before
