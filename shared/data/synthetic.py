"""Pictures drawn at random, for training: they show what the photographs have too little of.

All are luma, uint8 arrays (side, side, 1), and follow from ``rng``. They are drawn ``FINE``
times finer and averaged down, so that their edges are as soft as those seen through a lens.
Introduced in lesson 07.
"""

import functools
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

FINE = 3  # pictures are drawn this many times finer, then averaged down
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-&%?()/"
LETTERING_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold",
                   "DejaVuSansMono", "DejaVuSans-Oblique")


def _down(fine):
    """The means of blocks of ``FINE`` x ``FINE`` pixels, rounded: uint8 (side, side, 1)."""
    side = fine.shape[0] // FINE
    small = np.asarray(fine, "float32").reshape(side, FINE, side, FINE).mean(axis=(1, 3))
    return np.clip(np.rint(small), 0, 255).astype("uint8")[..., None]


def radii(rng, count, least, most, power=3.0):
    """Random radii from a power law: their density is proportional to r^-power.

    With a power of 3, a picture of dead leaves has the same statistics at any magnification,
    like natural images (Lee, Mumford and Huang 2001).

    Args:
        count: how many radii.
        least, most: the limits of the radii.
        power: of the law, above 1.

    Returns an array (count,). Raises ValueError unless 0 < least < most and power > 1.
    """
    if power <= 1 or not 0 < least < most:
        raise ValueError(f"expected a power above 1 and 0 < least < most, found {power}, {least} "
                         f"and {most}")
    low, high = least ** (1 - power), most ** (1 - power)
    return (low + rng.random(count) * (high - low)) ** (1 / (1 - power))


def _outline(rng, centre, radius):
    """The outline of a leaf of a random kind, disc, ellipse, polygon or blob: points (k, 2)."""
    kind = rng.integers(4)
    corners = rng.integers(3, 8) if kind == 2 else 40
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    if kind == 2:
        angle = angle + rng.uniform(-0.5, 0.5, corners) * 2 * np.pi / corners
    length = np.full(corners, radius)
    if kind == 3:
        for wave in range(2, 6):
            amplitude, phase = rng.normal(0, 0.35 / wave), 2 * np.pi * rng.random()
            length += radius * amplitude * np.cos(wave * angle + phase)
    points = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if kind != 0:
        points = points * (1, rng.uniform(0.3, 1))
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T + centre


def _texture(rng, side):
    """Noise (side, side) of mean 0 and standard deviation 1 whose spectrum falls as a power law."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    frequency = np.maximum(np.hypot(fy, fx), 1 / side)
    noise = np.fft.rfft2(rng.standard_normal((side, side)))
    grain = np.fft.irfft2(noise * frequency ** -rng.uniform(0.7, 1.8), (side, side))
    return (grain - grain.mean()) / grain.std()


def dead_leaves(rng, side):
    """Shapes that cover each other, with sizes from a power law and some with shading or texture.

    After Achddou, Gousseau and Ladjal (2021), who train on such pictures alone.
    """
    fine = side * FINE
    mean, spread = rng.uniform(70, 180), rng.uniform(25, 60)
    ids = Image.new("I", (fine, fine))
    sizes = radii(rng, max(200, side * side // 30), 1.2 * FINE, fine / 3)
    pen = ImageDraw.Draw(ids)
    count = 1
    for number, radius in enumerate(np.concatenate([np.full(20, fine / 3), sizes]), 1):
        points = _outline(rng, rng.uniform(-radius / 2, fine + radius / 2, 2), radius)
        pen.polygon([tuple(p) for p in points.tolist()], fill=number)
        count = number + 1
    ids = np.asarray(ids)
    grey = np.clip(rng.normal(mean, spread, count), 16, 235)
    slope = rng.normal(0, 30, (count, 2)) * (rng.random((count, 1)) < 0.5)
    grain = np.abs(rng.normal(0, 14, count)) * (rng.random(count) < 0.5)
    y, x = np.mgrid[-1:1:fine * 1j, -1:1:fine * 1j]
    shade = slope[ids, 0] * y + slope[ids, 1] * x + grain[ids] * _texture(rng, fine)
    return _down(ndimage.gaussian_filter(grey[ids] + shade, rng.uniform(0.3, 0.7) * FINE))


@functools.cache
def _font(name, size):
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    return ImageFont.truetype(str(path), size)


def lettering(rng, side):
    """Lines of letters in one to three sizes, fonts and angles: dark on light, or light on dark.

    The fonts are the DejaVu fonts that come with matplotlib.
    """
    fine = side * FINE
    y, x = np.mgrid[-1:1:fine * 1j, -1:1:fine * 1j]
    picture = rng.uniform(16, 235) + rng.normal(0, 15) * y + rng.normal(0, 15) * x
    for _ in range(rng.integers(1, 4)):
        size = int(rng.choice([7, 9, 12, 16, 24, 40]) * rng.uniform(0.8, 1.3) * FINE)
        font = _font(LETTERING_FONTS[rng.integers(len(LETTERING_FONTS))], size)
        mask = Image.new("L", (2 * fine, 2 * fine))
        pen = ImageDraw.Draw(mask)
        gap = int(size * rng.uniform(1.1, 1.8))
        first = int(rng.uniform(0.5, 1.2) * fine)
        for top in range(first, min(2 * fine, first + gap * int(rng.integers(1, 14))), gap):
            line = "".join(rng.choice(list(LETTERS + "     "), 2 * fine // max(size // 2, 1)))
            pen.text((int(rng.uniform(0, 0.3) * fine), top), line, fill=255, font=font)
        angle = 0 if rng.random() < 0.4 else rng.uniform(-60, 60)
        mask = mask.rotate(angle, Image.Resampling.BILINEAR)
        mask = mask.crop((fine // 2, fine // 2, fine // 2 + fine, fine // 2 + fine))
        coverage = np.asarray(mask, "float32") / 255
        background = picture.mean()
        ink = background + rng.uniform(40, 200) * (1 if background < 126 else -1)
        picture = picture + coverage * (np.clip(ink, 16, 235) - picture)
    return _down(np.clip(picture, 16, 235))


def gratings(rng, side):
    """Four fields of stripes, rings, checks or fans.

    The periods are 3 to 30 pixels; towards the centre of a fan they are smaller.
    """
    fine = side * FINE
    y, x = np.mgrid[:fine, :fine] / FINE
    edges = np.sort(rng.uniform(0.2, 0.8, 2)) * side
    field = (x > edges[0]).astype(int) + 2 * (y > edges[1])
    picture = np.zeros((fine, fine))
    for number in range(4):
        turn, period = rng.uniform(0, np.pi), 3 * 10 ** rng.random()
        u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        kind = rng.integers(4)
        centre = rng.uniform(0, side, 2)
        radius = np.hypot(x - centre[0], y - centre[1])
        phase = 2 * np.pi * rng.random()
        if kind == 0:  # stripes whose period grows a little along them
            wave = np.sin(2 * np.pi * u / period * (1 + rng.uniform(0, 0.4) * v / side) + phase)
        elif kind == 1:
            wave = np.sin(2 * np.pi * radius / period + phase)
        elif kind == 2:
            wave = np.sin(2 * np.pi * u / period + phase) * np.sin(2 * np.pi * v / period)
        else:
            spokes = rng.integers(8, 60)
            wave = np.sin(spokes * np.arctan2(y - centre[1], x - centre[0]) + phase)
        # From soft waves to hard bars: tanh of a large multiple of a sine is a square wave.
        hardness = 10 ** rng.uniform(-0.5, 1.3)
        wave = np.tanh(hardness * wave) / np.tanh(hardness)
        contrast = rng.uniform(10, 100)
        part = rng.uniform(16 + contrast, 235 - contrast) + contrast * wave
        picture = np.where(field == number, part, picture)
    return _down(picture)


def buildings(rng, side):
    """Two house fronts in perspective, with rows of windows with frames, cross bars and sills."""
    fine = side * FINE
    y, x = np.mgrid[:fine, :fine] / fine
    picture = rng.uniform(130, 235) - rng.uniform(0, 40) * y  # the sky
    corner = rng.uniform(0.25, 0.75)
    for left in (True, False):
        slant = rng.uniform(0.1, 0.9)  # how fast lines converge away from the corner
        away = (corner - x if left else x - corner)
        depth = 1 / np.maximum(1 - slant * away, 0.05)
        horizon, height = rng.uniform(0.5, 0.9), rng.uniform(0.4, 1.2)
        u, v = away * depth, (y - horizon) * depth + height  # on the wall; its top is v = 0
        wall = rng.uniform(60, 200) + 4 * _texture(rng, fine)
        columns, floors = rng.uniform(5, 22), rng.uniform(4, 16)
        place_u, place_v = u * columns % 1, v * floors % 1
        wide, high = rng.uniform(0.35, 0.85), rng.uniform(0.4, 0.85)
        frame = rng.uniform(0.04, 0.12)
        inside = (place_u < wide) & (place_v < high)
        glass = (inside & (place_u > frame) & (place_u < wide - frame)
                 & (place_v > frame) & (place_v < high - frame))
        bars = glass & (np.abs(place_u - wide / 2) < frame / 3)
        number = (np.floor(u * columns) * 31 + np.floor(v * floors) * 17).astype(int) % 101
        lights = np.clip(rng.normal(rng.uniform(30, 110), 18, 101), 16, 235)
        trim = np.clip(np.mean(wall) + rng.normal(0, 60), 16, 235)
        wall = np.where(inside, trim, wall)
        wall = np.where(glass, lights[number], wall)
        wall = np.where(bars, trim, wall)
        sill = (place_u < wide) & (place_v > high) & (place_v < high + frame)
        wall = np.where(sill, np.clip(trim - 40, 16, 235), wall)
        picture = np.where((away > 0) & (v > 0), wall, picture)
    return _down(np.clip(ndimage.gaussian_filter(picture, 0.3 * FINE), 16, 235))


KINDS = {"dead_leaves": dead_leaves, "lettering": lettering, "gratings": gratings,
         "buildings": buildings}
