"""Known answers on real weights and images: a wrong transform, channel order or head would miss them by far."""

import numpy as np
import pytest

from shiftscope.backbones import open_backbones
from shiftscope.data import open_source
from shiftscope.extraction import Store, extract


def extracted(shared_data, tmp_path, source, name):
    (backbone,) = open_backbones(f"checkpoint:{shared_data}/weights/manifest.json#{name}", trust_code=True)
    return extract(source, [backbone], store=Store(tmp_path), device="cpu").features[name]


@pytest.mark.parametrize(("name", "verified"), [("resnet8_cifar10", 0.7508), ("resnet20_cifar10", 0.81)])
def test_accuracy_on_cifar10_is_the_manifests(shared_data, tmp_path, name, verified):
    source = open_source(f"npz:{shared_data}/arrays/cifar10_test.npz")
    fs = extracted(shared_data, tmp_path, source, name)
    # The same pixels went into both: rounding may move one or two of the 2 500 images.
    assert (fs.logits.argmax(axis=1) == fs.target.values).mean() == pytest.approx(verified, abs=0.001)


def test_accuracy_on_imagenet_is_the_manifests(shared_data, tmp_path):
    source = open_source(f"imagefolder:{shared_data}/images_verify/imagenet_sample").take(np.arange(200))
    fs = extracted(shared_data, tmp_path, source, "mnv2_100_imagenet")
    truth = np.array([int(name[:4]) for name in fs.ids])
    # Two standard errors of 200 of the 1 000 pictures.
    assert (fs.logits.argmax(axis=1) == truth).mean() == pytest.approx(0.876, abs=0.047)
