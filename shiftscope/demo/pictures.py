"""The demo's data sets: seven generated sources and one target, the same for the same seed, nothing downloaded.

Every generator takes the number of pictures per class and a seed and returns :class:`Pictures`. Letterforms
come from the fonts that matplotlib brings, photographs and handwriting from scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.seeds import stream
from shiftscope.demo.canvas import SIDE, Placing, colours, paint, place, to_bytes
from shiftscope.errors import InputError

__all__ = ["SOURCES", "Pictures", "handwritten_digits", "printed_digits"]

DIGITS = tuple("0123456789")
LETTERS = tuple("ABCDEFGHJKLMNPRSTUVY")  # those that look least like a digit
FONTS = (
    *(f"DejaVuSans{cut}" for cut in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{cut}" for cut in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{cut}" for cut in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{cut}" for cut in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmb10", "cmss10", "cmtt10", "cmti10"),
)
SHAPES = ("circle", "ring", "square", "frame", "triangle", "cross", "star", "crescent", "bar", "hexagon")
ORIENTATIONS = 8
HUES = 8
GLYPH = 40  # pixels a side of a drawn letterform, a little finer than the picture

LOOSE = Placing(degrees=20, size=(0.6, 1.0), stretch=0.2, shear=0.25, move=0.15)


class Pictures(NamedTuple):
    """Pictures (n, 32, 32, 3) uint8, class codes (n,) int64 and the names behind the codes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


def printed_digits(per_class: int, seed: int = 0) -> Pictures:
    """Digits 0 to 9 in 21 fonts, placed loosely, coloured ink on coloured paper."""
    return _printed(DIGITS, per_class, stream(seed, "demo", "printed_digits"))


def printed_letters(per_class: int, seed: int = 0) -> Pictures:
    """Twenty capital letters in the look of :func:`printed_digits`."""
    return _printed(LETTERS, per_class, stream(seed, "demo", "printed_letters"))


def shuffled_digits(per_class: int, seed: int = 0) -> Pictures:
    """:func:`printed_digits` whose labels were dealt out at random: there is nothing to learn but the pictures."""
    digits = printed_digits(per_class, seed)
    rng = stream(seed, "demo", "shuffled_digits")
    return digits._replace(labels=rng.permutation(digits.labels))


def shapes(per_class: int, seed: int = 0) -> Pictures:
    """Ten geometric shapes, placed loosely, in the colours of :func:`printed_digits`."""
    rng = stream(seed, "demo", "shapes")
    labels = _labels(len(SHAPES), per_class)
    return Pictures(_coloured(place(_shape_drawings()[labels], rng, LOOSE), rng), labels, SHAPES)


def gratings(per_class: int, seed: int = 0) -> Pictures:
    """Stripes in eight orientations, with any width and phase, square or soft."""
    rng = stream(seed, "demo", "gratings")
    labels = _labels(ORIENTATIONS, per_class)
    n = len(labels)
    angle = (labels + rng.uniform(-0.2, 0.2, n)) * np.pi / ORIENTATIONS
    axis = np.linspace(-np.pi, np.pi, SIDE)
    along = np.cos(angle)[:, None, None] * axis + np.sin(angle)[:, None, None] * axis[:, None]
    cycles, phase = rng.uniform(2, 7, (n, 1, 1)), rng.uniform(0, 2 * np.pi, (n, 1, 1))
    sharpness = rng.uniform(1, 4, (n, 1, 1))
    ink = 0.5 + 0.5 * np.tanh(sharpness * np.sin(cycles * along + phase))
    names = tuple(f"{180 * k / ORIENTATIONS:g} degrees" for k in range(ORIENTATIONS))
    return Pictures(_coloured(ink.astype(np.float32), rng), labels, names)


def photo_turns(per_class: int, seed: int = 0) -> Pictures:
    """Patches of scikit-learn's two photographs, turned by 0, 90, 180 or 270 degrees: which turn was it."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    rng = stream(seed, "demo", "photo_turns")
    labels = _labels(4, per_class)
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    images = np.empty((len(labels), SIDE, SIDE, 3), dtype=np.uint8)
    for i, turn in enumerate(labels):
        photo = photos[rng.integers(len(photos))]
        side = int(rng.integers(SIDE, 5 * SIDE))
        left, top = int(rng.integers(photo.width - side)), int(rng.integers(photo.height - side))
        patch = photo.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
        images[i] = np.rot90(np.asarray(patch), turn)
    return Pictures(images, labels, ("0 degrees", "90 degrees", "180 degrees", "270 degrees"))


def colour_noise(per_class: int, seed: int = 0) -> Pictures:
    """Noise without any form; the class is the hue it is tinted with."""
    rng = stream(seed, "demo", "colour_noise")
    labels = _labels(HUES, per_class)
    n = len(labels)
    hue = (labels + rng.uniform(-0.35, 0.35, n)) * 2 * np.pi / HUES
    tint = np.cos(hue[:, None] - np.arange(3) * 2 * np.pi / 3) * rng.uniform(0.1, 0.25, (n, 1))
    grain = rng.standard_normal((n, SIDE, SIDE, 3), dtype=np.float32) * rng.uniform(0.05, 0.25, (n, 1, 1, 1))
    scene = rng.uniform(0.35, 0.65, (n, 1, 1, 1)) + tint[:, None, None] + grain
    return Pictures(to_bytes(scene.astype(np.float32)), labels, tuple(f"hue {360 * k // HUES}" for k in range(HUES)))


def handwritten_digits(per_class: int = 40, seed: int = 0) -> Pictures:
    """The demo's target: handwritten digits as they look on a sheet that was photographed in passing.

    The handwriting is scikit-learn's ``load_digits`` (8 x 8 points, 1 797 digits, at least 174 of each).
    Every digit is enlarged, turned by up to 15 degrees, resized and moved; dark on light, nearly grey, in
    uneven light, with noise. As bundled, centred and clean, their pixels alone give a linear classifier about
    92 % from 40 per class and leave a pretrained network little to add.
    """
    from sklearn.datasets import load_digits

    rng = stream(seed, "demo", "handwritten_digits")
    bunch: Any = load_digits()
    fewest = int(np.bincount(bunch.target).min())
    if per_class > fewest:
        raise InputError(f"{per_class} handwritten digits per class were asked for: at most {fewest} exist.")
    chosen = np.concatenate([rng.permutation(np.flatnonzero(bunch.target == k))[:per_class] for k in range(10)])
    drawings = (bunch.images[chosen] / 16).astype(np.float32)
    ink = place(drawings, rng, Placing(degrees=15, size=(0.55, 0.9), shear=0.1, move=0.2))
    colour = colours(rng, len(ink), contrast=0.4, vivid=0.03, dark_ink=1.0)
    images = paint(ink, colour, rng, light=0.2, blur=0.5, noise=0.05)
    return Pictures(images, bunch.target[chosen].astype(np.int64), DIGITS)


SOURCES: dict[str, Callable[[int, int], Pictures]] = {
    "printed_digits": printed_digits,
    "printed_letters": printed_letters,
    "shapes": shapes,
    "gratings": gratings,
    "photo_turns": photo_turns,
    "colour_noise": colour_noise,
    "shuffled_digits": shuffled_digits,
}


def _labels(n_classes: int, per_class: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(n_classes), per_class)


def _coloured(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    colour = colours(rng, len(ink), contrast=0.25, vivid=0.15)
    return paint(ink, colour, rng, light=0.15, blur=1.0, noise=0.08)


def _printed(characters: tuple[str, ...], per_class: int, rng: np.random.Generator) -> Pictures:
    labels = _labels(len(characters), per_class)
    drawings = _letterforms(characters)[rng.integers(len(FONTS), size=len(labels)), labels]
    return Pictures(_coloured(place(drawings, rng, LOOSE), rng), labels, characters)


@cache
def _letterforms(characters: tuple[str, ...]) -> NDArray[np.float32]:
    """Draw every character in every font, filling the height, as ink (fonts, characters, 40, 40)."""
    import matplotlib as mpl
    from PIL import ImageFont

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    fonts = [ImageFont.truetype(str(folder / f"{name}.ttf"), GLYPH) for name in FONTS]
    return np.stack([[_letterform(font, character) for character in characters] for font in fonts])


def _letterform(font: Any, character: str) -> NDArray[np.float32]:
    from PIL import Image, ImageDraw

    left, top, right, bottom = font.getbbox(character)
    side = max(right - left, bottom - top)
    canvas = Image.new("L", (side, side))
    corner = ((side - right - left) / 2, (side - bottom - top) / 2)
    ImageDraw.Draw(canvas).text(corner, character, fill=255, font=font)
    ink: NDArray[np.float32] = np.asarray(canvas.resize((GLYPH, GLYPH)), dtype=np.float32) / np.float32(255)
    return ink


@cache
def _shape_drawings() -> NDArray[np.float32]:
    """Describe each of SHAPES by an inequality on the square [-1, 1]^2, as ink (shapes, 40, 40)."""
    axis = np.linspace(-1, 1, GLYPH, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    r, square, phi = np.hypot(x, y), np.maximum(abs(x), abs(y)), np.arctan2(x, -y)
    inside = {
        "circle": r < 0.9,
        "ring": abs(r - 0.7) < 0.2,
        "square": square < 0.8,
        "frame": abs(square - 0.65) < 0.17,
        "triangle": (y < 0.8) & (abs(x) < (y + 0.9) / 1.9),
        "cross": (square < 0.9) & (np.minimum(abs(x), abs(y)) < 0.22),
        "star": r < 0.6 + 0.3 * np.cos(5 * phi),
        "crescent": (r < 0.9) & (np.hypot(x - 0.5, y) > 0.75),
        "bar": (abs(x) < 0.25) & (abs(y) < 0.9),
        "hexagon": np.maximum(abs(x), abs(x) / 2 + abs(y) * 0.866) < 0.8,
    }
    return np.stack([inside[name] for name in SHAPES]).astype(np.float32)
