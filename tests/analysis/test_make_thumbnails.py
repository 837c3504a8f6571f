"""Thumbnails: small, of pixels alone, few, and only of what a report shows."""

from io import BytesIO

import numpy as np
import pytest
from handmade_diagnoses import diagnosis
from PIL import Image
from smallworld import image_folder

from shiftscope.analysis.inputs import Inputs
from shiftscope.analysis.thumbnails import MOST, add_thumbnails, thumbnail
from shiftscope.data import open_source


def opened(file):
    return Image.open(BytesIO(file))


def noise(h, w, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((400, 200), (48, 96)), ((300, 900), (96, 32)), ((80, 96), (96, 80)), ((28, 28), (84, 84)), ((8, 4), (32, 64))],
)
def test_the_longer_side_has_64_to_96_pixels(shape, size):
    image = opened(thumbnail(noise(*shape)))
    assert (image.format, image.size, image.mode) == ("JPEG", size, "RGB")


def test_a_strip_keeps_a_pixel_of_width():
    assert opened(thumbnail(noise(1, 5000))).size == (96, 1)


@pytest.mark.parametrize("shape", [(96, 96), (1000, 1000), (31, 31), (500, 700)])
def test_even_noise_takes_little_room(shape):
    assert len(thumbnail(noise(*shape))) < 6000


def test_small_pictures_keep_their_pixels():
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[2:5, 3:7] = 255
    shown = np.asarray(opened(thumbnail(picture)))[4::8, 4::8]
    assert np.abs(shown.astype(int) - picture).max() < 12


def images(root, n=20):
    for name, dark in (("light", False), ("dim", True)):
        image_folder(root / name, n=n, dark=dark)
    source, target = (open_source(f"imagefolder:{root / name}", name) for name in ("light", "dim"))
    return Inputs({"dim": target}, {"light": source}, {})


def test_metadata_stay_behind_and_orientation_is_applied(tmp_path):
    inputs = images(tmp_path)
    file = tmp_path / "dim" / "disc" / "secret.jpg"
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "home of somebody", 6  # description, and a turn by 90 degrees
    Image.fromarray(noise(100, 200)).save(file, exif=exif, comment=b"who took it")
    inputs = Inputs({"dim": open_source(f"imagefolder:{tmp_path / 'dim'}", "dim")}, inputs.sources, {})
    _, made = add_thumbnails([diagnosis(target=["disc/secret.jpg"])], inputs)
    (made,) = made.values()
    assert b"Exif" in file.read_bytes()
    assert not [words for words in (b"Exif", b"somebody", b"who took it") if words in made]
    assert opened(made).size == (48, 96)
    assert not opened(made).getexif()
    assert "comment" not in opened(made).info


def test_first_of_both_sides_and_no_more_than_24(tmp_path):
    inputs = images(tmp_path)
    names = [f"{c}/{i:02d}.png" for c in ("disc", "hill") for i in range(8)]
    (found,), made = add_thumbnails([diagnosis(names, names)], inputs)
    assert len(made) == MOST
    for side in ("source", "target"):
        mine = [w for w in found.witnesses if w.side == side]
        assert [bool(w.thumbnail) for w in mine] == [True] * 12 + [False] * 4
    source = inputs.sources["light"]
    first = source.decode(source.ids.index(names[0]))
    assert made[found.witnesses[0].thumbnail] == thumbnail(first)


def test_several_diagnoses_share_the_room(tmp_path):
    inputs = images(tmp_path)
    names = [f"disc/{i:02d}.png" for i in range(12)]
    found, made = add_thumbnails([diagnosis(names, names, backbone=str(i)) for i in range(3)], inputs)
    assert [sum(bool(w.thumbnail) for w in d.witnesses) for d in found] == [8, 8, 8]
    # The same pictures under three backbones are kept once.
    assert len(made) == 8
    many, _ = add_thumbnails([diagnosis(names, names, backbone=str(i)) for i in range(20)], inputs)
    assert sum(bool(w.thumbnail) for d in many for w in d.witnesses) == MOST


@pytest.mark.parametrize("change", [{"drawn": False}, {"p": 0.2}], ids=["not drawn", "no shift seen"])
def test_what_is_not_shown_is_not_copied(change, tmp_path):
    before = diagnosis(["disc/00.png"], ["disc/00.png"], **change)
    assert add_thumbnails([before], images(tmp_path)) == ([before], {})


def test_what_cannot_be_read_any_more_has_none(tmp_path):
    inputs = images(tmp_path)
    (tmp_path / "dim" / "disc" / "00.png").unlink()
    (tmp_path / "dim" / "disc" / "01.png").write_bytes(b"\x89PNG damaged")
    (found,), made = add_thumbnails([diagnosis(target=["disc/00.png", "disc/01.png", "disc/02.png"])], inputs)
    assert [bool(w.thumbnail) for w in found.witnesses] == [False, False, True]
    assert len(made) == 1


def test_features_without_images_have_none(tmp_path):
    np.savez(tmp_path / "f.npz", x=np.eye(4, dtype=np.float32))
    file = open_source(f"features:{tmp_path / 'f.npz'}", "dim")
    before = diagnosis(target=["0"])
    assert add_thumbnails([before], Inputs({"dim": file}, images(tmp_path).sources, {})) == ([before], {})
