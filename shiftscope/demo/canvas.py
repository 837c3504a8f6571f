"""From outlines to small colour photographs: placing, lighting, blurring; all pictures of a set at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "Placing", "colours", "paint", "place", "to_bytes"]

SIDE = 32  # pixels; every picture is square
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

Ink = NDArray[np.float32]


class Placing(NamedTuple):
    """How far a drawing may be turned, resized, slanted and moved."""

    degrees: float = 0.0  # largest rotation either way
    size: tuple[float, float] = (0.9, 0.9)  # height of the drawing as a share of the picture
    stretch: float = 0.0  # largest relative change of width to height
    shear: float = 0.0  # largest slant, in widths per height
    move: float = 0.0  # largest shift of the centre, as a share of half the picture


def place(drawings: Ink, rng: np.random.Generator, how: Placing) -> Ink:
    """Turn, resize, slant and move each drawing (n, m, m) at random and sample it at 32 x 32 points.

    Sampling is bilinear on the drawing, so a coarse drawing comes out soft; outside it there is no ink.
    """
    n = len(drawings)
    height = rng.uniform(*how.size, n)
    width = height * np.exp(rng.uniform(-how.stretch, how.stretch, n))
    angle = np.deg2rad(rng.uniform(-how.degrees, how.degrees, n))
    shear = rng.uniform(-how.shear, how.shear, n)
    centre = rng.uniform(-how.move, how.move, (n, 2, 1, 1))
    # Sampling goes from the picture back to the drawing: undo the move, the turn, the slant and the size.
    axis = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    x, y = axis[None, None, :] - centre[:, 0], axis[None, :, None] - centre[:, 1]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    across, down = x * cos + y * sin, y * cos - x * sin
    across = (across - down * shear[:, None, None]) / width[:, None, None]
    return _bilinear(drawings, across, down / height[:, None, None])


def _bilinear(drawings: Ink, x: NDArray[np.float64], y: NDArray[np.float64]) -> Ink:
    """Read ``drawings`` (n, m, m) at ``x`` and ``y`` (n, h, w), which run from -1 to 1 across the drawing."""
    m = drawings.shape[1]
    padded = np.pad(drawings, ((0, 0), (1, 1), (1, 1)))
    x, y = (np.clip((at + 1) / 2 * m + 0.5, 0, m + 1 - 1e-6) for at in (x, y))
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, down = (x - column).astype(np.float32), (y - row).astype(np.float32)
    corner = (np.arange(len(drawings))[:, None, None] * (m + 2) + row) * (m + 2) + column
    ink = padded.reshape(-1)
    top: Ink = ink[corner] * (1 - right) + ink[corner + 1] * right
    bottom: Ink = ink[corner + m + 2] * (1 - right) + ink[corner + m + 3] * right
    return top + (bottom - top) * down


def colours(
    rng: np.random.Generator, n: int, *, contrast: float, vivid: float, dark_ink: float = 0.5
) -> tuple[Ink, Ink]:
    """Draw n pairs of paper and ink colours (n, 3) in 0..1 whose brightness differs by at least ``contrast``.

    A share ``dark_ink`` of the pairs has the ink darker than the paper; ``vivid`` is the standard deviation of
    the colours about grey (a vivid colour that leaves 0..1 is cut off, which can cost a little contrast).
    """
    gap = rng.uniform(contrast, 0.9, n)
    low = rng.uniform(0.02, 0.98 - gap)
    dark = rng.random(n) < dark_ink
    grey = np.stack([np.where(dark, low + gap, low), np.where(dark, low, low + gap)])
    tint = rng.normal(0, vivid, (2, n, 3))
    tint -= (tint @ LUMA)[..., None]  # keeps the brightness, and with it the contrast
    paper, ink = np.clip(grey[..., None] + tint, 0, 1).astype(np.float32)
    return paper, ink


def paint(
    ink: Ink, colour: tuple[Ink, Ink], rng: np.random.Generator, *, light: float, blur: float, noise: float
) -> NDArray[np.uint8]:
    """Lay ``ink`` (n, 32, 32) on paper and photograph it: pictures (n, 32, 32, 3).

    Parameters
    ----------
    colour
        Paper and ink, (n, 3) each, as from :func:`colours`.
    light
        Largest relative change of the light from the middle to an edge, in each direction.
    blur
        Largest share by which a pixel mixes with its neighbours.
    noise
        Largest standard deviation of grey noise, in units of full brightness.
    """
    n = len(ink)
    paper, pen = (c[:, None, None] for c in colour)
    scene = paper + (pen - paper) * _soften(ink, rng.uniform(0, blur, n))[..., None]
    grain = rng.standard_normal((n, SIDE, SIDE), dtype=np.float32) * rng.uniform(0, noise, (n, 1, 1)).astype(np.float32)
    scene = scene * (1 + _ramp(rng, n, light))[..., None] + grain[..., None]
    return to_bytes(scene)


def to_bytes(scene: Ink) -> NDArray[np.uint8]:
    """Round brightness 0..1 to 0..255; what is brighter or darker is cut off."""
    return (np.clip(scene, 0, 1) * 255 + 0.5).astype(np.uint8)


def _soften(ink: Ink, share: NDArray[np.float64]) -> Ink:
    edge = np.pad(ink, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = edge[:, :-2] + 2 * edge[:, 1:-1] + edge[:, 2:]
    blurred = (down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]) / 16
    soft: Ink = ink + (blurred - ink) * share.astype(np.float32)[:, None, None]
    return soft


def _ramp(rng: np.random.Generator, n: int, light: float) -> Ink:
    axis = np.linspace(-1, 1, SIDE, dtype=np.float32)
    across, down = rng.uniform(-light, light, (2, n, 1, 1)).astype(np.float32)
    ramp: Ink = across * axis + down * axis[:, None]
    return ramp
