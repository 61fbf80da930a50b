"""The pictures of the lessons: pixels as pixels, one grey scale, alternative text on each."""

import io
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display
from matplotlib import font_manager
from matplotlib.ticker import MaxNLocator
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

DPI = 200  # shown at 100, so that text and pixels stay sharp on a dense screen
INK, BLUE, ORANGE, GREEN, RED, GREY = (
    "#1b1f24", "#2563a8", "#d9822b", "#2f855a", "#c0392b", "#8a929c")

plt.rcParams.update({
    "font.size": 10, "axes.titlesize": 11, "axes.labelsize": 10, "axes.edgecolor": GREY,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titleweight": "bold",
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED, GREY, INK]),
    "image.cmap": "gray", "image.interpolation": "nearest", "legend.frameon": False,
    "lines.linewidth": 2, "figure.dpi": 100,
})


def show(figure, alt):
    """Show a matplotlib figure in the notebook with alternative text ``alt``, and close it."""
    data, width = packed(figure)
    # As metadata, because the IPython of Google Colab (7.34) has no argument `alt`.
    display(Image(data=data, metadata={"alt": alt}, width=width * 100 // DPI))


def packed(figure):
    """The bytes of a PNG and its width in pixels; closes the figure.

    It is stored in greys where it has no colours, else in 256 colours: lessons stay small.
    """
    file = io.BytesIO()
    figure.savefig(file, dpi=DPI, bbox_inches="tight", pad_inches=0.08, facecolor="white")
    plt.close(figure)
    picture = Picture.open(file).convert("RGB")
    small, grey = io.BytesIO(), picture.convert("L")
    few = grey if grey.convert("RGB") == picture else picture.quantize(
        256, dither=Picture.Dither.NONE)
    few.save(small, "PNG", optimize=True)
    return small.getvalue(), picture.width


def poster(images, columns, alt, width=1000):
    """Show images (n, height, width, 1) in [0, 1] side by side, ``columns`` a row, pixel by pixel.

    Nothing is resampled: the picture holds every pixel, in 64 greys, which keeps lessons small;
    ``width`` is its width on the page.
    """
    rows = [np.hstack(images[i:i + columns, ..., 0]) for i in range(0, len(images), columns)]
    greys = np.round(np.vstack(rows) * 63) * (255 / 63)
    packed = io.BytesIO()
    Picture.fromarray(np.round(greys).astype("uint8")).save(packed, "PNG", optimize=True)
    display(Image(data=packed.getvalue(), metadata={"alt": alt}, width=width))


def photographs(images, alt, columns):
    """Show photographs beside each other, as a JPEG, which keeps lessons with colours small.

    On the page each pixel is one of the page's: nothing is resampled.

    Args:
        images: dict of name to uint8 (height, width, 3), the name is written above it; or a
            list of them, without names. Those smaller than the largest are repeated pixel by
            pixel, by a whole number.
        alt: alternative text.
        columns: photographs a row.
    """
    names, images = (list(images), list(images.values())) if isinstance(images, dict) else (
        [""] * len(images), list(images))
    high, wide = np.max([image.shape[:2] for image in images], axis=0)
    gap, strip = 8, 26 if any(names) else 0
    across = columns * (wide + gap) - gap
    down = -(-len(images) // columns) * (high + strip + gap) - gap
    sheet = Picture.new("RGB", (int(across), int(down)), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans:bold"), 16)
    for place, (name, image) in enumerate(zip(names, images, strict=True)):
        times = max(1, high // image.shape[0])
        image = image.repeat(times, axis=0).repeat(times, axis=1)
        left, top = place % columns * (wide + gap), place // columns * (high + strip + gap)
        pen.text((int(left), int(top)), name, fill=INK, font=font)
        sheet.paste(Picture.fromarray(image), (int(left), int(top + strip)))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=78, subsampling=0, optimize=True)  # colours at all pixels
    display(Image(data=file.getvalue(), format="jpeg", metadata={"alt": alt}, width=sheet.width))


def panels(rows, notes=None, cmaps=None, size=0.95, ranges=None):
    """A table of images: a row a label, an image a column, all the same size on paper.

    Args:
        rows: dict of label to images (n, height, width) or (n, height, width, 1); rows may
            differ in resolution.
        notes: dict of label to n short texts, set under that row's images.
        cmaps: dict of label to a colour map, grey if absent.
        size: side of an image in inches, about: it becomes a whole number of pixels of the
            page for each pixel of each image, so that none is drawn wider than another.
        ranges: dict of label to (lowest, highest); (0, 1) if absent: one grey scale for all.

    Returns the matplotlib figure, for ``show``.
    """
    notes, cmaps, ranges = notes or {}, cmaps or {}, ranges or {}
    columns = max(len(images) for images in rows.values())
    side = whole_pixels(size, {np.shape(images[0])[0] for images in rows.values()})
    dots = round(side * DPI)
    gap, note = 12 / DPI, 0.2  # inches
    heights = [side + (note if label in notes else 0.0) for label in rows]
    figure, axes = plt.subplots(
        len(rows), columns, squeeze=False,
        figsize=(columns * side + (columns - 1) * gap, sum(heights) + (len(rows) - 1) * gap),
        gridspec_kw={"height_ratios": heights, "wspace": gap / side, "left": 0, "right": 1,
                     "hspace": gap / np.mean(heights), "bottom": 0, "top": 1})
    for line, (label, images) in zip(axes, rows.items(), strict=True):
        low, high = ranges.get(label, (0, 1))
        for column, axis in enumerate(line):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            axis.set_anchor("N")
            if column >= len(images):
                continue
            image = np.asarray(images[column]).squeeze()
            axis.imshow(image, vmin=low, vmax=high, cmap=cmaps.get(label, "gray"),
                        interpolation="nearest" if len(image) <= dots else "antialiased")
            if label in notes:
                axis.set_xlabel(notes[label][column], fontsize=9, labelpad=2)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8)
    return figure


def whole_pixels(size, sides):
    """The length nearest to ``size``, inches, at which images of ``sides`` pixels fit the page.

    A pixel of the page is 1/100 inch, ``DPI`` / 100 dots of the stored picture; where that is
    too coarse for ``sides``, a whole number of dots has to do, and where that is, ``size``.
    Images of more pixels than there is room for do not count; they are averaged.
    """
    dots = size * DPI
    fits = math.lcm(*(side for side in sides if side <= 1.2 * dots))
    for step in (fits * DPI // 100, fits):
        if step <= 1.8 * dots:
            return max(1, round(dots / step)) * step / DPI
    return size


def curves(series, xlabel, ylabel, x=None, size=(6.6, 3.0), marker="o", levels=None):
    """Lines with their names: ``series`` is a dict of name to y values; returns the figure.

    ``levels`` is a dict of name to one y value each, drawn dashed with the name at its end.
    """
    figure, axis = plt.subplots(figsize=size)
    for name, values in series.items():
        places = np.arange(1, len(values) + 1) if x is None else x
        axis.plot(places, values, marker=marker, markersize=5, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if x is None:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.25)
    for name, value in (levels or {}).items():
        axis.axhline(value, color=GREY, linestyle="--", linewidth=1.2)
        axis.annotate(name, (1, value), xycoords=("axes fraction", "data"), va="center",
                      xytext=(4, 0), textcoords="offset points", color=GREY)
    if len(series) > 1:
        axis.legend()
    return figure


def spectra(parts, ylabel="power", limit=3.5, log=True, last=14, size=(4.1, 3.0)):
    """Radial spectra, a picture beside the other, with a dashed line at a grid's finest wave.

    Args:
        parts: dict of title to a dict of name to values by ring, from ring 0, which is
            left out: the mean of an image is no detail.
        limit: cycles an image that the low-resolution grid can carry: half of its side.
        log: logarithmic axis of values.
        last: the last ring drawn, half of the image's side.
        size: of one picture, in inches.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axes = plt.subplots(1, len(parts), sharey=True, squeeze=False, layout="constrained",
                                figsize=(size[0] * len(parts), size[1]))
    for axis, (title, series) in zip(axes[0], parts.items(), strict=True):
        for name, values in series.items():
            axis.plot(np.arange(1, last + 1), values[1:last + 1], marker="o", markersize=4,
                      label=name)
        axis.axvline(limit, color=GREY, linestyle="--", linewidth=1.2)
        axis.set(title=title, xlabel="ring: cycles an image", xlim=(0.5, last + 0.5),
                 yscale="log" if log else "linear")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.25)
        if len(series) > 1:
            axis.legend(fontsize=9)
    axes[0, 0].set_ylabel(ylabel)
    return figure


def planes(parts, xlabel, beyond=(), size=(4.9, 3.7)):
    """Points and lines with their names, a picture beside the other, vertical axes from 0.

    ``parts``: dict of the label of the vertical axis to a dict of name to (x, y): two numbers
    are a point, with its name above it; two sequences are a line, with its name in the legend.
    Lines are solid and dashed in turn. Points named in ``beyond`` lie far outside, upper right:
    an arrow shows the way, and their x and y. Returns the figure.
    """
    figure, axes = plt.subplots(1, len(parts), squeeze=False, layout="constrained",
                                figsize=(size[0] * len(parts), size[1]))
    for axis, (ylabel, named) in zip(axes[0], parts.items(), strict=True):
        axis.set(xlabel=xlabel, ylabel=ylabel)
        styles = itertools.cycle(("-", "--"))
        for name, (x, y) in named.items():
            if np.ndim(x):
                axis.plot(x, y, next(styles), label=name)
                continue
            if name in beyond:
                axis.annotate(f"{name}: {x:.3g}, {y:.2g}", (0.99, 0.62), (0.64, 0.5), fontsize=9,
                              xycoords="axes fraction", textcoords="axes fraction",
                              arrowprops={"arrowstyle": "->", "color": INK})
                continue
            axis.plot(x, y, "o", color=INK, markersize=6)
            axis.annotate(name, (x, y), xytext=(6, 6), fontsize=9, textcoords="offset points")
        axis.margins(0.12)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.25)
        axis.legend(fontsize=9, loc="upper right")
    return figure


def bars(values, ylabel, xlabel="", size=(6.6, 2.8), form="{:.2f}"):
    """A bar a name: ``values`` is a dict of name to number, written on top; returns the figure."""
    figure, axis = plt.subplots(figsize=size)
    drawn = axis.bar([str(name) for name in values], list(values.values()), color=BLUE, width=0.7)
    axis.bar_label(drawn, [form.format(v) for v in values.values()], padding=2, fontsize=9)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, max(values.values()) * 1.12))
    return figure
