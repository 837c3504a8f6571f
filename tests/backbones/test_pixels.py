import numpy as np
import pytest
import torch

from shiftscope.backbones import open_backbones
from shiftscope.backbones.pixel_features import PixelFeatures, colour_histogram, edge_histograms
from shiftscope.errors import BackboneError, InputError


def pictures(n=3):
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def hog(picture):
    """Histograms of oriented gradients of one picture (3, 32, 32), pixel by pixel."""
    grey = np.pad(picture.mean(axis=0), 1, mode="edge")
    cells = np.zeros((4, 4, 9))
    for r in range(32):
        for c in range(32):
            dx, dy = grey[r + 1, c + 2] - grey[r + 1, c], grey[r + 2, c + 1] - grey[r, c + 1]
            place = np.degrees(np.arctan2(dy, dx)) % 180 / 20
            low = int(place)
            cells[r // 8, c // 8, low % 9] += np.hypot(dx, dy) * (1 - (place - low))
            cells[r // 8, c // 8, (low + 1) % 9] += np.hypot(dx, dy) * (place - low)
    blocks = [cells[r : r + 2, c : c + 2].transpose(2, 0, 1).ravel() for r in range(3) for c in range(3)]
    return np.array([b / np.linalg.norm(b) for b in blocks])


def test_edge_histograms_are_those_of_the_definition():
    x = pictures()
    ours = edge_histograms(x).reshape(3, 36, 9).transpose(1, 2)
    np.testing.assert_allclose(ours, [hog(p) for p in x.double().numpy()], atol=2e-5)


def test_a_flat_picture_has_no_edges():
    assert not edge_histograms(torch.full((1, 3, 32, 32), 0.4)).any()


def test_colour_histogram_counts_pixels():
    x = pictures()
    for picture, row in zip(x.numpy(), colour_histogram(x).reshape(3, 3, 8), strict=True):
        counts = np.array([np.histogram(channel, bins=8, range=(0, 1))[0] for channel in picture])
        np.testing.assert_allclose(row**2 * 3 * 1024, counts, atol=1e-3)


def test_features_of_a_picture_do_not_depend_on_the_others():
    x = pictures(5)
    features = PixelFeatures()(x)
    assert features.shape == (5, 3072 + 24 + 324)
    torch.testing.assert_close(PixelFeatures()(x[2:3]), features[2:3])


def test_the_baseline_opens_and_has_no_random_copy():
    (backbone,) = open_backbones("pixels:")
    assert (backbone.card.name, backbone.card.num_classes) == ("pixels", 0)
    assert backbone.card.transform.geometry == (32, 32, 3, "bilinear")
    assert isinstance(backbone.module(), PixelFeatures)
    with pytest.raises(BackboneError, match="no random copy"):
        open_backbones("pixels:@random")
    with pytest.raises(InputError, match="nothing follows the colon"):
        open_backbones("pixels:32")
