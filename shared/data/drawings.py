"""Pictures drawn from vectors, so that the truth is known at any resolution.

The pictures for training are strokes along curves, outlines traced from MNIST, and filled
shapes. Those for measuring are digits of fonts, which training never sees. Each picture is
drawn ``FINE`` times finer and averaged down. So the edge of a shape is grey, as a camera would
record it, and its position is right to within an eighth of a pixel.

A shape is a list of closed outlines, arrays (k, 2) of x and y in pixels from the upper left
corner. A point is white if it lies inside an odd number of them. A drawing is a list of
shapes, drawn on top of each other. Introduced in lesson 03.
"""

import functools
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from PIL import Image, ImageChops, ImageDraw
from scipy import interpolate, ndimage
from skimage import measure

from shared.images.resize import resize

SIDE = 112  # of a picture, in pixels
FINE = 8  # pictures are drawn this many times finer, then averaged down


def draw(shapes, side=SIDE):
    """The drawing as an image (side, side) of uint8, white on black."""
    whole = Image.new("L", (side * FINE, side * FINE))
    for outlines in shapes:
        if len(outlines) == 1:
            ImageDraw.Draw(whole).polygon(_fine(outlines[0]), fill=255)
            continue
        odd = Image.new("1", whole.size)
        for outline in outlines:
            part = Image.new("1", whole.size)
            ImageDraw.Draw(part).polygon(_fine(outline), fill=1)
            odd = ImageChops.logical_xor(odd, part)
        whole.paste(255, mask=odd)
    return np.asarray(whole.reduce(FINE))


def _fine(outline):
    """An outline in the fine grid, as Pillow takes it: centres of pixels at whole numbers."""
    return [tuple(point) for point in (np.asarray(outline) * FINE - 0.5).tolist()]


# --- for training ----------------------------------------------------------------------------

def spline(points, samples=80):
    """A smooth curve through ``points``, by cubic splines (quadratic for three points).

    Args:
        points: array (k, 2) of x and y, k at least 3.
        samples: how many points of the curve to return.

    Returns an array (samples, 2).
    """
    knots, _ = interpolate.splprep(points.T, s=0, k=min(3, len(points) - 1))
    return np.stack(interpolate.splev(np.linspace(0, 1, samples), knots), axis=1)


def pen(path, widths, round_ends=True):
    """The stroke that a pen of varying width leaves along a path.

    Args:
        path: array (k, 2) of x and y in pixels.
        widths: the width of the stroke at each point of the path, (k,), in pixels.
        round_ends: whether the ends are round instead of flat.

    Returns a list of shapes.
    """
    circle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(circle), np.sin(circle)], axis=1)
    step = np.diff(path, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    shapes = []
    for a, b, n, wa, wb in zip(path[:-1], path[1:], normal, widths[:-1], widths[1:], strict=True):
        shapes.append([np.array([a + n * wa / 2, b + n * wb / 2, b - n * wb / 2, a - n * wa / 2])])
    for point, width in zip(path, widths, strict=True):  # discs fill the gaps at bends
        from_end = np.linalg.norm(path[[0, -1]] - point, axis=1).min()
        if round_ends or from_end > width / 2:
            shapes.append([point + circle * width / 2])
    return shapes


def strokes(rng, side=SIDE):
    """One to three strokes at random: curves or straight lines with corners.

    Their width is constant or varies. Returns a list of shapes in a picture of ``side`` pixels.
    """
    width = side * np.exp(rng.uniform(np.log(0.015), np.log(0.16)))
    shapes = []
    for _ in range(rng.integers(1, 4)):
        points = rng.uniform(0.16, 0.84, (rng.integers(3, 7), 2)) * side
        kind = rng.random()
        if kind < 0.3:  # along the axes, like the stems and bars of letters
            points = np.stack([points.repeat(2, 0)[1:, 0], points.repeat(2, 0)[:-1, 1]], axis=1)
        if kind > 0.5:
            path = spline(points)
        else:
            path = np.concatenate([np.linspace(a, b, 12) for a, b
                                   in zip(points[:-1], points[1:], strict=True)])
        vary = rng.uniform(0, 0.5) * np.sin(np.linspace(0, rng.uniform(1, 9), len(path))
                                            + rng.uniform(0, 6))
        shapes += pen(path, width * (1 + vary), rng.random() < 0.6)
    return shapes


def blobs(rng, side=SIDE):
    """One to four filled shapes at random: ellipses or polygons, half of them with a hole.

    Returns a list of shapes in a picture of ``side`` pixels.
    """
    shapes = []
    for _ in range(rng.integers(1, 5)):
        centre = rng.uniform(0.25, 0.75, 2) * side
        corners = rng.integers(3, 9)
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.uniform(0.08, 0.4) * side * rng.uniform(0.6, 1, (corners, 1))
        outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius
        if rng.random() < 0.6:
            turn = rng.uniform(0, 2 * np.pi)
            angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
            ellipse = np.stack([np.cos(angle) * radius[0], np.sin(angle) * radius[0]
                                * rng.uniform(0.3, 1)], axis=1)
            outline = ellipse @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
        hole = [outline * rng.uniform(0.4, 0.95)] if rng.random() < 0.5 else []
        shapes.append([centre + part for part in [outline, *hole]])
    return shapes


def trace(image, smooth=1.0):
    """The outlines of a digit as one shape, in a picture of 112 x 112 pixels.

    The outlines are the contours at mid-grey of the fourfold bicubic enlargement. Contours of
    fewer than 24 points are left out.

    Args:
        image: array (28, 28), range [0, 1].
        smooth: standard deviation, in pixels, of the Gaussian that smooths along the contours.

    Returns a list of one shape, or an empty list if there is no contour.
    """
    large = resize(image.reshape(1, 28, 28, 1), (SIDE, SIDE), "bicubic")[0, ..., 0]
    outlines = []
    for contour in measure.find_contours(np.pad(large, 1), 0.5):
        curve = contour[:-1, ::-1] - 0.5
        if len(curve) >= 24:
            outlines.append(ndimage.gaussian_filter1d(curve, 2 * smooth, axis=0, mode="wrap"))
    return [outlines] if outlines else []


def traced(rng, digits):
    """One of ``digits`` (n, 28, 28, 1) traced, then smoothed, rotated and stretched at random.

    Returns a list of shapes in a picture of 112 x 112 pixels.
    """
    shapes = trace(digits[rng.integers(len(digits)), ..., 0], rng.uniform(1.5, 4))
    return _transformed(shapes, rng, largest=1.25)


def _transformed(shapes, rng, largest):
    turn = rng.uniform(-0.4, 0.4)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.diag(rng.uniform(0.8, largest, 2))
    shift = SIDE / 2 + rng.uniform(-4, 4, 2)
    return [[(outline - SIDE / 2) @ matrix.T + shift for outline in shape] for shape in shapes]


def training_drawings(n, digits, seed=0):
    """Pictures to train on: strokes, traced digits and filled shapes, none of them empty.

    One in four is magnified up to four times. It then shows strokes that are too wide for a
    digit, as they are when an enhanced picture is enhanced again.

    Args:
        n: how many pictures.
        digits: array (m, 28, 28, 1) in [0, 1], from which digits are traced.
        seed: decides the pictures. Picture i is the same for any ``n``.

    Returns uint8 (n, 112, 112, 1).
    """
    result = np.zeros((n, SIDE, SIDE, 1), "uint8")
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        while result[i].max() == 0:  # all shapes may lie outside the picture
            result[i, ..., 0] = draw(_picture(rng, digits))
    return result


def _picture(rng, digits):
    kind = rng.choice(3, p=(0.45, 0.3, 0.25))
    shapes = strokes(rng) if kind == 0 else traced(rng, digits) if kind == 1 else blobs(rng)
    if rng.random() < 0.25:
        centre = rng.uniform(0.3, 0.7, 2) * SIDE
        factor = np.exp(rng.uniform(0, np.log(4)))
        shapes = [[(outline - centre) * factor + SIDE / 2 for outline in shape]
                  for shape in shapes]
    return shapes


# --- for measuring ---------------------------------------------------------------------------

FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono",
         "DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
         "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta",
         "cmr10", "cmb10", "cmss10", "cmtt10")


def glyph(font, character):
    """The outlines of a character of one of ``FONTS``, scaled to a longest side of 1.

    Returns a list of arrays (k, 2) of x and y, with y pointing down.
    """
    file = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    path = TextPath((0, 0), character, size=1000, prop=FontProperties(fname=file))
    outlines = [polygon * (1, -1) for polygon in path.to_polygons()]
    return [outline / np.ptp(np.concatenate(outlines), axis=0).max() for outline in outlines]


def as_mnist(outlines, side=SIDE):
    """One shape drawn as in MNIST: a longest side of 20 of 28 parts, the mass in the centre.

    Args:
        outlines: list of arrays (k, 2), in any unit.
        side: of the picture, in pixels.

    Returns uint8 (side, side).
    """
    points = np.concatenate(outlines)
    size = 20 / 28 * side / np.ptp(points, axis=0).max()
    outlines = [(outline - (points.min(0) + points.max(0)) / 2) * size + side / 2
                for outline in outlines]
    mass = ndimage.center_of_mass(draw([outlines], side))[::-1]
    return draw([[outline + side / 2 - 0.5 - mass for outline in outlines]], side)


@functools.cache
def font_digits():
    """The digits of 16 fonts that come with matplotlib, upright and slanted to both sides.

    Returns images, float32 (480, 112, 112, 1) in [0, 1], and labels (480,), 0 to 9.
    """
    images = [as_mnist([outline @ [[1, 0], [slant, 1]] for outline in glyph(font, str(digit))])
              for font in FONTS for slant in (-0.2, 0.0, 0.2) for digit in range(10)]
    return (np.stack(images)[..., None] / 255).astype("float32"), np.tile(np.arange(10), 48)
