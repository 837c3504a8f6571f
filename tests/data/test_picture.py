import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from shiftscope.data import UnreadableError
from shiftscope.data.picture import check_header, decode_picture

RED = np.zeros((8, 12, 3), dtype=np.uint8) + np.array([250, 10, 20], dtype=np.uint8)


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *[("RGB", kind) for kind in ("PNG", "JPEG", "WEBP", "BMP")],
        *[(mode, "PNG") for mode in ("P", "RGBA")],
        ("RGBA", "WEBP"),
        ("CMYK", "JPEG"),
    ],
)
def test_every_kind_of_picture_comes_out_in_its_colours(mode, kind):
    data = saved(Image.fromarray(RED).convert(mode, palette=Image.Palette.ADAPTIVE), kind, quality=95)
    pixels = decode_picture(data)
    assert (pixels.shape, pixels.dtype) == ((8, 12, 3), np.uint8)
    # JPEG and WebP lose a few levels.
    assert np.abs(pixels.astype(int) - [250, 10, 20]).max() <= (0 if kind in ("PNG", "BMP") else 6)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
def test_grey_becomes_three_equal_channels(kind):
    pixels = decode_picture(saved(Image.fromarray(noise(9, 7)), kind, lossless=True))
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 1])
    assert pixels.shape == (9, 7, 3)


def test_black_and_white_is_full_range():
    bits = noise(9, 7) > 127
    np.testing.assert_array_equal(decode_picture(saved(Image.fromarray(bits), "PNG"))[..., 2], bits * 255)


def test_sixteen_bit_grey_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)
    pixels = decode_picture(saved(Image.fromarray(ramp), "PNG"))
    np.testing.assert_array_equal(pixels[..., 0], np.rint(ramp / 257))


def test_sixteen_bit_colour_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 300).reshape(10, 10, 3).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in ramp)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 10, 10, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_allclose(decode_picture(data), ramp / 257.0, atol=1.0)


def test_transparent_pixels_are_white():
    half = np.dstack([RED, np.full((8, 12), 128, dtype=np.uint8)])
    half[:4, :, 3] = 0
    pixels = decode_picture(saved(Image.fromarray(half), "PNG"))
    assert (pixels[:4] == 255).all()
    np.testing.assert_allclose(pixels[4:], np.broadcast_to([252, 132, 137], (4, 12, 3)), atol=1)


def test_a_transparent_palette_entry_is_white():
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((1, 0), 1)
    np.testing.assert_array_equal(decode_picture(saved(image, "PNG", transparency=0)), [[[255] * 3, [200, 0, 0]]])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(noise(6, 9, 3)), "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode_picture(data), np.asarray(expected))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_leaves_the_picture_as_it_lies():
    exif = b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 20
    assert decode_picture(saved(Image.fromarray(RED), "JPEG", exif=exif)).shape == (8, 12, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_truncated_picture_has_a_header_but_cannot_be_decoded(kind):
    data = saved(Image.fromarray(noise(200, 200, 3)), kind)
    data = data[: len(data) // 2]
    if kind != "WEBP":  # its header says how long the file is
        check_header(data)
    with pytest.raises(UnreadableError):
        decode_picture(data)


@pytest.mark.parametrize("data", [b"", b"GIF89a", saved(Image.fromarray(RED), "GIF"), b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused_by_its_header(data):
    with pytest.raises(UnreadableError) as caught:
        check_header(data)
    assert " at 0x" not in str(caught.value)
