"""One picture from bytes to RGB, whatever mode and orientation it was saved in."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shiftscope.data.source import UnreadableError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["SUFFIXES", "check_header", "decode_picture"]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
# Nothing else is tried, whatever a file contains: rarely used decoders are a risk.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
ORIENTATION = 0x0112  # EXIF tag
TRANSPARENT = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


def check_header(data: bytes) -> None:
    """Read format and size of a picture, without its pixels.

    Raises
    ------
    UnreadableError
        With the reason, if ``data`` does not begin like a picture.
    """
    _open(data).close()


def decode_picture(data: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG, WebP or BMP picture to RGB, uint8 (h, w, 3).

    The EXIF orientation is applied. Grey, palette and CMYK become RGB without colour management (an embedded
    ICC profile is ignored); transparent pixels are laid on white; 16-bit grey is divided by 257. Pillow itself
    reduces 16-bit colour PNG by keeping the high byte, which differs from that by less than one level. Of an
    animation the first picture is used.

    Raises
    ------
    UnreadableError
        With the reason, if the picture cannot be decoded.
    """
    try:
        with _open(data) as image:
            image.load()
            return np.ascontiguousarray(np.asarray(_upright(_rgb(image), image)))
    except UnreadableError:
        raise
    except Exception as reason:
        # Decoders raise what they like (OSError, SyntaxError, struct.error, zlib.error, …) on damaged files.
        raise UnreadableError(str(reason) or type(reason).__name__) from None


def _open(data: bytes) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise UnreadableError("the file is empty")
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise UnreadableError("not a JPEG, PNG, WebP or BMP picture") from None
    except Exception as reason:
        # Damaged headers raise as freely as damaged pixels.
        raise UnreadableError(str(reason) or type(reason).__name__) from None


def _rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I"):
        # 16-bit grey; convert("RGB") would clip it at 255.
        grey = np.clip(np.asarray(image).astype(np.float64) / 257.0, 0.0, 255.0)
        return Image.fromarray(np.rint(grey).astype(np.uint8)).convert("RGB")
    if image.mode in TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _upright(rgb: Image.Image, original: Image.Image) -> Image.Image:
    """Turn and mirror ``rgb`` as the EXIF data of the ``original`` say."""
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(_orientation(original))
    return rgb if turn is None else rgb.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        # Damaged EXIF data (anything may be raised) do not spoil the pixels: the picture stays as it lies.
        return 1
