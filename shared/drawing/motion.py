"""Animated pictures that need no script: APNG, which every notebook and browser shows.

An animation plays three times and stops at its end (WCAG 2.2.2). Below what moves stand a few
stages of it, so that each frame, the first one too, tells the whole on paper.
"""

import io
import itertools

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, PngImagePlugin

from shared.drawing.page import WIDTH, show_image
from shared.drawing.panels import ON_PAGE, _font, _font_height, as_rgb, framed, magnified
from shared.drawing.roles import INK

PLAYS = 3


def animation(frames, alt, caption=None, still=None, below=None, stages=6, seconds=0.25, side=None,
              label="", names=None):
    """Show a row of images that change, as an animated PNG.

    Args:
        frames: dict of what is written above a frame, such as "t = 0.25", to its images
            (n, height, width) or (n, height, width, 1): uint8 or floats in [0, 1].
        alt, caption: as for ``show``.
        still, below: dicts of name to n images that do not change, one row each: above what
            moves, such as the input, and below it, such as the truth.
        stages: how many stages of the first image stand below, evenly spaced, the first and the
            last among them; none if 0. The one that is next to what moves has a frame.
        seconds: how long a frame is shown. The last one is shown eight times as long.
        side: approximate side of an image on the page in pixels; as large as fits, up to 224,
            if None.
        label: what is written before the row that moves.
        names: n headings of the columns.
    """
    data, width = animated(frames, still, below, stages, seconds, side, label, names)
    show_image(data, width, alt, caption)


def animated(frames, still=None, below=None, stages=6, seconds=0.25, side=None, label="",
             names=None):
    """The bytes of the animated PNG, and its width in dots; arguments as for ``animation``."""
    pictures = [draw_frame(frames, number, still or {}, below or {}, stages, side, label,
                           names or []) for number in range(len(frames))]
    if all(np.ptp(np.asarray(picture), axis=2).max() == 0 for picture in pictures):
        pictures = [picture.convert("L") for picture in pictures]
    milliseconds = [round(1000 * seconds)] * len(pictures)
    milliseconds[-1] *= 8
    changes = [_changed(*pair) for pair in itertools.pairwise(pictures)]
    file = io.BytesIO()
    _with_alpha(pictures[0]).save(
        file, "PNG", save_all=True, append_images=changes, loop=PLAYS, duration=milliseconds,
        optimize=True, blend=PngImagePlugin.Blend.OP_OVER)
    return file.getvalue(), pictures[0].width


def _with_alpha(picture):
    return picture.convert("LA" if picture.mode == "L" else "RGBA")


def _changed(before, after):
    """``after`` with alpha, transparent where it is as ``before``: that needs few bytes."""
    pixels = np.array(_with_alpha(after))
    same = np.asarray(before) == np.asarray(after)
    pixels[same if same.ndim == 2 else same.all(axis=2)] = 0
    return Picture.fromarray(pixels)


def draw_frame(frames, number, still, below, stages, side, label, names):
    """Frame ``number`` as a Pillow image, two dots per pixel of the page."""
    labels, moving = list(frames), list(frames.values())
    rows = [*still.items(), (label, moving[number]), *below.items()]
    count, height = len(moving[0]), np.shape(moving[0])[1]
    gap, line = 8 * ON_PAGE, _font_height() + 6
    margin = max(int(_font().getlength(name)) for name, _ in rows)
    margin += gap if margin else 2 * ON_PAGE  # for the frame of the first stage
    room = (WIDTH * ON_PAGE - margin - count * (gap + 2 * ON_PAGE)) // count
    times = max(1, min(room, (side or 224) * ON_PAGE) // height)
    tile = times * height + 2 * ON_PAGE
    width = margin + count * (tile + gap) - gap
    width = max(width, margin + int(_font(bold=True).getlength(max(labels, key=len))) + gap)

    chosen = np.unique(np.linspace(0, len(moving) - 1, stages).round().astype(int)) if stages \
        else np.array([], int)
    size, cell, small = 20, 0, 0
    if len(chosen):  # as wide as their words, at least, and as the page, at most
        words = max(int(_font(size).getlength(labels[stage])) for stage in chosen)
        cell = max(words, 46 * ON_PAGE, (width - margin + gap) // len(chosen) - gap)
        cell = min(cell, (WIDTH * ON_PAGE - margin + gap) // len(chosen) - gap)
        small = max(1, (min(cell, 96 * ON_PAGE) - 2 * ON_PAGE) // height) * height + 2 * ON_PAGE
        width = max(width, margin + len(chosen) * (cell + gap) - gap)
    top = line * (2 if names else 1)
    tall = top + len(rows) * (tile + gap) + (gap + small + line if len(chosen) else -gap)
    sheet = Picture.new("RGB", (width, tall), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((margin, 0), labels[number], fill=INK, font=_font(bold=True))
    for column, name in enumerate(names):
        pen.text((margin + column * (tile + gap), line - 4), name, fill=INK, font=_font())
    for name, images in rows:
        pen.text((0, top + tile // 2), name, fill=INK, font=_font(), anchor="lm")
        for column, image in enumerate(images):
            image = as_rgb(image)
            fit = max(1, times * height // len(image))
            sheet.paste(framed(magnified(image, fit)), (margin + column * (tile + gap), top))
        top += tile + gap
    top += gap
    nearest = abs(chosen - number).argmin() if len(chosen) else -1
    for column, stage in enumerate(chosen):
        left = margin + column * (cell + gap)
        image = magnified(as_rgb(moving[stage][0]), (small - 2 * ON_PAGE) // height)
        sheet.paste(framed(image), (left, top))
        if column == nearest:
            pen.rectangle((left - 4, top - 4, left + small + 3, top + small + 3), outline=INK,
                          width=6)
        pen.text((left, top + small + 2), labels[stage], fill=INK, font=_font(size))
    return sheet
